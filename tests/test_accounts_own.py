"""What people change of their own account: profile, address, address book; export and erasure."""

import asyncio
import json
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_auth import links
from mercat_auth.accounts import service

from .asking import answered
from .conftest import ClientFor, EngineFor
from .identity import (
    HEARD,
    PASSWORD,
    hashed,
    messages,
    registered,
    signed_in,
    told,
    toml_of,
    viewer_for,
)
from .test_accounts import WHO, ask, codes, login, register, token_of

PROFILE = """mutation ($input: ProfileUpdateInput!) { profileUpdate(input: $input) {
  user { name locale } userErrors { field code } } }"""
WANT = """mutation ($input: EmailChangeRequestInput!) { emailChangeRequest(input: $input) {
  isMailSent userErrors { field code } } }"""
CONFIRM = """mutation ($token: String!) { emailChangeConfirm(input: {token: $token}) {
  isChanged userErrors { field code } } }"""
ADD = """mutation ($input: AddressCreateInput!) { addressCreate(input: $input) {
  address { id name lines city region postalCode country company phone isDefault }
  user { addresses { id isDefault } } userErrors { field code } } }"""
EDIT = """mutation ($input: AddressUpdateInput!) { addressUpdate(input: $input) {
  address { name lines city region isDefault } user { addresses { id isDefault } }
  userErrors { field code } } }"""
REMOVE = """mutation ($id: ID!) { addressDelete(input: {id: $id}) {
  deletedId user { addresses { id } } userErrors { field code } } }"""
BOOK = "{ viewer { user { id addresses { id name isDefault } } } }"
EXPORT = """mutation ($input: AccountExportInput!) { accountExport(input: $input) {
  json userErrors { field code } } }"""
ERASE = """mutation ($input: AccountEraseInput!) { accountErase(input: $input) {
  isErased userErrors { field code } } }"""
HOME = {
    "name": "Ada Lovelace",
    "lines": ["12 St James's Square"],
    "city": "London",
    "country": "GB",
    "postalCode": "SW1Y 4JH",
}


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(HEARD)


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    """For tests that don't mind each other's data."""
    return await shared_engine_for(HEARD)


async def do(engine: Engine, viewer: Viewer, document: str, **variables: Any) -> Any:
    """The payload of a mutation, or the first top-level error's code."""
    answer = await answered(engine, document, variables, viewer=viewer)
    if answer.get("errors"):
        return answer["errors"][0]["extensions"]["code"]
    (payload,) = answer["data"].values()
    return payload


async def ada(engine: Engine, **more: Any) -> tuple[Record, Viewer]:
    user = await registered(engine, "ada@example.com", **more)
    return user, await viewer_for(engine, user)


async def stored(engine: Engine, user: Record) -> Record:
    found: Record | None = await service.users(Context(engine)).find_one({"_id": user["_id"]})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (PROFILE, {"input": {"name": "x"}}),
        (WANT, {"input": {"email": "x@example.com", "password": PASSWORD}}),
        (ADD, {"input": HOME}),
        (EDIT, {"input": {"id": encode_id("Address", "0" * 24)}}),
        (REMOVE, {"id": encode_id("Address", "0" * 24)}),
        (EXPORT, {"input": {"password": PASSWORD}}),
        (ERASE, {"input": {"password": PASSWORD}}),
    ],
)
async def test_nobody_changes_an_account_without_signing_in(
    shared: Engine, document: str, variables: dict[str, Any]
) -> None:
    for viewer in (Viewer(), Viewer("CUSTOMER", user="0" * 24), Viewer("SERVICE", user="key-1")):
        assert await do(shared, viewer, document, **variables) == "UNAUTHENTICATED"


async def test_profile_keeps_what_is_left_out(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(more='[shop]\nlocales = ["en", "de"]'))
    _, viewer = await ada(engine)
    found = await do(engine, viewer, PROFILE, input={"locale": "de"})
    assert found["user"] == {"name": "Ada Lovelace", "locale": "de"}
    found = await do(engine, viewer, PROFILE, input={"name": None})
    assert found["user"] == {"name": None, "locale": "de"}
    for values, field in (({"locale": "xx"}, "locale"), ({"name": "a\nb"}, "name")):
        found = await do(engine, viewer, PROFILE, input=values)
        assert found["userErrors"] == [{"field": ["input", field], "code": "INVALID"}]


