"""Subscriptions over WebSocket and server-sent events, and uploads, on a real server."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from websockets import ClientConnection, ConnectionClosed, Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mercat.app import create_app
from mercat.engine import Engine
from mercat.graphql import streams
from mercat.settings import load_settings

from .conftest import RunningServer, Serve
from .plugins_for_tests.probe.hooks import SECRET

ROOT = Path(__file__).resolve().parents[1]
TOML = (
    '[plugins]\nenabled = ["tests.plugins_for_tests.probe"]\n'
    '[server]\ncors_origins = ["https://Friend.example:443"]\n'
)
PROTOCOL = Subprotocol("graphql-transport-ws")
FRIEND = "https://friend.example"
DEEP = "probeTree { " + "next { " * 8 + "word" + " }" * 8 + " }"


@pytest.fixture
def server(serve: Serve) -> Iterator[RunningServer]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with serve(toml=TOML, PYTHONPATH=path) as running:
        yield running


@asynccontextmanager
async def connected(server: RunningServer, **options: Any) -> AsyncIterator[ClientConnection]:
    """A WebSocket that the server has acknowledged."""
    async with opened(server, **options) as link:
        await link.send('{"type":"connection_init"}')
        assert await receive(link) == {"type": "connection_ack"}
        yield link


def opened(server: RunningServer, **options: Any) -> connect:
    address = server.url.replace("http", "ws").replace("localhost", "127.0.0.1")
    return connect(f"{address}/graphql", **{"subprotocols": [PROTOCOL], **options})


async def receive(link: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(link.recv(), 20))


async def subscribe(link: ClientConnection, query: str, name: str = "1", **payload: Any) -> None:
    payload["query"] = query
    await link.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))


async def results(link: ClientConnection, name: str = "1") -> list[Any]:
    """The payloads of an operation until it is over; an error is the last of them."""
    found: list[Any] = []
    while True:
        message = await receive(link)
        assert message["id"] == name
        if message["type"] == "complete":
            return found
        found.append(message["payload"])
        if message["type"] == "error":
            return found


async def closed(link: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the server closes."""
    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(link.recv(), 20)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def check_a_subscription(link: ClientConnection) -> None:
    await subscribe(link, "subscription { probeCount(to: 3) }")
    assert await results(link) == [{"data": {"probeCount": n}} for n in (1, 2, 3)]
    await subscribe(
        link,
        "subscription A($n: Int!) { probeCount(to: $n) } query B { __typename }",
        operationName="A",
        variables={"n": 1},
    )
    assert await results(link) == [{"data": {"probeCount": 1}}]
    await subscribe(link, "{ probe { word } }")
    assert await results(link) == [{"data": {"probe": {"word": "word 1 None None None"}}}]


async def check_refusals(link: ClientConnection) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("subscription {", {}, "BAD_REQUEST"),
        ("subscription { nope }", {}, "BAD_REQUEST"),
        ("subscription A { probeSilence }", {"operationName": "B"}, "BAD_REQUEST"),
        ("query A { __typename } query B { __typename }", {}, "BAD_REQUEST"),
        ("subscription($n: Int!) { probeCount(to: $n) }", {}, "BAD_REQUEST"),
        ("subscription($n: Int!) { probeCount(to: $n) }", {"variables": {"n": "1"}}, "BAD_REQUEST"),
        (f"subscription {{ {DEEP} }}", {}, "QUERY_TOO_COSTLY"),
        (
            "{ " + " ".join(f"a{n}: __typename" for n in range(16)) + " }",
            {"operationName": "A"},
            "QUERY_TOO_COSTLY",
        ),
        ("{ __typename } " + " " * 20_000, {}, "QUERY_TOO_COSTLY"),
        ("mutation { a: probeGuess b: probeGuess }", {}, "QUERY_TOO_COSTLY"),
    ]
    before = await guessed(link)
    for query, payload, code in cases:
        await subscribe(link, query, **payload)
        (errors,) = await results(link)
        assert isinstance(errors, list), (query, errors)
        assert [error["extensions"] for error in errors] == [{"code": code}], query
        assert len(json.dumps(errors)) < 2_048
    assert await guessed(link) == before + 1, "a resolver ran"


