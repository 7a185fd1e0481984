"""Registering, proving an address, signing in and out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mercat.auth import Credentials
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import InvalidError, UnauthenticatedError
from mercat.graphql.documents import InvalidDocument
from mercat_auth import links
from mercat_auth.accounts import service

from .asking import answered
from .conftest import ClientFor, EngineFor, until
from .identity import (
    HEARD,
    PASSWORD,
    TOML,
    claims_in,
    messages,
    registered,
    signed_in,
    told,
    toml_of,
)
from .mailing import code_in, mails_in

ANYBODY = Viewer()
REGISTER = """mutation ($input: RegisterInput!) { register(input: $input) {
  isMailSent userErrors { field code } } }"""
VERIFY = """mutation ($token: String!) { emailVerify(input: {token: $token}) {
  isVerified userErrors { field code } } }"""
LOGIN = """mutation ($input: LoginInput!) { login(input: $input) {
  tokens { accessToken refreshToken expiresIn } csrfToken user { id email emailVerified name
  addresses { id } } challenge { token } userErrors { field code message } } }"""
LOGOUT = "mutation ($input: LogoutInput) { logout(input: $input) { userErrors { code } } }"
WHO = "{ viewer { role user { email roles hasPassword } } }"
SENT = {"isMailSent": True, "userErrors": []}


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(HEARD)


async def ask(engine: Engine, document: str, **variables: Any) -> dict[str, Any]:
    """The payload of a mutation that nobody in particular sends."""
    answer = await answered(engine, document, variables, viewer=ANYBODY)
    assert "errors" not in answer, answer["errors"]
    (payload,) = answer["data"].values()
    found: dict[str, Any] = payload
    return found


async def register(engine: Engine, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return await ask(engine, REGISTER, input={"email": email, "password": password, **more})


async def login(engine: Engine, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return await ask(engine, LOGIN, input={"email": email, "password": password, **more})


async def token_of(engine: Engine, kind: str, to: str | None = None) -> str:
    """What the link of the last such message carries."""
    link_id = (await messages(engine, kind, to))[-1].subject
    return links.secret_of(Context(engine), link_id)


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_account_is_usable_once_its_link_was_followed(engine: Engine) -> None:
    assert await register(engine, "ada@example.com", name=" Ada ") == SENT
    assert codes(await login(engine, "ada@example.com")) == ["EMAIL_NOT_VERIFIED"]
    token = await token_of(engine, "verify_email", "ada@example.com")
    assert await ask(engine, VERIFY, token=token) == {"isVerified": True, "userErrors": []}
    payload = await login(engine, "ada@example.com")
    assert payload["user"]["emailVerified"] is True
    assert payload["user"]["name"] == "Ada"
    assert payload["user"]["addresses"] == []
    assert payload["tokens"]["expiresIn"] == 600
    (event,) = await told(engine, "user_registered")
    assert event["user_id"] == claims_in(payload["tokens"]["accessToken"])["sub"]


async def test_access_token_of_a_login_says_who_asks(engine: Engine, client_for: ClientFor) -> None:
    await registered(engine, "ada@example.com", roles=["SUPPORT"])
    token = (await login(engine, "ada@example.com"))["tokens"]["accessToken"]
    answer = await client_for(engine).ask(WHO, authorization=f"Bearer {token}")
    assert answer["data"]["viewer"] == {
        "role": "SUPPORT",
        "user": {"email": "ada@example.com", "roles": ["SUPPORT", "CUSTOMER"], "hasPassword": True},
    }
    anonymous = await client_for(engine).ask(WHO)
    assert anonymous["data"]["viewer"] == {"role": "ANONYMOUS", "user": None}


async def test_link_is_good_once(engine: Engine) -> None:
    await register(engine, "ada@example.com")
    token = await token_of(engine, "verify_email")
    payloads = await asyncio.gather(*(ask(engine, VERIFY, token=token) for _ in range(5)))
    assert [each["isVerified"] for each in payloads].count(True) == 1
    assert codes(await ask(engine, VERIFY, token=token)) == ["LINK_ENDED"]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "E"),
        lambda token: token.partition(".")[0],
        lambda token: "A" * 22 + "." + token.partition(".")[2],
        lambda _token: "",
        lambda token: token * 1000,
        lambda token: token + "\n",
        lambda _token: "ű" * 66,
    ],
)
async def test_made_up_links_lead_nowhere(engine: Engine, spoilt: Any) -> None:
    await register(engine, "ada@example.com")
    token = spoilt(await token_of(engine, "verify_email"))
    assert codes(await ask(engine, VERIFY, token=token)) == ["LINK_ENDED"]
    assert codes(await login(engine, "ada@example.com")) == ["EMAIL_NOT_VERIFIED"]


async def test_expired_link_leads_nowhere(engine: Engine) -> None:
    await register(engine, "ada@example.com")
    token = await token_of(engine, "verify_email")
    rows = engine.storage.database["links"]
    (row,) = await rows.find({"purpose": "verify"}).to_list()
    await rows.update_one({"_id": row["_id"]}, {"$set": {"expires_at": row["_id"] and _long_ago()}})
    assert codes(await ask(engine, VERIFY, token=token)) == ["LINK_ENDED"]


def _long_ago() -> Any:
    from datetime import UTC, datetime

    return datetime(2020, 1, 1, tzinfo=UTC)


async def test_taken_address_answers_as_a_new_one_and_its_owner_hears(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    assert await register(engine, "ADA@example.com", "another good one") == SENT
    assert [each.kind for each in await messages(engine)] == ["auth.already_registered"]
    assert codes(await login(engine, "ada@example.com", "another good one")) == ["BAD_CREDENTIALS"]
    assert (await login(engine, "ada@example.com"))["tokens"] is not None
    assert await engine.storage.database["users"].count_documents({}) == 1


async def test_link_brings_the_password_of_its_own_registration(engine: Engine) -> None:
    """Whoever registers somebody else's address first gains nothing by it."""
    await register(engine, "victim@example.com", "the password of a thief")
    await register(engine, "victim@example.com", "the password of its owner", name="Vic")
    token = await token_of(engine, "verify_email")
    assert (await ask(engine, VERIFY, token=token))["isVerified"]
    thief = await login(engine, "victim@example.com", "the password of a thief")
    assert codes(thief) == ["BAD_CREDENTIALS"]
    owner = await login(engine, "victim@example.com", "the password of its owner")
    assert owner["user"]["name"] == "Vic"


