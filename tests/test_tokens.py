"""Access tokens: what is refused, everywhere, and that nothing of a refusal is an error of ours."""

import base64
import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mercat.context import Context
from mercat.engine import Engine
from mercat_auth.tokens.access import access_of
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.signing import SigningKey
from mercat_auth.tokens.verifying import LONGEST_TOKEN

from .conftest import Client, ClientFor, EngineFor
from .identity import SHOP, TOML, claims_in, registered, signed_in

WHO = "{ viewer { role user { email } } }"
Forge = Callable[[SigningKey, dict[str, Any]], str]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def b64(value: object) -> str:
    """Bytes, or JSON as PyJWT writes it, in base64url."""
    text = value if isinstance(value, bytes) else _json(value)
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(key: SigningKey, header: dict[str, Any], claims: object) -> str:
    """A token with exactly this header and these claims, truly signed by the shop's key."""
    said = f"{b64(header)}.{b64(claims)}"
    return f"{said}.{b64(key.check.Algorithm.sign(said.encode(), key.private))}"


def header_of(key: SigningKey, **more: Any) -> dict[str, Any]:
    header = {"alg": key.algorithm, "typ": "at+jwt", "kid": key.id, **more}
    return {name: header[name] for name in sorted(header) if header[name] is not None}


def headed(**more: Any) -> Forge:
    return lambda key, claims: signed(key, header_of(key, **more), claims)


def said(**more: Any) -> Forge:
    """A token that the shop itself has signed, with other claims; None leaves one out."""

    def forge(key: SigningKey, claims: dict[str, Any]) -> str:
        changed = {**claims, **more}
        kept = {name: value for name, value in changed.items() if value is not None}
        return signed(key, header_of(key), kept)

    return forge


def by_hmac(secret: Callable[[SigningKey], bytes]) -> Forge:
    """HS256 with something public as its secret (RFC 8725, 2.1)."""

    def forge(key: SigningKey, claims: dict[str, Any]) -> str:
        header = header_of(key, alg="HS256")
        said = f"{b64(header)}.{b64(claims)}"
        algorithm = jwt.get_algorithm_by_name("HS256")
        return f"{said}.{b64(algorithm.sign(said.encode(), secret(key)))}"

    return forge


