"""What can be done to stocks, and how they are followed."""

# mypy: allow-untyped-decorators

from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, cast

import strawberry
from bson import ObjectId

from mercat.errors import DomainError, InvalidError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, Subscription, extend
from mercat.ids import object_id
from mercat_products.schema import Product, ProductVariant
from mercat_products.stock import adjusting
from mercat_products.stock.adjusting import Adjustment, Policy
from mercat_products.stock.documents import Backorders
from mercat_products.stock.schema import BackorderPolicy, Stock, StockReason
from mercat_products.stock.watching import watch

_MOST_FOLLOWED = 100


@strawberry.input(description="A change of what is on hand of one variant.")
class StockAdjustLineInput:
    variant_id: strawberry.ID = strawberry.field(description="The variant's id.")
    delta: int | None = strawberry.field(
        default=None, description="How many more; less than 0 for fewer. Or give `setTo`."
    )
    set_to: int | None = strawberry.field(
        default=None, description="How many there are. Or give `delta`."
    )
    change_from: int | None = strawberry.field(
        default=None, description="How many must be on hand before; else it is `STALE`."
    )


@strawberry.input(description="A change of what is on hand: of one variant, or of `lines`.")
class StockAdjustInput:
    reason: StockReason = strawberry.field(description="Why.")
    variant_id: strawberry.ID | None = strawberry.field(
        default=None, description="The variant's id, where it is one. Or give `lines`."
    )
    delta: int | None = strawberry.field(
        default=None, description="How many more; less than 0 for fewer. Or give `setTo`."
    )
    set_to: int | None = strawberry.field(
        default=None, description="How many there are. Or give `delta`."
    )
    change_from: int | None = strawberry.field(
        default=None, description="How many must be on hand before; else it is `STALE`."
    )
    lines: list[StockAdjustLineInput] | None = strawberry.field(
        default=None, description="Several variants, up to 250: all of them change, or none."
    )
    note: str = strawberry.field(default="", description="What else is to be remembered.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too.",
    )


@strawberry.input(description="How a variant's stock is to be sold; what is left out stays.")
class StockPolicyUpdateInput:
    variant_id: strawberry.ID = strawberry.field(description="The variant's id.")
    low_at: int | None = strawberry.field(
        default=None, description="At how many available units it counts as low."
    )
    backorders: BackorderPolicy | None = strawberry.field(
        default=None, description="Whether more than is on hand may be sold."
    )
    backorder_limit: int | None = strawberry.field(
        default=None,
        description="How many more at most; given `backorders` without it there is no limit.",
    )
    version: int | None = strawberry.field(
        default=None, description="The stock's version as it was read; else it is `STALE`."
    )


@strawberry.enum(description="What can be wrong with a change of stock.")
class StockErrorCode(Enum):
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="The idempotency key came with another request, or too many are at it at once.",
    )
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NEGATIVE = strawberry.enum_value(
        "NEGATIVE", description="More would be taken away, or is promised, than there is."
    )
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such variant.")
    STALE = strawberry.enum_value("STALE", description="Somebody else changed it before.")


@strawberry.type(description="What is wrong with a change of stock.")
class StockError(UserError):
    code: StockErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of `stockAdjust`.")
