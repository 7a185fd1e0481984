"""What files have of customer groups, promotions and coupons.

What the API takes has the same name here, in `snake_case`; what is elsewhere named by an id is
named by a SKU, a slug or a key, where it has one.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from mercat_coupons.promotions.benefit_inputs import PromotionTarget
from mercat_coupons.promotions.inputs import DiscountBearer

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Key = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupRecord(_Record):
    """A customer group, known again by its key.

    `customers` are in it: by e-mail address, by what their import calls them, or by id.
    """

    key: Text
    name: Text | None = None
    customers: tuple[Text, ...] = ()


class SumRecord(_Record):
    """A sum as a decimal text; in the shop's own currency where it names none."""

    amount: Text
    currency: Text | None = None


class AttributeRecord(_Record):
    key: Text
    value: Text


class SelectionRecord(_Record):
    """Lines that have one of each kind that is given.

    Products are named by their slugs, categories by their keys or paths.
    """

    products: tuple[Text, ...] = ()
    skus: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    brands: tuple[Text, ...] = ()
    sellers: tuple[Text, ...] = ()
    shops_own: bool = False
    attributes: tuple[AttributeRecord, ...] = ()


class ScopeRecord(_Record):
    include: tuple[SelectionRecord, ...] = ()
    exclude: tuple[SelectionRecord, ...] = ()
    excludes_reduced: bool = False


class PercentageRecord(_Record):
    percentage: Text
    target: PromotionTarget = PromotionTarget.LINES
    at_most: tuple[SumRecord, ...] | None = None
    units: int = 1


class FixedAmountRecord(_Record):
    amounts: tuple[SumRecord, ...]
    target: PromotionTarget = PromotionTarget.LINES
    units: int = 1


class FreeShippingRecord(_Record):
    at_most: tuple[SumRecord, ...] | None = None


class BuyGetRecord(_Record):
    buy_quantity: int
    get_quantity: int
    percentage: Text = "100"
    buy: ScopeRecord | None = None
    get: ScopeRecord | None = None
    most_times: int | None = None


class TierRecord(_Record):
    from_subtotal: tuple[SumRecord, ...] | None = None
    from_quantity: int | None = None
    percentage: Text | None = None
    amounts: tuple[SumRecord, ...] | None = None


class TieredRecord(_Record):
    tiers: tuple[TierRecord, ...]


class FixedPriceRecord(_Record):
    amounts: tuple[SumRecord, ...]
    quantity: int = 1


class GiftRecord(_Record):
    skus: tuple[Text, ...]
    quantity: int = 1


class BenefitRecord(_Record):
    """Exactly one of them."""

    percentage: PercentageRecord | None = None
    fixed_amount: FixedAmountRecord | None = None
    free_shipping: FreeShippingRecord | None = None
    buy_get: BuyGetRecord | None = None
    tiered: TieredRecord | None = None
    fixed_price: FixedPriceRecord | None = None
    gift: GiftRecord | None = None

    @model_validator(mode="after")
    def _has_one(self) -> "BenefitRecord":
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self


class PromotionRecord(_Record):
    """A promotion, known again by its key; what a row doesn't name stays as it is."""

    key: Key
    name: Text
    benefit: BenefitRecord
    scope: ScopeRecord | None = None
    starts_at: Text | None = None
    ends_at: Text | None = None
    time_zone: Text | None = None
    minimum_subtotal: tuple[SumRecord, ...] | None = None
    minimum_quantity: int | None = None
    first_order: bool = False
    countries: tuple[Text, ...] = ()
    currencies: tuple[Text, ...] = ()
    customers: tuple[Text, ...] = ()
    customer_groups: tuple[Text, ...] = ()
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    budget: tuple[SumRecord, ...] | None = None
    is_automatic: bool = False
    is_combinable: bool = True
    priority: int = 0
    seller: Text | None = None
    borne_by: DiscountBearer | None = None

    @property
    def named(self) -> dict[str, Any]:
        """The values that the row has."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class CouponRecord(_Record):
    """A coupon, known again by its code; `promotions` are the keys of those that it opens."""

    code: str
    promotions: tuple[Key, ...]
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    customer: Text | None = None
    seller: Text | None = None
