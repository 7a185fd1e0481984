"""Passkeys: registered, as a second factor, and alone; and what is no passkey of the shop."""

import asyncio
import json
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn import base64url_to_bytes, verify_registration_response

from mercat.engine import Engine
from mercat.errors import BootError
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.documents import SessionDocument, UserDocument
from mercat_auth.mfa import passkeys

from .authenticator import ORIGIN, RP_ID, Authenticator, text
from .conftest import Client, EngineFor
from .factors import (
    DISABLE,
    ENABLE,
    LOGIN_CONFIRM,
    PASSKEY_LOGIN_START,
    PROOF,
    REGISTER_FINISH,
    REGISTER_START,
    REMOVE,
    RENAME,
    Person,
    codes_of,
    person,
    said,
)
from .identity import claims_in, messages, registered, signed_in, toml_of

PASSKEYS = f'rp_id = "{RP_ID}"\norigins = ["{ORIGIN}", "https://app.shop.example"]'


@pytest.fixture(scope="module")
async def engine(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(toml_of(auth=PASSKEYS))


@pytest.fixture
async def ada(engine: Engine, client: Client) -> Person:
    return await person(engine, client)


async def started(client: Client) -> dict[str, Any]:
    payload = await said(client, PASSKEY_LOGIN_START, transport="BEARER")
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["challenge"]
    return found


async def sessions_of(who: Person) -> int:
    return await who.engine.storage.collection(SessionDocument).count_documents(
        {"user": who.user["_id"]}
    )


async def signed_in_alone(client: Client, authenticator: Authenticator, **bent: Any) -> Any:
    asked = await started(client)
    passkey = authenticator.get(asked["passkeyOptions"], **bent)
    return await said(client, LOGIN_CONFIRM, challenge=asked["token"], passkey=passkey)


async def test_a_passkey_is_registered_and_signs_in_alone(ada: Person) -> None:
    payload = await ada.ask(REGISTER_START, proof=PROOF)
    registration = payload["registration"]
    options = json.loads(registration["options"])
    assert options["rp"] == {"name": "Mercat", "id": RP_ID}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    authenticator = Authenticator()
    payload = await ada.ask(
        REGISTER_FINISH,
        challenge=registration["challenge"],
        credential=authenticator.create(registration["options"]),
        name="  My  phone ",
    )
    assert payload["passkey"]["name"] == "My phone"
    assert len(payload["recoveryCodes"]) == 10
    asked = await started(ada.client)
    assert (asked["kinds"], json.loads(asked["passkeyOptions"])["allowCredentials"]) == (
        ["PASSKEY"],
        [],
    )
    done = await said(
        ada.client,
        LOGIN_CONFIRM,
        challenge=asked["token"],
        passkey=authenticator.get(asked["passkeyOptions"]),
    )
    assert done["user"] == {"email": ada.user["email"]}
    assert claims_in(done["tokens"]["accessToken"])["amr"] == ["hwk", "mfa"]
    viewer = await ada.viewer(done["tokens"]["accessToken"])
    (shown,) = viewer["user"]["mfa"]["passkeys"]
    assert shown["usedAt"] is not None
    told = [
        each.kind.removeprefix("auth.") for each in await messages(ada.engine, to=ada.user["email"])
    ]
    assert told == ["passkey_added"]


async def test_a_passkey_is_a_second_factor(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    asked = await ada.login()
    assert asked["kinds"] == ["RECOVERY_CODE", "PASSKEY"]
    (allowed,) = json.loads(asked["passkeyOptions"])["allowCredentials"]
    assert allowed == {
        "id": text(authenticator.id),
        "type": "public-key",
        "transports": ["internal"],
    }
    done = await said(
        ada.client,
        LOGIN_CONFIRM,
        challenge=asked["token"],
        passkey=authenticator.get(asked["passkeyOptions"]),
    )
    assert claims_in(done["tokens"]["accessToken"])["amr"] == ["pwd", "hwk", "mfa"]


async def test_an_origin_below_the_domain_is_the_shops(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    done = await signed_in_alone(ada.client, authenticator, origin="https://app.shop.example")
    assert codes_of(done) == []


BENT: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://shop.example.evil.test"},
    "an origin without TLS": {"origin": "http://shop.example"},
    "another domain": {"rp_id": "evil.test"},
    "another challenge": {"challenge": text(b"x" * 43)},
    "another kind of ceremony": {"type": "webauthn.nonsense"},
    "nobody present": {"flags": 0},
    "nobody verified": {"flags": 0x01},
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT)
async def test_what_is_not_for_the_shop_signs_nobody_in(ada: Person, bent: dict[str, Any]) -> None:
    authenticator = await ada.add_passkey()
    before = await sessions_of(ada)
    payload = await signed_in_alone(ada.client, authenticator, **bent)
    assert (payload["tokens"], codes_of(payload)) == (None, ["PASSKEY_REFUSED"])
    assert await sessions_of(ada) == before
    assert codes_of(await signed_in_alone(ada.client, authenticator)) == []


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT)
async def test_what_is_not_for_the_shop_is_not_registered(
    ada: Person, bent: dict[str, Any]
) -> None:
    registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
    payload = await ada.ask(
        REGISTER_FINISH,
        challenge=registration["challenge"],
        credential=Authenticator().create(registration["options"], **bent),
        name="Phone",
    )
    assert (payload["passkey"], codes_of(payload)) == (None, ["PASSKEY_REFUSED"])
    assert (await ada.viewer())["user"]["mfa"]["passkeys"] == []


@pytest.mark.parametrize(
    "attestation",
    [{"fmt": "fido-u2f"}, {"fmt": "android-safetynet"}, {"fmt": 5}, {"attStmt": {"x5c": [b"x"]}}],
)
async def test_other_attestations_are_refused(ada: Person, attestation: dict[str, Any]) -> None:
    registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
    credential = Authenticator().create(registration["options"], attestation=attestation)
    payload = await ada.ask(
        REGISTER_FINISH, challenge=registration["challenge"], credential=credential, name="Phone"
    )
    assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_a_good_attestation_of_another_format_is_refused_too(ada: Person) -> None:
    registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
    authenticator = Authenticator()
    options = registration["options"]
    verify_registration_response(
        credential=authenticator.create_u2f(options),
        expected_challenge=base64url_to_bytes(json.loads(options)["challenge"]),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
    )
    payload = await ada.ask(
        REGISTER_FINISH,
        challenge=registration["challenge"],
        credential=authenticator.create_u2f(options),
        name="Phone",
    )
    assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_a_signature_of_another_key_signs_nobody_in(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    other = ec.generate_private_key(ec.SECP256R1())
    payload = await signed_in_alone(ada.client, authenticator, key=other)
    assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_an_answer_is_good_once(ada: Person) -> None:
    authenticator = await ada.add_passkey(counts=False)
    asked = await started(ada.client)
    passkey = authenticator.get(asked["passkeyOptions"])
    payloads = await asyncio.gather(
        *(
            said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], passkey=passkey)
            for _ in range(4)
        )
    )
    assert sorted(map(codes_of, payloads)) == [[]] + [["CHALLENGE_EXPIRED"]] * 3
    other = await started(ada.client)
    again = await said(ada.client, LOGIN_CONFIRM, challenge=other["token"], passkey=passkey)
    assert codes_of(again) == ["PASSKEY_REFUSED"]


