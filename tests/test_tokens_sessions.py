"""Sessions: refreshing, ending, and that everybody hears of it."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.auth import Credentials
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import UnauthenticatedError
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn, finish_sign_in
from mercat_auth.documents import RevocationDocument, SessionDocument, UserDocument
from mercat_auth.tokens import renewing, sessions
from mercat_auth.tokens.revoking import revocations_of

from .conftest import Client, ClientFor, EngineFor, until
from .identity import HEARD, TOML, claims_in, registered, told

WHO = "{ viewer { role } }"
REFRESH = """mutation ($token: String) { refreshToken(input: {refreshToken: $token}) {
  tokens { accessToken refreshToken expiresIn } csrfToken user { email }
  userErrors { code field } } }"""
SESSIONS = "{ viewer { user { sessions { id device address methods current usedAt createdAt } } } }"
REVOKE = """mutation ($id: ID!) { sessionRevoke(input: {id: $id}) {
  sessions { id current } userErrors { code field } } }"""
EVERYWHERE = """mutation ($keep: Boolean!) { logoutEverywhere(input: {keepCurrent: $keep}) {
  count userErrors { code } } }"""


async def sign_in(engine: Engine, user: Record, device: str = "Test/1.0") -> SignIn:
    credentials = Credentials({"user-agent": device}, "192.0.2.7")
    context = Context(engine, credentials=credentials)
    return await finish_sign_in(context, user, ["pwd"], "BEARER")


async def refreshed(client: Client, token: str | None) -> dict[str, Any]:
    return await client.ask(REFRESH, {"token": token})


def code_of(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def role(client: Client, access: str) -> int | str:
    """The role that a token has, or the status of its refusal."""
    answer = await client.http.post(
        "/graphql", json={"query": WHO}, headers={"authorization": f"Bearer {access}"}
    )
    if answer.status_code != 200:
        return answer.status_code
    return str(answer.json()["data"]["viewer"]["role"])


async def seconds_until_refused(client: Client, access: str) -> float:
    began = time.monotonic()

    async def is_refused() -> bool:
        return await role(client, access) == 401

    await until(is_refused)
    return time.monotonic() - began


async def is_told(engine: Engine) -> bool:
    return time.monotonic() - engine.changes.told_until < 0.5


def stored(engine: Engine) -> Any:
    return engine.storage.collection(SessionDocument)


async def test_a_refresh_token_gives_other_tokens_once(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    first = (await sign_in(engine, user)).tokens
    payload = (await refreshed(client, first.refresh))["data"]["refreshToken"]
    assert payload["user"] == {"email": user["email"]}
    assert (payload["csrfToken"], payload["userErrors"]) == (None, [])
    tokens = payload["tokens"]
    assert tokens["refreshToken"] != first.refresh
    assert tokens["expiresIn"] == 600
    claims = claims_in(tokens["accessToken"])
    assert (claims["sid"], claims["amr"]) == (first.session, ["pwd"])
    assert await role(client, tokens["accessToken"]) == "CUSTOMER"
    assert await role(client, first.access) == "CUSTOMER"


async def test_a_refresh_token_that_comes_again_ends_its_session_for_everybody(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(HEARD)
    client, user = client_for(engine), await registered(engine)
    first = (await sign_in(engine, user)).tokens
    other = (await sign_in(engine, user)).tokens
    tokens = (await refreshed(client, first.refresh))["data"]["refreshToken"]["tokens"]
    assert code_of(await refreshed(client, first.refresh)) == "UNAUTHENTICATED"
    assert code_of(await refreshed(client, tokens["refreshToken"])) == "UNAUTHENTICATED"
    assert await role(client, tokens["accessToken"]) == 401
    assert await role(client, first.access) == 401
    assert await role(client, other.access) == "CUSTOMER"
    assert (await refreshed(client, other.refresh))["data"]["refreshToken"]["tokens"]
    ended = await told(engine, "signed_out")
    assert ended == [{"user_id": str(user["_id"])}]
    log = engine.storage.database["audit_log"]
    assert await log.count_documents({"action": "user.session_copied"}) == 1


async def test_of_two_who_refresh_at_once_exactly_one_wins(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the session before either has replaced the token."""
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    both = asyncio.Barrier(2)
    replace = sessions._replace

    async def together(context: Context, record: Record) -> str | None:
        await asyncio.wait_for(both.wait(), 5)
        return await replace(context, record)

    for _ in range(5):
        token = (await sign_in(engine, user)).tokens.refresh
        monkeypatch.setattr(sessions, "_replace", together)
        answers = await asyncio.gather(refreshed(client, token), refreshed(client, token))
        monkeypatch.setattr(sessions, "_replace", replace)
        won = [answer for answer in answers if "errors" not in answer]
        lost = [answer for answer in answers if "errors" in answer]
        assert (len(won), [code_of(answer) for answer in lost]) == (1, ["UNAUTHENTICATED"])
        following = won[0]["data"]["refreshToken"]["tokens"]["refreshToken"]
        assert "errors" not in await refreshed(client, following)


