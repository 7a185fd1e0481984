"""Who follows something over a long connection: known as it opens, and only while that holds."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets import ClientConnection, ConnectionClosed
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mercat.auth import Credentials
from mercat.context import Context
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn, finish_sign_in
from mercat_auth.documents import UserDocument
from mercat_auth.tokens import cookies, sessions
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.revoking import revocations_of
from mercat_auth.tokens.service import make_guest

from .conftest import RunningServer, Serve
from .identity import claims_in, registered, toml_of
from .test_streams import PROTOCOL, results, subscribe
from .test_tokens import FORGED

ROOT = Path(__file__).parents[1]
FRIEND = "https://friend.example"
TOML = toml_of(
    "auth",
    "tests.plugins_for_tests.probe",
    more=f'[server]\ncors_origins = ["{FRIEND}"]\n',
)
SECRET = {"MERCAT_PLUGINS__AUTH__SECRET": "only of this test, 32 letters long"}
WHO = "{ viewer { role guest } }"


@pytest.fixture
def server(serve: Serve) -> Iterator[RunningServer]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with serve(toml=TOML, PYTHONPATH=path, **SECRET) as running:
        yield running


@pytest.fixture
async def shop(
    server: RunningServer,
    mercat_environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Engine]:
    """Another process of the same shop, which signs people in and out."""
    assert server.url
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    given = {name: value for name, value in mercat_environment.items() if "MERCAT_" in name}
    stores = {
        "database": {
            "url": given["MERCAT_DATABASE__URL"],
            "name": given["MERCAT_DATABASE__NAME"],
        },
        "redis": {"url": given["MERCAT_REDIS__URL"]},
    }
    async with Engine(load_settings(tmp_path / "engine.toml", stores)) as engine:
        yield engine


async def sign_in(engine: Engine, user: Record, transport: str = "BEARER") -> tuple[SignIn, str]:
    """Somebody who has signed in, with the header of the cookies."""
    context = Context(engine, credentials=Credentials({}, "192.0.2.1"))
    done = await finish_sign_in(context, user, ["pwd"], transport)
    return done, "; ".join(line.partition(";")[0] for line in context.cookies)


def opened(server: RunningServer, **options: Any) -> connect:
    address = server.url.replace("http", "ws").replace("localhost", "127.0.0.1")
    return connect(f"{address}/graphql", **{"subprotocols": [PROTOCOL], **options})


@asynccontextmanager
async def connected(
    server: RunningServer, payload: object = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    async with opened(server, **options) as link:
        await init(link, payload)
        assert json.loads(await asyncio.wait_for(link.recv(), 20)) == {"type": "connection_ack"}
        yield link


async def init(link: ClientConnection, payload: object) -> None:
    await link.send(json.dumps({"type": "connection_init", "payload": payload}))


async def viewer(link: ClientConnection) -> Any:
    await subscribe(link, WHO, name="who")
    (found,) = await results(link, "who")
    return found["data"]["viewer"]


async def closed(link: ClientConnection, seconds: float = 5) -> tuple[int, str]:
    """The code and the reason with which the server closes; nothing else comes before."""
    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(link.recv(), seconds)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def bearer(done: SignIn) -> dict[str, str]:
    return {"authorization": f"Bearer {done.tokens.access}"}


async def check_a_socket_is_known_by_its_first_message(server: RunningServer, shop: Engine) -> None:
    done, _ = await sign_in(shop, await registered(shop))
    for payload in (bearer(done), {"Authorization": f"Bearer {done.tokens.access}"}):
        async with connected(server, payload) as link:
            assert (await viewer(link))["role"] == "CUSTOMER"
    async with connected(server, additional_headers=bearer(done)) as link:
        assert (await viewer(link))["role"] == "CUSTOMER"
    guest = make_guest(shop.context())
    async with connected(server, {"X-Mercat-Guest": guest}) as link:
        assert (await viewer(link))["guest"] == guest.partition(".")[0]
    for said in (None, {}, {"authorization": None}, {"authorization": ["x"]}, {"cookie": "x"}):
        async with connected(server, said) as link:
            assert (await viewer(link))["role"] == "ANONYMOUS"


async def check_a_bad_token_in_the_first_message_closes_the_socket(
    server: RunningServer, shop: Engine
) -> None:
    done, _ = await sign_in(shop, await registered(shop))
    key, claims = await keys_of(shop.context()).current(), claims_in(done.tokens.access)
    for name, forge in FORGED.items():
        token = forge(key, claims)
        if len(token) > 60_000:  # more than a frame may have
            continue
        async with opened(server) as link:
            await init(link, {"authorization": f"Bearer {token}"})
            code, reason = await closed(link)
        assert code == (4403 if "expire" in name or "long ago" in name else 4401), (name, reason)
        assert token not in reason
    for wrong in ("", "Basic dTpw", done.tokens.access, "Bearer x y", "\u00fc"):
        async with opened(server) as link:
            await init(link, {"authorization": wrong})
            assert (await closed(link))[0] == 4401
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server, additional_headers={"authorization": "Bearer nonsense"}):
            pass
    assert refused.value.response.status_code == 403


async def check_a_socket_by_cookie_opens_from_the_own_origin_alone(
    server: RunningServer, shop: Engine
) -> None:
    _, cookie = await sign_in(shop, await registered(shop), "COOKIE")
    own = server.url.replace("localhost", "127.0.0.1")
    headers = {"cookie": cookie}
    for origin in ("https://evil.example", "null", f"{own}.evil.example", f"{own}1"):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, origin=origin, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403, origin
    for origin in (own, FRIEND):
        async with connected(server, origin=origin, additional_headers=headers) as link:
            assert (await viewer(link))["role"] == "CUSTOMER"


async def check_a_page_with_a_bad_cookie_is_told_so_and_a_foreign_one_nothing(
    server: RunningServer, shop: Engine
) -> None:
    user = await registered(shop)
    done, cookie = await sign_in(shop, user, "COOKIE")
    await sessions.end(shop.context(), str(user["_id"]), done.tokens.session)
    headers = {"cookie": cookie}
    await asyncio.sleep(1)
    async with opened(server, additional_headers=headers) as link:
        assert await closed(link) == (4401, "the session has ended; sign in")
    with pytest.raises(InvalidStatus):
        async with opened(server, origin="https://evil.example", additional_headers=headers):
            pass


async def check_a_subscription_stops_when_its_session_ends(
    server: RunningServer, shop: Engine
) -> None:
    user = await registered(shop)
    waited = []
    for _ in range(3):
        done, cookie = await sign_in(shop, user, "COOKIE")
        other, _ = await sign_in(shop, user)
        async with (
            connected(server, bearer(done)) as link,
            connected(server, additional_headers={"cookie": cookie}) as by_cookie,
            connected(server, bearer(other)) as staying,
        ):
            for each in (link, by_cookie, staying):
                await subscribe(each, "subscription { probeSilence }")
            await sessions.end(shop.context(), str(user["_id"]), done.tokens.session)
            began = time.monotonic()
            assert await closed(link) == (4401, "the session has ended; sign in")
            assert await closed(by_cookie) == (4401, "the session has ended; sign in")
            waited.append(time.monotonic() - began)
            assert (await viewer(staying))["role"] == "CUSTOMER"
    print(f"subscriptions stopped after {', '.join(f'{each:.2f}' for each in waited)} s")
    assert max(waited) < 1.5


async def check_a_socket_ends_when_its_token_expires_and_may_come_again(
    server: RunningServer, shop: Engine
) -> None:
    done, _ = await sign_in(shop, await registered(shop))
    key, claims = await keys_of(shop.context()).current(), claims_in(done.tokens.access)
    token = key.sign({**claims, "exp": int(time.time()) + 2})
    async with connected(server, {"authorization": f"Bearer {token}"}) as link:
        await subscribe(link, "subscription { probeSilence }")
        expected = (4403, "the access token has expired; refresh it")
        assert await closed(link) == expected
    async with connected(server, bearer(done)) as link:
        assert (await viewer(link))["role"] == "CUSTOMER"


async def check_a_socket_ends_when_what_its_user_may_has_changed(
    server: RunningServer, shop: Engine
) -> None:
    user = await registered(shop)
    done, _ = await sign_in(shop, user)
    async with connected(server, bearer(done)) as link:
        users = shop.storage.collection(UserDocument)
        await users.update_one({"_id": user["_id"]}, {"$inc": {"token_version": 1}})
        await revocations_of(shop.context()).end_user(str(user["_id"]), 1)
        assert (await closed(link))[0] == 4403


async def check_a_stream_of_events_ends_with_its_session(
    server: RunningServer, shop: Engine
) -> None:
    user = await registered(shop)
    done, _ = await sign_in(shop, user)
    query = {"query": "subscription { probeSilence }"}
    headers = {**bearer(done), "accept": "text/event-stream"}
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        ending = asyncio.create_task(client.post("/graphql", json=query, headers=headers))
        by_get = asyncio.create_task(client.get("/graphql", params=query, headers=headers))
        await asyncio.sleep(1)
        assert not ending.done()
        assert not by_get.done()
        await sessions.end(shop.context(), str(user["_id"]), done.tokens.session)
        began = time.monotonic()
        for answer in await asyncio.gather(ending, by_get):
            assert '"code":"UNAUTHENTICATED"' in answer.text
            assert "event: complete" in answer.text
        assert time.monotonic() - began < 1.5
        refused = await client.post("/graphql", json=query, headers=headers)
        assert refused.status_code == 401
        count = {"query": "subscription { probeCount(to: 3) }"}
        other, _ = await sign_in(shop, user)
        headers["authorization"] = f"Bearer {other.tokens.access}"
        whole = await client.post("/graphql", json=count, headers=headers)
        assert whole.text.count("event: next") == 3


async def check_cookies_are_not_given_over_a_socket(server: RunningServer, shop: Engine) -> None:
    _, cookie = await sign_in(shop, await registered(shop), "COOKIE")
    async with connected(server, additional_headers={"cookie": cookie}) as link:
        await subscribe(link, "mutation { refreshToken(input: {}) { userErrors { code field } } }")
        (found,) = await results(link)
        (error,) = found["data"]["refreshToken"]["userErrors"]
        assert error == {"code": "INVALID", "field": ["input", "transport"]}
        assert cookies.REFRESH in cookie


@pytest.mark.long
async def test_long_connections(server: RunningServer, shop: Engine) -> None:
    """One server for them all: starting it is what takes time."""
    await check_a_socket_is_known_by_its_first_message(server, shop)
    await check_a_bad_token_in_the_first_message_closes_the_socket(server, shop)
    await check_a_socket_by_cookie_opens_from_the_own_origin_alone(server, shop)
    await check_a_page_with_a_bad_cookie_is_told_so_and_a_foreign_one_nothing(server, shop)
    await check_a_subscription_stops_when_its_session_ends(server, shop)
    await check_a_socket_ends_when_its_token_expires_and_may_come_again(server, shop)
    await check_a_socket_ends_when_what_its_user_may_has_changed(server, shop)
    await check_a_stream_of_events_ends_with_its_session(server, shop)
    await check_cookies_are_not_given_over_a_socket(server, shop)
