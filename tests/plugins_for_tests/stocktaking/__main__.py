"""Buyers in a process of their own: `python -m ... PREFIX COUNT VARIANT...`.

Each wants one of every variant, all at once. With COUNT 0 they come one after the other, for ever,
each leaving its units held for two seconds, until the process is killed. Prints how many got them.
"""

import asyncio
import sys
from datetime import timedelta
from itertools import count

from bson import ObjectId

from mercat.context import Context
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat_products.stock import reservations
from mercat_products.stock.errors import OutOfStockError
from mercat_products.stock.reservations import Line

_MINUTE = timedelta(minutes=1)


async def buy(context: Context, key: str, variants: list[ObjectId]) -> bool:
    try:
        await reservations.reserve(context, key, [Line(found, 1) for found in variants], _MINUTE)
    except OutOfStockError:
        return False
    await reservations.commit(context, key)
    return True


async def hold_for_ever(context: Context, prefix: str, variants: list[ObjectId]) -> None:
    lines = [Line(found, 1) for found in variants]
    for number in count():
        await reservations.reserve(context, f"{prefix}-{number}", lines, timedelta(seconds=2))
        print(number, flush=True)


async def main(prefix: str, buyers: int, variants: list[ObjectId]) -> None:
    async with Engine(load_settings()) as engine:
        context = engine.context()
        print("ready", flush=True)
        if not buyers:
            await hold_for_ever(context, prefix, variants)
        await asyncio.to_thread(sys.stdin.readline)
        got = await asyncio.gather(
            *(buy(context, f"{prefix}-{number}", variants) for number in range(buyers))
        )
        print(sum(got), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), [ObjectId(found) for found in sys.argv[3:]]))