async def wants(engine: Engine, viewer: Viewer, email: str, password: str = PASSWORD) -> Any:
    return await do(engine, viewer, WANT, input={"email": email, "password": password})


async def test_address_changes_when_both_mailboxes_agree(engine: Engine) -> None:
    user, viewer = await ada(engine)
    assert (await wants(engine, viewer, "New@example.com"))["isMailSent"]
    old = await token_of(engine, "confirm_old_email", "ada@example.com")
    new = await token_of(engine, "confirm_new_email", "New@example.com")
    assert await ask(engine, CONFIRM, token=new) == {"isChanged": False, "userErrors": []}
    assert (await stored(engine, user))["email"] == "ada@example.com"
    assert codes(await ask(engine, CONFIRM, token=new)) == ["LINK_ENDED"]
    assert (await ask(engine, CONFIRM, token=old))["isChanged"]
    assert (await login(engine, "new@example.com"))["user"]["email"] == "New@example.com"
    assert codes(await login(engine, "ada@example.com")) == ["BAD_CREDENTIALS"]
    told_to = sorted(str(each.to) for each in await messages(engine, "email_changed"))
    assert told_to == ["New@example.com", "ada@example.com"]


async def test_both_links_at_once_change_the_address(engine: Engine) -> None:
    user, viewer = await ada(engine)
    for i in range(4):
        await wants(engine, viewer, f"new{i}@example.com")
        tokens = [
            await token_of(engine, "confirm_new_email"),
            await token_of(engine, "confirm_old_email"),
        ]
        answers = await asyncio.gather(*(ask(engine, CONFIRM, token=each) for each in tokens))
        assert sorted(each["isChanged"] for each in answers) == [False, True]
        assert (await stored(engine, user))["email"] == f"new{i}@example.com"


async def test_link_of_one_change_confirms_no_other(engine: Engine) -> None:
    user, viewer = await ada(engine)
    await wants(engine, viewer, "one@example.com")
    new_one = await token_of(engine, "confirm_new_email", "one@example.com")
    await wants(engine, viewer, "two@example.com")
    old_two = (await messages(engine, "confirm_old_email"))[-1].subject
    assert old_two is not None
    assert not (await ask(engine, CONFIRM, token=new_one))["isChanged"]
    secret = links.secret_of(Context(engine), old_two)
    assert not (await ask(engine, CONFIRM, token=secret))["isChanged"]
    assert (await stored(engine, user))["email"] == "ada@example.com"


async def test_taken_address_is_told_to_its_owner_alone(engine: Engine) -> None:
    await registered(engine, "bob@example.com")
    _, viewer = await ada(engine)
    free = await wants(engine, viewer, "free@example.com")
    taken = await wants(engine, viewer, "BOB@example.com")
    assert free == taken
    assert len(await messages(engine, "confirm_old_email")) == 2
    assert [each.to for each in await messages(engine, "confirm_new_email")] == ["free@example.com"]
    (told_owner,) = await messages(engine, "already_registered")
    assert (told_owner.to, len(told_owner.subject)) == ("bob@example.com", 24)


async def test_address_that_was_taken_meanwhile_stays_its_owners(engine: Engine) -> None:
    user, viewer = await ada(engine)
    await wants(engine, viewer, "new@example.com")
    old = await token_of(engine, "confirm_old_email")
    new = await token_of(engine, "confirm_new_email")
    await registered(engine, "NEW@example.com")
    await ask(engine, CONFIRM, token=old)
    assert codes(await ask(engine, CONFIRM, token=new)) == ["EMAIL_TAKEN"]
    assert (await stored(engine, user))["email"] == "ada@example.com"


async def test_change_of_address_needs_the_password(engine: Engine) -> None:
    _, viewer = await ada(engine)
    for password in ("", "a wrong one", "x" * 200):
        assert codes(await wants(engine, viewer, "new@example.com", password)) == ["WRONG_PASSWORD"]
    assert await messages(engine) == []


