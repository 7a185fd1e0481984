"""The simulated company as the shop's payments ask it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Capabilities,
    Customer,
    Declined,
    Done,
    Event,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    OutcomeUnknown,
    Pending,
    Resume,
    SavedMethod,
    SaveMethod,
    Start,
)
from mercat.storage import Record
from mercat_payments_sandbox import books, company, vault
from mercat_payments_sandbox.addresses import page_url
from mercat_payments_sandbox.books import WAITING, Clock
from mercat_payments_sandbox.documents import Telling
from mercat_payments_sandbox.sending import CODE, secret_of
from mercat_payments_sandbox.settings import SandboxSettings
from mercat_payments_sandbox.signing import read

OUTCOMES = ("approve", "decline", "three_d_secure", "pending", "timeout", "unknown")
WORDS = {
    "card_declined": "The card was declined. Nothing was taken.",
    "authentication_failed": "The code was wrong three times. Nothing was taken.",
    "cancelled": "You cancelled the payment.",
    "expired": "The payment took too long. Nothing was taken.",
    "voided": "The payment was called off.",
    "amount": "The sum is not one that this payment has.",
    "more_than_authorized": "There is less than that to take.",
    "more_than_captured": "There is less than that to give back.",
    "captured": "The money was taken already.",
}
_METHODS = (
    Method("card", "Card (simulated)", "No money moves: you choose what the bank says."),
    Method("authorize", "Card, authorized only (simulated)", "No money moves, and none is taken."),
)
_UNKNOWN_PAYMENT = Declined("unknown_payment", "There is no such payment.")


class SandboxProvider:
    """A payment company that is faithful to the protocol, and takes no money."""

    code = CODE
    capabilities = Capabilities(
        manual_capture=True,
        partial_capture=True,
        multiple_captures=True,
        partial_refund=True,
        redirect=True,
        async_result=True,
        saved_methods=True,
        key_hours=24 * 365,
    )

    def __init__(self, context: Context) -> None:
        self._context = context

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:  # noqa: ARG002
        return _METHODS

    async def start(self, request: Start) -> Outcome:
        """Raises OutcomeUnknown where `data` wants that, ConflictError for a key of another's.

        What is answered is what the payment has come to, also by a key that came before.
        """
        if (wrong := _wrong_data(request.data)) is not None:
            return wrong
        if request.saved_method is not None and not await self._keeps(request):
            return Declined("saved_method", "That card is not kept any more.")
        record, is_new = await company.opened(self._context, request)
        is_silent = record["outcome"] == "unknown" and record["state"] == "SETTLING"
        if is_silent or (is_new and record["outcome"] == "timeout"):
            raise OutcomeUnknown("the simulated company does not answer")
        return await self._outcome(record)

    async def resume(self, request: Resume) -> Outcome:
        record = await company.find(self._context, request.ref)
        if record is None:
            return _UNKNOWN_PAYMENT
        code = request.data.get("code")
        if code is not None:

            def work(found: Record, clock: Clock) -> None:
                books.confirm(found, code, clock)

            record, _ = await company.changed(self._context, record["_id"], work)
        return await self._outcome(record)

    async def capture(self, request: Operation) -> Outcome:
        return await self._operate("capture", request)

    async def void(self, request: Operation) -> Outcome:
        return await self._operate("void", request)

    async def refund(self, request: Operation) -> Outcome:
        return await self._operate("refund", request)

    async def fetch(self, ref: str) -> Sequence[Event]:
        record = await company.find(self._context, ref)
        return () if record is None else _events(record)

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        account = self._context.settings(SandboxSettings).account
        return read(secret_of(self._context), raw, headers, account)

    async def enrol(self, customer: Customer) -> str:
        return await vault.enrolled(self._context, customer)

    async def saved_methods(self, customer: str) -> Sequence[SavedMethod]:
        return await vault.kept_for(self._context, customer)

    async def save_method(self, request: SaveMethod) -> Outcome:
        ref = f"card_{hashlib.sha256(request.key.encode()).hexdigest()[:24]}"
        await vault.keep(self._context, request.customer, ref)
        return Done(ref)

    async def delete_method(self, customer: str, ref: str) -> None:
        await vault.drop(self._context, customer, ref)

    async def forget(self, customer: str) -> None:
        await vault.forget(self._context, customer)

    async def _keeps(self, request: Start) -> bool:
        kept = await vault.kept_for(self._context, request.customer or "")
        return any(each.ref == request.saved_method for each in kept)

    async def _keep(self, record: Record) -> None:
        """Keep the card of a payment whose buyer wanted that."""
        if record.get("saves") and record["customer"] is not None:
            await vault.keep(self._context, record["customer"], f"{record['ref']}_card")

    async def _operate(
        self, kind: Literal["capture", "void", "refund"], request: Operation
    ) -> Outcome:
        record = await company.find(self._context, request.ref)
        if record is None:
            return _UNKNOWN_PAYMENT

        def work(found: Record, clock: Clock) -> Record:
            return books.operate(found, kind, request, clock)

        record, answer = await company.changed(self._context, record["_id"], work)
        if (refusal := answer["refusal"]) is not None:
            return Declined(refusal, WORDS[refusal])
        own = tuple(event for event in _events(record) if event.id in answer["events"])
        return Done(own[0].ref if kind != "void" else record["ref"], own)

    async def _outcome(self, record: Record) -> Outcome:
        ref, state = record["ref"], record["state"]
        if state == "APPROVED":
            await self._keep(record)
            return Done(ref, _events(record))
        if state == "SETTLING":
            return Pending(ref, message="Your payment is being settled.")
        if state not in WAITING:
            return Declined(record["reason"], WORDS[record["reason"]], _events(record), ref)
        token = (await company.kept_of(self._context, record))["token"]
        words = "That was not the right code." if record["wrong"] else ""
        url = page_url(self._context, token or "")
        return ActionRequired(ref, record["expires_at"], url=url, message=words)


def _wrong_data(data: Mapping[str, str]) -> Declined | None:
    """A refusal of what a client sent that the sandbox doesn't have."""
    known = {"outcome": OUTCOMES, "messages": get_args(Telling)}
    for name, values in known.items():
        if name in data and data[name] not in values:
            return Declined(name, f"The sandbox's '{name}' is one of {', '.join(values)}.")
    return None


def _events(record: Record) -> tuple[Event, ...]:
    return tuple(
        Event(
            id=event["id"],
            kind=event["kind"],
            money=Amount(event["amount"], record["currency"]),
            ref=event["ref"],
            at=event["at"],
            parent_ref=record["ref"],
        )
        for event in record["events"]
    )
