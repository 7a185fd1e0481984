"""Codes by time, recovery codes, and roles that need a second factor."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from mercat.engine import Engine
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.documents import SessionDocument, UserDocument
from mercat_auth.mfa import challenges, totp
from mercat_auth.tokens import cookies

from .conftest import Client, ClientFor, EngineFor
from .factors import (
    CONFIRM,
    DISABLE,
    ENABLE,
    LOGIN,
    LOGIN_CONFIRM,
    PROOF,
    RENEW,
    Person,
    codes_of,
    person,
    said,
)
from .identity import PASSWORD, claims_in, messages, registered, signed_in, toml_of, viewer_for


@pytest.fixture(scope="module")
async def engine(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(toml_of())


@pytest.fixture
async def ada(engine: Engine, client: Client) -> Person:
    return await person(engine, client)


async def stored(who: Person) -> dict[str, Any]:
    found = await who.engine.storage.collection(UserDocument).find_one({"_id": who.user["_id"]})
    assert found is not None
    return found


async def audited(who: Person) -> list[str]:
    log = who.engine.storage.collection(AuditDocument)
    rows = log.find({"key": str(who.user["_id"])}).sort("_id", 1)
    return [row["action"] async for row in rows]


async def test_codes_are_turned_on_and_asked_for(ada: Person) -> None:
    assert (await ada.viewer())["mfa"] == "OFF"
    payload = await ada.ask(ENABLE, proof=PROOF)
    secret, uri = payload["enrolment"]["secret"], urlsplit(payload["enrolment"]["uri"])
    assert (uri.scheme, uri.netloc, parse_qs(uri.query)["secret"]) == ("otpauth", "totp", [secret])
    assert (await stored(ada))["mfa"] is None  # until it has been proven that the app has it
    challenge = payload["enrolment"]["challenge"]
    payload = await ada.ask(CONFIRM, challenge=challenge, code=pyotp.TOTP(secret).now())
    assert payload["user"]["mfa"] == {"status": "ON", "codes": True, "recoveryCodesLeft": 10}
    assert len(set(payload["recoveryCodes"])) == 10
    asked = await ada.login()
    assert asked["kinds"] == ["CODE", "RECOVERY_CODE"]
    code = pyotp.TOTP(secret).at(time.time(), counter_offset=1)
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=code)
    assert payload["userErrors"] == []
    assert payload["user"] == {"email": ada.user["email"]}
    claims = claims_in(payload["tokens"]["accessToken"])
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    viewer = await ada.viewer(payload["tokens"]["accessToken"])
    assert (viewer["mfa"], viewer["user"]["mfa"]["recoveryCodesLeft"]) == ("ON", 10)


async def test_a_browser_gets_its_cookies_at_the_end_of_it(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    given = {"email": ada.user["email"], "password": PASSWORD, "transport": "COOKIE"}
    query = {"query": LOGIN, "variables": {"input": given}}
    first = await ada.client.http.post("/graphql", json=query)
    assert "set-cookie" not in first.headers
    challenge = first.json()["data"]["login"]["challenge"]["token"]
    query = {
        "query": LOGIN_CONFIRM,
        "variables": {"input": {"challenge": challenge, "code": ada.code()}},
    }
    second = await ada.client.http.post("/graphql", json=query)
    payload = second.json()["data"]["loginConfirm"]
    assert (payload["tokens"], payload["userErrors"]) == (None, [])
    assert payload["csrfToken"]
    names = [each.split("=")[0] for each in second.headers.get_list("set-cookie")]
    assert {cookies.ACCESS, cookies.REFRESH, cookies.CSRF} <= set(names)


async def test_owner_is_told_and_the_log_knows(ada: Person) -> None:
    await ada.enrol()
    asked = await ada.login()
    await said(
        ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=ada.recovery_codes[0]
    )
    await ada.ask(RENEW, proof=PROOF)
    await ada.ask(DISABLE, proof=PROOF)
    told = [
        each.kind.removeprefix("auth.") for each in await messages(ada.engine, to=ada.user["email"])
    ]
    assert told == ["mfa_enabled", "recovery_code_used", "recovery_codes_renewed", "mfa_disabled"]
    log = [action for action in await audited(ada) if action != "user.signed_in"]
    assert log == [f"user.{kind}" for kind in told]


@pytest.mark.parametrize("ahead", [-1, 0, 1])
async def test_clocks_may_differ_by_a_step(ada: Person, ahead: int) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    answer = {"challenge": asked["token"], "code": ada.code(ahead)}
    assert codes_of(await said(ada.client, LOGIN_CONFIRM, **answer)) == []


@pytest.mark.parametrize("ahead", [-3, -2, 3])
async def test_clocks_may_not_differ_by_more(ada: Person, ahead: int) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    answer = {"challenge": asked["token"], "code": ada.code(ahead)}
    assert codes_of(await said(ada.client, LOGIN_CONFIRM, **answer)) == ["CODE_WRONG"]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "0" * 10_000, "-1"])
async def test_what_is_no_code_is_a_wrong_one(ada: Person, code: str) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=code)
    assert codes_of(payload) == (["CODE_WRONG"] if code else ["INVALID"])


async def test_a_code_is_good_once(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    first, second = await ada.login(), await ada.login()
    code = ada.code()
    done = await said(ada.client, LOGIN_CONFIRM, challenge=first["token"], code=code)
    assert codes_of(done) == []
    again = await said(ada.client, LOGIN_CONFIRM, challenge=second["token"], code=code)
    assert codes_of(again) == ["CODE_WRONG"]
    earlier = await said(ada.client, LOGIN_CONFIRM, challenge=second["token"], code=ada.code(-1))
    assert codes_of(earlier) == ["CODE_WRONG"]


async def test_of_many_with_one_code_at_once_one_signs_in(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = [await ada.login() for _ in range(4)]
    code = ada.code()
    payloads = await asyncio.gather(
        *(said(ada.client, LOGIN_CONFIRM, challenge=each["token"], code=code) for each in asked)
    )
    assert sorted(map(codes_of, payloads)) == [[], ["CODE_WRONG"], ["CODE_WRONG"], ["CODE_WRONG"]]


async def test_a_challenge_is_answered_once(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    codes = [ada.code(-1), ada.code(0)]
    first = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=codes[0])
    second = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=codes[1])
    assert (codes_of(first), codes_of(second)) == ([], ["CHALLENGE_EXPIRED"])


async def test_a_wrong_code_leaves_the_challenge_good(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    wrong = f"{(int(ada.code()) + 1) % 10**6:06d}"
    first = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=wrong)
    second = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=ada.code())
    assert (codes_of(first), codes_of(second)) == (["CODE_WRONG"], [])


async def test_challenges_end(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    now = time.time()
    monkeypatch.setattr("mercat_auth.mfa.challenges.time.time", lambda: now + 301)
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=ada.code())
    assert codes_of(payload) == ["CHALLENGE_EXPIRED"]


async def test_challenges_of_others_and_of_other_things_do_not_count(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = (await ada.login())["token"]
    bent = asked[:40] + ("A" if asked[40] != "A" else "B") + asked[41:]
    bob = await person(ada.engine, ada.client)
    enrolment = (await bob.ask(ENABLE, proof=PROOF))["enrolment"]["challenge"]
    for challenge in ("", "x", "é", "A" * 5_000, bent, asked + "A", enrolment):
        payload = await said(ada.client, LOGIN_CONFIRM, challenge=challenge, code=ada.code())
        assert codes_of(payload) == ["CHALLENGE_EXPIRED"], challenge
    payload = await bob.ask(CONFIRM, challenge=asked, code=ada.code())
    assert codes_of(payload) == ["CHALLENGE_EXPIRED"]
    cleo = await person(ada.engine, ada.client)
    payload = await cleo.ask(CONFIRM, challenge=enrolment, code="123456")
    assert codes_of(payload) == ["CHALLENGE_EXPIRED"]


async def test_a_new_password_ends_challenges(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    await ada.engine.storage.collection(UserDocument).update_one(
        {"_id": ada.user["_id"]}, {"$inc": {"token_version": 1}}
    )
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=ada.code())
    assert codes_of(payload) == ["CHALLENGE_EXPIRED"]


async def test_somebody_suspended_meanwhile_does_not_sign_in(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    await ada.engine.storage.collection(UserDocument).update_one(
        {"_id": ada.user["_id"]}, {"$set": {"state": "suspended"}}
    )
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=ada.code())
    assert payload["tokens"] is None
    assert codes_of(payload) != []


async def test_each_recovery_code_is_good_once(ada: Person) -> None:
    await ada.enrol()
    first, second = ada.recovery_codes[:2]
    asked = await ada.login()
    payload = await said(
        ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=first.lower()
    )
    assert claims_in(payload["tokens"]["accessToken"])["amr"] == ["pwd", "mfa"]
    asked = await ada.login()
    again = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=first)
    assert codes_of(again) == ["CODE_WRONG"]
    spaced = second.replace("-", " ")
    payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=spaced)
    assert codes_of(payload) == []
    assert (await ada.viewer())["user"]["mfa"]["recoveryCodesLeft"] == 8


async def test_of_two_with_one_recovery_code_at_once_one_signs_in(ada: Person) -> None:
    await ada.enrol()
    asked = [await ada.login(), await ada.login()]
    code = ada.recovery_codes[0]
    payloads = await asyncio.gather(
        *(
            said(ada.client, LOGIN_CONFIRM, challenge=each["token"], recoveryCode=code)
            for each in asked
        )
    )
    assert sorted(map(codes_of, payloads)) == [[], ["CODE_WRONG"]]


async def test_other_recovery_codes_end_those_before(ada: Person) -> None:
    await ada.enrol()
    fresh = (await ada.ask(RENEW, proof={"recoveryCode": ada.recovery_codes[0]}))["recoveryCodes"]
    asked = await ada.login()
    old = await said(
        ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=ada.recovery_codes[1]
    )
    new = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=fresh[0])
    assert (codes_of(old), codes_of(new)) == (["CODE_WRONG"], [])


async def test_recovery_codes_of_others_do_not_count(ada: Person) -> None:
    await ada.enrol()
    bob = await person(ada.engine, ada.client)
    await bob.enrol()
    asked = await ada.login()
    payload = await said(
        ada.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=bob.recovery_codes[0]
    )
    assert codes_of(payload) == ["CODE_WRONG"]


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (None, "PROOF_NEEDED"),
        ({}, "PROOF_NEEDED"),
        ({"password": "not the password"}, "WRONG_PASSWORD"),
        ({"password": ""}, "WRONG_PASSWORD"),
        ({"password": "x" * 900_000}, "WRONG_PASSWORD"),
        ({"code": "000000"}, "CODE_WRONG"),
        ({"recoveryCode": "AAAAAA-AAAAAA-AAAAAA-AAAAAA"}, "CODE_WRONG"),
        ({"recoveryCode": "A" * 100_000}, "CODE_WRONG"),
        ({**PROOF, "code": "000000"}, "INVALID"),
    ],
)
async def test_a_session_alone_changes_no_factor(
    ada: Person, proof: dict[str, str] | None, code: str
) -> None:
    await ada.enrol()
    before = (await stored(ada))["mfa"]
    for document in (DISABLE, RENEW):
        payload = await ada.ask(document, proof=proof)
        assert codes_of(payload) == [code]
    assert (await stored(ada))["mfa"] == before


async def test_a_code_is_a_proof_once(ada: Person) -> None:
    await enrolled(ada, last_step=0)
    code = ada.code()
    assert codes_of(await ada.ask(RENEW, proof={"code": code})) == []
    assert codes_of(await ada.ask(RENEW, proof={"code": code})) == ["CODE_WRONG"]


async def test_codes_are_turned_off(ada: Person) -> None:
    await ada.enrol()
    assert codes_of(await ada.ask(ENABLE, proof=PROOF)) == ["MFA_ON"]
    payload = await ada.ask(DISABLE, proof=PROOF)
    assert payload["user"]["mfa"] == {"status": "OFF", "codes": False, "recoveryCodesLeft": 0}
    assert (await stored(ada))["mfa"] is None
    for document in (DISABLE, RENEW):
        assert codes_of(await ada.ask(document, proof=PROOF)) == ["MFA_OFF"]


async def test_an_enrolment_is_confirmed_once(ada: Person) -> None:
    enrolment = (await ada.ask(ENABLE, proof=PROOF))["enrolment"]
    codes = [pyotp.TOTP(enrolment["secret"]).at(time.time(), counter_offset=n) for n in (-1, 0)]
    wrong = await ada.ask(CONFIRM, challenge=enrolment["challenge"], code="12345")
    assert codes_of(wrong) == ["CODE_WRONG"]
    payloads = await asyncio.gather(
        *(ada.ask(CONFIRM, challenge=enrolment["challenge"], code=code) for code in codes)
    )
    assert sorted(map(codes_of, payloads)) in ([[], ["CHALLENGE_EXPIRED"]], [[], ["MFA_ON"]])
    await ada.ask(DISABLE, proof=PROOF)
    again = await ada.ask(CONFIRM, challenge=enrolment["challenge"], code=codes[1])
    assert codes_of(again) == ["CHALLENGE_EXPIRED"]


async def test_nothing_that_is_stored_or_logged_is_a_secret(
    ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ada.enrol()
    asked = await ada.login()
    wrong = ada.recovery_codes[0][:-1] + "?"
    for given in ({"recoveryCode": wrong}, {"recoveryCode": ada.recovery_codes[0]}):
        await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], **given)
    database = ada.engine.storage.database
    dump = caplog.text
    for name in await database.list_collection_names():
        dump += "".join([str(row) async for row in database[name].find({})])
    for secret in (ada.secret, asked["token"], *ada.recovery_codes, wrong):
        assert secret not in dump
        assert secret.replace("-", "") not in dump


async def test_a_secret_that_was_moved_to_another_account_is_not_used(ada: Person) -> None:
    await ada.enrol()
    bob = await person(ada.engine, ada.client)
    await bob.enrol()
    users = ada.engine.storage.collection(UserDocument)
    await users.update_one({"_id": ada.user["_id"]}, {"$set": {"mfa": (await stored(bob))["mfa"]}})
    asked = await ada.login()
    answer = await ada.client.ask(
        LOGIN_CONFIRM, {"input": {"challenge": asked["token"], "code": bob.code(1)}}
    )
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    given = {"challenge": asked["token"], "recoveryCode": bob.recovery_codes[0]}
    assert codes_of(await said(ada.client, LOGIN_CONFIRM, **given)) == ["CODE_WRONG"]


async def test_guessing_codes_is_slowed_down(ada: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    wrong = f"{(int(ada.code()) + 1) % 10**6:06d}"
    for _ in range(5):
        payload = await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=wrong)
        assert codes_of(payload) == ["CODE_WRONG"]
    assert caplog.text.count("a wrong attempt: mfa from 127.0.0.1") == 5
    answer = await ada.client.ask(
        LOGIN_CONFIRM, {"input": {"challenge": asked["token"], "code": ada.code()}}
    )
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1}


async def test_a_code_of_nobody_who_has_signed_in_is_not_asked_for(client: Client) -> None:
    for document in (ENABLE, DISABLE, RENEW):
        answer = await client.ask(document, {"input": {}})
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


REQUIRED = 'mfa_required_for = ["admin", "seller"]'


async def test_a_role_that_needs_a_second_factor_counts_once_there_is_one(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(auth=REQUIRED))
    admin = await person(engine, client_for(engine), roles=["ADMIN"])
    plain = await person(engine, client_for(engine))
    viewer = await admin.viewer()
    assert (viewer["role"], viewer["mfa"]) == ("CUSTOMER", "REQUIRED")
    assert viewer["permissions"] == (await plain.viewer())["permissions"]
    assert (await plain.viewer())["mfa"] == "OFF"
    await admin.enrol()
    assert (await admin.viewer())["mfa"] == "ON"
    assert (await admin.viewer())["role"] == "CUSTOMER"  # this token is as it was
    session = await engine.storage.collection(SessionDocument).find_one({"user": admin.user["_id"]})
    assert session is not None
    assert session["methods"] == ["pwd", "otp", "mfa"]  # those that it is refreshed to are not
    asked = await admin.login()
    payload = await said(
        admin.client, LOGIN_CONFIRM, challenge=asked["token"], recoveryCode=admin.recovery_codes[0]
    )
    viewer = await admin.viewer(payload["tokens"]["accessToken"])
    assert (viewer["role"], viewer["mfa"]) == ("ADMIN", "ON")
    assert "auth.read_audit" in viewer["permissions"]


async def test_an_older_session_stays_held_back(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(auth=REQUIRED))
    admin = await person(engine, client_for(engine), roles=["ADMIN"])
    other = await signed_in(engine, admin.user)
    await admin.enrol()
    viewer = await admin.viewer(other)
    assert (viewer["role"], viewer["mfa"]) == ("CUSTOMER", "REQUIRED")


async def test_staff_of_a_seller_are_held_back_from_it_too(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(auth=REQUIRED))
    user = await registered(engine, roles=["SELLER"], seller="0" * 24)
    sue = Person(engine, client_for(engine), user, await signed_in(engine, user))
    assert (await sue.viewer())["role"] == "CUSTOMER"
    assert (await viewer_for(engine, user)).seller is None
    strong = await signed_in(engine, user, methods=("pwd", "otp"))
    assert (await sue.viewer(strong))["role"] == "SELLER"
    assert (await viewer_for(engine, user, methods=("otp",))).seller == "0" * 24


async def test_the_last_factor_of_a_role_that_needs_one_stays(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of(auth=REQUIRED))
    admin = await person(engine, client_for(engine), roles=["ADMIN"])
    await admin.enrol()
    assert codes_of(await admin.ask(DISABLE, proof=PROOF)) == ["MFA_REQUIRED"]
    assert (await admin.viewer())["user"]["mfa"]["codes"] is True


async def test_a_setting_that_names_no_role_is_told_at_the_start(
    engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    await engine_for(toml_of(auth='mfa_required_for = ["Admin", "amdin"]'), work=True)
    assert "mfa_required_for names 'amdin', which is no role" in caplog.text
    assert "'Admin'" not in caplog.text


async def test_without_the_setting_an_admin_needs_none(ada: Person) -> None:
    admin = await person(ada.engine, ada.client, roles=["ADMIN"])
    viewer = await admin.viewer()
    assert (viewer["role"], viewer["mfa"]) == ("ADMIN", "OFF")


async def test_answered_challenges_are_forgotten_when_they_have_ended(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(toml_of())
    ada = await person(engine, client_for(engine))
    await enrolled(ada, last_step=0)
    asked = await ada.login()
    await said(ada.client, LOGIN_CONFIRM, challenge=asked["token"], code=ada.code())
    answered = ada.engine.storage.database["answered_challenges"]
    await challenges.sweep(ada.engine.context())
    assert await answered.count_documents({}) == 2  # of the enrolment, too
    await answered.update_many({}, {"$set": {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}})
    await challenges.sweep(ada.engine.context())
    assert await answered.count_documents({}) == 0


async def enrolled(who: Person, *, last_step: int) -> None:
    """Turn codes on as if no code had been used yet."""
    await who.enrol()
    assert totp.stored_totp(await stored(who)) is not None
    await who.engine.storage.collection(UserDocument).update_one(
        {"_id": who.user["_id"]}, {"$set": {"mfa.totp.last_step": last_step}}
    )


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, cut to six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for moment, code in ((59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mercat_auth.mfa.totp.time.time", lambda moment=moment: moment)
            assert totp.step_of(secret, code, 0) == moment // 30
            assert totp.step_of(secret, code, moment // 30) is None


def test_a_colon_in_a_name_divides_nothing() -> None:
    uri = totp.uri("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "a:b@x.example", "Shop: two")
    assert urlsplit(uri).path.split(":") == ["/Shop%20%20two", "a%3Ab%40x.example"]
