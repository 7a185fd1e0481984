"""What buyers have kept to pay with: their own, by reference, and gone when they are."""

from typing import Any

import pytest

from mercat.auth import user_erased
from mercat.context import Viewer
from mercat.engine import Engine

from .asking import answered
from .buying import request
from .conftest import EngineFor
from .market import CARL, CORA, GUEST, offer
from .simulating import TABLE, TOML

_LIST = "{ savedPaymentMethods { id name paymentMethodId expires } }"


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML, plugins=TABLE)


async def pays(engine: Engine, viewer: Viewer, **given: Any) -> dict[str, Any]:
    """The payload of a checkout that is paid by the simulated card."""
    body = request(await offer(engine, stock=5), "sandbox:card")
    body["variables"]["input"] |= given
    answer = await answered(engine, body["query"], body["variables"], viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    payload: dict[str, Any] = answer["data"]["checkoutComplete"]
    return payload


async def kept(engine: Engine, viewer: Viewer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await answered(engine, _LIST, viewer=viewer))["data"][
        "savedPaymentMethods"
    ]
    return found


async def changed(engine: Engine, viewer: Viewer, name: str, **given: Any) -> str | None:
    """What is wrong with a change of what is kept; None for nothing."""
    kind = name[0].upper() + name[1:]
    document = f"""mutation ($input: {kind}Input!) {{ {name}(input: $input) {{
      savedPaymentMethods {{ id }} userErrors {{ code }} }} }}"""
    answer = await answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    errors = answer["data"][name]["userErrors"]
    return str(errors[0]["code"]) if errors else None


APPROVED = [{"name": "outcome", "value": "approve"}]


async def test_what_is_paid_with_is_kept_and_pays_the_next_time(engine: Engine) -> None:
    assert await kept(engine, CARL) == []
    assert (await pays(engine, CARL, paymentData=APPROVED))["order"]
    assert await kept(engine, CARL) == [], "nobody asked for that"
    assert (await pays(engine, CARL, paymentData=APPROVED, savePaymentMethod=True))["order"]
    (card,) = await kept(engine, CARL)
    assert card["name"].startswith("Visa")
    assert (card["paymentMethodId"], card["expires"]) == ("sandbox:card", None)
    again = await pays(engine, CARL, savedPaymentMethodId=card["id"])
    assert again["order"], "there is no page to be sent to"
    assert [await kept(engine, each) for each in (CORA, GUEST)] == [[], []]


async def test_what_another_has_kept_pays_nothing(engine: Engine) -> None:
    await pays(engine, CARL, paymentData=APPROVED, savePaymentMethod=True)
    (card,) = await kept(engine, CARL)
    sandbox = engine.storage.database["sandbox_payments"]
    for thief in (CORA, GUEST):
        payload = await pays(engine, thief, savedPaymentMethodId=card["id"])
        assert [error["code"] for error in payload["userErrors"]] == ["DECLINED"]
        assert await changed(engine, thief, "savedMethodDelete", id=card["id"]) in (
            "NOT_FOUND",
            "UNAUTHENTICATED",
        )
    assert await sandbox.count_documents({}) == 1, "nobody was asked"
    assert len(await kept(engine, CARL)) == 1


async def test_it_is_kept_without_paying_and_kept_no_longer(engine: Engine) -> None:
    wanted = {"paymentMethodId": "sandbox:card", "idempotencyKey": "k"}
    for _ in range(2):
        assert await changed(engine, CARL, "savedMethodCreate", **wanted) is None
    (card,) = await kept(engine, CARL)
    assert await changed(engine, GUEST, "savedMethodCreate", **wanted) == "UNAUTHENTICATED"
    wrong = {"paymentMethodId": "nobody:card", "idempotencyKey": "k"}
    assert await changed(engine, CARL, "savedMethodCreate", **wrong) == "INVALID"
    assert await changed(engine, CARL, "savedMethodDelete", id=card["id"]) is None
    assert await kept(engine, CARL) == []
    assert await changed(engine, CARL, "savedMethodDelete", id=card["id"]) == "NOT_FOUND"
    payload = await pays(engine, CARL, savedPaymentMethodId=card["id"])
    assert [error["code"] for error in payload["userErrors"]] == ["DECLINED"]


async def test_nothing_is_kept_of_who_is_erased(engine: Engine) -> None:
    await pays(engine, CARL, paymentData=APPROVED, savePaymentMethod=True)
    assert CARL.user is not None
    for _ in range(2):
        await engine.hooks.notify(user_erased, engine.context(), CARL.user)
    assert await kept(engine, CARL) == []
    for name in ("sandbox_customers", "payment_customers"):
        assert await engine.storage.database[name].count_documents({}) == 0
