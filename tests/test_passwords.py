"""What a password must be, changing it, and setting a new one with a link."""

import asyncio
import secrets
import statistics
import time
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import RateLimitedError
from mercat.storage import Record
from mercat_auth.accounts import service
from mercat_auth.passwords.hashing import hashing_of

from .asking import answered
from .conftest import ClientFor, EngineFor
from .identity import PASSWORD, PATIENT, TOML, messages, registered, signed_in, toml_of, viewer_for
from .test_accounts import SENT, VERIFY, WHO, ask, codes, login, register, token_of

CHANGE = """mutation ($input: PasswordChangeInput!) { passwordChange(input: $input) {
  user { email } userErrors { field code } } }"""
FORGET = """mutation ($email: String!) { passwordResetRequest(input: {email: $email}) {
  isMailSent userErrors { field code } } }"""
RESET = """mutation ($token: String!, $password: String!) {
  passwordReset(input: {token: $token, password: $password}) {
  isReset userErrors { field code } } }"""
NEW = "an entirely new one"


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    """For tests that don't mind each other's data."""
    return await shared_engine_for(toml_of(auth=PATIENT))


async def change(engine: Engine, viewer: Viewer, new: str = NEW, current: str = PASSWORD) -> Any:
    values = {"currentPassword": current, "newPassword": new}
    answer = await answered(engine, CHANGE, {"input": values}, viewer=viewer)
    return answer["data"]["passwordChange"] if answer.get("data") else answer


async def forget(engine: Engine, email: str) -> Any:
    return await ask(engine, FORGET, email=email)


async def stored(engine: Engine, user: Record) -> Record:
    found: Record | None = await service.users(Context(engine)).find_one({"_id": user["_id"]})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "password",
    [
        "",
        "too short",
        "password123",  # of the list
        "PASSWORD123",
        "sunshine1987",  # a word of the list, and a year
        "!!!dragonfly2024???",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "0123456789",
        "qwertyuiop",
        "abcdefghijkl",
        "ada@example.com",
        "Ada Lovelace",
        "lovelace1815",
        "x" * 129,
        "\u00e9" * 200,
        "surrogate \ud800 here",
    ],
)
async def test_weak_passwords_are_refused(shared: Engine, password: str) -> None:
    payload = await register(shared, "ada@example.com", password, name="Ada Lovelace")
    assert payload["userErrors"] == [{"field": ["input", "password"], "code": "WEAK_PASSWORD"}]
    assert await messages(shared, to="ada@example.com") == []


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "ten chars.",
        "\u043f\u0430\u0440\u043e\u043b\u044c \u0438 \u0441\u043e\u043b\u044c",
        "\U0001f600" * 3 + "\U0001f40e\U0001f50b\U0001f9f7\U0001f511abc",
        "x7#9$Kq!fish",
        " spaces around it ",
        "y" + "z!" * 60 + "1234567",
    ],
)
async def test_any_characters_make_a_password(shared: Engine, password: str) -> None:
    assert await register(shared, f"{secrets.token_hex(6)}@example.com", password) == SENT


