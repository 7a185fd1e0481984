"""Having the products follow a change of the tree, however many there are.

The change leaves a note in its own transaction. Whichever process gets to it goes through the
products in steps and writes down how far it is, so that it goes on after a crash.
"""

import asyncio
import logging
import math
import time
from datetime import timedelta

from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.errors import StoreError
from mercat.storage import Record, cancel
from mercat.storage.leases import lease
from mercat.storage.pages import PageRequest, find_page, known_highest
from mercat_categories.changing import relistings
from mercat_categories.counting import count_memory_of
from mercat_categories.documents import RelistingDocument
from mercat_categories.listing import settle
from mercat_categories.memory import memory_of
from mercat_products.documents import COUNTER, ProductDocument

_STATUSES = ("active", "draft", "archived", "withheld")
_AT_ONCE = 100
_LEASE = timedelta(seconds=5)
_POLL_SECONDS = 5.0
_AT_ONCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05

_logger = logging.getLogger(__name__)


async def follow(context: Context) -> None:
    """Have the products follow now, as far as that is done within a second."""
    deadline = time.monotonic() + _AT_ONCE_SECONDS
    while time.monotonic() < deadline:
        if await relist(context, deadline):
            break
        await asyncio.sleep(_PAUSE_SECONDS)  # somebody else does it
    count_memory_of(context).forget()


async def relist(context: Context, deadline: float = math.inf) -> bool:
    """Go through the products of all notes; false where another process does it.

    `deadline` is the time of `time.monotonic` after which no step is begun.
    """
    async with lease(context.storage, "relist-products", _LEASE) as held:
        while held and time.monotonic() < deadline:
            note = await relistings(context).find_one({}, sort=[("_id", 1)])
            if note is None:
                break
            await _step(context, note)
    return held


async def _step(context: Context, note: Record) -> None:
    """Settle the next hundred products of a note, and write down that they are."""
    page = await find_page(
        context.storage.collection(ProductDocument),
        {"listed_in": note["category"], "status": _STATUSES[note["status"]]},
        PageRequest(_AT_ONCE, note["number"]),
        newest_first=False,
        highest=await known_highest(context.storage, COUNTER),
        projection={"number": 1},
    )
    await settle(context, [record["_id"] for record in page.records])
    if page.has_next:
        done = {"number": page.records[-1]["number"]}
    else:
        done = {"status": note["status"] + 1, "number": 0}
    if done.get("status") == len(_STATUSES):
        await relistings(context).delete_one({"_id": note["_id"]})
    else:
        await relistings(context).update_one({"_id": note["_id"]}, {"$set": done})


async def _relist_always(context: Context, woken: asyncio.Event) -> None:
    while True:
        woken.clear()
        try:
            if await relistings(context).find_one({}, {"_id": 1}) and not await relist(context):
                await asyncio.sleep(1)
                continue
        except (PyMongoError, StoreError) as error:
            _logger.warning("products wait to be listed: %s", type(error).__name__)
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await woken.wait()
        except TimeoutError:
            continue


def start_relisting(context: Context) -> None:
    """Relist whenever there is something to be, until `stop_relisting`."""
    woken = asyncio.Event()
    context.engine.changes.listen(RelistingDocument, lambda _changes: woken.set())
    memory_of(context).relisting = asyncio.create_task(
        _relist_always(context, woken), name="relist-products"
    )


async def stop_relisting(context: Context) -> None:
    task = memory_of(context).relisting
    if task is not None:
        await cancel([task])