class StockAdjustPayload:
    stock: Stock | None = strawberry.field(
        description="The stock, the first where there are several; null where it failed."
    )
    stocks: list[Stock] = strawberry.field(description="All of them in order.")
    user_errors: list[StockError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `stockPolicyUpdate`.")
class StockPolicyUpdatePayload:
    stock: Stock | None = strawberry.field(description="The stock; null where it failed.")
    user_errors: list[StockError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class StockMutation:
    @strawberry.field(
        description="Change what is on hand; needs `products.manage`, or `products.sell` for the "
        "viewer's own. A variant's first change starts to count it."
    )
    @staticmethod
    async def stock_adjust(
        info: Info,
        input: Annotated[  # noqa: A002
            StockAdjustInput, strawberry.argument(description="What changes.")
        ],
    ) -> StockAdjustPayload:
        try:
            found = await adjusting.adjust(
                info.context,
                _adjustments(input),
                reason=input.reason.name,
                note=input.note.strip(),
                key=idempotency_key(info, input.idempotency_key),
            )
        except DomainError as error:
            return StockAdjustPayload(stock=None, stocks=[], user_errors=[_to_error(error)])
        stocks = [Stock(record=record) for record in found]
        return StockAdjustPayload(stock=stocks[0], stocks=stocks, user_errors=[])

    @strawberry.field(
        description="Change how a stock is sold; needs `products.manage`, or `products.sell` for "
        "the viewer's own."
    )
    @staticmethod
    async def stock_policy_update(
        info: Info,
        input: Annotated[  # noqa: A002
            StockPolicyUpdateInput, strawberry.argument(description="What changes.")
        ],
    ) -> StockPolicyUpdatePayload:
        backorders = input.backorders.name if input.backorders else None
        policy = Policy(input.low_at, cast("Backorders | None", backorders), input.backorder_limit)
        try:
            variant = _variant_key(input.variant_id)
            found = await adjusting.set_policy(info.context, variant, policy, input.version)
        except DomainError as error:
            return StockPolicyUpdatePayload(stock=None, user_errors=[_to_error(error)])
        return StockPolicyUpdatePayload(stock=Stock(record=found), user_errors=[])


def _adjustments(given: StockAdjustInput) -> list[Adjustment]:
    if (given.variant_id is None) == (given.lines is None):
        raise InvalidError("give either `variantId` or `lines`", field=("variantId",))
    if given.lines is None:
        key = _variant_key(given.variant_id or "")
        return [Adjustment(key, given.delta, given.set_to, given.change_from)]
    if any(value is not None for value in (given.delta, given.set_to, given.change_from)):
        raise InvalidError("with `lines` they stand in each line", field=("lines",))
    return [_line(line, ("lines", str(index))) for index, line in enumerate(given.lines)]


def _line(given: StockAdjustLineInput, field: tuple[str, ...]) -> Adjustment:
    key = _variant_key(given.variant_id, field)
    return Adjustment(key, given.delta, given.set_to, given.change_from, field)


def _variant_key(given: str, field: tuple[str, ...] = ()) -> ObjectId:
    return object_id(given, "ProductVariant", (*field, "variantId"))


def _to_error(error: DomainError) -> StockError:
    field = input_path(error.field)
    return StockError(field=field, message=str(error), code=StockErrorCode(error.code))


@strawberry.type(description="What changed of a variant's stock, as far as the viewer sees it.")
class StockChange:
    variant: ProductVariant = strawberry.field(description="The variant as it is now.")
    quantity_available: int | None = strawberry.field(
        description="How many can be had at once; null where it isn't counted or isn't shown."
    )
    in_stock: bool = strawberry.field(description="Whether any can be bought.")


@extend(Subscription)
class StockSubscription:
    @strawberry.subscription(description="The stocks of up to 100 variants as they change.")
    @staticmethod
    async def stock_changed(
        info: Info,
        variant_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The variants' ids.")
        ],
    ) -> AsyncGenerator[StockChange, None]:
        if not 0 < len(variant_ids) <= _MOST_FOLLOWED:
            raise InvalidError(f"1 to {_MOST_FOLLOWED} variants are followed at once")
        keys = list(dict.fromkeys(object_id(given, "ProductVariant") for given in variant_ids))
        async for key, record, sight in watch(info.context, keys):
            product = Product(record=record)
            variant = next(found for found in record["variants"] if found["id"] == key)
            yield StockChange(
                variant=ProductVariant(record=variant, product=product),
                quantity_available=sight.quantity,
                in_stock=sight.in_stock,
            )
