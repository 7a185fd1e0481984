"""Everybody hears of it when access tokens end early."""

import time
from typing import Any

import pytest
from beanie import Document

from mercat.caching.answers import FRESH_SECONDS
from mercat.engine import Engine
from mercat.storage import cancel
from mercat.storage.changes import Change
from mercat_auth.documents import SessionDocument, SigningKeyDocument, UserDocument
from mercat_auth.tokens import sessions
from mercat_auth.tokens.revoking import revocations_of

from .conftest import ClientFor, EngineFor, until
from .identity import TOML, claims_in, registered
from .test_tokens_sessions import (
    EVERYWHERE,
    is_told,
    refreshed,
    role,
    seconds_until_refused,
    sign_in,
)


async def test_another_process_refuses_an_ended_token_within_a_second(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    here, there = client_for(one), client_for(two)
    user = await registered(one)
    await until(lambda: is_told(two))
    waited = []
    for _ in range(5):
        tokens = (await sign_in(one, user)).tokens
        assert await role(there, tokens.access) == "CUSTOMER"
        await here.ask(EVERYWHERE, {"keep": False}, authorization=f"Bearer {tokens.access}")
        waited.append(await seconds_until_refused(there, tokens.access))
        assert await role(here, tokens.access) == 401
    print(f"revoked there after {', '.join(f'{each:.2f}' for each in waited)} s")
    assert max(waited) < 1


async def test_an_ended_token_is_refused_although_no_change_is_told(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML), await engine_for(TOML, work=True)
    user = await registered(one)
    tokens = (await sign_in(one, user)).tokens
    await until(lambda: is_told(two))
    assert await role(client_for(two), tokens.access) == "CUSTOMER"
    (feed,) = [task for task in two._tasks if task.get_name() == "changes"]
    feed.cancel()
    await sessions.end(one.context(), str(user["_id"]), tokens.session)
    assert await seconds_until_refused(client_for(two), tokens.access) < 1
    two._tasks.remove(feed)


async def deafened(engine: Engine) -> None:
    """Have an engine hear nothing more, and believe that it has heard everything."""
    await until(lambda: is_told(engine))
    (feed,) = [task for task in engine._tasks if task.get_name() == "changes"]
    engine._tasks.remove(feed)
    await cancel([feed])
    engine.changes.told_until = time.monotonic() + 1_000


async def test_a_process_knows_of_what_it_ended_itself_before_it_is_told(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML, work=True)
    client, user = client_for(engine), await registered(engine)
    ended, good = (await sign_in(engine, user)).tokens, (await sign_in(engine, user)).tokens
    assert await role(client, ended.access) == "CUSTOMER"
    await deafened(engine)
    await sessions.end(engine.context(), str(user["_id"]), ended.session)
    assert await role(client, ended.access) == 401
    assert await role(client, good.access) == "CUSTOMER"


async def test_what_was_missed_is_read_when_the_feed_says_that_something_was(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one, two = await engine_for(TOML), await engine_for(TOML, work=True)
    client, user = client_for(two), await registered(one)
    tokens = (await sign_in(one, user)).tokens
    assert await role(client, tokens.access) == "CUSTOMER"
    await deafened(two)
    assert await role(client, tokens.access) == "CUSTOMER"
    await sessions.end(one.context(), str(user["_id"]), tokens.session)
    assert await role(client, tokens.access) == "CUSTOMER"  # nobody has told it
    two.changes._tell([Change("revocations", None, removed=True)])
    assert await role(client, tokens.access) == 401


async def test_an_ended_token_is_refused_after_a_restart(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    one = await engine_for(TOML)
    user = await registered(one)
    ended, good = (await sign_in(one, user)).tokens, (await sign_in(one, user)).tokens
    await sessions.end(one.context(), str(user["_id"]), ended.session)
    two = await engine_for(TOML, work=True)
    await until(lambda: is_told(two))
    assert await role(client_for(two), ended.access) == 401
    assert await role(client_for(two), good.access) == "CUSTOMER"


async def test_a_change_of_the_account_ends_access_tokens_and_no_session(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client, user = client_for(engine), await registered(engine)
    tokens = (await sign_in(engine, user)).tokens
    users = engine.storage.collection(UserDocument)
    for version in (1, 2):
        await users.update_one({"_id": user["_id"]}, {"$inc": {"token_version": 1}})
        await revocations_of(engine.context()).end_user(str(user["_id"]), version)
        assert await role(client, tokens.access) == 401
    following = (await refreshed(client, tokens.refresh))["data"]["refreshToken"]["tokens"]
    assert claims_in(following["accessToken"])["ver"] == 3
    assert await role(client, following["accessToken"]) == "CUSTOMER"


async def test_a_revocation_that_was_not_committed_ends_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML, work=True)
    user = await registered(engine)
    tokens = (await sign_in(engine, user)).tokens
    await until(lambda: is_told(engine))

    async def work(within: Any) -> None:
        await sessions.end_all(engine.context(), user["_id"], within)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await engine.storage.transaction(work)
    assert await role(client_for(engine), tokens.access) == "CUSTOMER"


async def test_what_is_known_asks_no_store(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML, work=True)
    client = client_for(engine)
    access = (await sign_in(engine, await registered(engine))).tokens.access
    moment = time.monotonic()

    async def all_is_told() -> bool:
        """The key that was made for the token too, which has the keys read again."""
        return engine.changes.told_until > moment

    await until(all_is_told)
    assert await role(client, access) == "CUSTOMER"

    asked, collection = [], engine.storage.collection

    def counted(document: type[Document]) -> Any:
        asked.append(document)
        return collection(document)

    monkeypatch.setattr(engine.storage, "collection", counted)

    async def asks_nothing() -> bool:
        """Where the feed is late, as on a machine with other work, asking is right."""
        asked.clear()
        told_until = engine.changes.told_until
        assert await role(client, access) == "CUSTOMER"
        if time.monotonic() - told_until > FRESH_SECONDS:
            return False
        assert not {SigningKeyDocument, SessionDocument, UserDocument}.intersection(asked)
        return True

    for _ in range(20):
        await until(asks_nothing)