def pem(key: SigningKey) -> bytes:
    return bytes(
        key.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def foreign(kind: str = "EdDSA", **more: Any) -> Forge:
    """A token of somebody else's key."""

    def forge(key: SigningKey, claims: dict[str, Any]) -> str:
        kinds: dict[str, Callable[[], Any]] = {
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
        }
        private = kinds[kind]()
        algorithm = jwt.get_algorithm_by_name(kind)
        jwk = algorithm.to_jwk(private.public_key(), as_dict=True)
        embedded = {"jwk": jwk} if more.pop("embeds", False) else {}
        header = header_of(key, **{"alg": kind, **more, **embedded})
        said = f"{b64(header)}.{b64(claims)}"
        return f"{said}.{b64(algorithm.sign(said.encode(), private))}"

    return forge


def good(key: SigningKey, claims: dict[str, Any]) -> str:
    return key.sign(claims)


def tampered(key: SigningKey, claims: dict[str, Any]) -> str:
    head, _, signature = key.sign(claims).split(".")
    return f"{head}.{b64({**claims, 'roles': ['ADMIN']})}.{signature}"


def malleable(key: SigningKey, claims: dict[str, Any]) -> str:
    """The same signature, written with other unused bits at its end."""
    token = key.sign(claims)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


NOW = int(time.time())
FORGED: dict[str, Forge] = {
    "no signature": lambda key, claims: good(key, claims).rpartition(".")[0] + ".",
    "two parts": lambda key, claims: good(key, claims).rpartition(".")[0],
    "four parts": lambda key, claims: good(key, claims) + ".x",
    "truncated": lambda key, claims: good(key, claims)[:-20],
    "only its header": lambda key, claims: good(key, claims).partition(".")[0],
    "a dot": lambda _key, _claims: ".",
    "padded": lambda key, claims: good(key, claims) + "==",
    "tampered claims": tampered,
    "malleable signature": malleable,
    "alg none": lambda key, claims: f"{b64(header_of(key, alg='none'))}.{b64(claims)}.",
    "alg None in other letters": headed(alg="nOnE"),
    "no alg": headed(alg=None),
    "alg of another kind": headed(alg="EdDSA"),
    "alg a list": headed(alg=["EdDSA"]),
    "HS256 with the public key": by_hmac(pem),
    "HS256 with the JWK": by_hmac(lambda key: json.dumps(dict(key.public)).encode()),
    "HS256 with x": by_hmac(lambda key: key.public["x"].encode()),
    "HS256 with nothing": by_hmac(lambda _: b""),
    "foreign key": foreign(),
    "foreign ES256": foreign("ES256"),
    "foreign RS256": foreign("RS256"),
    "embedded jwk": foreign(embeds=True),
    "jwk without kid": foreign(embeds=True, kid=None),
    "jku": foreign(jku="https://evil.example/jwks.json"),
    "x5u": foreign(x5u="https://evil.example/cert.pem"),
    "x5c": foreign(x5c=["MIIB"]),
    "our key and a jku": headed(jku="https://evil.example/jwks.json"),
    "our key and a jwk": headed(jwk={"kty": "OKP"}),
    "foreign kid": headed(kid="nobody"),
    "no kid": headed(kid=None),
    "kid a path": headed(kid="../../../../dev/null"),
    "kid an operator": headed(kid={"$ne": None}),
    "kid a list": headed(kid=["first"]),
    "kid a number": headed(kid=1),
    "kid SQL": headed(kid="first' OR '1'='1"),
    "typ JWT": headed(typ="JWT"),
    "no typ": headed(typ=None),
    "typ of a logout token": headed(typ="logout+jwt"),
    "crit": headed(crit=["exp"]),
    "crit b64": headed(crit=["b64"], b64=False),
    "zip": headed(zip="DEF"),
    "cty": headed(cty="JWT"),
    "expired": said(exp=NOW - 1_000),
    "expired just now": said(exp=NOW - 11),
    "expiry a word": said(exp="tomorrow"),
    "expiry without end": said(exp=float("inf")),
    "no expiry": said(exp=None),
    "not yet valid": said(nbf=NOW + 86_400),
    "issued later": said(iat=NOW + 86_400),
    "issued long ago, good for ever": said(iat=NOW - 7_200, exp=NOW + 100_000),
    "wrong issuer": said(iss="mercat2"),
    "issuer a list": said(iss=["mercat"]),
    "no issuer": said(iss=None),
    "wrong audience": said(aud="else"),
    "audience a list": said(aud=["mercat"]),
    "audiences": said(aud=["mercat", "else"]),
    "no audience": said(aud=None),
    "no subject": said(sub=None),
    "subject a number": said(sub=1),
    "no session": said(sid=None),
    "no version": said(ver=None),
    "version a word": said(ver="one"),
    "no roles": said(roles=None),
    "no id": said(jti=None),
    "claims a list": lambda key, _claims: signed(key, header_of(key), []),
    "claims no JSON": lambda key, _claims: signed(key, header_of(key), b"{"),
    "claims nested": lambda key, _claims: signed(key, header_of(key), b"[" * 2_000),
    "longer than any": said(more="x" * LONGEST_TOKEN),
    "100 KB": lambda _key, _claims: "e" * 100_000,
    "100 KB of dots": lambda _key, _claims: "." * 100_000,
}


async def key_and_claims(engine: Engine) -> tuple[SigningKey, dict[str, Any]]:
    user = await registered(engine)
    claims = claims_in(await signed_in(engine, user))
    return await keys_of(engine.context()).current(), claims


async def asked(client: Client, *headers: tuple[str, str]) -> Any:
    return await client.http.post("/graphql", json={"query": WHO}, headers=list(headers))


def check_refused(answer: Any, name: str) -> None:
    assert answer.status_code == 401, (name, answer.status_code, answer.text)
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}, name
    assert answer.headers["www-authenticate"].startswith("Bearer"), name
    assert len(answer.content) < 500, name