async def test_address_that_was_never_proved_is_not_asked(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(auth="require_verified_email = false"))
    _, viewer = await ada(engine, verified=False)
    await wants(engine, viewer, "right@example.com")
    assert await messages(engine, "confirm_old_email") == []
    token = await token_of(engine, "confirm_new_email")
    assert (await ask(engine, CONFIRM, token=token))["isChanged"]
    assert (await login(engine, "right@example.com"))["user"]["emailVerified"]


async def test_address_book_has_one_default(engine: Engine) -> None:
    _, viewer = await ada(engine)
    first = (await do(engine, viewer, ADD, input=HOME))["address"]
    assert first == {
        **HOME,
        "id": first["id"],
        "region": "",
        "company": "",
        "phone": "",
        "isDefault": True,
    }
    second = (await do(engine, viewer, ADD, input=HOME))["address"]
    third = await do(engine, viewer, ADD, input={**HOME, "isDefault": True})
    flags = [each["isDefault"] for each in third["user"]["addresses"]]
    assert flags == [False, False, True]
    values = {"id": second["id"], "isDefault": True, "city": " Bath ", "region": "Somerset"}
    edited = await do(engine, viewer, EDIT, input=values)
    assert edited["address"] == {
        "name": "Ada Lovelace",
        "lines": HOME["lines"],
        "city": "Bath",
        "region": "Somerset",
        "isDefault": True,
    }
    assert [each["isDefault"] for each in edited["user"]["addresses"]] == [False, True, False]
    removed = await do(engine, viewer, REMOVE, id=first["id"])
    assert removed["deletedId"] == first["id"]
    assert len(removed["user"]["addresses"]) == 2
    assert codes(await do(engine, viewer, REMOVE, id=first["id"])) == ["NOT_FOUND"]


async def test_address_book_is_bounded_whoever_adds_at_once(engine: Engine) -> None:
    user, viewer = await ada(engine)
    entry = {**HOME, "postal_code": "", "company": "", "region": "", "phone": ""}
    entry.pop("postalCode")
    book = [{**entry, "id": ObjectId(), "is_default": False} for _ in range(47)]
    await service.users(Context(engine)).update_one(
        {"_id": user["_id"]}, {"$set": {"addresses": book}}
    )
    payloads = await asyncio.gather(*(do(engine, viewer, ADD, input=HOME) for _ in range(6)))
    assert len([each for each in payloads if each["address"]]) == 3
    assert {code for each in payloads for code in codes(each)} == {"TOO_MANY"}
    assert len((await stored(engine, user))["addresses"]) == 50


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"name": " "}, ["input", "name"], "INVALID"),
        ({"city": ""}, ["input", "city"], "INVALID"),
        ({"country": "XX"}, ["input", "country"], "INVALID"),
        ({"country": "UK"}, ["input", "country"], "INVALID"),
        ({"lines": []}, ["input", "lines"], "INVALID"),
        ({"lines": ["x"] * 5}, ["input", "lines"], "INVALID"),
        ({"lines": ["x", " "]}, ["input", "lines", "1"], "INVALID"),
        ({"postalCode": "x" * 21}, ["input", "postalCode"], "INVALID"),
        ({"phone": "1\x002"}, ["input", "phone"], "INVALID"),
        ({"company": "x" * 101}, ["input", "company"], "INVALID"),
    ],
)
async def test_addresses_are_checked(
    shared: Engine, values: dict[str, Any], field: list[str], code: str
) -> None:
    viewer = await viewer_for(shared, await registered(shared))
    kept = (await do(shared, viewer, ADD, input=HOME))["address"]["id"]
    wrong = [{"field": field, "code": code}]
    assert (await do(shared, viewer, ADD, input={**HOME, **values}))["userErrors"] == wrong
    edited = await do(shared, viewer, EDIT, input={"id": kept, **values})
    assert edited["userErrors"] == wrong
    assert len((await do(shared, viewer, BOOK))["user"]["addresses"]) == 1


