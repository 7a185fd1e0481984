"""Somebody who signs in with second factors, over HTTP."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyotp

from mercat.engine import Engine
from mercat.storage import Record

from .authenticator import Authenticator
from .conftest import Client
from .identity import PASSWORD, registered, signed_in

ERRORS = "userErrors { field code message }"
LOGIN = f"""mutation ($input: LoginInput!) {{ login(input: $input) {{
  tokens {{ accessToken refreshToken }} user {{ email }}
  challenge {{ token kinds passkeyOptions expiresAt }} {ERRORS} }} }}"""
LOGIN_CONFIRM = f"""mutation ($input: LoginConfirmInput!) {{ loginConfirm(input: $input) {{
  tokens {{ accessToken refreshToken }} user {{ email }} csrfToken {ERRORS} }} }}"""
PASSKEY_LOGIN_START = f"""mutation ($input: PasskeyLoginStartInput!) {{
  passkeyLoginStart(input: $input) {{
    challenge {{ token kinds passkeyOptions }} {ERRORS} }} }}"""
ENABLE = f"""mutation ($input: MfaEnableInput!) {{ mfaEnable(input: $input) {{
  enrolment {{ challenge secret uri expiresAt }} {ERRORS} }} }}"""
CONFIRM = f"""mutation ($input: MfaConfirmInput!) {{ mfaConfirm(input: $input) {{
  user {{ mfa {{ status codes recoveryCodesLeft }} }} recoveryCodes {ERRORS} }} }}"""
DISABLE = f"""mutation ($input: MfaDisableInput!) {{ mfaDisable(input: $input) {{
  user {{ mfa {{ status codes recoveryCodesLeft }} }} {ERRORS} }} }}"""
RENEW = f"""mutation ($input: RecoveryCodesRenewInput!) {{ recoveryCodesRenew(input: $input) {{
  recoveryCodes {ERRORS} }} }}"""
REGISTER_START = f"""mutation ($input: PasskeyRegisterStartInput!) {{
  passkeyRegisterStart(input: $input) {{
    registration {{ challenge options expiresAt }} {ERRORS} }} }}"""
REGISTER_FINISH = f"""mutation ($input: PasskeyRegisterFinishInput!) {{
  passkeyRegisterFinish(input: $input) {{
    passkey {{ id name createdAt usedAt isBackedUp }} recoveryCodes {ERRORS} }} }}"""
RENAME = f"""mutation ($input: PasskeyRenameInput!) {{ passkeyRename(input: $input) {{
  passkey {{ id name }} {ERRORS} }} }}"""
REMOVE = f"""mutation ($input: PasskeyRemoveInput!) {{ passkeyRemove(input: $input) {{
  removedId {ERRORS} }} }}"""
STATE = """{ viewer { role permissions mfa user { mfa { status codes recoveryCodesLeft
  passkeys { id name usedAt } } } } }"""
PROOF = {"password": PASSWORD}
_STEADY_SECONDS = 4


@dataclass
class Person:
    """Somebody with an account and a session."""

    engine: Engine
    client: Client
    user: Record
    token: str
    secret: str = ""
    recovery_codes: list[str] = field(default_factory=list)

    async def ask(self, document: str, *, token: str | None = None, **given: Any) -> dict[str, Any]:
        """The payload of a mutation, signed in."""
        authorization = f"Bearer {token or self.token}"
        answer = await self.client.ask(document, {"input": given}, authorization=authorization)
        assert "errors" not in answer, answer["errors"]
        (payload,) = answer["data"].values()
        found: dict[str, Any] = payload
        return found

    async def viewer(self, token: str | None = None) -> dict[str, Any]:
        """What the viewer is told."""
        authorization = f"Bearer {token or self.token}"
        answer = await self.client.ask(STATE, authorization=authorization)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]["viewer"]
        return found

    async def enrol(self) -> None:
        """Turn codes on; the first code is that of the step before, so that others are left."""
        await _steady()
        payload = await self.ask(ENABLE, proof=PROOF)
        self.secret = payload["enrolment"]["secret"]
        challenge = payload["enrolment"]["challenge"]
        payload = await self.ask(CONFIRM, challenge=challenge, code=self.code(-1))
        assert payload["userErrors"] == []
        self.recovery_codes = payload["recoveryCodes"]

    async def add_passkey(self, name: str = "Phone", **options: Any) -> Authenticator:
        """Register a passkey."""
        authenticator = Authenticator(**options)
        payload = await self.ask(REGISTER_START, proof=PROOF)
        registration = payload["registration"]
        payload = await self.ask(
            REGISTER_FINISH,
            challenge=registration["challenge"],
            credential=authenticator.create(registration["options"]),
            name=name,
        )
        assert payload["userErrors"] == []
        self.recovery_codes = payload["recoveryCodes"] or self.recovery_codes
        return authenticator

    def code(self, ahead: int = 0) -> str:
        """The code of the present step of 30 s, or of another one."""
        return pyotp.TOTP(self.secret).at(time.time(), counter_offset=ahead)

    async def login(self) -> dict[str, Any]:
        """The challenge after a good password."""
        await _steady()
        payload = await said(
            self.client, LOGIN, email=self.user["email"], password=PASSWORD, transport="BEARER"
        )
        assert payload["userErrors"] == []
        assert payload["tokens"] is None
        found: dict[str, Any] = payload["challenge"]
        return found


async def _steady() -> None:
    """Wait where the step of 30 s is about to end, so that all of a test is in one."""
    left = 30 - time.time() % 30
    if left < _STEADY_SECONDS:
        await asyncio.sleep(left)


async def said(client: Client, document: str, **given: Any) -> dict[str, Any]:
    """The payload of a mutation that nobody in particular asks for."""
    answer = await client.ask(document, {"input": given})
    assert "errors" not in answer, answer["errors"]
    (payload,) = answer["data"].values()
    found: dict[str, Any] = payload
    return found


async def person(engine: Engine, client: Client, *, roles: Sequence[str] = ()) -> Person:
    """Somebody who has signed in with a password."""
    user = await registered(engine, roles=roles)
    return Person(engine, client, user, await signed_in(engine, user))


def codes_of(payload: dict[str, Any]) -> list[str]:
    """What is wrong, as codes."""
    return [error["code"] for error in payload["userErrors"]]
