"""What sellers are owed, and how they are paid, as they and the shop's staff see it."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    ListWindow,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_auth.sellers.schema import Seller
from mercat_orders.orders.types.orders import SellerOrder
from mercat_orders.pricing.schema import seller_id
from mercat_payouts import accounts, reading
from mercat_payouts.entries import Balance
from mercat_payouts.sight import sees
from mercat_payouts.splitting import net
from mercat_payouts.states import (
    PayoutAccountState,
    PayoutEntryKind,
    PayoutState,
    SellerOrderPayoutState,
    stored_states,
    to_state,
)

TYPE = "Payout"
CURSOR = "payouts"
_ENTRIES = "payoutEntries"


@strawberry.type(description="Where a seller's money goes.")
class PayoutAccount:
    provider: str = stored("provider", "By which provider the shop pays, such as `ledger`.")
    state: PayoutAccountState = stored("state", "Where it stands.", convert=PayoutAccountState)
    missing: list[str] = stored("missing", "What is missing.")
    message: str = stored("message", "What the provider says.", default="")
    expires_at: datetime | None = stored("expires_at", "Until when `url` can be followed.")
    record: strawberry.Private[Record]

    @strawberry.field(
        description="Where the seller gives what is missing; `payoutOnboard` gets another."
    )
    async def url(self, info: Info) -> str | None:
        return await accounts.url_of(info.context, self.record)

    @strawberry.field(description="Whose bank account it is, where the shop pays by a file.")
    async def account_holder(self, info: Info) -> str | None:
        found = await accounts.details_in(info.context, self.record["details"])
        return None if found is None else found.holder

    @strawberry.field(description="Its IBAN, but for the last characters hidden.")
    async def iban(self, info: Info) -> str | None:
        found = await accounts.details_in(info.context, self.record["details"])
        return None if found is None else found.masked


@strawberry.type(description="What a seller is owed in one currency.")
class PayoutBalance:
    values: strawberry.Private[Balance]
    currency: strawberry.Private[str]

    @strawberry.field(description="What buyers paid for, and isn't due yet.")
    def pending(self) -> Money:
        return Money.of(self.values.pending, self.currency)

    @strawberry.field(
        description="What goes into the next payout; below zero where more went back than is due."
    )
    def available(self) -> Money:
        return Money.of(self.values.available, self.currency)

    @strawberry.field(description="What is on its way.")
    def in_transit(self) -> Money:
        return Money.of(self.values.in_transit, self.currency)

    @strawberry.field(description="What was paid so far.")
    def paid(self) -> Money:
        return Money.of(self.values.paid, self.currency)


@strawberry.type(description="A line of the ledger.")
class PayoutEntry:
    kind: PayoutEntryKind = stored("kind", "What it says.", convert=PayoutEntryKind)
    order_number: str | None = stored("order_number", "The number of the order that it is about.")
    note: str = stored("note", "Why, where somebody said so.", default="")
    at: datetime = stored("at", "When it was written.")
    record: strawberry.Private[Record]
    currency: strawberry.Private[str]

    @strawberry.field(description="How much the seller has more, or how much of it moves.")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.currency)


@strawberry.type(description="Money that a seller is paid.")
class Payout(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    state: PayoutState = stored("state", "Where it stands.", convert=to_state)
    seller_id: strawberry.ID | None = stored("seller", "The seller's id.", convert=seller_id)
    provider: str = stored("provider", "By which provider it is paid, such as `ledger`.")
    reference: str = stored("reference", "What a bank statement has, or who paid it said.")
    message: str = stored("message", "Why it failed.", default="")
    order_number: str = stored(
        "order_number", "The number of the order that it is for; empty for that of a run."
    )
    since: datetime | None = stored("since", "When the seller's payout before was made.")
    created_at: datetime = stored("created_at", "When it was made.")
    settled_at: datetime | None = stored("settled_at", "When it was paid, or failed.")
    record: strawberry.Private[Record]

    @strawberry.field(description="How much.")
    @reads("amount", "currency")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.record["currency"])

    @strawberry.field(description="How much of it was taken back, or is to be.")
    @reads("reversing", "currency")
    def reversed(self) -> Money:
        return Money.of(self.record["reversing"], self.record["currency"])

    @strawberry.field(description="What the seller's ledger has for it, the first line first.")
    async def entries(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[PayoutEntry]:
        window = ListWindow.of(_ENTRIES, first, after)
        found = await reading.entries_of(info.context, self.record)
        currency = self.record["currency"]
        return window.connection(found, lambda one: PayoutEntry(record=one, currency=currency))

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.payouts_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


@reads("_id")
async def _accounts(sellers: list[Seller], info: Info) -> list[PayoutAccount | None]:
    found = await accounts.accounts_of(info.context, [_key(one) for one in sellers])
    return [
        PayoutAccount(record=found[_key(one)]) if _key(one) in found else None for one in sellers
    ]


@reads("_id")
async def _balances(sellers: list[Seller], info: Info) -> list[list[PayoutBalance] | None]:
    found = await reading.balances_of(info.context, [_key(one) for one in sellers])
    return [_to_balances(found, _key(one)) for one in sellers]


def _to_balances(found: "dict[str, reading.Balances]", seller: str) -> list[PayoutBalance] | None:
    if seller not in found:
        return None
    return [
        PayoutBalance(values=values, currency=currency)
        for currency, values in found[seller].items()
    ]


def _key(seller: Seller) -> str:
    return str(seller.record["_id"])


@extend(Seller)
class SellerPayouts:
    payout_account = batched(
        "Where its money goes; null except for its staff and who manages payouts.", _accounts
    )
    payout_balance = batched(
        "What it is owed, by currency; null except for its staff and who manages payouts.",
        _balances,
    )


async def _payouts(parts: list[SellerOrder], info: Info) -> list[Money | None]:
    found = await _stored(parts, info)
    return [
        None if one is None else Money.of(net(one["earned"]), part.whole["currency"])
        for one, part in zip(found, parts, strict=True)
    ]


async def _payout_states(
    parts: list[SellerOrder], info: Info
) -> list[SellerOrderPayoutState | None]:
    found = await _stored(parts, info)
    states = iter(await reading.states_of(info.context, [one for one in found if one is not None]))
    return [None if one is None else SellerOrderPayoutState(next(states)) for one in found]


async def _stored(parts: list[SellerOrder], info: Info) -> list[Record | None]:
    """What is written down of parts, where there is something and the viewer sees it."""
    seen = [part for part in parts if await sees(info.context, part.record["seller"])]
    known = await reading.parts_of(info.context, [part.whole["_id"] for part in seen])
    keys = {part.record["id"] for part in seen}
    return [known.get(part.record["id"]) if part.record["id"] in keys else None for part in parts]


@extend(SellerOrder)
class SellerOrderPayout:
    payout = batched(
        "What the seller gets of what was paid for it so far; null except for the seller and who "
        "manages payouts, and for what nothing was paid for yet.",
        _payouts,
    )
    payout_state = batched("Where that stands; null where `payout` is.", _payout_states)


@extend(Query)
class PayoutQuery:
    @strawberry.field(
        description="Payouts, the newest first: all for who has `payouts.manage`, their own for a "
        "seller's staff with `payouts.own`."
    )
    @staticmethod
    async def payouts(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        seller_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of that seller.")
        ] = None,
        state: Annotated[
            PayoutState | None, strawberry.argument(description="Only those that stand so.")
        ] = None,
    ) -> Connection[Payout]:
        context, states = info.context, stored_states(state)
        seller = None if seller_id is None else key_of(seller_id, "Seller", ("sellerId",))
        request = page_request(CURSOR, first, after, last, before)
        page = await reading.page(context, request, seller=seller, state=states)

        async def count() -> int:
            return await reading.count(context, seller=seller, state=states)

        return connection(CURSOR, page, [Payout(record=one) for one in page.records], count)
