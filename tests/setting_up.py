"""What tests of promotions need: a shop, what is asked of it, and promotions to start from."""

from typing import Any

from mercat.context import Viewer
from mercat.engine import Engine

from .configuring import admin_of, done
from .identity import toml_of

TOML = toml_of(
    *("auth", "media", "products", "orders", "coupons"),
    more='[shop]\ncurrency = "EUR"\ncurrencies = ["USD", "JPY"]\n'
    '[plugins.coupons]\ntime_zone = "Europe/Vienna"\n',
)

SELECTION = """{ totalProducts productIds totalVariants variantIds categoryIds brands sellerIds
  shopsOwn attributes { key value } }"""
SCOPE = f"{{ excludesReduced include {SELECTION} exclude {SELECTION} }}"
SUMS = "{ amount currency }"
BENEFIT = f"""{{ __typename
  ... on PercentageBenefit {{ percentage target atMost {SUMS} units }}
  ... on FixedAmountBenefit {{ amounts {SUMS} target units }}
  ... on FreeShippingBenefit {{ atMost {SUMS} }}
  ... on BuyGetBenefit {{ buyQuantity getQuantity percentage mostTimes
    buy {SCOPE} get {SCOPE} }}
  ... on TieredBenefit {{ tiers {{ fromSubtotal {SUMS} fromQuantity percentage amounts {SUMS} }} }}
  ... on FixedPriceBenefit {{ amounts {SUMS} quantity }}
  ... on GiftBenefit {{ variantIds quantity }} }}"""
PROMOTION = f"""{{ id name status startsAt endsAt timeZone minimumQuantity firstOrder countries
  currencies customerIds customerGroupIds usageLimit usageLimitPerCustomer isAutomatic isCombinable
  priority sellerId borneBy createdAt updatedAt version uses remainingUses
  spent {SUMS} minimumSubtotal {SUMS} budget {SUMS} benefit {BENEFIT} scope {SCOPE} }}"""
ERRORS = "userErrors { field code message }"
CREATE = f"""mutation ($input: PromotionCreateInput!) {{
  promotionCreate(input: $input) {{ promotion {PROMOTION} {ERRORS} }} }}"""
UPDATE = f"""mutation ($input: PromotionUpdateInput!) {{
  promotionUpdate(input: $input) {{ promotion {PROMOTION} {ERRORS} }} }}"""
ARCHIVE = f"""mutation ($input: PromotionArchiveInput!) {{
  promotionArchive(input: $input) {{ promotion {PROMOTION} {ERRORS} }} }}"""

TEN_PERCENT = {"percentage": {"percentage": "10"}}


async def promoted(engine: Engine, viewer: Viewer | None = None, /, **given: Any) -> dict[str, Any]:
    """A promotion that can be made; 10 % off everything unless it says otherwise."""
    asking = viewer or await admin_of(engine)
    payload = await done(engine, CREATE, asking, **{"name": "Ten", "benefit": TEN_PERCENT, **given})
    assert payload["userErrors"] == [], payload
    promotion: dict[str, Any] = payload["promotion"]
    return promotion


def mistake(payload: dict[str, Any]) -> tuple[str, str, str]:
    """The code, the field below the input, and the message of the only error."""
    assert payload["promotion"] is None
    (error,) = payload["userErrors"]
    first, *field = error["field"]
    assert first == "input"
    return error["code"], ".".join(field), error["message"]
