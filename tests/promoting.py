"""What tests of promotions need: rules and codes as they are stored, and carts that have them."""

import itertools
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.codes import key_of
from mercat.context import Viewer
from mercat.engine import Engine
from mercat_coupons.documents import (
    CounterDocument,
    CouponDocument,
    PromotionDocument,
    UseDocument,
)
from mercat_coupons.promotions.counters import of_promotion
from mercat_coupons.promotions.memory import promotions_of

from .asking import answered
from .market import CARL
from .ordering import TOML as _ORDERING

TOML = _ORDERING.replace('"orders"', '"orders", "coupons"')
"""The market with a till, and with promotions."""

SHOP_SCOPE: dict[str, Any] = {"include": [], "exclude": [], "excludes_reduced": False}
NOTHING: dict[str, list[Any]] = {
    "products": [],
    "variants": [],
    "categories": [],
    "brands": [],
    "sellers": [],
    "attributes": [],
}
COUPONS = """coupons { code names isApplied saving { amount } reason message }
  discounts { label code promotionId amount { amount } shipping { amount } borneBy
    lines { lineId amount { amount } } }
  gifts { name quantity variants { id } }
  totals { subtotal { amount } discounts { amount } total { amount } }"""

_numbers = itertools.count(2**40)  # beyond those that a shop gives out


def off(rate: str, target: str = "lines", **more: Any) -> dict[str, Any]:
    """A share off, as it is stored."""
    return {"kind": "percentage", "benefit": {"target": target, "rate": rate, **more}}


def less(amount: int, target: str = "order", **more: Any) -> dict[str, Any]:
    """A sum of minor units of euros off, as it is stored."""
    benefit = {"target": target, "amounts": {"EUR": amount}, **more}
    return {"kind": "fixed_amount", "benefit": benefit}


async def promote(engine: Engine, rule: dict[str, Any] | None = None, **values: Any) -> ObjectId:
    """A stored promotion, automatic where it isn't said otherwise; its key."""
    now, key = datetime.now(UTC), ObjectId()
    await engine.storage.collection(PromotionDocument).insert_one(
        {
            "_id": key,
            "number": next(_numbers),
            "name": f"Promotion {key}",
            "status": "active",
            "scope": SHOP_SCOPE,
            "starts_at": None,
            "ends_at": None,
            "time_zone": "UTC",
            "minimum_subtotal": None,
            "minimum_quantity": None,
            "first_order": False,
            "countries": [],
            "currencies": [],
            "customers": [],
            "groups": [],
            "usage_limit": None,
            "usage_limit_per_customer": None,
            "budget": None,
            "is_automatic": True,
            "is_combinable": True,
            "priority": 0,
            "seller": None,
            "borne_by": "shop",
            "created_at": now,
            "updated_at": now,
            "version": 1,
            **(rule or off("0.1")),
            **values,
        }
    )
    promotions_of(engine.context()).spoil(key)
    return key


async def coin(engine: Engine, code: str, *promotions: ObjectId, **values: Any) -> ObjectId:
    """A stored coupon; its key."""
    now, key = datetime.now(UTC), ObjectId()
    await engine.storage.collection(CouponDocument).insert_one(
        {
            "_id": key,
            "number": next(_numbers),
            "key": key_of(code),
            "code": code,
            "promotions": list(promotions),
            "status": "active",
            "usage_limit": None,
            "usage_limit_per_customer": None,
            "customer": None,
            "seller": None,
            "batch": None,
            "uses": 0,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            **values,
        }
    )
    return key


async def opened(
    engine: Engine, code: str, rule: dict[str, Any] | None = None, **values: Any
) -> ObjectId:
    """A promotion that a code opens; the key of the promotion."""
    key = await promote(engine, rule, is_automatic=False, **values)
    await coin(engine, code, key)
    return key


async def put(engine: Engine, cart: str, code: str, viewer: Viewer = CARL) -> Any:
    """What putting a code into a cart answers, whole."""
    return await answered(
        engine,
        f"mutation ($input: CartCouponApplyInput!) {{ cartCouponApply(input: $input) {{"
        f" cart {{ id {COUPONS} }} userErrors {{ code field message }} }} }}",
        {"input": {"cartId": cart, "code": code}},
        viewer=viewer,
    )


async def applied(engine: Engine, cart: str, code: str, viewer: Viewer = CARL) -> Any:
    """The cart with a code that it must take."""
    found = (await put(engine, cart, code, viewer))["data"]["cartCouponApply"]
    assert not found["userErrors"], found["userErrors"]
    return found["cart"]


async def refusal(engine: Engine, cart: str, code: str, viewer: Viewer = CARL) -> tuple[str, str]:
    """Why a cart doesn't take a code: the error's code, and its words."""
    found = (await put(engine, cart, code, viewer))["data"]["cartCouponApply"]
    assert found["cart"] is None
    (error,) = found["userErrors"]
    return error["code"], error["message"]


async def validated(engine: Engine, cart: str, code: str, viewer: Viewer = CARL) -> Any:
    """What `couponValidate` says."""
    found = await answered(
        engine,
        "query ($code: String!, $cart: ID!) { couponValidate(code: $code, cartId: $cart) {"
        " isValid names saving { amount } reason message } }",
        {"code": code, "cart": cart},
        viewer=viewer,
    )
    assert "errors" not in found, found["errors"]
    return found["data"]["couponValidate"]


async def shown(engine: Engine, cart: str, viewer: Viewer = CARL) -> Any:
    """A cart with its codes and discounts."""
    found = await answered(
        engine,
        f"query ($id: ID) {{ cart(id: $id) {{ id {COUPONS} }} }}",
        {"id": cart},
        viewer=viewer,
    )
    assert "errors" not in found, found["errors"]
    return found["data"]["cart"]


async def uses(engine: Engine, promotion: ObjectId) -> int:
    """How often a promotion counts as used; the counter and what is written down must agree."""
    held = await engine.storage.collection(UseDocument).count_documents(
        {"promotion": promotion, "is_held": True}
    )
    counter = await engine.storage.collection(CounterDocument).find_one(
        {"_id": of_promotion(str(promotion))}
    )
    assert (counter["uses"] if counter else 0) == held
    return held
