"""What the benefits of promotions look like."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import strawberry

from mercat.graphql.scalars import DecimalString
from mercat.graphql.schema import Money
from mercat.storage import Record
from mercat_coupons.promotions.benefit_inputs import PromotionTarget
from mercat_coupons.promotions.scope_types import PromotionScope, to_ids, to_scope


@strawberry.type(description="A share of what something costs.")
class PercentageBenefit:
    percentage: DecimalString = strawberry.field(description="`12.5` is 12.5 %.")
    target: PromotionTarget = strawberry.field(description="What it is a share of.")
    at_most: list[Money] | None = strawberry.field(
        description="The most that it takes off an order, by currency; null for anything."
    )
    units: int = strawberry.field(description="How many of the cheapest units.")


@strawberry.type(description="A sum.")
class FixedAmountBenefit:
    amounts: list[Money] = strawberry.field(description="The sum, by currency.")
    target: PromotionTarget = strawberry.field(description="What it is taken off.")
    units: int = strawberry.field(description="How many of the cheapest units.")


@strawberry.type(description="Delivery costs nothing.")
class FreeShippingBenefit:
    at_most: list[Money] | None = strawberry.field(
        description="The most that it takes off an order, by currency; null for anything."
    )


@strawberry.type(description="Who buys some gets others for less.")
class BuyGetBenefit:
    buy_quantity: int = strawberry.field(description="How many have to be bought.")
    get_quantity: int = strawberry.field(description="How many are then reduced.")
    percentage: DecimalString = strawberry.field(description="By how much; `100` is free.")
    buy: PromotionScope | None = strawberry.field(
        description="What has to be bought; null for what is in `scope`."
    )
    get: PromotionScope | None = strawberry.field(
        description="What is reduced; null for what is in `scope`."
    )
    most_times: int | None = strawberry.field(
        description="How often in one order; null for as often as it can."
    )


@strawberry.type(description="What holds from a subtotal on, from a quantity on, or from both.")
class PromotionTier:
    from_subtotal: list[Money] | None = strawberry.field(
        description="What the lines in the scope cost at least, by currency."
    )
    from_quantity: int | None = strawberry.field(
        description="How many units of them there are at least."
    )
    percentage: DecimalString | None = strawberry.field(description="What is taken off.")
    amounts: list[Money] | None = strawberry.field(
        description="The sum that is taken off, by currency."
    )


@strawberry.type(description="More for larger orders.")
class TieredBenefit:
    tiers: list[PromotionTier] = strawberry.field(
        description="The lowest first; the best of those that are reached holds."
    )


@strawberry.type(description="Another price.")
class FixedPriceBenefit:
    amounts: list[Money] = strawberry.field(description="The price, by currency.")
    quantity: int = strawberry.field(description="For how many units together.")


@strawberry.type(description="Something that is in the cart costs nothing.")
class GiftBenefit:
    variant_ids: list[strawberry.ID] = strawberry.field(
        description="Which variants; the dearest that is in the cart is given."
    )
    quantity: int = strawberry.field(description="How many units.")


PromotionBenefit: TypeAlias = Annotated[
    PercentageBenefit
    | FixedAmountBenefit
    | FreeShippingBenefit
    | BuyGetBenefit
    | TieredBenefit
    | FixedPriceBenefit
    | GiftBenefit,
    strawberry.union("PromotionBenefit", description="What a promotion takes off."),
]


def to_benefit(record: Record) -> PromotionBenefit:
    """The benefit of a stored promotion."""
    return _MADE[record["kind"]](record["benefit"])


def to_sums(amounts: Mapping[str, int]) -> list[Money]:
    return [Money.of(minor, currency) for currency, minor in amounts.items()]


def _sums(amounts: Mapping[str, int] | None) -> list[Money] | None:
    return None if amounts is None else to_sums(amounts)


def _percentage_of(rate: str) -> DecimalString:
    return DecimalString(f"{(Decimal(rate) * 100).normalize():f}")


def _percentage(stored: Record) -> PercentageBenefit:
    return PercentageBenefit(
        percentage=_percentage_of(stored["rate"]),
        target=PromotionTarget(stored["target"]),
        at_most=_sums(stored.get("at_most")),
        units=stored.get("units", 1),
    )


def _fixed_amount(stored: Record) -> FixedAmountBenefit:
    return FixedAmountBenefit(
        amounts=to_sums(stored["amounts"]),
        target=PromotionTarget(stored["target"]),
        units=stored.get("units", 1),
    )


def _free_shipping(stored: Record) -> FreeShippingBenefit:
    return FreeShippingBenefit(at_most=_sums(stored.get("at_most")))


def _buy_get(stored: Record) -> BuyGetBenefit:
    return BuyGetBenefit(
        buy_quantity=stored["buy_quantity"],
        get_quantity=stored["get_quantity"],
        percentage=_percentage_of(stored.get("rate", "1")),
        buy=to_scope(stored.get("buy")),
        get=to_scope(stored.get("get")),
        most_times=stored.get("most"),
    )


def _tiered(stored: Record) -> TieredBenefit:
    return TieredBenefit(tiers=list(map(_tier, stored["tiers"])))


def _tier(stored: Record) -> PromotionTier:
    rate = stored.get("rate")
    return PromotionTier(
        from_subtotal=_sums(stored.get("from_subtotal")),
        from_quantity=stored.get("from_quantity"),
        percentage=None if rate is None else _percentage_of(rate),
        amounts=_sums(stored.get("amounts")),
    )


def _fixed_price(stored: Record) -> FixedPriceBenefit:
    return FixedPriceBenefit(amounts=to_sums(stored["amounts"]), quantity=stored.get("quantity", 1))


def _gift(stored: Record) -> GiftBenefit:
    return GiftBenefit(
        variant_ids=to_ids("ProductVariant", stored["variants"]),
        quantity=stored.get("quantity", 1),
    )


_MADE: Mapping[str, Callable[[Any], PromotionBenefit]] = {
    "percentage": _percentage,
    "fixed_amount": _fixed_amount,
    "free_shipping": _free_shipping,
    "buy_get": _buy_get,
    "tiered": _tiered,
    "fixed_price": _fixed_price,
    "gift": _gift,
}
