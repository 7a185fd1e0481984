"""Messages of a payment company at a steady rate, and 10,000 payments of which nobody knows."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from rich.console import Console

from mercat.checkout import PaymentWanted, payment_start
from mercat.engine import Engine
from mercat.memory import settle
from mercat.settings import load_settings
from mercat_payments.settling import AT_ONCE, ask_again

from .company.hooks import CODE, COMPANY, message
from .server import mercat, stores

_ENABLED = ["media", "products", "orders", "payments", "tests.benchmarks.company"]
_PAYMENTS = 50
_TARGET_P99 = 20.0
_MOST_CALLS = 50


def measure(*, rounds: int, seconds: int, rate: int, pending: int) -> None:
    """Print what is measured, and whether the targets are met."""
    console = Console()
    with stores() as environment:
        environment["MERCAT_PLUGINS__ENABLED"] = json.dumps(_ENABLED)
        keys = asyncio.run(_payments(environment, _PAYMENTS))
        with mercat(environment, demo=False) as server:
            asyncio.run(_sent(server.url, keys, rate, 2, 0))
            settle()  # this process's heap is large: collecting it would be measured, too
            found = [
                asyncio.run(_sent(server.url, keys, rate, seconds, number + 1))
                for number in range(rounds)
            ]
        p99s = [quantiles(times, n=100)[-1] * 1000 for times in found]
        console.print(
            f"\n{rate} messages/s, {seconds} s, {rounds} rounds: p50"
            f" {median(median(times) for times in found) * 1000:.1f} ms, p99"
            f" {median(p99s):.1f} ms ({', '.join(f'{each:.1f}' for each in p99s)})"
        )
        _judge(console, f"p99 under {_TARGET_P99:g} ms", met=median(p99s) < _TARGET_P99)
        took = asyncio.run(_reconciled(environment, pending))
        console.print(
            f"\n{pending:,} payments that wait, a company that takes 50 ms: {took:.0f} s,"
            f" {COMPANY.most} calls at once at most (the job's bound is {AT_ONCE})"
        )
        _judge(console, f"at most {_MOST_CALLS} calls at once", met=COMPANY.most <= _MOST_CALLS)


async def _payments(environment: Mapping[str, str], count: int) -> list[str]:
    """References of payments that wait for the company."""
    async with _engine(environment) as engine:
        for number in range(count):
            wanted = PaymentWanted(f"p{number}", f"{CODE}:card", 1000, "EUR", f"N{number}")
            await engine.hooks.first(payment_start, engine.context(), wanted)
        later = {"$set": {"ask_at": datetime.now(UTC) + timedelta(days=1)}}
        await engine.storage.database["payments"].update_many({}, later)
    return [f"ref-start:p{number}" for number in range(count)]


async def _sent(url: str, refs: list[str], rate: int, seconds: int, number: int) -> list[float]:
    """How long each message took to be answered; each is sent at its time, whoever waits."""
    begin = time.perf_counter() + 0.2
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, timeout=30) as http:

        async def one(place: int) -> float:
            raw, headers = message(refs[place % len(refs)], number * 10**6 + place)
            due = begin + place / rate
            await asyncio.sleep(due - time.perf_counter())
            answer = await http.post(f"{url}/payments/{CODE}/webhook", content=raw, headers=headers)
            answer.raise_for_status()
            return time.perf_counter() - due

        return list(await asyncio.gather(*(one(place) for place in range(rate * seconds))))


async def _reconciled(environment: Mapping[str, str], count: int) -> float:
    """How long it takes until all of them are known to be paid, in seconds."""
    async with _engine(environment) as engine:
        payments = engine.storage.database["payments"]
        pattern = await payments.find_one({"_id": "p0"})
        assert pattern is not None
        due = datetime.now(UTC) - timedelta(seconds=1)
        await payments.insert_many(
            [_copy(pattern, number, due) for number in range(count)], ordered=False
        )
        began = time.monotonic()
        while await payments.find_one({"ask_at": due}, {"_id": 1}):
            await ask_again(engine.context())
        took = time.monotonic() - began
        paid = await payments.count_documents({"state": "paid", "order_number": "N0"})
    if paid < count:
        raise SystemExit(f"only {paid} of {count} payments are known to be paid")
    return took


def _copy(pattern: dict[str, Any], number: int, due: datetime) -> dict[str, Any]:
    key = f"w{number}"
    named = {"_id": key, "ref": f"ref-start:{key}", "number": 10**6 + number}
    return {**pattern, **named, "ask_at": due, "version": 2}


def _engine(environment: Mapping[str, str]) -> Engine:
    stores_ = {
        "database": {"url": environment["MERCAT_DATABASE__URL"]},
        "redis": {"url": environment["MERCAT_REDIS__URL"]},
        "plugins": {"enabled": _ENABLED},
    }
    return Engine(load_settings(Path(environment["MERCAT_CONFIG"]), stores_))


def _judge(console: Console, target: str, *, met: bool) -> None:
    console.print(f"target {target}: {'met' if met else 'NOT MET'}")