async def test_session_of_who_registered_first_ends_when_the_owner_proves_to_be_that(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(auth="require_verified_email = false"))
    await register(engine, "victim@example.com", "the password of a thief")
    thief = await login(engine, "victim@example.com", "the password of a thief")
    access = f"Bearer {thief['tokens']['accessToken']}"
    assert (await client_for(engine).ask(WHO, authorization=access))["data"]["viewer"]["user"]
    await register(engine, "victim@example.com", "the password of its owner")
    await ask(engine, VERIFY, token=await token_of(engine, "verify_email"))
    answer = await client_for(engine).ask(WHO, authorization=access)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_ten_registrations_of_an_address_at_once_make_one_account(engine: Engine) -> None:
    answers = await asyncio.gather(
        *(
            answered(
                engine,
                REGISTER,
                {"input": {"email": "ada@example.com", "password": PASSWORD}},
                viewer=ANYBODY,
            )
            for _ in range(5)
        )
    )
    assert all(each["data"]["register"] == SENT for each in answers)
    assert await engine.storage.database["users"].count_documents({}) == 1
    assert len(await told(engine, "user_registered")) == 1


@pytest.mark.parametrize(
    "name", ["Win at https://evil.example", "www.evil.example", "a\nb", "x" * 101, "a\u202eb", "@"]
)
async def test_names_advertise_nothing_in_messages(engine: Engine, name: str) -> None:
    payload = await register(engine, "ada@example.com", name=name)
    assert payload["userErrors"] == [{"field": ["input", "name"], "code": "INVALID"}]
    assert await messages(engine) == []


