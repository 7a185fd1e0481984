"""The whole engine over a provider: payments begun, messages taken, and what the ledger says."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from bson import ObjectId

from mercat.checkout import (
    PaymentStatus,
    PaymentWanted,
    RefundStatus,
    RefundWanted,
    payment_refund,
    payment_start,
    payment_status,
)
from mercat.payments import Event, Start, payment_events
from mercat.storage import Record
from mercat.testing.payments.company import Books, Message
from mercat.testing.payments.desk import Desk, check

_ROUNDS = 4


@dataclass
class Till:
    """The shop's side: what the checkout asks of `payments`, and what is stored then."""

    desk: Desk
    http: httpx.AsyncClient

    async def pay(self, request: Start, order: str) -> PaymentStatus:
        """Have an order paid, as its checkout does; again with the same key."""
        wanted = PaymentWanted(
            key=order,
            method=f"{self.desk.provider.code}:{request.method}",
            amount=request.money.minor,
            currency=request.money.currency,
            order_number=request.order_number,
            return_url=request.return_url,
            data=request.data,
        )
        engine = self.desk.engine
        status = await engine.hooks.first(payment_start, engine.context(), wanted)
        check(status is not None, "nobody takes payments of this provider")
        return status or PaymentStatus("unknown")

    async def status(self, order: str) -> str:
        """Where a payment stands, after asking the provider where that isn't known."""
        engine = self.desk.engine
        found = await engine.hooks.first(payment_status, engine.context(), order)
        return "" if found is None else found.state

    async def paid(self) -> str:
        """A new order that is paid."""
        order = str(ObjectId())
        status = await self.pay(await self.desk.wanted(), order)
        check(status.state == "paid", f"an order that the company approves is {status.state}")
        return order

    async def refund(self, order: str, minor: int) -> RefundStatus | None:
        engine = self.desk.engine
        wanted = RefundWanted(str(ObjectId()), order, minor, "EUR", "broken")
        return await engine.hooks.first(payment_refund, engine.context(), wanted)

    async def post(self, message: Message) -> int:
        """The status that the webhook answers a message with."""
        answer = await self.http.post(
            f"/payments/{self.desk.provider.code}/webhook",
            content=message.raw,
            headers=dict(message.headers),
        )
        return answer.status_code

    async def hears(self, messages: Sequence[Message]) -> None:
        """Take messages, as the company sends them."""
        for message in messages:
            status = await self.post(message)
            check(status == 200, f"the webhook answers a message of the company with {status}")

    async def deliver(self) -> None:
        """Have everything that waits in the outbox delivered now, and what follows of it."""
        outbox = self.desk.engine.storage.database["outbox"]
        for _ in range(_ROUNDS):
            await outbox.update_many({"state": "pending"}, [{"$set": {"due_at": "$$NOW"}}])
            if not await self.desk.engine.outbox.deliver_due():
                break

    async def waiting(self) -> int:
        """How many messages wait because nobody knows what they are about."""
        outbox = self.desk.engine.storage.database["outbox"]
        return await outbox.count_documents({"hook": payment_events.__name__})

    async def catches_up(self) -> None:
        """Hear all that the company has sent, and look at it."""
        await self.hears(await self.desk.company.messages())
        await self.deliver()

    async def stored(self, order: str) -> Record:
        found = await self.desk.engine.storage.database["payments"].find_one({"_id": order})
        check(found is not None, "the shop wrote no payment down")
        return found or {}

    async def ledger(self, order: str) -> list[Record]:
        """The events that are written down."""
        rows = self.desk.engine.storage.database["payment_events"]
        return await rows.find({"payment": order}).to_list()

    async def books(self, order: str) -> Books:
        """What the ledger comes to, as the company's books have it."""
        found = await self.stored(order)
        sums = {name: found[name] for name in ("authorized", "captured", "refunded", "disputed")}
        return Books(**sums, payments=1)

    async def twin(self, order: str, ref: str, minor: int) -> str:
        """Another payment like one that is stored, of which nothing is known yet."""
        found = await self.stored(order)
        sums = ("authorized", "captured", "refunded", "refunding", "refundable", "disputed")
        nothing = {name: 0 for name in sums if name in found}
        new = {**found, **nothing, "_id": str(ObjectId()), "ref": ref, "amount": minor}
        new |= {"start": "PENDING", "state": "awaited", "version": 2}
        await self.desk.engine.storage.database["payments"].insert_one(new)
        return str(new["_id"])

    async def tell(self, events: Sequence[Event]) -> None:
        """Have the ledger take events, as the inbox hands them on."""
        engine = self.desk.engine
        hook = engine.hooks.implementations(payment_events.__name__)
        values = {"context": engine.context(), "provider": self.desk.provider.code}
        for implementation in hook:
            await implementation({**values, "events": list(events)})