async def guessed(link: ClientConnection) -> int:
    """Guess once; how many resolvers ran until then."""
    await subscribe(link, "mutation { probeGuess }")
    (answer,) = await results(link)
    count: int = answer["data"]["probeGuess"]
    return count


async def check_masking(link: ClientConnection) -> None:
    await subscribe(link, "subscription { probeBreaks }")
    first, second = await results(link)
    assert first == {"data": {"probeBreaks": "one"}}
    assert SECRET not in json.dumps(second)
    (error,) = second["errors"]
    assert error["message"] == "internal error"
    assert error["extensions"].keys() == {"code", "errorId"}
    await subscribe(link, "{ breaks }")
    (failed,) = await results(link)
    assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert SECRET not in json.dumps(failed)


async def check_completing(link: ClientConnection) -> None:
    """A silent subscription can be ended, and its name used again."""
    await subscribe(link, "subscription { probeSilence }")
    await link.send('{"id":"1","type":"complete"}')
    await link.send('{"type":"ping"}')
    assert await receive(link) == {"type": "pong"}
    await subscribe(link, "subscription { probeCount(to: 1) }")
    assert await results(link) == [{"data": {"probeCount": 1}}]


async def check_the_most_subscriptions(link: ClientConnection) -> None:
    for number in range(100):
        await subscribe(link, "subscription { probeSilence }", name=str(number))
    await subscribe(link, "subscription { probeSilence }", name="more")
    assert "limit" in json.dumps(await results(link, "more"))


BAD_MESSAGES: list[str | bytes] = [
    "nonsense",
    "null",
    "1",
    "[]",
    '"subscribe"',
    "{}",
    '{"type":1}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","id":1,"payload":{"query":"{__typename}"}}',
    '{"type":"subscribe","id":"1","payload":null}',
    '{"type":"subscribe","id":"1","payload":[]}',
    '{"type":"subscribe","id":"1","payload":{"query":1}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{__typename}","variables":[]}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{__typename}","operationName":1}}',
    '{"type":"subscribe","payload":{"query":"{__typename}"}}',
    '{"type":"complete"}',
    '{"type":"subscribe","id":"1","payload":{"query":"\\ud800"}}',
    json.dumps({"type": "x" * 1_000}),
    json.dumps({"type": "subscribe", "id": "a" * 1_000, "payload": {"query": "{__typename}"}}),
    "[" * 20_000,
    b"\x00\x01",
]


async def check_bad_messages(server: RunningServer) -> None:
    for message in BAD_MESSAGES:
        async with connected(server) as link:
            await link.send(message)
            code, reason = await closed(link)
            assert code == 4400, (message, code)
            assert reason
    async with connected(server) as link:
        await link.send(json.dumps({"type": "ping", "payload": {"a": "a" * 65_536}}))
        assert (await closed(link))[0] == 1009


async def check_the_handshake(server: RunningServer) -> None:
    async with opened(server) as link:
        await subscribe(link, "{ __typename }")
        assert (await closed(link))[0] == 4401
    async with connected(server) as link:
        await link.send('{"type":"connection_init"}')
        assert (await closed(link))[0] == 4429
    async with opened(server, subprotocols=[Subprotocol("graphql-ws")]) as link:
        assert (await closed(link))[0] == 4406
    async with opened(server) as link:
        await link.send('{"type":"connection_init","payload":null}')
        assert await receive(link) == {"type": "connection_ack"}
    async with opened(server) as link:
        await link.send('{"type":"connection_init","payload":[]}')
        assert (await closed(link))[0] == 4400
    async with connected(server) as link:
        await subscribe(link, "subscription { probeSilence }")
        await subscribe(link, "subscription { probeSilence }")
        assert (await closed(link))[0] == 4409
    for origin in ("https://foreign.example", "null", f"{FRIEND}.foreign.example", f"{FRIEND}:1"):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, origin=origin):
                pass
        assert refused.value.response.status_code == 403, origin
    for origin in (server.url.replace("localhost", "127.0.0.1"), FRIEND):
        async with connected(server, origin=origin) as link:
            await check_a_subscription(link)


async def check_who_asks(server: RunningServer) -> None:
    async with connected(server, additional_headers={"Authorization": "admin"}) as link:
        await subscribe(link, "{ who }")
        assert await results(link) == [{"data": {"who": "ADMIN"}}]
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server, additional_headers={"Authorization": "broken"}):
            pass
    assert refused.value.response.status_code == 403