async def test_a_registration_is_good_once(ada: Person) -> None:
    registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
    given = {
        "challenge": registration["challenge"],
        "credential": Authenticator().create(registration["options"]),
        "name": "Phone",
    }
    assert codes_of(await ada.ask(REGISTER_FINISH, **given)) == []
    assert codes_of(await ada.ask(REGISTER_FINISH, **given)) == ["CHALLENGE_EXPIRED"]
    given["credential"] = Authenticator().create(registration["options"])
    assert codes_of(await ada.ask(REGISTER_FINISH, **given)) == ["CHALLENGE_EXPIRED"]


async def test_somebody_elses_passkey_is_no_second_factor(ada: Person) -> None:
    await ada.add_passkey()
    bob = await person(ada.engine, ada.client)
    theirs = await bob.add_passkey()
    asked = await ada.login()
    for user in (theirs.user, None, text(ada.user["_id"].binary)):
        passkey = theirs.get(asked["passkeyOptions"], user=user)
        payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], passkey=passkey)
        assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_a_passkey_says_whose_it_is(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    other = text(b"somebody els")
    assert codes_of(await signed_in_alone(ada.client, authenticator, user=other)) == [
        "PASSKEY_REFUSED"
    ]
    assert codes_of(await signed_in_alone(ada.client, authenticator, user=None)) == []


async def test_a_passkey_belongs_to_one_account(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    bob = await person(ada.engine, ada.client)
    registration = (await bob.ask(REGISTER_START, proof=PROOF))["registration"]
    payload = await bob.ask(
        REGISTER_FINISH,
        challenge=registration["challenge"],
        credential=authenticator.create(registration["options"]),
        name="Stolen",
    )
    assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_an_account_has_a_passkey_once(ada: Person) -> None:
    authenticator = Authenticator()
    given = []
    for _ in range(3):
        registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
        credential = authenticator.create(registration["options"])
        given.append({"challenge": registration["challenge"], "credential": credential})
    payloads = await asyncio.gather(
        *(ada.ask(REGISTER_FINISH, name="Phone", **each) for each in given)
    )
    assert sorted(map(codes_of, payloads)) == [[], ["PASSKEY_REFUSED"], ["PASSKEY_REFUSED"]]
    assert len((await ada.viewer())["user"]["mfa"]["passkeys"]) == 1


async def test_of_two_accounts_that_register_one_at_once_one_has_it(ada: Person) -> None:
    authenticator = Authenticator()
    people = [ada, await person(ada.engine, ada.client)]
    given = []
    for who in people:
        registration = (await who.ask(REGISTER_START, proof=PROOF))["registration"]
        credential = authenticator.create(registration["options"])
        given.append({"challenge": registration["challenge"], "credential": credential})
    payloads = await asyncio.gather(
        *(
            who.ask(REGISTER_FINISH, name="Phone", **each)
            for who, each in zip(people, given, strict=True)
        )
    )
    assert sorted(map(codes_of, payloads)) == [[], ["PASSKEY_REFUSED"]]


@pytest.mark.parametrize("count", [0, 4, 5])
async def test_a_counter_that_does_not_go_up_tells_of_a_copy(ada: Person, count: int) -> None:
    authenticator = await ada.add_passkey()
    assert codes_of(await signed_in_alone(ada.client, authenticator, count=5)) == []
    payload = await signed_in_alone(ada.client, authenticator, count=count)
    assert codes_of(payload) == ["PASSKEY_REFUSED"]
    log = ada.engine.storage.collection(AuditDocument)
    copied = {"action": "user.passkey_copied", "key": str(ada.user["_id"])}
    assert await log.count_documents(copied) == 1
    assert codes_of(await signed_in_alone(ada.client, authenticator, count=6)) == []


async def test_passkeys_that_do_not_count_go_on_and_on(ada: Person) -> None:
    authenticator = await ada.add_passkey(counts=False)
    for _ in range(3):
        assert codes_of(await signed_in_alone(ada.client, authenticator)) == []


@pytest.mark.parametrize(
    "passkey",
    [
        "x",
        "null",
        "[]",
        "{}",
        '{"id": {"$ne": null}, "response": {}}',
        '{"id": "a$b", "response": {}}',
        '{"id": "AAAA", "response": []}',
        '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}',
        "[" * 5_000,
        '{"id": "' + "A" * 30_000 + '"}',
    ],
)
async def test_what_is_no_credential_is_refused(ada: Person, passkey: str) -> None:
    await ada.add_passkey()
    asked = await ada.login()
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], passkey=passkey)
    assert codes_of(payload) == ["PASSKEY_REFUSED"]
    registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
    payload = await ada.ask(
        REGISTER_FINISH, challenge=registration["challenge"], credential=passkey, name="x"
    )
    assert codes_of(payload) == ["PASSKEY_REFUSED"]