async def test_nobody_reaches_into_the_address_book_of_another(engine: Engine) -> None:
    user, viewer = await ada(engine)
    key = (await do(engine, viewer, ADD, input=HOME))["address"]["id"]
    rival = await viewer_for(engine, await registered(engine))
    assert codes(await do(engine, rival, EDIT, input={"id": key, "city": "x"})) == ["NOT_FOUND"]
    assert codes(await do(engine, rival, REMOVE, id=key)) == ["NOT_FOUND"]
    document = (
        """query ($id: ID!) { node(id: $id) { id ... on User { email addresses { id } } } }"""
    )
    own_id = encode_id("User", user["_id"])
    for other in (rival, Viewer()):
        answer = await answered(engine, document, {"id": own_id}, viewer=other)
        assert answer["data"]["node"] is None
    answer = await answered(engine, document, {"id": own_id}, viewer=viewer)
    assert [each["id"] for each in answer["data"]["node"]["addresses"]] == [key]


async def test_export_has_everything_and_no_secret(engine: Engine) -> None:
    user, viewer = await ada(engine)
    await do(engine, viewer, ADD, input=HOME)
    await service.users(Context(engine)).update_one(
        {"_id": user["_id"]},
        {
            "$set": {
                "mfa": {"totp": {"sealed": b"SECRETSECRET"}},
                "identities": [
                    {"key": "k", "provider": "google", "email": "a@b.c", "linked_at": None}
                ],
            }
        },
    )
    refused = await do(engine, viewer, EXPORT, input={"password": "a wrong one"})
    assert (refused["json"], codes(refused)) == (None, ["WRONG_PASSWORD"])
    payload = await do(engine, viewer, EXPORT, input={"password": PASSWORD})
    found = json.loads(payload["json"])
    assert found["account"]["email"] == "ada@example.com"
    assert found["addresses"][0]["city"] == "London"
    assert len(found["sessions"]) == 1
    assert found["identities"][0]["provider"] == "google"
    assert "user.signed_in" in [each["action"] for each in found["deeds"]]
    for secret in (hashed(PASSWORD), "argon2", "SECRETSECRET", "refresh"):
        assert secret not in payload["json"]


async def test_erased_account_leaves_nothing_that_says_whose_it_was(
    engine: Engine, client_for: ClientFor
) -> None:
    user, viewer = await ada(engine)
    access = f"Bearer {await signed_in(engine, user)}"
    await do(engine, viewer, ADD, input=HOME)
    await wants(engine, viewer, "new@example.com")
    refused = await do(engine, viewer, ERASE, input={"password": "a wrong one"})
    assert codes(refused) == ["WRONG_PASSWORD"]
    done = await do(engine, viewer, ERASE, input={"password": PASSWORD})
    assert done == {"isErased": True, "userErrors": []}
    answer = await client_for(engine).ask(WHO, authorization=access)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert [each["user_id"] for each in await told(engine, "user_erased")] == [str(user["_id"])]
    assert [each.to for each in await messages(engine, "account_erased")] == ["ada@example.com"]
    database = engine.storage.database
    await database["outbox"].delete_many({})  # as soon as they are delivered
    for name in await database.list_collection_names():
        text = str(await database[name].find({}).to_list())
        for trace in ("ada@example.com", "new@example.com", "Lovelace", "London", "argon2"):
            assert trace not in text, name
    assert (await stored(engine, user))["state"] == "erased"
    assert await do(engine, viewer, BOOK) == {"user": None}


async def test_address_of_an_erased_account_is_free(engine: Engine) -> None:
    _, viewer = await ada(engine)
    await do(engine, viewer, ERASE, input={"password": PASSWORD})
    assert codes(await login(engine, "ada@example.com")) == ["BAD_CREDENTIALS"]
    await register(engine, "ada@example.com")
    assert (await messages(engine))[-1].kind == "auth.verify_email"
    assert await engine.storage.database["users"].count_documents({}) == 2


async def test_last_admin_can_not_be_erased(engine: Engine) -> None:
    user, viewer = await ada(engine, roles=["ADMIN"])
    refused = await do(engine, viewer, ERASE, input={"password": PASSWORD})
    assert codes(refused) == ["LAST_ADMIN"]
    assert (await stored(engine, user))["email"] == "ada@example.com"
    await registered(engine, roles=["ADMIN"])
    assert (await do(engine, viewer, ERASE, input={"password": PASSWORD}))["isErased"]