async def test_wrong_password_and_unknown_address_answer_alike(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    wrong = await login(engine, "ada@example.com", "not the password")
    unknown = await login(engine, "bob@example.com", "not the password")
    assert wrong == unknown
    assert codes(wrong) == ["BAD_CREDENTIALS"]


async def test_ten_devices_sign_in_at_once(engine: Engine) -> None:
    user = await registered(engine)
    tokens = await asyncio.gather(*(signed_in(engine, user) for _ in range(10)))
    assert len({claims_in(token)["sid"] for token in tokens}) == 10
    assert len(await told(engine, "signed_in")) == 10


async def test_cookies_are_given_over_http_only(engine: Engine) -> None:
    user = await registered(engine)
    context = Context(engine, credentials=Credentials({}, None, "WEBSOCKET"))
    with pytest.raises(InvalidError, match="HTTP only"):
        await service.finish_sign_in(context, user, ("pwd",), "COOKIE")
    assert await engine.storage.database["sessions"].count_documents({}) == 0


async def test_document_signs_in_once(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    one = f'login(input: {{email: "ada@example.com", password: "{PASSWORD}"}})'
    body = "{ user { email } }"
    document = (
        f"mutation {{ a: {one} {body} ...more }} fragment more on Mutation {{ b: {one} {body} }}"
    )
    with pytest.raises(InvalidDocument, match="has `login` more than once"):
        await answered(engine, document, viewer=ANYBODY)
    assert await engine.storage.database["sessions"].count_documents({}) == 0


async def test_suspended_account_can_not_sign_in(engine: Engine) -> None:
    user = await registered(engine, "ada@example.com")
    await engine.storage.database["users"].update_one(
        {"_id": user["_id"]}, {"$set": {"state": "suspended"}}
    )
    assert codes(await login(engine, "ada@example.com")) == ["SUSPENDED"]
    assert codes(await login(engine, "ada@example.com", "wrong one")) == ["BAD_CREDENTIALS"]
    assert await engine.storage.database["sessions"].count_documents({}) == 0


async def test_account_without_a_password_can_not_be_signed_in_to_with_one(engine: Engine) -> None:
    await registered(engine, "ada@example.com", password=None)
    for password in ("", "None", "nobody's"):
        assert codes(await login(engine, "ada@example.com", password)) == ["BAD_CREDENTIALS"]


async def test_unverified_account_can_sign_in_where_the_shop_allows_it(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(toml_of(auth="require_verified_email = false"))
    await register(engine, "ada@example.com")
    payload = await login(engine, "ada@example.com")
    assert payload["user"]["emailVerified"] is False
    assert payload["tokens"] is not None


async def test_cookies_carry_the_tokens_and_the_payload_does_not(
    engine: Engine, client_for: ClientFor
) -> None:
    await registered(engine, "ada@example.com")
    client = client_for(engine)
    values = {"email": "ada@example.com", "password": PASSWORD, "transport": "COOKIE"}
    answer = await client.http.post(
        "/graphql", json={"query": LOGIN, "variables": {"input": values}}
    )
    payload = answer.json()["data"]["login"]
    assert payload["tokens"] is None
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 3
    jar = "; ".join(each.partition(";")[0] for each in cookies)
    csrf = payload["csrfToken"]
    known = await client.ask(WHO, cookie=jar, **{"x-csrf-token": csrf})
    assert known["data"]["viewer"]["user"]["email"] == "ada@example.com"
    gone = await client.http.post(
        "/graphql", json={"query": LOGOUT}, headers={"cookie": jar, "x-csrf-token": csrf}
    )
    assert all("Max-Age=0" in each for each in gone.headers.get_list("set-cookie"))
    assert len(gone.headers.get_list("set-cookie")) == 3
    ended = await client.ask(WHO, cookie=jar, **{"x-csrf-token": csrf})
    assert ended["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_logout_ends_this_session_and_no_other(engine: Engine, client_for: ClientFor) -> None:
    user = await registered(engine)
    client = client_for(engine)
    here, there = [f"Bearer {await signed_in(engine, user)}" for _ in range(2)]
    assert (await client.ask(LOGOUT, authorization=here))["data"]["logout"] == {"userErrors": []}
    ended = await client.ask(WHO, authorization=here)
    assert ended["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await client.ask(WHO, authorization=there))["data"]["viewer"]["user"]
    assert len(await told(engine, "signed_out")) == 1


async def test_logout_by_refresh_token_needs_a_good_one(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    tokens = (await login(engine, "ada@example.com"))["tokens"]
    refresh = tokens["refreshToken"]
    forged = refresh[:-44] + "." + "A" * 43
    for token in (forged, "", "nonsense", refresh + "x"):
        assert await ask(engine, LOGOUT, input={"refreshToken": token}) == {"userErrors": []}
    assert await engine.storage.database["sessions"].count_documents({"ended_at": None}) == 1
    await ask(engine, LOGOUT, input={"refreshToken": refresh})
    assert await engine.storage.database["sessions"].count_documents({"ended_at": None}) == 0


async def test_guest_is_named_to_those_who_hear_of_a_login(engine: Engine) -> None:
    await registered(engine, "ada@example.com")
    values = {"email": "ada@example.com", "password": PASSWORD}
    await answered(engine, LOGIN, {"input": values}, viewer=Viewer(guest="guest-1"))
    (event,) = await told(engine, "signed_in")
    assert event["guest"] == "guest-1"


async def test_sign_in_that_a_new_password_overtook_gets_no_session(engine: Engine) -> None:
    user = await registered(engine)
    await engine.storage.database["users"].update_one(
        {"_id": user["_id"]}, {"$inc": {"token_version": 1}}
    )
    with pytest.raises(UnauthenticatedError, match="changed meanwhile"):
        await service.finish_sign_in(Context(engine), user, ("pwd",), "BEARER")
    assert await engine.storage.database["sessions"].count_documents({}) == 0
    assert await told(engine, "signed_in") == []


async def test_message_is_a_file_while_there_is_no_mail_server(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for(TOML, work=True)
    await register(engine, "ada@example.com")
    folder = tmp_path / ".mercat" / "mail"

    async def there() -> bool:
        return len(mails_in(folder)) == 1

    await until(there)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    (found,) = mails_in(folder)
    assert found["To"] == "ada@example.com"
    assert (await ask(engine, VERIFY, token=code_in(found)))["isVerified"]


async def test_nothing_stored_or_waiting_is_enough_to_follow_a_link(engine: Engine) -> None:
    await register(engine, "ada@example.com")
    token = await token_of(engine, "verify_email")
    secret = token.partition(".")[2]
    for name in await engine.storage.database.list_collection_names():
        text = str(await engine.storage.database[name].find({}).to_list())
        assert secret not in text
        assert PASSWORD not in text


async def test_an_input_of_the_wrong_shape_is_refused_without_repeating_the_password(
    engine: Engine,
) -> None:
    for given in (
        {"password": PASSWORD},
        {"email": "a@example.com", "password": [PASSWORD], "x": 1},
    ):
        answer = await answered(engine, LOGIN, {"input": given}, viewer=ANYBODY)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}
        assert PASSWORD not in str(answer)
