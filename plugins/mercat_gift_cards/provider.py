"""Gift cards as the plugin `payments` sees them: a provider that pays by what is on a card."""

from collections.abc import Mapping, Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import (
    Capabilities,
    Declined,
    Done,
    Event,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    Resume,
    Start,
    Unsupported,
)
from mercat.storage import Record, stored_now
from mercat_gift_cards.cards.ledger import cards, entries, give_back, spend
from mercat_gift_cards.cards.usable import refusal, shortage

CODE = "gift_card"
_FOR_EVER = 24 * 365 * 100
_GONE = "this gift card is not there any more"


def method_of(card: ObjectId) -> str:
    """The id of the payment method that a card is."""
    return f"{CODE}:{card}"


class GiftCardProvider:
    """A payment's reference is the key of what was spent for it, a refund's its own."""

    code = CODE
    capabilities = Capabilities(partial_refund=True, tender=True, key_hours=_FOR_EVER)

    def __init__(self, context: Context) -> None:
        self._engine = context.engine

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:  # noqa: ARG002
        return ()

    async def start(self, request: Start) -> Outcome:
        if not ObjectId.is_valid(request.method):
            return Declined("gone", _GONE)
        card, money, context = ObjectId(request.method), request.money, self._engine.context()
        entry = await spend(
            context, request.key, card, money.minor, money.currency, request.order_number
        )
        if entry is None:
            return await self._declined(card, money)
        return Done(request.key, (_event(entry, money.currency),))

    async def refund(self, request: Operation) -> Outcome:
        money = request.money
        entry = await give_back(self._engine.context(), request.key, request.ref, money.minor)
        if entry is None:
            return Declined("too_much", "less than that was paid with this gift card")
        return Done(request.key, (_event(entry, money.currency),))

    async def fetch(self, ref: str) -> Sequence[Event]:
        context = self._engine.context()
        spent = await entries(context).find_one({"_id": ref, "kind": "SPENT"})
        if spent is None:
            return ()
        card = await cards(context).find_one({"_id": spent["card"]}) or {}
        back = await entries(context).find({"card": spent["card"], "spent": ref}).to_list()
        return [_event(one, card["currency"]) for one in (spent, *back)]

    async def resume(self, request: Resume) -> Outcome:  # noqa: ARG002
        raise Unsupported("a buyer has nothing to do here")

    async def capture(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported("what is paid with a gift card is taken at once")

    async def void(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported("what is paid with a gift card is given back by a refund")

    def parse_webhook(
        self,
        raw: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> Sequence[Event]:
        raise Unsupported("nobody sends messages")

    async def _declined(self, key: ObjectId, money: Amount) -> Declined:
        card = await cards(self._engine.context()).find_one({"_id": key})
        if card is None:
            return Declined("gone", _GONE)
        return Declined("balance", refusal(card, money.currency, stored_now()) or shortage(card))


def _event(entry: Record, currency: str) -> Event:
    """An entry in the words of the protocol."""
    is_spent = entry["kind"] == "SPENT"
    return Event(
        id=entry["_id"],
        kind="captured" if is_spent else "refunded",
        money=Amount(abs(entry["amount"]), currency),
        ref=entry["_id"],
        at=entry["at"],
        parent_ref=None if is_spent else entry["spent"],
    )