async def test_a_good_token_is_taken_however_the_scheme_is_written(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    token = await signed_in(engine, user)
    for scheme in ("Bearer", "bearer", "BEARER "):
        answer = await asked(client_for(engine), ("authorization", f"{scheme} {token}"))
        assert answer.json()["data"]["viewer"] == {
            "role": "CUSTOMER",
            "user": {"email": user["email"]},
        }


async def test_every_forged_token_is_a_401_over_http(
    engine_for: EngineFor, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = await engine_for(SHOP)
    client = client_for(engine)
    key, claims = await key_and_claims(engine)
    for same in (good, headed(), said()):  # what forges them makes good ones too
        answer = await asked(client, ("authorization", f"Bearer {same(key, claims)}"))
        assert answer.json()["data"]["viewer"]["role"] == "CUSTOMER"
    for name, forge in FORGED.items():
        token = forge(key, claims)
        check_refused(await asked(client, ("authorization", f"Bearer {token}")), name)
        upload = await client.http.post(
            "/media", content=b"x", headers={"authorization": f"Bearer {token}"}
        )
        check_refused(upload, f"{name} at /media")
        assert len(token) < 10 or token not in caplog.text, name
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_shop_that_signs_with_eddsa_refuses_the_same(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML.replace("hash_passes", 'algorithm = "EdDSA"\nhash_passes'))
    client = client_for(engine)
    key, claims = await key_and_claims(engine)
    assert jwt.get_unverified_header(good(key, claims))["alg"] == key.algorithm == "EdDSA"
    answer = await asked(client, ("authorization", f"Bearer {good(key, claims)}"))
    assert answer.json()["data"]["viewer"]["role"] == "CUSTOMER"
    forged = {**FORGED, "alg of another kind": headed(alg="ES256")}
    for name, forge in forged.items():
        check_refused(await asked(client, ("authorization", f"Bearer {forge(key, claims)}")), name)


@pytest.mark.parametrize(
    "lines",
    [
        ["Bearer {token}", "Bearer {token}"],
        ["Bearer {token}", "Basic dTpw"],
        ["Basic dTpw", "Bearer {token}"],
        ["Bearer {token} {token}"],
        ["Bearer {token},{token}"],
        ["Bearer {token}, Bearer {token}"],
        ["Bearer"],
        ["Bearer "],
        [""],
        ["{token}"],
        ["Token {token}"],
        ["Basic dTpw"],
        ["Bearer\t{token}"],
        ["Bearer \u00fc{token}"],
        ["Bearer {token}\u00a0"],
        ["Bearer {token}; {token}"],
    ],
)
async def test_a_malformed_authorization_header_is_a_401(
    engine_for: EngineFor, client_for: ClientFor, lines: Sequence[str]
) -> None:
    engine = await engine_for(TOML)
    token = await signed_in(engine, await registered(engine))
    raw = [(b"authorization", line.format(token=token).encode("latin-1")) for line in lines]
    answer = await client_for(engine).http.post(
        "/graphql",
        json={"query": WHO},
        headers=raw,
    )
    check_refused(answer, str(lines))


async def test_a_token_of_a_shop_with_another_secret_is_refused(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await engine_for(TOML)
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "s" * 40)
    other = {"name": f"{ours.storage.database.name}_b"}
    theirs = await engine_for(TOML, database=other)
    token = await signed_in(theirs, await registered(theirs))
    answer = await asked(client_for(theirs), ("authorization", f"Bearer {token}"))
    assert answer.json()["data"]["viewer"]["role"] == "CUSTOMER"
    check_refused(await asked(client_for(ours), ("authorization", f"Bearer {token}")), "ours")


async def test_a_token_ends_when_it_says_so_although_it_was_known(
    engine_for: EngineFor, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    client = client_for(engine)
    key, claims = await key_and_claims(engine)
    token = key.sign({**claims, "exp": int(time.time()) + 2})
    answer = await asked(client, ("authorization", f"Bearer {token}"))
    assert answer.json()["data"]["viewer"]["role"] == "CUSTOMER"
    later = time.time() + 3
    monkeypatch.setattr(time, "time", lambda: later)
    answer = await asked(client, ("authorization", f"Bearer {token}"))
    check_refused(answer, "expired")
    assert "expired" in answer.json()["errors"][0]["message"]


async def test_the_clocks_of_two_replicas_may_differ_a_little(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    key, claims = await key_and_claims(engine)
    ahead = int(time.time()) + 5
    token = key.sign({**claims, "iat": ahead, "nbf": ahead})
    assert (await access_of(engine.context()).read(token)).user == claims["sub"]


async def test_an_access_token_says_what_rfc_9068_wants(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine, roles=["SUPPORT"])
    token = await signed_in(engine, user, methods=("pwd", "otp"))
    assert jwt.get_unverified_header(token).keys() == {"alg", "typ", "kid"}
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    claims = claims_in(token)
    assert claims["exp"] - claims["iat"] == 600
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("mercat", "mercat", str(user["_id"]))
    assert (claims["amr"], claims["roles"]) == (["pwd", "otp"], ["SUPPORT"])
    assert not {"email", "name", "password"} & claims.keys()


async def test_what_is_remembered_of_tokens_is_bounded(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mercat_auth.tokens.access._MOST_KNOWN", 3)
    engine = await engine_for(TOML)
    key, claims = await key_and_claims(engine)
    access = access_of(engine.context())
    tokens = [key.sign({**claims, "jti": str(n)}) for n in range(5)]
    for token in [*tokens, *tokens]:
        assert (await access.read(token)).user == claims["sub"]
    assert len(access._known) == 3


async def test_nobody_is_anonymous_without_a_header(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(TOML)
    answer = await asked(client_for(engine))
    assert answer.json()["data"]["viewer"] == {"role": "ANONYMOUS", "user": None}
    assert "set-cookie" not in answer.headers
    assert Context(engine).viewer.role == "ANONYMOUS"
