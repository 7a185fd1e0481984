"""What the mutations of promotions take of benefits, and of the lines that they are for."""

from enum import Enum

import strawberry
from strawberry import UNSET

from mercat.graphql.scalars import DecimalString
from mercat_orders.configured.inputs import MoneyInput


@strawberry.enum(description="What a percentage or a sum is taken off.")
class PromotionTarget(Enum):
    LINES = strawberry.enum_value(
        "lines", description="The lines in the scope; a sum is off each unit of them."
    )
    CHEAPEST = strawberry.enum_value("cheapest", description="The cheapest units in the scope.")
    ORDER = strawberry.enum_value(
        "order", description="All lines in the scope together, after what is off single lines."
    )
    SHIPPING = strawberry.enum_value(
        "shipping", description="The delivery of those who sell what is in the scope."
    )


@strawberry.input(description="A value of an attribute.")
class PromotionAttributeInput:
    key: str = strawberry.field(description="The attribute's key.")
    value: str = strawberry.field(description="The value, as filters of products write it.")


@strawberry.input(
    description="Lines that have one of each kind that is given: with two brands and an attribute "
    "those of either brand that have it."
)
class PromotionSelectionInput:
    product_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of products."
    )
    variant_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of variants."
    )
    category_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of categories; each has all that is below it."
    )
    brands: list[str] = strawberry.field(
        default_factory=list, description="Brands, as products have them."
    )
    seller_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of sellers."
    )
    shops_own: bool = strawberry.field(
        default=False, description="What the shop itself sells, besides that of those sellers."
    )
    attributes: list[PromotionAttributeInput] = strawberry.field(
        default_factory=list, description="Attributes, of which a product has one."
    )


@strawberry.input(
    description="Which lines: those in one of `include` that are in none of `exclude`. It names "
    "20,000 products and variants at most."
)
class PromotionScopeInput:
    include: list[PromotionSelectionInput] = strawberry.field(
        default_factory=list, description="All lines where it is empty."
    )
    exclude: list[PromotionSelectionInput] = strawberry.field(
        default_factory=list, description="None where it is empty."
    )
    excludes_reduced: bool = strawberry.field(
        default=False, description="Whether those that cost less than they used to are left out."
    )


@strawberry.input(description="A share of what something costs.")
class PercentageBenefitInput:
    percentage: DecimalString = strawberry.field(
        description="`12.5` is 12.5 %; up to 100, with four digits after the point at most."
    )
    target: PromotionTarget = strawberry.field(
        default=PromotionTarget.LINES, description="What it is a share of."
    )
    at_most: list[MoneyInput] | None = strawberry.field(
        default=None,
        description="The most that it takes off an order, by currency; not with `CHEAPEST`.",
    )
    units: int = strawberry.field(
        default=1, description="How many of the cheapest units; with `CHEAPEST`."
    )


@strawberry.input(description="A sum.")
class FixedAmountBenefitInput:
    amounts: list[MoneyInput] = strawberry.field(description="The sum, by currency.")
    target: PromotionTarget = strawberry.field(
        default=PromotionTarget.LINES, description="What it is taken off."
    )
    units: int = strawberry.field(
        default=1, description="How many of the cheapest units; with `CHEAPEST`."
    )


@strawberry.input(description="Delivery costs nothing.")
class FreeShippingBenefitInput:
    at_most: list[MoneyInput] | None = strawberry.field(
        default=None, description="The most that it takes off an order, by currency."
    )


@strawberry.input(description="Who buys some gets others for less.")
class BuyGetBenefitInput:
    buy_quantity: int = strawberry.field(description="How many have to be bought.")
    get_quantity: int = strawberry.field(description="How many are then reduced.")
    percentage: DecimalString = strawberry.field(
        default=DecimalString("100"), description="By how much, as `12.5`; they are free with 100."
    )
    buy: PromotionScopeInput | None = strawberry.field(
        default=None, description="What has to be bought; what is in `scope` where left out."
    )
    get: PromotionScopeInput | None = strawberry.field(
        default=None, description="What is reduced; what is in `scope` where left out."
    )
    most_times: int | None = strawberry.field(
        default=None, description="How often in one order; as often as it can where left out."
    )


@strawberry.input(
    description="What holds from a subtotal on, from a quantity on, or from both; either a "
    "percentage or a sum."
)
class PromotionTierInput:
    from_subtotal: list[MoneyInput] | None = strawberry.field(
        default=None, description="What the lines in the scope cost at least, by currency."
    )
    from_quantity: int | None = strawberry.field(
        default=None, description="How many units of them there are at least."
    )
    percentage: DecimalString | None = strawberry.field(
        default=None, description="What is taken off, as `12.5`."
    )
    amounts: list[MoneyInput] | None = strawberry.field(
        default=None, description="The sum that is taken off, by currency."
    )


@strawberry.input(description="More for larger orders.")
class TieredBenefitInput:
    tiers: list[PromotionTierInput] = strawberry.field(
        description="1 to 50, the lowest first; the best of those that are reached holds."
    )


@strawberry.input(description="Another price.")
class FixedPriceBenefitInput:
    amounts: list[MoneyInput] = strawberry.field(description="The price, by currency.")
    quantity: int = strawberry.field(
        default=1, description="For how many units together; what is left over costs as before."
    )


@strawberry.input(description="Something that is in the cart costs nothing.")
class GiftBenefitInput:
    variant_ids: list[strawberry.ID] = strawberry.field(
        description="Which variants; the dearest that is in the cart is given."
    )
    quantity: int = strawberry.field(default=1, description="How many units.")


@strawberry.input(one_of=True, description="What a promotion takes off.")
class PromotionBenefitInput:
    percentage: PercentageBenefitInput | None = strawberry.field(
        default=UNSET, description="A share of what something costs."
    )
    fixed_amount: FixedAmountBenefitInput | None = strawberry.field(
        default=UNSET, description="A sum."
    )
    free_shipping: FreeShippingBenefitInput | None = strawberry.field(
        default=UNSET, description="Delivery costs nothing."
    )
    buy_get: BuyGetBenefitInput | None = strawberry.field(
        default=UNSET, description="Who buys some gets others for less."
    )
    tiered: TieredBenefitInput | None = strawberry.field(
        default=UNSET, description="More for larger orders."
    )
    fixed_price: FixedPriceBenefitInput | None = strawberry.field(
        default=UNSET, description="Another price."
    )
    gift: GiftBenefitInput | None = strawberry.field(
        default=UNSET, description="Something that is in the cart costs nothing."
    )
