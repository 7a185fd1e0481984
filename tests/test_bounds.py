"""What a connection may do before its request is complete, and how its answer is sent."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from websockets.sync.client import connect

from mercat import http
from mercat.http import BoundedProtocol


async def _echo(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "websocket":
        await receive()  # type: ignore[operator]
        await send({"type": "websocket.accept"})  # type: ignore[operator]
        while (message := await receive())["type"] == "websocket.receive":  # type: ignore[operator]
            await send({"type": "websocket.send", "text": message["text"]})  # type: ignore[operator]
        return
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()  # type: ignore[operator]
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
    if body == b"slow":
        await asyncio.sleep(0.3)
    await send({"type": "http.response.body", "body": body})  # type: ignore[operator]


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server in a thread that gives a request half a second to arrive."""
    monkeypatch.setattr(http, "ARRIVAL_SECONDS", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _echo,
        http=BoundedProtocol,
        lifespan="off",
        log_level="critical",
        access_log=False,
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()[:2]
    server.should_exit = True
    thread.join()
    listening.close()


def _answer(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    answer = b""
    while chunk := connection.recv(65_536):
        answer += chunk
    return answer


def test_request_that_arrives_in_pieces_is_answered(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        for piece in (b"POST / HTTP/1.1\r\nhost: a\r\nconn", b"ection: close\r\n"):
            connection.sendall(piece)
            time.sleep(0.05)
        connection.sendall(b"content-length: 4\r\n\r\nab")
        time.sleep(0.05)
        connection.sendall(b"cd")
        assert _answer(connection).endswith(b"\r\n\r\nabcd")


def test_large_body_in_one_packet_with_its_headers_is_answered(address: tuple[str, int]) -> None:
    body = b"x" * 200_000
    with socket.create_connection(address) as connection:
        head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 200000\r\n\r\n"
        connection.sendall(head + body)
        assert _answer(connection).endswith(body)


HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"


def test_head_and_body_of_an_answer_are_one_write(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    flushed = http.JoinedWrites.write

    def write(joined: http.JoinedWrites, data: bytes) -> None:
        transport = joined.transport
        joined.transport = _Recording(transport, writes)
        flushed(joined, data)
        joined.transport = transport

    monkeypatch.setattr(http.JoinedWrites, "write", write)
    with socket.create_connection(address) as connection:
        for number in range(3):
            connection.sendall(HEAD + b"abc%d" % number)
            assert connection.recv(65_536).endswith(b"\r\n\r\nabc%d" % number)
    assert len(writes) == 3


class _Recording:
    def __init__(self, transport: Any, writes: list[bytes]) -> None:
        self._transport = transport
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._writes.append(data)
        self._transport.write(data)


def test_head_does_not_wait_for_a_body_that_comes_later(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD + b"slow")
        assert connection.recv(65_536).endswith(b"\r\n\r\n")
        assert connection.recv(65_536) == b"slow"


def test_head_without_a_body_is_sent(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert _answer(connection).endswith(b"\r\n\r\n")


def test_headers_without_end_are_refused_after_64_kib(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        sent = 0
        try:
            while sent < 10_000_000:
                connection.sendall(b"y" * 10_000)
                sent += 10_000
        except OSError:
            pass
        assert sent < 10_000_000
        # What we sent after the refusal may have reset the connection, and the answer with it.
        with contextlib.suppress(ConnectionResetError):
            assert _answer(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab",
    ],
)
def test_request_that_does_not_arrive_in_time_is_given_up(
    address: tuple[str, int], begun: bytes
) -> None:
    started = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(begun)
        assert _answer(connection).startswith(b"HTTP/1.1 408 ")
    assert 0.3 < time.monotonic() - started < 4


def test_idle_connection_after_an_answer_is_not_cut_by_the_bound(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.8)


def test_websocket_outlives_the_bound(address: tuple[str, int]) -> None:
    with connect(f"ws://{address[0]}:{address[1]}/") as websocket:
        for word in ("one", "two"):
            websocket.send(word)
            assert websocket.recv(5) == word
            time.sleep(0.8)
