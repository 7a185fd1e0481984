"""The keys that sign: made, rotated, published, taken away."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError, NotFoundError
from mercat.settings import load_settings
from mercat_auth.documents import SigningKeyDocument
from mercat_auth.tokens.access import access_of
from mercat_auth.tokens.keys import keys_of

from .conftest import ClientFor, EngineFor, Mercat, Serve, until
from .identity import TOML, registered, signed_in, toml_of
from .test_tokens_sessions import is_told, role, seconds_until_refused


def stored(engine: Engine) -> Any:
    return engine.storage.collection(SigningKeyDocument)


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def age(engine: Engine, key: str, **ago: float) -> None:
    """Have a key have signed for so long already."""
    begun = datetime.now(UTC) - timedelta(**ago)
    await stored(engine).update_one({"_id": key}, {"$set": {"signs_from": begun}})
    await keys_of(engine.context()).look()


async def test_a_new_key_signs_after_a_minute_and_the_old_one_verifies(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    before = await signed_in(engine, user)
    made = await keys_of(engine.context()).rotate()
    waiting = await signed_in(engine, user)
    assert kid(waiting) == kid(before) != made
    await age(engine, made, seconds=0)
    after = await signed_in(engine, user)
    assert kid(after) == made
    client = client_for(engine)
    assert [await role(client, each) for each in (before, waiting, after)] == ["CUSTOMER"] * 3


async def test_another_process_knows_a_new_key_at_once(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    user = await registered(one)
    await until(lambda: is_told(two))
    assert await role(client_for(two), await signed_in(one, user)) == "CUSTOMER"
    await keys_of(one.context()).rotate(at_once=True)
    await asyncio.sleep(0.8)
    assert await role(client_for(two), await signed_in(one, user)) == "CUSTOMER"


async def test_a_key_that_is_taken_away_ends_what_it_signed_in_every_process(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    user = await registered(one)
    token = await signed_in(one, user)
    await until(lambda: is_told(two))
    assert await role(client_for(two), token) == "CUSTOMER"
    await keys_of(one.context()).remove(kid(token))
    assert await role(client_for(one), token) == 401
    assert await seconds_until_refused(client_for(two), token) < 1
    new = await signed_in(two, user)
    assert kid(new) != kid(token)
    assert [await role(client_for(each), new) for each in (one, two)] == ["CUSTOMER"] * 2


async def test_a_key_is_gone_although_no_change_is_told(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML), await engine_for(TOML)
    token = await signed_in(one, await registered(one))
    assert await role(client_for(two), token) == "CUSTOMER"
    await keys_of(one.context()).remove(kid(token))
    assert await seconds_until_refused(client_for(two), token) < 1


async def test_a_key_that_is_not_there_can_not_be_taken_away(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    with pytest.raises(NotFoundError):
        await keys_of(engine.context()).remove("nobody")


async def test_twenty_processes_that_start_at_once_make_one_key(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    made = [keys_of(Engine(engine.settings).context()) for _ in range(5)]
    for each in made:  # their own memory, the same store
        each._context.engine.storage = engine.storage
    found = await asyncio.gather(*(each.current() for each in made for _ in range(4)))
    assert {key.id for key in found} == {"first"}
    assert await stored(engine).count_documents({}) == 1


async def test_a_clock_that_was_ahead_does_not_stop_the_shop(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    keys = keys_of(engine.context())
    key = await keys.current()
    await age(engine, key.id, hours=-1)
    assert (await keys.current()).id == key.id


async def test_another_algorithm_gets_a_key_of_its_own(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    es256 = await engine_for(TOML)
    user = await registered(es256)
    old = await signed_in(es256, user)
    eddsa = await engine_for(TOML.replace("hash_passes", 'algorithm = "EdDSA"\nhash_passes'))
    new = await signed_in(eddsa, user)
    algorithms = [jwt.get_unverified_header(each)["alg"] for each in (old, new)]
    assert algorithms == ["ES256", "EdDSA"]
    assert [await role(client_for(eddsa), each) for each in (old, new)] == ["CUSTOMER"] * 2


async def test_a_key_goes_once_all_that_it_signed_has_expired(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    keys = keys_of(engine.context())
    first = (await keys.current()).id
    made = await keys.rotate(at_once=True)
    await keys.sweep()
    assert await stored(engine).count_documents({"_id": first}) == 1
    await age(engine, first, hours=6)
    await age(engine, made, hours=3)
    await keys.sweep()
    assert [each["_id"] async for each in stored(engine).find({})] == [made]


async def test_a_public_key_that_was_exchanged_in_the_database_verifies_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    key = await keys_of(engine.context()).current()
    algorithm = jwt.get_algorithm_by_name("ES256")
    theirs = algorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    foreign = {**key.public, **theirs}
    await stored(engine).update_one({"_id": key.id}, {"$set": {"public": foreign}})
    again = await engine_for(TOML)
    assert await role(client_for(again), await signed_in(again, user)) == "CUSTOMER"
    (published,) = await keys_of(again.context()).published()
    assert published == key.public


async def test_unknown_keys_ask_the_database_every_other_second_at_most(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML, work=True)
    await signed_in(engine, await registered(engine))
    await until(lambda: is_told(engine))
    keys = keys_of(engine.context())
    await keys.look()
    looked: list[float] = []
    look = keys.look

    async def counted() -> None:
        looked.append(time.monotonic())
        await look()

    monkeypatch.setattr(keys, "look", counted)
    for number in range(200):
        assert await keys.find(f"unknown{number}") is None
    assert len(looked) <= 1


# Published


async def test_others_can_verify_with_the_published_keys(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    token = await signed_in(engine, await registered(engine))
    made = await keys_of(engine.context()).rotate()
    answer = await client_for(engine).http.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/jwk-set+json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    found = jwt.PyJWKSet.from_dict(answer.json())
    assert {key.key_id for key in found.keys} == {kid(token), made}
    claims = jwt.decode(
        token, found[kid(token)], algorithms=["ES256"], audience="mercat", issuer="mercat"
    )
    assert claims["sid"]
    for key in answer.json()["keys"]:
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_the_published_keys_are_only_read(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    http = client_for(await engine_for(TOML)).http
    assert (await http.post("/.well-known/jwks.json", json={})).status_code == 405
    first = (await http.get("/.well-known/jwks.json")).json()
    assert len(first["keys"]) == 1  # made where there was none
    assert (await http.get("/.well-known/jwks.json")).json() == first


# The command


@pytest.mark.gate
def test_keys_are_rotated_and_taken_away_while_a_server_runs(
    mercat: Mercat, serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "engine.toml").write_text(TOML)
    assert "There are no keys" in mercat("keys", "list").out
    with serve() as server:
        assert server.url
        made = mercat("keys", "rotate")
        assert made.code == 0, made.err
        new = made.out.split()[0]
        listed = mercat("keys", "list").out.splitlines()
        assert re.match(rf"{re.escape(new)} +ES256 .* signs in \d+ s", listed[0])
        assert re.match(r"first +ES256 .*  signs$", listed[1])
        gone = mercat("keys", "remove", "first")
        assert (gone.code, gone.out.strip()) == (0, "first is removed")
        (left,) = mercat("keys", "list").out.splitlines()
        assert left.startswith(new)
        assert left.endswith("signs")
    missing = mercat("keys", "remove", "first")
    assert missing.code == 1
    assert "there is no key 'first'" in missing.err
    assert "PRIVATE" not in made.out + "".join(listed)


def test_a_rotation_at_once_signs_now(mercat: Mercat, tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text(TOML)
    made = mercat("keys", "rotate", "--at-once").out
    assert made.endswith("signs now\n")
    listed = mercat("keys", "list").out.splitlines()
    assert [line.rsplit(maxsplit=1)[-1] for line in listed] == ["signs", "verifies"]
    assert listed[0].startswith(made.split()[0])


def test_production_does_not_start_without_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(toml_of("auth", more="[shop]\nproduction = true"))
    urls = {"database": {"url": "mongodb://localhost"}, "redis": {"url": "redis://localhost"}}
    with pytest.raises(BootError, match="MERCAT_PLUGINS__AUTH__SECRET"):
        create_app(Engine(load_settings(file, urls)))


async def test_access_tokens_know_when_a_key_has_gone(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    token = await signed_in(engine, await registered(engine))
    access = access_of(engine.context())
    await access.read(token)
    assert token in access._known
    await keys_of(engine.context()).remove(kid(token))
    other = await signed_in(engine, await registered(engine))
    await access.read(other)
    assert set(access._known) == {other}
