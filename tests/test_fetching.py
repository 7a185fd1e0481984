"""Fetching goes to public addresses and nowhere else, however the URL is written."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mercat import fetching
from mercat.fetching import FetchError, PinnedTransport, check_url, client, fetch
from mercat.reach import PUBLIC, Reach

DEVELOPER = Reach(plain=True)
INTERNAL = Reach(private=True)


class Server:
    """Answers as told, on loopback; `asked` are the paths and hosts that were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.packings: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.small
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers["host"]))
                server.packings.append(self.headers["accept-encoding"])
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.port = self._server.server_port

    @staticmethod
    def small(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
        handler.send_response(status)
        for name, value in {**headers, "content-length": "2"}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(b"{}")

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.end()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.0.2.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1:0:0:80ff:fffe]/",
        "http://93.184.216.34/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:text/plain,x",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https:///x",
        "https://user@example.com/",
        "https://example.com@127.0.0.1/",
        "https://127.0.0.1\\@example.com/",
        "https://example.com/#x",
        "https://exam ple.com/",
        "https://example.com/\r\nhost: x",
        "https://\u24d4xample.com/",
        "https://example.com:99999/",
        "https://[::1",
        "https://" + "a" * 3_000,
    ],
)
async def test_nothing_but_a_public_address_is_fetched_from(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    monkeypatch.setattr(PinnedTransport, "_send", lambda *_: connected.append(url))
    with pytest.raises(FetchError):
        await fetch(url)
    assert connected == []


@pytest.mark.parametrize(
    ("reach", "address", "plain", "tls"),
    [
        (PUBLIC, "93.184.216.34", False, True),
        (PUBLIC, "2606:4700::1111", False, True),
        (PUBLIC, "127.0.0.1", False, False),
        (DEVELOPER, "127.0.0.1", True, True),
        (DEVELOPER, "::1", True, True),
        (DEVELOPER, "::ffff:127.0.0.1", True, True),
        (DEVELOPER, "93.184.216.34", False, True),
        (DEVELOPER, "10.0.0.1", False, False),
        (DEVELOPER, "169.254.169.254", False, False),
        (INTERNAL, "10.0.0.1", False, True),
        (INTERNAL, "127.0.0.1", False, True),
        (INTERNAL, "fd00::1", False, True),
        (INTERNAL, "169.254.169.254", False, False),
        (INTERNAL, "::ffff:169.254.169.254", False, False),
        (INTERNAL, "fe80::1%eth0", False, False),
        (INTERNAL, "0.0.0.0", False, False),
        (INTERNAL, "::", False, False),
        (INTERNAL, "224.0.0.1", False, False),
    ],
)
def test_an_address_is_within_reach_or_not(
    reach: Reach, address: str, plain: bool, tls: bool
) -> None:
    assert reach.includes(address, is_plain=True) is plain
    assert reach.includes(address) is tls


async def test_developers_fetch_from_their_own_machine(server: Server) -> None:
    assert await fetch(f"http://127.0.0.1:{server.port}/x", DEVELOPER) == b"{}"
    assert server.asked == [("/x", f"127.0.0.1:{server.port}")]
    assert server.packings == ["identity"]
    for url in (f"http://127.0.0.1:{server.port}/", f"http://localhost:{server.port}/"):
        for reach in (PUBLIC, INTERNAL):
            with pytest.raises(FetchError):
                await fetch(url, reach)
    assert len(server.asked) == 1


class Names:
    """A resolver that says something else each time, as rebinding does."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0)


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    server: Server,
) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    url = f"http://127.0.0.9:{server.port}"  # where nobody listens
    async with client(DEVELOPER, resolve=names) as asking:
        answer = await asking.get(f"{url}/")
    assert (answer.status_code, names.asked) == (200, 1)
    assert server.asked == [("/", f"127.0.0.9:{server.port}")]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:10.0.0.1"], []]
)
async def test_a_public_name_that_leads_inside_is_not_connected_to(
    server: Server, addresses: list[str]
) -> None:
    names = Names(addresses)
    async with client(resolve=names) as asking:
        with pytest.raises(FetchError):
            await asking.get(f"https://rebound.example:{server.port}/")
    assert (names.asked, server.asked) == (1, [])


async def test_an_address_that_does_not_answer_is_passed_over_for_the_next(
    server: Server,
) -> None:
    names = Names(["127.0.0.2", "127.0.0.1"])  # nobody listens at the first
    async with client(DEVELOPER, resolve=names) as asking:
        answer = await asking.get(f"http://localhost:{server.port}/")
    assert answer.status_code == 200


async def test_a_redirect_is_not_followed(server: Server) -> None:
    elsewhere = f"http://127.0.0.1:{server.port}/elsewhere"
    server.answer = lambda handler: server.small(handler, 302, location=elsewhere)
    with pytest.raises(FetchError, match="302"):
        await fetch(f"http://127.0.0.1:{server.port}/", DEVELOPER)
    assert [path for path, _ in server.asked] == ["/"]


async def test_a_body_that_is_too_large_or_packed_is_not_taken(server: Server) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(2_000):
            try:
                handler.wfile.write(b"x" * 10_000)
            except OSError:
                return

    server.answer = endless
    with pytest.raises(FetchError, match="too large"):
        await fetch(f"http://127.0.0.1:{server.port}/", DEVELOPER, max_bytes=50_000)
    server.answer = lambda handler: server.small(handler, content_encoding="gzip")
    with pytest.raises(FetchError, match="packed"):
        await fetch(f"http://127.0.0.1:{server.port}/", DEVELOPER)


async def test_a_server_that_says_one_byte_at_a_time_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(40):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    server.answer = slow
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(FetchError):
        await fetch(f"http://127.0.0.1:{server.port}/", DEVELOPER)
    assert time.monotonic() - began < 1.5


def test_a_good_url_is_good() -> None:
    assert check_url("https://accounts.google.com/a?b=c").host == "accounts.google.com"