async def test_accents_may_be_typed_either_way(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    token = await _reset_token(engine, "ada@example.com")
    composed, apart = "caf\u00e9 au lait, s'il", "cafe\u0301 au lait, s'il"
    assert (await ask(engine, RESET, token=token, password=apart))["isReset"]
    assert (await login(engine, "ada@example.com", composed))["tokens"] is not None


async def _reset_token(engine: Engine, email: str) -> str:
    assert await forget(engine, email) == SENT
    return await token_of(engine, "reset_password", email)


async def test_passwords_of_megabytes_are_refused_before_they_are_hashed(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(more="[server]\nmax_body_bytes = 50_000_000"))
    await registered(engine, "ada@example.com")
    huge = "x" * 10_000_000
    began = time.perf_counter()
    assert codes(await login(engine, "ada@example.com", huge)) == ["BAD_CREDENTIALS"]
    assert codes(await register(engine, "bob@example.com", huge)) == ["WEAK_PASSWORD"]
    assert time.perf_counter() - began < 1
    answer = await client_for(await engine_for(TOML)).http.post(
        "/graphql", json={"query": WHO, "variables": {"x": huge}}
    )
    assert answer.status_code == 413


async def test_new_password_ends_other_sessions_and_all_links(
    engine: Engine, client_for: ClientFor
) -> None:
    user = await registered(engine, "ada@example.com")
    elsewhere = f"Bearer {await signed_in(engine, user)}"
    here = await viewer_for(engine, user)
    link = await _reset_token(engine, "ada@example.com")
    assert (await change(engine, here))["user"] == {"email": "ada@example.com"}
    answer = await client_for(engine).ask(WHO, authorization=elsewhere)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    open_sessions = engine.storage.database["sessions"].find({"ended_at": None})
    assert [each["_id"] async for each in open_sessions] == [here.session]
    assert codes(await ask(engine, RESET, token=link, password=NEW)) == ["LINK_ENDED"]
    assert codes(await login(engine, "ada@example.com")) == ["BAD_CREDENTIALS"]
    assert (await login(engine, "ada@example.com", NEW))["tokens"] is not None
    assert [each.to for each in await messages(engine, "password_changed")] == ["ada@example.com"]


async def test_password_is_changed_by_who_knows_it_alone(engine: Engine) -> None:
    user = await registered(engine, "ada@example.com")
    viewer = await viewer_for(engine, user)
    refused = await change(engine, viewer, current="not the password")
    assert refused["userErrors"] == [
        {"field": ["input", "currentPassword"], "code": "WRONG_PASSWORD"}
    ]
    weak = await change(engine, viewer, new="password123")
    assert weak["userErrors"] == [{"field": ["input", "newPassword"], "code": "WEAK_PASSWORD"}]
    nobody = await change(engine, Viewer())
    assert nobody["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await stored(engine, user))["password"] == user["password"]


async def test_first_password_needs_a_sign_in_of_a_few_minutes_ago(engine: Engine) -> None:
    user = await registered(engine, "ada@example.com", password=None)
    viewer = await viewer_for(engine, user, methods=("fed",))
    rows = engine.storage.database["sessions"]
    row = await rows.find_one({"_id": viewer.session})
    assert row is not None
    earlier = row["created_at"].replace(year=2020)
    await rows.update_one({"_id": viewer.session}, {"$set": {"created_at": earlier}})
    assert codes(await change(engine, viewer, current="")) == ["SIGN_IN_AGAIN"]
    await rows.update_one({"_id": viewer.session}, {"$set": {"created_at": row["created_at"]}})
    assert codes(await change(engine, viewer, current="")) == []
    assert (await login(engine, "ada@example.com", NEW))["tokens"] is not None


async def test_link_sets_a_password_once_and_ends_everything_else(
    engine: Engine, client_for: ClientFor
) -> None:
    user = await registered(engine, "ada@example.com")
    elsewhere = f"Bearer {await signed_in(engine, user)}"
    other = await _reset_token(engine, "ada@example.com")
    token = await _reset_token(engine, "ada@example.com")
    answers = await asyncio.gather(
        *(ask(engine, RESET, token=token, password=f"{NEW} {i}") for i in range(4))
    )
    (won,) = [i for i, each in enumerate(answers) if each["isReset"]]
    for link in (token, other):
        assert codes(await ask(engine, RESET, token=link, password=NEW)) == ["LINK_ENDED"]
    assert (await login(engine, "ada@example.com", f"{NEW} {won}"))["tokens"] is not None
    answer = await client_for(engine).ask(WHO, authorization=elsewhere)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_weak_password_does_not_use_up_the_link(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    token = await _reset_token(engine, "ada@example.com")
    weak = await ask(engine, RESET, token=token, password="ada@example.com")
    assert weak["userErrors"] == [{"field": ["input", "password"], "code": "WEAK_PASSWORD"}]
    assert (await ask(engine, RESET, token=token, password=NEW))["isReset"]


async def test_link_is_bound_to_the_address_that_it_was_sent_to(engine: Engine) -> None:
    user = await registered(engine, "ada@example.com")
    token = await _reset_token(engine, "ada@example.com")
    await service.users(Context(engine)).update_one(
        {"_id": user["_id"]}, {"$set": {"email": "b@example.com", "email_key": "b@example.com"}}
    )
    assert codes(await ask(engine, RESET, token=token, password=NEW)) == ["LINK_ENDED"]


async def test_link_that_verifies_sets_no_password(engine: Engine) -> None:
    await register(engine, "ada@example.com")
    token = await token_of(engine, "verify_email")
    assert codes(await ask(engine, RESET, token=token, password=NEW)) == ["LINK_ENDED"]


async def test_new_password_by_mail_proves_the_address(engine: Engine) -> None:
    await register(engine, "ada@example.com")
    await _add_keys(engine)
    token = await _reset_token(engine, "ada@example.com")
    assert (await ask(engine, RESET, token=token, password=NEW))["isReset"]
    assert (await login(engine, "ada@example.com", NEW))["user"]["emailVerified"] is True
    assert await _keys(engine) == ([], [], None)


async def test_first_proof_of_an_address_ends_the_keys_of_who_registered_it_before(
    engine: Engine,
) -> None:
    await register(engine, "ada@example.com")
    await _add_keys(engine)
    first = await token_of(engine, "verify_email")
    await register(engine, "ada@example.com", NEW)
    second = await token_of(engine, "verify_email")
    assert (await ask(engine, VERIFY, token=second))["isVerified"]
    assert await _keys(engine) == ([], [], None)
    assert codes(await ask(engine, VERIFY, token=first)) == ["LINK_ENDED"]


async def test_new_password_keeps_the_second_factor_of_a_proved_account(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    await _add_keys(engine)
    token = await _reset_token(engine, "ada@example.com")
    assert (await ask(engine, RESET, token=token, password=NEW))["isReset"]
    identities, passkeys, mfa = await _keys(engine)
    assert all((identities, passkeys, mfa))


async def _add_keys(engine: Engine) -> None:
    keys = {"identities": [{"key": "k"}], "passkeys": [{"id": "p"}], "mfa": {"totp": {}}}
    await engine.storage.database["users"].update_one({}, {"$set": keys})


async def _keys(engine: Engine) -> tuple[Any, Any, Any]:
    (user,) = await engine.storage.database["users"].find({}).to_list()
    return user["identities"], user["passkeys"], user["mfa"]


async def test_nobody_hears_of_a_request_for_an_unknown_or_suspended_account(
    engine: Engine,
) -> None:
    user = await registered(engine, "ada@example.com")
    await engine.storage.database["users"].update_one(
        {"_id": user["_id"]}, {"$set": {"state": "suspended"}}
    )
    assert await forget(engine, "bob@example.com") == SENT
    assert await forget(engine, "ada@example.com") == SENT
    assert await messages(engine) == []


async def test_hash_follows_the_parameters_at_the_next_login(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine, "ada@example.com")
    stronger = await engine_for(toml_of().replace("7168", "8192"))
    assert (await login(stronger, "ada@example.com", "a wrong one"))["tokens"] is None
    assert (await stored(engine, user))["password"] == user["password"]
    assert (await login(stronger, "ada@example.com"))["tokens"] is not None
    assert "m=8192," in (await stored(engine, user))["password"]
    assert (await login(stronger, "ada@example.com"))["tokens"] is not None


async def _medians(engine: Engine, asks: list[Any], rounds: int) -> list[float]:
    """The median time of each, asked in turn."""
    times: list[list[float]] = [[] for _ in asks]
    for i in range(rounds):
        for own, one in zip(times, asks, strict=True):
            began = time.perf_counter()
            await one(i)
            own.append(time.perf_counter() - began)
    return [statistics.median(each) for each in times]


async def test_time_does_not_tell_whether_an_address_has_an_account(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    for i in range(30):
        await registered(engine, f"known{i}@example.com")
    await login(engine, "nobody@example.com")
    pairs = {
        "login": (
            lambda i: login(engine, f"known{i}@example.com", "a wrong password"),
            lambda i: login(engine, f"unknown{i}@example.com", "a wrong password"),
        ),
        "register": (
            lambda i: register(engine, f"known{i}@example.com"),
            lambda i: register(engine, f"new{i}@example.com"),
        ),
        "reset": (
            lambda i: forget(engine, f"known{i}@example.com"),
            lambda i: forget(engine, f"unknown{i}@example.com"),
        ),
    }
    for name, asks in pairs.items():
        known, unknown = await _medians(engine, list(asks), 30)
        print(f"{name}: known {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms")
        assert abs(known - unknown) < 0.25 * max(known, unknown), (name, known, unknown)


async def test_whoever_gives_up_waiting_makes_room_for_the_next(engine_for: EngineFor) -> None:
    hashing = hashing_of((await engine_for(toml_of(auth="hashes_waiting = 1"))).context())
    first, second = (asyncio.create_task(hashing.hash(PASSWORD)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(RateLimitedError):
        await hashing.hash(PASSWORD)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    third = asyncio.create_task(hashing.hash(PASSWORD))
    assert await hashing.verify(await first, PASSWORD) is True
    assert await hashing.verify(await third, "another one") is False


async def test_what_can_not_be_hashed_fails_and_holds_nobody_up(engine: Engine) -> None:
    hashing = hashing_of(engine.context())
    with pytest.raises(UnicodeEncodeError):
        await hashing.hash("\ud800")
    assert await hashing.verify(await hashing.hash(PASSWORD), PASSWORD) is True
