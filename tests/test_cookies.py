"""The transport for browsers: what the cookies are, who may use them, and what is ignored."""

from collections.abc import Iterator, Sequence
from http.cookies import SimpleCookie
from typing import Any

import pytest

from mercat.auth import Credentials
from mercat.context import Context
from mercat.engine import Engine
from mercat.graphql.protocol import read_headers
from mercat.storage import Record
from mercat_auth.accounts.service import finish_sign_in
from mercat_auth.tokens import cookies, sessions
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.service import make_guest

from .conftest import Client, ClientFor, EngineFor, until
from .identity import SHOP, TOML, registered
from .test_tokens_sessions import EVERYWHERE, REFRESH, is_told

WHO = "{ viewer { role guest csrfToken } }"
GUEST = """mutation ($to: Transport!) { guestIdentityCreate(input: {transport: $to}) {
  token userErrors { code } } }"""
ACCESS, RENEW, CSRF = cookies.ACCESS, cookies.REFRESH, cookies.CSRF


class Browser:
    """Keeps the cookies that it is given, and sends them."""

    def __init__(self, client: Client, given: Sequence[str] = ()) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.take(given)

    def take(self, given: Sequence[str]) -> None:
        for line in given:
            ((name, morsel),) = SimpleCookie(line).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value

    async def send(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        proof: bool = True,
        **more: str,
    ) -> Any:
        """The response; with `proof` the request has the CSRF header."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        headers["cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        if proof and CSRF in self.cookies:
            headers["x-csrf-token"] = self.cookies[CSRF]
        body = {"query": query, "variables": variables}
        answer = await self.client.http.post("/graphql", json=body, headers=headers)
        self.take(answer.headers.get_list("set-cookie"))
        return answer


async def browser(engine: Engine, client: Client, user: Record | None = None) -> Browser:
    """A browser that somebody has signed in with."""
    user = user or await registered(engine)
    context = Context(engine, credentials=Credentials({}, "192.0.2.1"))
    await finish_sign_in(context, user, ["pwd"], "COOKIE")
    return Browser(client, context.cookies)


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers of which some are no ASCII."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def parsed(lines: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    for line in lines:
        pair, *attributes = line.split("; ")
        yield (
            pair.partition("=")[0],
            {each.partition("=")[0]: each.partition("=")[2] for each in attributes},
        )


async def test_the_cookies_are_for_one_host_over_tls_and_no_script_reads_the_tokens(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(TOML)
    context = Context(engine, credentials=Credentials({}, None))
    await finish_sign_in(context, await registered(engine), ["pwd"], "COOKIE")
    found = dict(parsed(context.cookies))
    assert found.keys() == {ACCESS, RENEW, CSRF}
    for name, attributes in found.items():
        assert name.startswith("__Host-")
        assert (attributes["Path"], "Secure" in attributes) == ("/", True)
        assert "Domain" not in attributes
    assert {name: "HttpOnly" in each for name, each in found.items()} == {
        ACCESS: True,
        RENEW: True,
        CSRF: False,
    }
    assert {name: each["SameSite"] for name, each in found.items()} == {
        ACCESS: "Lax",
        RENEW: "Strict",
        CSRF: "Lax",
    }
    assert (found[ACCESS]["Max-Age"], found[RENEW]["Max-Age"]) == ("600", str(30 * 86_400))


async def test_a_browser_is_known_by_its_cookie_with_the_csrf_header(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    viewer = (await found.send(WHO)).json()["data"]["viewer"]
    assert viewer == {"role": "CUSTOMER", "guest": None, "csrfToken": found.cookies[CSRF]}


@pytest.mark.parametrize("given", [None, "", "x", "A" * 43, "\u00fc", "other"])
async def test_a_post_by_cookie_without_the_right_csrf_header_is_refused(
    engine_for: EngineFor, client_for: ClientFor, given: str | None
) -> None:
    engine = await engine_for(SHOP)
    client = client_for(engine)
    found, other = await browser(engine, client), await browser(engine, client)
    if given == "other":
        given = other.cookies[CSRF]
    sent = {"cookie": f"{ACCESS}={found.cookies[ACCESS]}; {CSRF}={given or ''}"}
    headers = raw(sent if given is None else {**sent, "x-csrf-token": given})
    answer = await client.http.post("/graphql", json={"query": WHO}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    upload = await client.http.post("/media", content=b"x", headers=headers)
    assert upload.status_code == 403


async def test_a_get_by_cookie_needs_no_header_and_can_change_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    found = await browser(engine, client)
    cookie = {"cookie": f"{ACCESS}={found.cookies[ACCESS]}"}
    read = await client.http.get("/graphql", params={"query": WHO}, headers=cookie)
    assert read.json()["data"]["viewer"]["csrfToken"] == found.cookies[CSRF]
    assert read.headers["cache-control"] == "private, no-cache"
    assert "cookie" in read.headers["vary"]
    write = await client.http.get(
        "/graphql",
        params={"query": "mutation { logoutEverywhere(input: {}) { count } }"},
        headers=cookie,
    )
    assert write.status_code == 405
    assert (await found.send(WHO)).status_code == 200


async def test_a_bad_cookie_is_a_401_and_is_taken_out_of_the_browser(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    for value in ("x", "a.b.c", "e" * 5_000, "%00", '"quoted"', "\u00fc"):
        found = Browser(client)
        found.cookies[ACCESS] = value
        sent = raw({"cookie": f"{ACCESS}={value}"})
        answer = await client.http.post("/graphql", json={"query": WHO}, headers=sent)
        assert answer.status_code == 401, value
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert "www-authenticate" in answer.headers
        found.take(answer.headers.get_list("set-cookie"))
        assert found.cookies == {}
        assert (await found.send(WHO)).json()["data"]["viewer"]["role"] == "ANONYMOUS"


async def test_cookies_of_others_disturb_nothing(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    found = await browser(engine, client)
    own = f"{ACCESS}={found.cookies[ACCESS]}"
    proof = {"x-csrf-token": found.cookies[CSRF]}
    for header in (
        f"a=b; {own}",
        f"{own};c=d",
        f'json={{"a":[1,"b"]}}; {own}; x="y z"',
        f"bad name=1; {own}",
        f"=; ; ;;{own}; =x; y",
        f"a=\u00e9\u00ff; {own}",
        f"$Version=1; {own}; $Path=/",
        f"a={'b' * 5_000}; {own}",
        f"a=\x01\x7f; {own}",
        f"{ACCESS}=; {own}",
    ):
        sent = raw({"cookie": header, **proof})
        answer = await client.http.post("/graphql", json={"query": WHO}, headers=sent)
        assert answer.json()["data"]["viewer"]["role"] == "CUSTOMER", header


@pytest.mark.parametrize(
    "header",
    [
        "{own}; {other}",
        "a=b, {own}",
        "a=b,{own}",
        'a="b; {own}x',
        "x{own}",
        "a={own}",
        "{own_upper}",
        "{own}; a=" + "b" * 9_000,
    ],
)
async def test_a_cookie_that_is_not_plainly_ours_is_ignored(
    engine_for: EngineFor, client_for: ClientFor, header: str
) -> None:
    """Such as one of a neighbouring host, which holds ours within a value of its own."""
    engine = await engine_for(TOML)
    client = client_for(engine)
    one, two = await browser(engine, client), await browser(engine, client)
    own = f"{ACCESS}={one.cookies[ACCESS]}"
    sent = header.format(
        own=own, other=f"{ACCESS}={two.cookies[ACCESS]}", own_upper=own.replace("__H", "__h")
    )
    answer = await client.http.post(
        "/graphql",
        json={"query": WHO},
        headers={"cookie": sent, "x-csrf-token": one.cookies[CSRF]},
    )
    expected = 401 if sent.startswith('a="b') else 200
    assert answer.status_code == expected
    if expected == 200:
        assert answer.json()["data"]["viewer"]["role"] == "ANONYMOUS"


async def test_several_cookie_headers_are_read_as_one(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    one, two = await browser(engine, client), await browser(engine, client)
    own, other = (f"{ACCESS}={each.cookies[ACCESS]}".encode() for each in (one, two))
    proof = (b"x-csrf-token", one.cookies[CSRF].encode())
    for lines, role in (
        ([b"a=b", own], "CUSTOMER"),
        ([own, b"a=b, c=d"], "CUSTOMER"),
        ([own, other], "ANONYMOUS"),
        ([own, own], "ANONYMOUS"),
    ):
        sent = [*((b"cookie", line) for line in lines), proof]
        answer = await client.http.post("/graphql", json={"query": WHO}, headers=sent)
        assert answer.json()["data"]["viewer"]["role"] == role, lines
    assert read_headers([(b"cookie", b"a=1"), (b"cookie", b"b=2")]) == {"cookie": "a=1; b=2"}


async def test_a_bearer_token_counts_before_a_cookie(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    answer = await found.send(WHO, authorization="Bearer nonsense")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


# Refreshing


async def test_a_browser_refreshes_its_cookies(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    before = dict(found.cookies)
    del found.cookies[ACCESS]  # it has expired
    payload = (await found.send(REFRESH)).json()["data"]["refreshToken"]
    assert (payload["tokens"], payload["csrfToken"]) == (None, before[CSRF])
    assert found.cookies.keys() == before.keys()
    assert found.cookies[RENEW] != before[RENEW]
    assert found.cookies[ACCESS] != before[ACCESS]
    assert (await found.send(WHO)).json()["data"]["viewer"]["role"] == "CUSTOMER"
    again = await Browser(found.client, [f"{n}={v}" for n, v in before.items()]).send(REFRESH)
    assert again.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await found.send(WHO)).status_code == 401


async def test_refreshing_by_cookie_needs_the_csrf_header_although_nobody_is_known(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    found, other = await browser(engine, client), await browser(engine, client)
    for each in (found, other):
        del each.cookies[ACCESS]
    refused = await found.send(REFRESH, proof=False)
    assert refused.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    foreign = await found.send(REFRESH, proof=False, x_csrf_token=other.cookies[CSRF])
    assert foreign.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "errors" not in (await found.send(REFRESH)).json()


async def test_a_refresh_that_fails_takes_the_cookies_away(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    found = await browser(engine, client_for(engine), user)
    await sessions.end_everywhere(engine.context(), str(user["_id"]))
    assert (await found.send(WHO)).status_code == 401
    assert ACCESS not in found.cookies
    refused = await found.send(REFRESH)
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert found.cookies == {}
    nobody = await found.send(REFRESH)
    assert nobody.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_browser_goes_on_after_its_signing_key_was_taken_away(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    keys = keys_of(engine.context())
    await keys.remove((await keys.current()).id)
    assert (await found.send(WHO)).status_code == 401
    assert "errors" not in (await found.send(REFRESH)).json()
    assert (await found.send(WHO)).json()["data"]["viewer"]["role"] == "CUSTOMER"


async def test_signing_out_everywhere_takes_the_cookies_away(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    await found.send(EVERYWHERE, {"keep": True})
    assert found.cookies.keys() == {ACCESS, RENEW, CSRF}
    await found.send(EVERYWHERE, {"keep": False})
    assert found.cookies == {}


async def test_events_carry_no_cookies_so_tokens_are_not_lost_in_them(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    found = await browser(engine, client_for(engine))
    answer = await found.send(REFRESH, accept="text/event-stream")
    assert '"code":"INVALID"' in answer.text
    assert "errors" not in (await found.send(REFRESH)).json()


# Guests


async def test_a_guest_is_known_by_header_or_cookie_and_gets_the_same_identity_again(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    made = (await client.ask(GUEST, {"to": "BEARER"}))["data"]["guestIdentityCreate"]
    assert made["userErrors"] == []
    known = await client.ask(WHO, **{"x-mercat-guest": made["token"]})
    guest = known["data"]["viewer"]["guest"]
    assert known["data"]["viewer"]["role"] == "ANONYMOUS"
    assert made["token"].startswith(f"{guest}.")
    found = Browser(client)
    answer = await found.send(GUEST, {"to": "COOKIE"}, x_mercat_guest=made["token"])
    assert answer.json()["data"]["guestIdentityCreate"]["token"] is None
    assert found.cookies == {cookies.GUEST: made["token"]}
    ((_, attributes),) = parsed(answer.headers.get_list("set-cookie"))
    assert "HttpOnly" in attributes
    assert (await found.send(WHO)).json()["data"]["viewer"]["guest"] == guest


async def test_an_identity_that_the_shop_did_not_sign_is_nobodys(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    good = make_guest(engine.context())
    key, _, code = good.partition(".")
    csrf = cookies.csrf_token(engine.context(), key)
    for token in (key, f"{key}.", f"{key}.{code[:-1]}", f"{key[:-1]}A.{code}", f"{key}.{csrf}", ""):
        if token == good:
            continue
        answer = await client.ask(WHO, None, **{"x-mercat-guest": token})
        assert answer["data"]["viewer"]["guest"] is None, token


async def test_nothing_is_kept_for_a_guest_alone(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    """Guests share the answers of everybody who is anonymous, and their own are not kept."""
    engine = await engine_for(SHOP, work=True)
    client = client_for(engine)
    await until(lambda: is_told(engine))
    tokens = [make_guest(engine.context()) for _ in range(2)]
    guests = []
    for token in (*tokens, *tokens):
        answer = await client.http.get(
            "/graphql", params={"query": WHO}, headers={"x-mercat-guest": token}
        )
        guests.append(answer.json()["data"]["viewer"]["guest"])
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "cache-status" not in answer.headers
    assert guests[:2] == guests[2:]
    assert guests[0] != guests[1]
    assert len(engine.answers) == 0
    shop = {"query": "{ shop { name } }"}
    await client.http.post("/graphql", json=shop)
    for token in tokens:
        answer = await client.http.post("/graphql", json=shop, headers={"x-mercat-guest": token})
        assert answer.json() == {"data": {"shop": {"name": "Mercat"}}}
        assert answer.headers["cache-status"] == "mercat; hit"
    assert len(engine.answers) == 1
