"""uvicorn's HTTP protocol with bounds on what a client may do before a request is complete.

It also sends the head of a response together with its body: uvicorn writes them one after the
other, and a system call of its own costs a small answer a tenth of its time.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEADER_BYTES = 65_536
ARRIVAL_SECONDS = 30.0


class JoinedWrites:
    """A transport that holds the head of a response until its body comes in the same turn."""

    __slots__ = ("_flush_later", "_head", "_loop", "transport")

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._flush_later: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        head = self._head
        if head is not None:
            self._let_go()
            self.transport.write(head + data)
        elif data.endswith(b"\r\n\r\n") and data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._flush_later = self._loop.call_soon(self.flush)
        else:
            self.transport.write(data)

    def flush(self) -> None:
        head = self._head
        if head is not None:
            self._let_go()
            self.transport.write(head)

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def _let_go(self) -> None:
        self._head = None
        if self._flush_later is not None:
            self._flush_later.cancel()
            self._flush_later = None


class BoundedProtocol(HttpToolsProtocol):
    """Refuses headers of more than 64 KiB (431) and requests that take over 30 s to arrive (408).

    The status codes are those of RFC 6585, 5, and RFC 9110, 15.5.9. A request that comes in one
    packet, as nearly all do, costs no timer.
    """

    _in_headers = True
    _arriving = False
    _header_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)  # type: ignore[assignment]
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MOST_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._arriving:
            self._watch()
        else:
            self._unwatch()

    def on_message_begin(self) -> None:
        self._arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._header_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._arriving = False
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._in_headers = self._arriving = False
        self.transport = cast("JoinedWrites", self.transport).transport
        super().handle_websocket_upgrade()

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(
                ARRIVAL_SECONDS, self._refuse, b"408 Request Timeout"
            )

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        self._unwatch()
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()
