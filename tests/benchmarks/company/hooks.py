import asyncio
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from mercat.errors import InvalidError
from mercat.hooks import hookimpl
from mercat.money import Amount
from mercat.payments import (
    Capabilities,
    Event,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    PaymentProvider,
    Pending,
    Resume,
    Start,
    Unsupported,
)

CODE = "company"
SECRET = os.environ.get("BENCHMARK_SECRET", "benchmark").encode()
SECONDS = 0.05


class Company:
    """Counts how many of its calls are underway at once."""

    code = CODE
    capabilities = Capabilities(async_result=True)

    def __init__(self) -> None:
        self.calls = self.underway = self.most = 0

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:  # noqa: ARG002
        return [Method("card", "Card")]

    async def start(self, request: Start) -> Outcome:
        return Pending(f"ref-{request.key}")

    async def resume(self, request: Resume) -> Outcome:
        return Pending(request.ref)

    async def capture(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported

    async def void(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported

    async def refund(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported

    async def fetch(self, ref: str) -> Sequence[Event]:
        self.calls += 1
        self.underway += 1
        self.most = max(self.most, self.underway)
        await asyncio.sleep(SECONDS)
        self.underway -= 1
        return [_event("captured", ref)]

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        if not hmac.compare_digest(headers.get("signature", "").encode(), signature(raw)):
            raise InvalidError("not signed")
        return [_event("refund_pending", orjson.loads(raw)["ref"], orjson.loads(raw)["id"])]


COMPANY = Company()


def message(ref: str, number: int) -> tuple[bytes, dict[str, str]]:
    """A signed message of a payment, that nobody heard of before."""
    raw = orjson.dumps({"ref": ref, "id": f"{ref}-{number}"})
    return raw, {"signature": signature(raw).decode()}


def signature(raw: bytes) -> bytes:
    return hmac.new(SECRET, raw, hashlib.sha256).hexdigest().encode()


@hookimpl
def payment_providers() -> Sequence[PaymentProvider]:
    return [COMPANY]


def _event(kind: str, ref: str, id_: str = "") -> Event:
    name = id_ or f"{ref}-{kind}"
    return Event(name, kind, Amount(1000, "EUR"), name, datetime.now(UTC), ref)  # type: ignore[arg-type]