async def test_twenty_who_refresh_at_once_get_at_most_one_token(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    token = (await sign_in(engine, user)).tokens.refresh
    answers = await asyncio.gather(*(refreshed(client, token) for _ in range(20)))
    assert sum("errors" not in answer for answer in answers) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:-5],
        lambda token: token + "x",
        lambda token: token.replace(".1.", ".2."),
        lambda token: token.replace(".1.", ".0."),
        lambda token: token.upper(),
        lambda _token: "",
        lambda _token: "mercat_rt_",
        lambda _token: "\u0000" + "\ud7ff" * 10,
        lambda _token: "mercat_rt_" + "A" * 20_000,
        lambda _token: '{"$ne": null}',
    ],
)
async def test_a_token_that_the_shop_did_not_give_out_changes_nothing(
    engine_for: EngineFor, client_for: ClientFor, change: Any
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    token = (await sign_in(engine, user)).tokens.refresh
    answer = await refreshed(client, change(token))
    assert code_of(answer) == "UNAUTHENTICATED"
    assert "errors" not in await refreshed(client, token)


async def test_a_refresh_token_of_another_shops_secret_is_refused(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    token = (await sign_in(engine, user)).tokens.refresh
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "another shop's secret, 32 letters")
    other = await engine_for(TOML)
    assert code_of(await refreshed(client_for(other), token)) == "UNAUTHENTICATED"
    assert "errors" not in await refreshed(client_for(engine), token)


async def test_a_new_secret_ends_all_tokens_and_the_shop_goes_on(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    old = (await sign_in(engine, user)).tokens
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "another shop's secret, 32 letters")
    other = await engine_for(TOML)
    assert await role(client_for(other), old.access) == 401
    new = (await sign_in(other, user)).tokens
    assert await role(client_for(other), new.access) == "CUSTOMER"


async def test_a_session_that_nobody_uses_expires(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    tokens = (await sign_in(engine, user)).tokens
    past = datetime.now(UTC) - timedelta(seconds=1)
    await stored(engine).update_one({"_id": tokens.session}, {"$set": {"expires_at": past}})
    assert code_of(await refreshed(client, tokens.refresh)) == "UNAUTHENTICATED"


async def test_a_session_does_not_live_longer_than_the_longest(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML.replace("hash_passes", "longest_session_days = 40\nhash_passes"))
    client, user = client_for(engine), await registered(engine)
    tokens = (await sign_in(engine, user)).tokens
    began = datetime.now(UTC) - timedelta(days=30)
    await stored(engine).update_one({"_id": tokens.session}, {"$set": {"created_at": began}})
    assert "errors" not in await refreshed(client, tokens.refresh)
    session = await stored(engine).find_one({"_id": tokens.session})
    assert abs(session["expires_at"] - began - timedelta(days=40)) < timedelta(seconds=1)


@pytest.mark.parametrize("state", ["suspended", "erased"])
async def test_an_account_that_is_not_active_gets_no_tokens(
    engine_for: EngineFor, client_for: ClientFor, state: str
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    tokens = (await sign_in(engine, user)).tokens
    users = engine.storage.collection(UserDocument)
    await users.update_one({"_id": user["_id"]}, {"$set": {"state": state}})
    assert code_of(await refreshed(client, tokens.refresh)) == "UNAUTHENTICATED"
    await users.update_one({"_id": user["_id"]}, {"$set": {"state": "active"}})
    assert "errors" not in await refreshed(client, tokens.refresh)


async def test_nothing_that_is_stored_is_a_token(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    tokens = (await sign_in(engine, await registered(engine))).tokens
    everything = ""
    for name in await engine.storage.database.list_collection_names():
        everything += repr(await engine.storage.database[name].find({}).to_list())
    random = tokens.refresh.split(".")[2]
    assert tokens.session in everything
    assert random not in everything
    assert tokens.refresh not in everything
    assert tokens.access not in everything
    assert "PRIVATE" not in everything


# Listing and ending


async def test_a_user_sees_the_own_sessions_and_nobody_else_does(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    admin = await registered(engine, roles=["ADMIN"])
    phone = await sign_in(engine, user, "Phone/2.0")
    laptop = await sign_in(engine, user, "Laptop/3.0")
    answer = await client.ask(SESSIONS, authorization=f"Bearer {laptop.tokens.access}")
    found = answer["data"]["viewer"]["user"]["sessions"]
    assert [(each["device"], each["current"]) for each in found] == [
        ("Laptop/3.0", True),
        ("Phone/2.0", False),
    ]
    assert {each["address"] for each in found} == {"192.0.2.7"}
    assert {tuple(each["methods"]) for each in found} == {("pwd",)}
    await client.ask(REFRESH, {"token": phone.tokens.refresh})
    answer = await client.ask(SESSIONS, authorization=f"Bearer {laptop.tokens.access}")
    assert answer["data"]["viewer"]["user"]["sessions"][0]["device"] == "Phone/2.0"
    access = (await sign_in(engine, admin)).tokens.access
    node = await client.ask("{ viewer { user { id } } }", authorization=f"Bearer {access}")
    assert node["data"]["viewer"]["user"]["id"]
    mine = await client.ask(
        "{ viewer { user { id } } }", authorization=f"Bearer {laptop.tokens.access}"
    )
    seen = await client.ask(
        "query ($id: ID!) { node(id: $id) { ... on User { email sessions { id } } } }",
        {"id": mine["data"]["viewer"]["user"]["id"]},
        authorization=f"Bearer {access}",
    )
    assert seen["data"]["node"] == {"email": user["email"], "sessions": None}


async def test_a_session_is_revoked_at_once(engine_for: EngineFor, client_for: ClientFor) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    phone = (await sign_in(engine, user)).tokens
    laptop = (await sign_in(engine, user)).tokens
    authorization = f"Bearer {laptop.access}"
    listed = await client.ask(SESSIONS, authorization=authorization)
    ids = {each["current"]: each["id"] for each in listed["data"]["viewer"]["user"]["sessions"]}
    answer = await client.ask(REVOKE, {"id": ids[False]}, authorization=authorization)
    payload = answer["data"]["sessionRevoke"]
    assert payload == {"sessions": [{"id": ids[True], "current": True}], "userErrors": []}
    assert await role(client, phone.access) == 401
    assert code_of(await refreshed(client, phone.refresh)) == "UNAUTHENTICATED"
    assert await role(client, laptop.access) == "CUSTOMER"
    again = await client.ask(REVOKE, {"id": ids[False]}, authorization=authorization)
    assert again["data"]["sessionRevoke"]["userErrors"] == [
        {"code": "NOT_FOUND", "field": ["input", "id"]}
    ]


async def test_nobody_ends_a_session_of_somebody_else(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    theirs = (await sign_in(engine, await registered(engine))).tokens
    mine = (await sign_in(engine, await registered(engine, roles=["ADMIN"]))).tokens
    listed = await client.ask(SESSIONS, authorization=f"Bearer {theirs.access}")
    (session,) = listed["data"]["viewer"]["user"]["sessions"]
    variables = {"id": session["id"]}
    answer = await client.ask(REVOKE, variables, authorization=f"Bearer {mine.access}")
    assert answer["data"]["sessionRevoke"]["userErrors"][0]["code"] == "NOT_FOUND"
    assert code_of(await client.ask(REVOKE, variables)) == "UNAUTHENTICATED"
    assert await role(client, theirs.access) == "CUSTOMER"


@pytest.mark.parametrize("wrong", ["", "x", "UHJvZHVjdDox", "U2Vzc2lvbjp7fQ", "\u0000"])
async def test_what_is_no_session_is_a_user_error(
    engine_for: EngineFor, client_for: ClientFor, wrong: str
) -> None:
    engine = await engine_for(TOML)
    access = (await sign_in(engine, await registered(engine))).tokens.access
    answer = await client_for(engine).ask(REVOKE, {"id": wrong}, authorization=f"Bearer {access}")
    (error,) = answer["data"]["sessionRevoke"]["userErrors"]
    assert error["field"] == ["input", "id"]


@pytest.mark.parametrize("keep", [True, False])
async def test_one_signs_out_everywhere_and_stays_here_if_wanted(
    engine_for: EngineFor, client_for: ClientFor, *, keep: bool
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    other = (await sign_in(engine, await registered(engine))).tokens
    tokens = [(await sign_in(engine, user)).tokens for _ in range(3)]
    answer = await client.ask(
        EVERYWHERE, {"keep": keep}, authorization=f"Bearer {tokens[0].access}"
    )
    count = 2 if keep else 3
    assert answer["data"]["logoutEverywhere"] == {"count": count, "userErrors": []}
    here = "CUSTOMER" if keep else 401
    assert [await role(client, each.access) for each in tokens] == [here, 401, 401]
    assert await role(client, other.access) == "CUSTOMER"
    assert ("errors" not in await refreshed(client, tokens[0].refresh)) is keep
    assert code_of(await client.ask(EVERYWHERE, {"keep": False})) == "UNAUTHENTICATED"


# Sweeping


async def test_what_has_expired_is_swept(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    kept = (await sign_in(engine, user)).tokens.session
    gone = (await sign_in(engine, user)).tokens.session
    old = datetime.now(UTC) - timedelta(days=8)
    await stored(engine).update_one({"_id": gone}, {"$set": {"expires_at": old}})
    revocations = engine.storage.collection(RevocationDocument)
    await revocations.insert_one({"_id": "session:old", "until": old})
    await revocations_of(engine.context()).end_session("new")
    await renewing.sweep(engine.context())
    assert [each["_id"] async for each in stored(engine).find({})] == [kept]
    assert [each["_id"] async for each in revocations.find({})] == ["session:new"]


async def test_the_sweep_is_a_scheduled_job(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    gone = (await sign_in(engine, user)).tokens.session
    old = datetime.now(UTC) - timedelta(days=8)
    await stored(engine).update_one({"_id": gone}, {"$set": {"expires_at": old}})
    await engine._schedule.start_due()

    async def is_swept() -> bool:
        return bool(await stored(engine).count_documents({}) == 0)

    await until(is_swept)
    await asyncio.gather(*engine._schedule._running.values())


async def test_a_refresh_token_is_recognisable(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    token = (await sign_in(engine, await registered(engine))).tokens.refresh
    assert re.fullmatch(r"mercat_rt_[\w-]{22}\.1\.[\w-]{43}\.[\w-]{43}", token)
    with pytest.raises(UnauthenticatedError):
        await sessions.refresh(engine.context(), f"x{token}")
