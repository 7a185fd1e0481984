"""Networks that fail: a TCP proxy that delays, cuts, half-closes, and drops replies.

It stands between client and app, or between app and database, and decides for each request what
happens to it. Of the database's messages it reads the name of the command and no more.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import TypeAlias
from urllib.parse import urlsplit

_CHUNK = 65_536
_LONGEST_DELAY = 0.3


class Fault(Enum):
    """What happens to a request, and with it to its connection."""

    DELAY = "it and its reply come late"
    CUT = "it never arrives"
    HALVE = "half of it arrives, and then nothing more is sent"
    DROP = "it arrives, and its reply doesn't"


Choice: TypeAlias = Callable[[bytes], Fault | None]


def commits(data: bytes) -> bool:
    """Whether it is the database's commit of a transaction."""
    return b"commitTransaction" in data


class Proxy:
    """Between clients and the server at `port`; `choose` is asked for each request.

    `did` counts the faults, `lost_commits` the replies to commits among those that were dropped,
    each after the server had given it. `on_drop` is called at that moment.
    """

    def __init__(
        self, port: int, choose: Choice, on_drop: Callable[[], None] = lambda: None
    ) -> None:
        self._port = port
        self._choose = choose
        self._on_drop = on_drop
        self._links: set[asyncio.Task[None]] = set()
        self.did: Counter[Fault] = Counter()
        self.lost_commits = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def before(
        cls, mongo_url: str, choose: Choice, on_drop: Callable[[], None] = lambda: None
    ) -> AsyncIterator[tuple["Proxy", str]]:
        """A proxy of a database, and the URL by which it is reached through it and no other way."""
        port = urlsplit(mongo_url).port
        assert port is not None
        proxy = cls(port, choose, on_drop)
        async with proxy.running() as own:
            url = mongo_url.replace(f":{port}", f":{own}")
            yield proxy, f"{url}{'&' if '?' in url else '?'}directConnection=true"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Serve on a free port of the loopback interface, which is yielded."""
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            server, request = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            answer.close()
            return
        link = _Link(self, client, answer, server, request)
        task = asyncio.ensure_future(link.run())
        self._links.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._links.discard(task)

    def choose(self, data: bytes) -> Fault | None:
        fault = self._choose(data)
        if fault is not None and fault is not Fault.DROP:
            self.did[fault] += 1
        return fault

    def dropped(self, *, is_commit: bool) -> None:
        self.did[Fault.DROP] += 1
        self.lost_commits += is_commit
        self._on_drop()


class _Link:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        request: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._client, self._answer = client, answer
        self._server, self._request = server, request
        self._delay = 0.0
        self._drops: bool | None = None  # whether the reply to be dropped is a commit's

    async def run(self) -> None:
        """Pass on what comes, until either side ends or a fault ends it."""
        both = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            for writer in (self._answer, self._request):
                writer.close()

    async def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._client.read(_CHUNK):
                fault = self._proxy.choose(data)
                if fault is Fault.CUT:
                    return
                if fault is Fault.HALVE:
                    self._request.write(data[: len(data) // 2])
                    self._request.write_eof()
                    await asyncio.sleep(_LONGEST_DELAY)
                    return
                if fault is Fault.DROP:
                    self._drops = commits(data)
                if fault is Fault.DELAY:
                    self._delay = random.uniform(0, _LONGEST_DELAY)
                    await asyncio.sleep(self._delay)
                self._request.write(data)

    async def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._server.read(_CHUNK):
                if self._drops is not None:
                    self._proxy.dropped(is_commit=self._drops)
                    return
                if self._delay:
                    await asyncio.sleep(self._delay)
                    self._delay = 0.0
                self._answer.write(data)