async def test_a_credential_whose_parts_are_nonsense_is_refused(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        nonsense: Any
        for nonsense in ("", "A", "é", "AAAA", 5, None, [], {"$gt": ""}):
            if part == "userHandle" and nonsense is None:
                continue
            asked = await ada.login()
            credential = json.loads(authenticator.get(asked["passkeyOptions"]))
            credential["response"][part] = nonsense
            payload = await answer_to(ada, asked["token"], json.dumps(credential))
            assert payload == ["PASSKEY_REFUSED"], (part, nonsense)


async def answer_to(who: Person, challenge: str, passkey: str) -> list[str]:
    """What is wrong with an answer, however often there was a wrong one before."""
    await who.engine.storage.redis.flushall()
    payload = await said(who.client, LOGIN_CONFIRM, challenge=challenge, passkey=passkey)
    return codes_of(payload)


async def test_only_a_passkey_answers_where_nobody_is_known(ada: Person) -> None:
    await ada.enrol()
    asked = await started(ada.client)
    for given in ({"code": ada.code()}, {"recoveryCode": ada.recovery_codes[0]}):
        payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], **given)
        assert codes_of(payload) == ["CHALLENGE_EXPIRED"]


async def test_a_session_alone_registers_and_removes_none(ada: Person) -> None:
    await ada.add_passkey()
    (shown,) = (await ada.viewer())["user"]["mfa"]["passkeys"]
    assert codes_of(await ada.ask(REGISTER_START)) == ["PROOF_NEEDED"]
    assert codes_of(await ada.ask(REMOVE, id=shown["id"])) == ["PROOF_NEEDED"]
    wrong = {"password": "not the password"}
    assert codes_of(await ada.ask(REGISTER_START, proof=wrong)) == ["WRONG_PASSWORD"]
    assert codes_of(await ada.ask(REMOVE, id=shown["id"], proof=wrong)) == ["WRONG_PASSWORD"]