async def test_websockets(server: RunningServer) -> None:
    """One server for them all: starting it is what takes time."""
    async with connected(server) as link:
        await check_a_subscription(link)
        await check_refusals(link)
        await check_masking(link)
        await check_completing(link)
        await check_the_most_subscriptions(link)
    await check_bad_messages(server)
    await check_the_handshake(server)
    await check_who_asks(server)
    async with connected(server) as link:
        await check_a_subscription(link)


@pytest.fixture(scope="module")
def unconnected(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine without its stores: these fields need none."""
    file = tmp_path_factory.mktemp("streams") / "engine.toml"
    file.write_text(TOML + "max_body_bytes = 100000\n")
    return Engine(load_settings(file))


@pytest.fixture
async def http(unconnected: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(cast("Any", create_app(unconnected)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


async def test_a_connection_that_is_not_initialised_is_closed(
    unconnected: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert streams.StrawberryView.connection_init_wait_timeout.total_seconds() == 5
    monkeypatch.setattr(
        streams.StrawberryView,
        "connection_init_wait_timeout",
        streams.StrawberryView.connection_init_wait_timeout / 100,
    )
    sent: list[Any] = []
    waiting = asyncio.Event()

    async def receive() -> Any:
        if not sent:
            return {"type": "websocket.connect"}
        await waiting.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "websocket.close":
            waiting.set()

    scope: Any = {
        "type": "websocket",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [],
        "subprotocols": [PROTOCOL],
        "state": {},
    }
    await asyncio.wait_for(create_app(unconnected)(scope, receive, send), 5)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 4408


# Server-sent events.


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream with their data; every stream ends with `complete`."""
    found = []
    for block in text.strip().split("\r\n\r\n"):
        fields = dict(line.split(": ", 1) for line in (block + " ").split("\r\n") if line[0] != ":")
        data = fields.get("data", "").strip()
        found.append((fields["event"].strip(), json.loads(data) if data else None))
    assert found[-1] == ("complete", None)
    return found[:-1]


async def stream(http: httpx.AsyncClient, query: str, **more: Any) -> list[tuple[str, Any]]:
    answer = await http.post(
        "/graphql", json={"query": query, **more}, headers={"accept": "text/event-stream"}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-content-type-options"] == "nosniff"
    return events(answer.text)


async def test_a_subscription_over_events(http: httpx.AsyncClient) -> None:
    expected = [("next", {"data": {"probeCount": n}}) for n in (1, 2, 3)]
    assert await stream(http, "subscription { probeCount(to: 3) }") == expected
    answer = await http.get(
        "/graphql",
        params={"query": "subscription { probeCount(to: 3) }"},
        headers={"accept": "text/event-stream"},
    )
    assert events(answer.text) == expected


async def test_events_only_where_they_are_wanted_most(http: httpx.AsyncClient) -> None:
    accept = "application/json, text/event-stream, multipart/mixed"
    answer = await http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"accept": accept}
    )
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert await stream(http, "{ __typename }") == [("next", {"data": {"__typename": "Query"}})]


@pytest.mark.parametrize(
    ("query", "more", "code"),
    [
        ("subscription {", {}, "BAD_REQUEST"),
        ("subscription { nope }", {}, "BAD_REQUEST"),
        ("subscription { probeSilence }", {"operationName": "A"}, "BAD_REQUEST"),
        ("subscription($n: Int!) { probeCount(to: $n) }", {}, "BAD_REQUEST"),
        (f"subscription {{ {DEEP} }}", {}, "QUERY_TOO_COSTLY"),
    ],
)
async def test_limits_hold_over_events(
    http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    query: str,
    more: dict[str, Any],
    code: str,
) -> None:
    ((name, result),) = await stream(http, query, **more)
    assert name == "next"
    assert [error["extensions"] for error in result["errors"]] == [{"code": code}]
    assert not [record for record in caplog.records if record.name == "mercat.graphql"]


