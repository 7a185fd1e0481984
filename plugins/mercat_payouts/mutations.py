"""Paying sellers, what people say of payouts, and where sellers' money goes."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.records import stored
from mercat.graphql.scalars import URL, CurrencyCode, DecimalString
from mercat.graphql.schema import Money
from mercat.ids import key_of, object_id
from mercat.storage import Record
from mercat_payouts import accounts, runs, settling
from mercat_payouts.routes import PATH
from mercat_payouts.schema import TYPE, Payout, PayoutAccount

T = TypeVar("T")

_KEY = (
    "The same key has its effect once; the header `Idempotency-Key` says it too. One of them is "
    "needed."
)


@strawberry.input(description="A payout run.")
class PayoutRunInput:
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A payout that was paid.")
class PayoutMarkPaidInput:
    payout_id: strawberry.ID = strawberry.field(description="The payout's id.")
    reference: str = strawberry.field(
        default="", description="What it is found by, such as a line of a bank statement."
    )


@strawberry.input(description="A payout that could not be paid.")
class PayoutMarkFailedInput:
    payout_id: strawberry.ID = strawberry.field(description="The payout's id.")
    reason: str = strawberry.field(default="", description="Why.")


@strawberry.input(description="What a seller is owed beside its orders.")
class PayoutAdjustInput:
    seller_id: strawberry.ID = strawberry.field(description="The seller's id.")
    amount: DecimalString = strawberry.field(description="How much more; less with a `-`.")
    currency: CurrencyCode = strawberry.field(description="The currency.")
    reason: str = strawberry.field(description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A seller's bank details.")
class PayoutAccountUpdateInput:
    seller_id: strawberry.ID = strawberry.field(description="The seller's id.")
    account_holder: str = strawberry.field(description="Whose bank account it is.")
    iban: str = strawberry.field(description="Its IBAN (ISO 13616), with spaces or without.")


@strawberry.input(description="A seller who is to be paid by the shop's provider.")
class PayoutOnboardInput:
    seller_id: strawberry.ID = strawberry.field(description="The seller's id.")
    return_url: URL | None = strawberry.field(
        default=None, description="Where the seller comes back to from the provider."
    )


@strawberry.enum(description="What can be wrong with what is asked of payouts.")
class PayoutErrorCode(Enum):
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The key came with another request, or somebody else was faster."
    )
    INVALID = strawberry.enum_value("INVALID", description="It can't be so.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")
    STATE = strawberry.enum_value("STATE", description="It isn't the time for that.")


@strawberry.type(description="What is wrong with what is asked of payouts.")
class PayoutError(UserError):
    code: PayoutErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="A run that paid everybody who had something available.")
class PayoutRun:
    id: str = stored("_id", "What the payout file is asked for with.")
    created_at: datetime = stored("created_at", "When it began.")
    record: strawberry.Private[Record]
    made: strawberry.Private[list[Record]]

    @strawberry.field(description="How many payouts it made.")
    def count(self) -> int:
        return len(self.made)

    @strawberry.field(description="What they come to, by currency.")
    def totals(self) -> list[Money]:
        sums: dict[str, int] = {}
        for one in self.made:
            sums[one["currency"]] = sums.get(one["currency"], 0) + one["amount"]
        return [Money.of(amount, currency) for currency, amount in sorted(sums.items())]

    @strawberry.field(description="The payout file's path; asked with the same credentials.")
    def file(self) -> str:
        return f"{PATH}?runId={self.record['_id']}"


@strawberry.type(description="The outcome of `payoutRun`.")
class PayoutRunPayload:
    run: PayoutRun | None = strawberry.field(description="The run; null where it failed.")
    user_errors: list[PayoutError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of what is said of a payout.")
class PayoutPayload:
    payout: Payout | None = strawberry.field(description="The payout; null where it failed.")
    user_errors: list[PayoutError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `payoutAdjust`.")
class PayoutAdjustPayload:
    is_written: bool = strawberry.field(description="Whether it is in the ledger.")
    user_errors: list[PayoutError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of what is said of a seller's account.")
class PayoutAccountPayload:
    account: PayoutAccount | None = strawberry.field(
        description="The account; null where it failed."
    )
    user_errors: list[PayoutError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class PayoutMutation:
    @strawberry.field(
        description="Make a payout for each seller who has something available, to be paid by the "
        "payout file; needs `payouts.manage`. Sellers that are suspended wait."
    )
    @staticmethod
    async def payout_run(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutRunInput, strawberry.argument(description="With which key.")
        ],
    ) -> PayoutRunPayload:
        key = idempotency_key(info, input.idempotency_key)
        found, errors = await _attempted(lambda: runs.run(info.context, key))
        if found is None:
            return PayoutRunPayload(run=None, user_errors=errors)
        made = PayoutRun(record=found.record, made=list(found.payouts))
        return PayoutRunPayload(run=made, user_errors=errors)

    @strawberry.field(
        description="Say that a payout was paid: one of a run, or one of which its provider can't "
        "say what became of it. Needs `payouts.manage`; repeating changes nothing."
    )
    @staticmethod
    async def payout_mark_paid(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutMarkPaidInput, strawberry.argument(description="Which payout.")
        ],
    ) -> PayoutPayload:
        return await _payout(
            lambda: settling.mark_paid(info.context, _key(input.payout_id), input.reference)
        )

    @strawberry.field(
        description="Say that a payout could not be paid, as `payoutMarkPaid` does that it was: "
        "its money is available again. Needs `payouts.manage`; repeating changes nothing."
    )
    @staticmethod
    async def payout_mark_failed(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutMarkFailedInput, strawberry.argument(description="Which payout, and why.")
        ],
    ) -> PayoutPayload:
        return await _payout(
            lambda: settling.mark_failed(info.context, _key(input.payout_id), input.reason)
        )

    @strawberry.field(
        description="Have a seller be owed more, or less, than its orders say; needs "
        "`payouts.manage`."
    )
    @staticmethod
    async def payout_adjust(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutAdjustInput, strawberry.argument(description="Who, how much, and why.")
        ],
    ) -> PayoutAdjustPayload:
        key = idempotency_key(info, input.idempotency_key)

        async def work() -> Record:
            given = settling.Adjustment(input.amount, input.currency, input.reason)
            seller = object_id(input.seller_id, "Seller", ("sellerId",))
            return await settling.adjust_seller(info.context, seller, given, key)

        found, errors = await _attempted(work)
        return PayoutAdjustPayload(is_written=found is not None, user_errors=errors)

    @strawberry.field(
        description="Say where a seller's money goes, where the shop pays by a file; for its "
        "owners, and for `payouts.manage`."
    )
    @staticmethod
    async def payout_account_update(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutAccountUpdateInput, strawberry.argument(description="The bank details.")
        ],
    ) -> PayoutAccountPayload:
        async def work() -> Record:
            seller = object_id(input.seller_id, "Seller", ("sellerId",))
            return await accounts.update(info.context, seller, input.account_holder, input.iban)

        return await _account(work)

    @strawberry.field(
        description="Open a seller's account at the shop's provider, or go on with it: its `url` "
        "says where; for its owners, and for `payouts.manage`."
    )
    @staticmethod
    async def payout_onboard(
        info: Info,
        input: Annotated[  # noqa: A002
            PayoutOnboardInput, strawberry.argument(description="Which seller.")
        ],
    ) -> PayoutAccountPayload:
        async def work() -> Record:
            seller = object_id(input.seller_id, "Seller", ("sellerId",))
            return await accounts.onboard(info.context, seller, input.return_url)

        return await _account(work)


async def _payout(work: Callable[[], Awaitable[Record]]) -> PayoutPayload:
    found, errors = await _attempted(work)
    payout = None if found is None else Payout(record=found)
    return PayoutPayload(payout=payout, user_errors=errors)


async def _account(work: Callable[[], Awaitable[Record]]) -> PayoutAccountPayload:
    found, errors = await _attempted(work)
    account = None if found is None else PayoutAccount(record=found)
    return PayoutAccountPayload(account=account, user_errors=errors)


async def _attempted(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[PayoutError]]:
    try:
        return await work(), []
    except DomainError as error:
        code = PayoutErrorCode(error.code)
        return None, [PayoutError(field=input_path(error.field), message=str(error), code=code)]


def _key(global_id: str) -> str:
    return key_of(global_id, TYPE, ("payoutId",))
