"""What tests of coupons need: a shop, promotions as they are stored, and who asks."""

from typing import Any

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat_coupons.documents import CouponDocument

from .asking import told
from .market import in_input
from .promoting import promote

TOML = '[plugins]\nenabled = ["media", "products", "orders", "coupons"]\n'
MANAGER = Viewer(role="ADMIN", permissions=frozenset({"coupons.manage"}), user="boss")
ANNA = Viewer(
    role="SELLER", permissions=frozenset({"coupons.own"}), user="anna-herself", seller="anna"
)
BERT = Viewer(
    role="SELLER", permissions=frozenset({"coupons.own"}), user="bert-himself", seller="bert"
)
CARL = Viewer(role="CUSTOMER", user="carl")
NOBODY = Viewer()

COUPON = """{ id code status promotionIds promotions { id name } usageLimit
  usageLimitPerCustomer customerId sellerId batchId uses createdAt updatedAt version }"""
BATCH = """{ id state promotionIds total generated prefix usageLimit usageLimitPerCustomer sellerId
  note createdAt updatedAt downloadUrl }"""


def seller_id(key: str) -> str:
    return encode_id("Seller", key)


async def promotion(engine: Engine, **values: Any) -> str:
    """The id of a stored promotion that needs a code: 10 % off everything."""
    given = {"name": "Ten percent", "is_automatic": False, **values}
    return encode_id("Promotion", await promote(engine, **given))


async def change(
    engine: Engine, name: str, viewer: Viewer = MANAGER, /, **given: Any
) -> tuple[Any, list[tuple[str, list[str] | None, str]]]:
    """The coupon or batch of a mutation, and its errors: code, field in the input, message."""
    kind = name[0].upper() + name[1:]
    shown = f"batch {BATCH}" if name == "couponCodesGenerate" else f"coupon {COUPON}"
    found = await told(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {shown}"
        " userErrors { code field message } } }",
        {"input": given},
        viewer=viewer,
    )
    payload = found[name]
    errors = [(one["code"], in_input(one), one["message"]) for one in payload["userErrors"]]
    return payload["batch" if "batch" in payload else "coupon"], errors


async def changed(engine: Engine, name: str, viewer: Viewer = MANAGER, /, **given: Any) -> Any:
    """What a mutation gives that must succeed."""
    found, errors = await change(engine, name, viewer, **given)
    assert not errors, errors
    return found


async def refused(
    engine: Engine, name: str, viewer: Viewer = MANAGER, /, **given: Any
) -> tuple[str, str, str]:
    """The code, the field and the message of the only error of a mutation."""
    found, errors = await change(engine, name, viewer, **given)
    assert found is None
    ((code, field, message),) = errors
    return code, ".".join(field or ()), message


async def keys_in(engine: Engine, **condition: Any) -> list[str]:
    """The keys of the stored coupons."""
    found = engine.storage.collection(CouponDocument).find(condition, {"key": 1})
    return [one["key"] async for one in found]
