"""The conformance kit for the simulated company, which lives in the shop itself."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from mercat.errors import NotFoundError
from mercat.money import Amount
from mercat.payments import ActionRequired, Operation
from mercat.storage import Record, stored_now
from mercat.testing.payments import Act, Behaviour, Books, Company, Message, PaymentConformance
from mercat_payments_sandbox import books, company
from mercat_payments_sandbox.books import Clock
from mercat_payments_sandbox.documents import SandboxPaymentDocument
from mercat_payments_sandbox.signing import signed, written

if TYPE_CHECKING:
    from mercat.engine import Engine

_SECRET = "Rf3nQ8sLw0xVb5yTj2Gk"  # noqa: S105  the stand-in's own
_ACCOUNT = "shop"
_DATA: Mapping[Behaviour, str] = {"lost": "timeout"}


class _Sandbox(Company):
    settings = {
        "webhook_secret": _SECRET,
        "account": _ACCOUNT,
        "public_url": "https://shop.example",
    }
    secrets = (_SECRET,)

    def __init__(self) -> None:
        self._heard: set[str] = set()

    async def client_data(self, behaviour: Behaviour) -> Mapping[str, str]:
        return {"outcome": _DATA.get(behaviour, behaviour)}

    async def act(self, action: ActionRequired, act: Act) -> Mapping[str, str]:
        if act == "approve":
            return {"code": books.RIGHT_CODE}
        if act == "abandon":
            await self._change(action.ref, lambda found, _: found.update(expires_at=stored_now()))
            return {}

        def refuse(found: Record, clock: Clock) -> None:
            books.press(found, "cancel", "at_once", "", clock)

        await self._change(action.ref, refuse)
        return {}

    async def settle(self, ref: str) -> None:
        await self._change(ref, lambda found, _: found.update(settles_at=stored_now()))

    async def refund(self, ref: str, minor: int) -> None:
        currency = (await self._found(ref))["currency"]
        request = Operation(secrets.token_hex(8), ref, Amount(minor, currency))
        await self._change(ref, lambda found, clock: books.operate(found, "refund", request, clock))

    async def books(self, ref: str | None = None) -> Books:
        found = [await self._found(ref)] if ref else await self._all()
        return Books(
            authorized=sum(map(books.held, found)),
            captured=sum(each["captured"] for each in found),
            refunded=sum(each["refunded"] for each in found),
            payments=len(found),
        )

    async def messages(self) -> Sequence[Message]:
        found: list[Message] = []
        for record in await self._all():
            events = {event["id"]: event for event in record["events"]}
            for message in record["messages"]:
                if message["id"] not in self._heard:
                    self._heard.add(message["id"])
                    raw = written(record, events[message["event"]], _ACCOUNT)
                    found.append(self.sign(raw))
        return found

    def sign(
        self, raw: bytes, *, secret: str | None = None, age: timedelta = timedelta()
    ) -> Message:
        at = int(time.time() - age.total_seconds())
        return Message(raw, signed((secret or _SECRET).encode(), raw, at))

    async def strange_messages(self) -> Sequence[Message]:
        record = next(each for each in await self._all() if each["events"])
        foreign = written(record, record["events"][0], "another shop")
        unknown = {**orjson.loads(foreign), "account": _ACCOUNT, "type": "payment.renamed"}
        return [self.sign(foreign), self.sign(orjson.dumps(unknown))]

    async def _change(self, ref: str, work: Callable[[Record, Clock], object]) -> None:
        record = await self._found(ref)
        await company.changed(self._engine.context(), record["_id"], work)
        await company.find(self._engine.context(), ref)

    async def _found(self, ref: str) -> Record:
        found = await company.find(self._engine.context(), ref)
        if found is None:
            raise NotFoundError("the company has no such payment")
        return found

    async def _all(self) -> list[Record]:
        return await self._engine.storage.collection(SandboxPaymentDocument).find().to_list()

    @property
    def _engine(self) -> "Engine":
        if self.shop is None:
            raise RuntimeError("the shop has not opened")
        return self.shop


class TestSandbox(PaymentConformance):
    plugin = "payments_sandbox"

    @classmethod
    @asynccontextmanager
    async def company(cls) -> AsyncIterator[Company]:
        yield _Sandbox()
