"""Factors that were lost: who may take them away, from whom, and what that ends."""

import asyncio
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.documents import UserDocument

from .authenticator import ORIGIN, RP_ID
from .conftest import Client, EngineFor
from .factors import (
    ENABLE,
    ERRORS,
    LOGIN,
    LOGIN_CONFIRM,
    PROOF,
    Person,
    codes_of,
    person,
    said,
)
from .identity import PASSWORD, messages, registered, signed_in, toml_of

RESET = f"""mutation ($input: UserFactorsResetInput!) {{ userFactorsReset(input: $input) {{
  user {{ id mfa {{ status codes recoveryCodesLeft }} }} {ERRORS} }} }}"""
ERASE = f"""mutation ($input: AccountEraseInput!) {{ accountErase(input: $input) {{
  isErased {ERRORS} }} }}"""
ROLE = """mutation ($input: RoleCreateInput!) { roleCreate(input: $input) {
  role { name } userErrors { field code message } } }"""


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(auth=f'rp_id = "{RP_ID}"\norigins = ["{ORIGIN}"]'))


@pytest.fixture
async def boss(engine: Engine, client: Client) -> Person:
    return await person(engine, client, roles=["ADMIN"])


@pytest.fixture
async def ada(engine: Engine, client: Client) -> Person:
    """Somebody with every kind of factor."""
    found = await person(engine, client)
    await found.enrol()
    await found.add_passkey()
    return found


def target(whom: Person, reason: str = "phone lost") -> dict[str, str]:
    return {"userId": encode_id("User", whom.user["_id"]), "reason": reason}


async def stored(whom: Person) -> Record:
    found: Record | None = await whom.engine.storage.collection(UserDocument).find_one(
        {"_id": whom.user["_id"]}
    )
    assert found is not None
    return found


async def has_factors(whom: Person) -> bool:
    found = await stored(whom)
    return bool(found["mfa"] or found["passkeys"])


async def code_of(who: Person, whom: Person) -> Any:
    """The code of what a reset is refused with; None where it isn't."""
    authorization = f"Bearer {who.token}"
    answer = await who.client.ask(RESET, {"input": target(whom)}, authorization=authorization)
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"]
    return next(iter(codes_of(answer["data"]["userFactorsReset"])), None)


async def test_a_password_is_enough_again_and_nothing_of_before_is(
    boss: Person, ada: Person
) -> None:
    challenge = (await ada.login())["token"]
    payload = await boss.ask(RESET, **target(ada))
    assert payload["userErrors"] == []
    assert payload["user"]["mfa"] == {"status": "OFF", "codes": False, "recoveryCodesLeft": 0}
    found = await stored(ada)
    assert (found["mfa"], found["passkeys"]) == (None, [])
    ended = await ada.client.ask("{ viewer { role } }", authorization=f"Bearer {ada.token}")
    assert ended["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    for answer in ({"code": ada.code()}, {"recoveryCode": ada.recovery_codes[0]}):
        late = await said(ada.client, LOGIN_CONFIRM, challenge=challenge, **answer)
        assert codes_of(late) == ["CHALLENGE_EXPIRED"]
    signed = await said(ada.client, LOGIN, email=ada.user["email"], password=PASSWORD)
    assert (signed["challenge"], signed["tokens"] is not None) == (None, True)
    again = Person(ada.engine, ada.client, ada.user, signed["tokens"]["accessToken"])
    assert (await again.ask(ENABLE, proof=PROOF))["enrolment"] is not None


async def test_its_owner_is_told_and_the_log_has_who_and_why(boss: Person, ada: Person) -> None:
    await boss.ask(RESET, **target(ada))
    (message,) = await messages(ada.engine, "factors_reset")
    assert (message.to, message.subject) == (ada.user["email"], str(ada.user["_id"]))
    log = ada.engine.storage.collection(AuditDocument)
    (entry,) = await log.find({"action": "user.factors_reset"}).to_list()
    assert (entry["user"], entry["key"]) == (str(boss.user["_id"]), str(ada.user["_id"]))
    assert entry["facts"] == {"reason": "phone lost"}


async def test_nobody_resets_their_own_or_those_of_somebody_who_may_more(
    engine: Engine, client: Client, boss: Person, ada: Person
) -> None:
    given: dict[str, Any] = {
        "name": "DESK",
        "permissions": ["auth.manage_users", "auth.read_users"],
    }
    assert (await boss.ask(ROLE, **given))["userErrors"] == []
    desk = await person(engine, client, roles=["DESK"])
    other = await person(engine, client, roles=["ADMIN"])
    await other.enrol()
    assert await code_of(desk, other) == "NOT_YOURS_TO_GIVE"
    assert await has_factors(other)
    await desk.enrol()
    assert await code_of(desk, desk) == "INVALID"
    assert await has_factors(desk)
    assert await code_of(boss, other) is None
    assert await code_of(desk, ada) is None
    assert not await has_factors(other)
    assert not await has_factors(ada)


async def test_support_and_customers_may_not(engine: Engine, client: Client, ada: Person) -> None:
    for roles in ([], ["SUPPORT"]):
        assert await code_of(await person(engine, client, roles=roles), ada) == "FORBIDDEN"
    nobody = await client.ask(RESET, {"input": target(ada)})
    assert nobody["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await has_factors(ada)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb"])
async def test_a_reset_has_a_reason(boss: Person, ada: Person, reason: str) -> None:
    payload = await boss.ask(RESET, **target(ada, reason))
    assert [(each["code"], each["field"]) for each in payload["userErrors"]] == [
        ("INVALID", ["input", "reason"])
    ]
    assert await has_factors(ada)


async def test_who_has_none_or_is_gone_is_no_target(
    engine: Engine, client: Client, boss: Person
) -> None:
    plain = await person(engine, client)
    assert await code_of(boss, plain) == "MFA_OFF"
    await plain.ask(ERASE, password=PASSWORD)
    assert await code_of(boss, plain) == "NOT_FOUND"
    assert await messages(engine, "factors_reset") == []


async def test_of_two_at_once_one_resets(engine: Engine, boss: Person, ada: Person) -> None:
    second = await registered(engine, roles=["ADMIN"])
    other = Person(engine, boss.client, second, await signed_in(engine, second))
    found = await asyncio.gather(code_of(boss, ada), code_of(other, ada))
    assert sorted(map(str, found)) == ["MFA_OFF", "None"]
    assert len(await messages(engine, "factors_reset")) == 1