async def test_passkeys_are_renamed_and_removed(ada: Person) -> None:
    authenticator = await ada.add_passkey()
    kept = await ada.add_passkey("Laptop")
    first, second = (await ada.viewer())["user"]["mfa"]["passkeys"]
    payload = await ada.ask(RENAME, id=first["id"], name="Old phone")
    assert payload["passkey"] == {"id": first["id"], "name": "Old phone"}
    payload = await ada.ask(REMOVE, id=first["id"], proof=PROOF)
    assert payload["removedId"] == first["id"]
    assert (await ada.viewer())["user"]["mfa"]["passkeys"] == [second]
    assert codes_of(await signed_in_alone(ada.client, authenticator)) == ["PASSKEY_REFUSED"]
    assert codes_of(await signed_in_alone(ada.client, kept)) == []
    assert codes_of(await ada.ask(REMOVE, id=first["id"], proof=PROOF)) == ["NOT_FOUND"]
    assert codes_of(await ada.ask(RENAME, id=first["id"], name="x")) == ["NOT_FOUND"]


async def test_others_passkeys_are_neither_renamed_nor_removed(ada: Person) -> None:
    await ada.add_passkey()
    (shown,) = (await ada.viewer())["user"]["mfa"]["passkeys"]
    bob = await person(ada.engine, ada.client)
    assert codes_of(await bob.ask(RENAME, id=shown["id"], name="Mine")) == ["NOT_FOUND"]
    assert codes_of(await bob.ask(REMOVE, id=shown["id"], proof=PROOF)) == ["NOT_FOUND"]
    assert (await ada.viewer())["user"]["mfa"]["passkeys"] == [shown]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "\ud800"])
async def test_names_are_bounded(ada: Person, name: str) -> None:
    await ada.add_passkey()
    (shown,) = (await ada.viewer())["user"]["mfa"]["passkeys"]
    answer = await ada.client.http.post(
        "/graphql",
        content=json.dumps(
            {"query": RENAME, "variables": {"input": {"id": shown["id"], "name": name}}}
        ),
        headers={"authorization": f"Bearer {ada.token}", "content-type": "application/json"},
    )
    found = answer.json()
    assert answer.status_code < 500
    assert "errors" in found or codes_of(found["data"]["passkeyRename"]) == ["INVALID"]
    assert (await ada.viewer())["user"]["mfa"]["passkeys"][0]["name"] == "Phone"


@pytest.mark.parametrize("wrong", ["nonsense", "", "VXNlcjo1"])
async def test_ids_of_other_things_are_refused(ada: Person, wrong: str) -> None:
    assert codes_of(await ada.ask(RENAME, id=wrong, name="x")) == ["INVALID"]
    assert codes_of(await ada.ask(REMOVE, id=wrong, proof=PROOF)) == ["INVALID"]


async def test_recovery_codes_go_with_the_last_factor(ada: Person) -> None:
    await ada.add_passkey()
    (shown,) = (await ada.viewer())["user"]["mfa"]["passkeys"]
    await ada.enrol()
    await ada.ask(DISABLE, proof=PROOF)
    state = (await ada.viewer())["user"]["mfa"]
    assert (state["status"], state["recoveryCodesLeft"]) == ("ON", 10)
    await ada.ask(REMOVE, id=shown["id"], proof=PROOF)
    state = (await ada.viewer())["user"]["mfa"]
    assert (state["status"], state["recoveryCodesLeft"]) == ("OFF", 0)


