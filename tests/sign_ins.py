"""Signing in by a provider, as a browser and a frontend do; and a provider that lies as told."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from .conftest import Client

PUBLIC_URL = "http://localhost:8000"
REDIRECT = "http://localhost:3000/signed-in"
APP = "com.example.shop:/signed-in"
CLIENT_ID = "shop"
CLIENT_SECRET = "a-secret-of-the-shop-alone"
COOKIE = "__Host-mercat-oauth-"

LOGIN = """mutation ($input: LoginWithProviderInput!) { loginWithProvider(input: $input) {
  user { id email emailVerified name hasPassword identities { id provider email } }
  tokens { accessToken refreshToken expiresIn } csrfToken
  challenge { token kinds } userErrors { field message code } } }"""
LINK = """mutation ($input: IdentityLinkInput!) { identityLink(input: $input) {
  user { identities { id provider } } userErrors { field message code } } }"""


def toml_for(issuer: str, *, auth: str = "", more: str = "", name: str = "local") -> str:
    """An engine.toml of a shop with one provider; the secret stands in the environment."""
    return (
        '[plugins]\nenabled = ["auth", "notifications"]\n'
        "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n"
        f'public_url = "{PUBLIC_URL}"\nredirects = ["{REDIRECT}", "{APP}"]\n{auth}\n'
        f'[plugins.auth.providers.{name}]\nissuer = "{issuer}"\nclient_id = "{CLIENT_ID}"\n{more}\n'
    )


def secret_variable(name: str = "local") -> str:
    """The variable that a provider's secret comes in."""
    return f"MERCAT_PLUGINS__AUTH__PROVIDERS__{name.upper()}__CLIENT_SECRET"


def challenge_of(verifier: str) -> str:
    """The S256 of a verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Started:
    """A sign-in that has begun: where the browser is sent, and what that says."""

    url: str
    verifier: str
    asked: dict[str, str]

    @property
    def state(self) -> str:
        return self.asked["state"]

    @property
    def nonce(self) -> str:
        return self.asked["nonce"]


@dataclass
class Browser:
    """Sends and keeps cookies of the shop, also of those that browsers keep for TLS only."""

    client: Client
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Open an address of the shop, and go nowhere from there."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {b"cookie": cookie.encode("latin-1")} if cookie else {}
        answer = await self.client.http.get(path, params=query or None, headers=headers)
        for each in answer.headers.get_list("set-cookie"):
            pair, _, attributes = each.partition(";")
            name, _, value = pair.partition("=")
            assert {"httponly", "secure", "path=/", "samesite=lax"} <= {
                one.strip().lower() for one in attributes.split(";")
            }
            if "max-age=0" in attributes.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        return answer

    async def start(
        self, *, provider: str = "local", redirect: str = REDIRECT, **more: str
    ) -> Started:
        """Press the button."""
        verifier = secrets.token_urlsafe(32)
        answer = await self.get(
            f"/auth/{provider}", redirect=redirect, code_challenge=challenge_of(verifier), **more
        )
        assert answer.status_code == 303, answer.text
        url = answer.headers["location"]
        return Started(url, verifier, dict(parse_qsl(urlsplit(url).query)))

    async def come_back(
        self, started: Started, *, provider: str = "local", **said: str
    ) -> dict[str, str]:
        """Come back from a provider with what it said; what the frontend is told then."""
        query = {"state": started.state, "code": "a code", **said}
        answer = await self.get(f"/auth/{provider}/callback", **query)
        assert answer.status_code == 303, answer.text
        return told(answer)

    async def ask(
        self, document: str, started: Started, code: str, *, token: str = "", **more: object
    ) -> dict[str, Any]:
        """Give the code of a sign-in in; the payload."""
        given = {"code": code, "codeVerifier": started.verifier, **more}
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await self.client.ask(document, {"input": given}, **headers)
        assert "errors" not in answer, answer["errors"]
        (payload,) = answer["data"].values()
        found: dict[str, Any] = payload
        return found


def told(answer: httpx.Response, redirect: str = REDIRECT) -> dict[str, str]:
    """What a redirect to the frontend says."""
    location = answer.headers["location"]
    assert location.startswith(f"{redirect}?")
    return dict(parse_qsl(urlsplit(location).query))


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """The key of a provider; a number has one for all tests, because making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class LyingProvider:
    """An OpenID provider that says what a test has it say; without a lie it is a good one."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.begin_anew()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def begin_anew(self) -> None:
        """Tell the truth, and know of nothing that was asked."""
        self.key = _key(self.number)
        self.keys = [self.public_key()]
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.id_token: Callable[[dict[str, Any]], str] = self.signed
        self.answer: Callable[[], tuple[int, Mapping[str, str], bytes]] | None = None
        self.requests: list[str] = []
        self.forms: list[dict[str, str]] = []

    def public_key(self, key_id: str = "one", **more: str) -> dict[str, Any]:
        """The JWK of the provider's key."""
        jwk = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**jwk, "kid": key_id, "use": "sig", "alg": "RS256", **more}

    def signed(self, claims: dict[str, Any]) -> str:
        """An ID token as it should be."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"})

    def says(self, nonce: str, /, **claims: Any) -> None:
        """Who signs in next, with what else the ID token says; None leaves a claim out."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "person-1",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            **claims,
        }
        self.claims = {name: value for name, value in said.items() if value is not None}

    def count(self, path: str) -> int:
        """How often an address was asked."""
        return self.requests.count(path)

    def _response(self, path: str) -> object:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.metadata,
            }
        if path == "/keys":
            return {"keys": self.keys}
        if path == "/userinfo":
            return self.userinfo
        return {
            "access_token": "an access token",
            "refresh_token": "a refresh token",
            "token_type": "Bearer",
            "id_token": self.id_token(self.claims),
        }

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.requests.append(self.path)
                self._send()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                provider.requests.append(self.path)
                provider.forms.append({**form, "authorization": self.headers["authorization"]})
                self._send()

            def _send(self) -> None:
                status, headers, body = 200, {"content-type": "application/json"}, b""
                if provider.answer is not None and self.path == "/token":
                    status, headers, body = provider.answer()  # type: ignore[assignment]
                else:
                    body = json.dumps(provider._response(self.path)).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