async def test_errors_are_masked_over_events(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await stream(http, "subscription { probeBreaks }")
    assert first == ("next", {"data": {"probeBreaks": "one"}})
    (error,) = second[1]["errors"]
    assert error["message"] == "internal error"
    assert SECRET not in json.dumps(second)
    messages = [r.getMessage() for r in caplog.records if r.name == "mercat.graphql"]
    assert len(messages) == 1
    assert error["extensions"]["errorId"] in messages[0]


async def test_a_mutation_is_not_streamed_over_get(http: httpx.AsyncClient) -> None:
    answer = await http.get(
        "/graphql",
        params={"query": "mutation { probeWrite }"},
        headers={"accept": "text/event-stream"},
    )
    ((_, result),) = events(answer.text)
    assert result["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert not result.get("data")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"1", "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"a" * 200_000, "application/json", 413),
    ],
)
async def test_a_bad_request_for_events_is_answered_in_json(
    http: httpx.AsyncClient, body: bytes, content_type: str, status: int
) -> None:
    answer = await http.post(
        "/graphql",
        content=body,
        headers={"accept": "text/event-stream", "content-type": content_type},
    )
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


# Uploads.

UPLOAD = "mutation ($files: [Upload!]!) { probeUpload(files: $files) }"
HELLO = ("hello.txt", b"hello", "text/plain")


async def upload(
    http: httpx.AsyncClient,
    operations: Any,
    places: Any,
    files: dict[str, Any],
    **headers: str,
) -> httpx.Response:
    form = {"operations": json.dumps(operations), "map": json.dumps(places)}
    return await http.post("/graphql", data=form, files=files, headers=headers)


def operations(*files: Any) -> dict[str, Any]:
    return {"query": UPLOAD, "variables": {"files": list(files)}}


async def test_files_are_uploaded(http: httpx.AsyncClient) -> None:
    answer = await upload(
        http,
        operations(None, None),
        {"a": ["variables.files.0"], "b": ["variables.files.1"]},
        {"a": HELLO, "b": ("für.bin", b"\x00" * 50_000)},
    )
    assert answer.json() == {"data": {"probeUpload": ["hello.txt 5", "für.bin 50000"]}}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("places", ["files.0", "variables.files.1", "variables.files.x", "query"])
async def test_a_file_goes_only_where_a_null_is(http: httpx.AsyncClient, places: str) -> None:
    answer = await upload(http, operations(None), {"a": [places]}, {"a": HELLO})
    assert answer.status_code == 400
    assert "null" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("sent", "places", "files"),
    [
        (operations(None), {"b": ["variables.files.0"]}, {"a": HELLO}),
        (operations(None), {"operations": ["variables.files.0"]}, {"a": HELLO}),
        (operations(None), {"a": "variables.files.0"}, {"a": HELLO}),
        (operations(None), {"a": [1]}, {"a": HELLO}),
        (operations(None), {"a": ["variables.files.0"] * 21}, {"a": HELLO}),
        (operations(None), ["a"], {"a": HELLO}),
        (operations(None), None, {"a": HELLO}),
        ([operations(None)], {"a": ["0.variables.files.0"]}, {"a": HELLO}),
        ("text", {}, {"a": HELLO}),
        ({}, {"a": ["variables.files.0"]}, {"a": HELLO}),
        (operations(*[None] * 30), {}, {f"f{n}": HELLO for n in range(30)}),
    ],
)
async def test_a_bad_form_is_400(
    http: httpx.AsyncClient, sent: Any, places: Any, files: dict[str, Any]
) -> None:
    answer = await upload(http, sent, places, files)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_a_part_in_an_unknown_charset_is_400(http: httpx.AsyncClient) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="operations"\r\n'
        b"Content-Type: application/json; charset=klingon\r\n\r\n[]\r\n--b--\r\n"
    )
    answer = await http.post(
        "/graphql", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400


async def test_a_form_over_the_bound_is_413(http: httpx.AsyncClient) -> None:
    large = ("large.bin", b"\x00" * 200_000)
    answer = await upload(http, operations(None), {"a": ["variables.files.0"]}, {"a": large})
    assert answer.status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 10_000

    answer = await http.post(
        "/graphql", content=chunks(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 413


async def test_a_form_from_a_page_elsewhere_is_refused(http: httpx.AsyncClient) -> None:
    places = {"a": ["variables.files.0"]}
    for origin, status in [
        ("https://foreign.example", 403),
        ("null", 403),
        (FRIEND, 200),
        ("http://shop.test", 200),
    ]:
        answer = await upload(http, operations(None), places, {"a": HELLO}, origin=origin)
        assert answer.status_code == status, origin