async def test_an_account_has_so_many_passkeys_at_most(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MOST", 2)
    given = []
    for name in ("one", "two", "three"):
        registration = (await ada.ask(REGISTER_START, proof=PROOF))["registration"]
        credential = Authenticator().create(registration["options"])
        challenge = registration["challenge"]
        given.append({"challenge": challenge, "credential": credential, "name": name})
    payloads = await asyncio.gather(*(ada.ask(REGISTER_FINISH, **each) for each in given))
    assert sorted(map(codes_of, payloads)) == [[], [], ["TOO_MANY"]]
    assert codes_of(await ada.ask(REGISTER_START, proof=PROOF)) == ["TOO_MANY"]


async def test_a_role_that_needs_a_factor_keeps_the_last_one(
    engine_for: EngineFor, client_for: Any
) -> None:
    engine = await engine_for(toml_of(auth=f'{PASSKEYS}\nmfa_required_for = ["ADMIN"]'))
    admin = await person(engine, client_for(engine), roles=["ADMIN"])
    authenticator = await admin.add_passkey()
    done = await signed_in_alone(admin.client, authenticator)
    admin.token = done["tokens"]["accessToken"]
    viewer = await admin.viewer()
    assert (viewer["role"], viewer["mfa"]) == ("ADMIN", "ON")
    (shown,) = viewer["user"]["mfa"]["passkeys"]
    assert codes_of(await admin.ask(REMOVE, id=shown["id"], proof=PROOF)) == ["MFA_REQUIRED"]
    await admin.enrol()
    removing = admin.ask(REMOVE, id=shown["id"], proof=PROOF)
    disabling = admin.ask(DISABLE, proof=PROOF)
    payloads = await asyncio.gather(removing, disabling)
    assert sorted(map(codes_of, payloads)) == [[], ["MFA_REQUIRED"]]


async def test_who_has_no_password_proves_it_by_having_signed_in_just_now(
    engine: Engine, client: Client
) -> None:
    user = await registered(engine, password=None)
    ada = Person(engine, client, user, await signed_in(engine, user, methods=("fed",)))
    payload = await ada.ask(REGISTER_START)
    assert payload["userErrors"] == []
    assert codes_of(await ada.ask(ENABLE, proof={"password": ""})) == ["WRONG_PASSWORD"]
    await engine.storage.collection(SessionDocument).update_many(
        {"user": user["_id"]}, {"$set": {"created_at": user["created_at"].replace(year=2020)}}
    )
    assert codes_of(await ada.ask(REGISTER_START)) == ["SIGN_IN_AGAIN"]


async def test_what_staff_see_of_others_are_no_passkeys(ada: Person) -> None:
    await ada.add_passkey()
    admin = await person(ada.engine, ada.client, roles=["ADMIN"])
    (listed,) = [
        node
        for node in (
            await ada.client.ask(
                "{ users(first: 5) { nodes { email mfa { status passkeys { name } } } } }",
                authorization=f"Bearer {admin.token}",
            )
        )["data"]["users"]["nodes"]
        if node["email"] == ada.user["email"]
    ]
    assert listed["mfa"] == {"status": "ON", "passkeys": None}


async def test_a_shop_that_does_not_know_its_addresses_has_no_passkeys(
    engine_for: EngineFor, client_for: Any
) -> None:
    engine = await engine_for(toml_of())
    ada = await person(engine, client_for(engine))
    assert codes_of(await ada.ask(REGISTER_START, proof=PROOF)) == ["PASSKEYS_OFF"]
    payload = await said(ada.client, PASSKEY_LOGIN_START, transport="BEARER")
    assert codes_of(payload) == ["PASSKEYS_OFF"]
    users = engine.storage.collection(UserDocument)
    passkey = {"id": secrets.token_urlsafe(), "key": "k", "transports": [], "sign_count": 0}
    await users.update_one({"_id": ada.user["_id"]}, {"$push": {"passkeys": passkey}})
    assert (await ada.login())["passkeyOptions"] is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('origins = ["https://shop.example"]', "origins need rp_id"),
        ('rp_id = "shop.example"', "rp_id needs origins"),
        ('rp_id = "https://shop.example"\norigins = ["https://shop.example"]', "without a scheme"),
        ('rp_id = "shop.example"\norigins = ["http://shop.example"]', "no https origin"),
        ('rp_id = "shop.example"\norigins = ["https://evilshop.example"]', "no https origin"),
        ('rp_id = "shop.example"\norigins = ["https://shop.example/"]', "no https origin"),
        ('rp_id = "shop.example"\norigins = ["https://a@shop.example"]', "no https origin"),
        ('rp_id = "shop.example"\norigins = ["https://*.shop.example"]', "no https origin"),
    ],
)
async def test_addresses_that_no_browser_would_take_stop_the_start(
    engine_for: EngineFor, lines: str, message: str
) -> None:
    with pytest.raises(BootError, match=message):
        await engine_for(toml_of(auth=lines))


async def test_localhost_and_apps_may_have_passkeys(engine_for: EngineFor) -> None:
    app = f"android:apk-key-hash:{text(bytes(32))}"
    await engine_for(
        toml_of(auth=f'rp_id = "localhost"\norigins = ["http://localhost:3000", "{app}"]')
    )
