"""What tests of accounts need: an engine's settings, accounts, tokens, and the messages sent."""

import base64
import json
import secrets
from collections.abc import Sequence
from typing import Any

from argon2 import PasswordHasher
from pydantic import TypeAdapter

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.notifications import Message
from mercat.storage import Record, Session
from mercat.storage.outbox import OutboxDocument
from mercat_auth.accounts import service
from mercat_auth.roles.service import viewer_of
from mercat_auth.tokens.access import access_of

PASSWORD = "correct horse battery"
"""Of everybody that `registered` makes."""

_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
_HASHES: dict[str, str] = {}


def toml_of(*plugins: str, auth: str = "", more: str = "") -> str:
    """An engine.toml with cheap hashes; `auth` and `more` are lines of it."""
    enabled = json.dumps(list(plugins or ("auth", "notifications")))
    return (
        f"[plugins]\nenabled = {enabled}\n"
        f"[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n{auth}\n{more}\n"
    )


TOML = toml_of()
HEARD = toml_of("auth", "notifications", "tests.plugins_for_tests.hearing")
"""With a plugin that wants to hear of people, so that `told` finds what is said of them."""
PATIENT = "free_attempts = 100\nstranger_attempts_per_hour = 1000\n"
"""Settings of a shop that many tests share, so that none waits for the attempts of the others."""
SHOP = toml_of(
    *("auth", "media", "products", "categories", "orders", "coupons", "payments"),
    *("payments_manual", "payments_sandbox", "payouts", "gift_cards", "notifications"),
    *("tickets", "webhooks"),
    more="[plugins.payments_manual.bank_transfer]",
)


async def registered(
    engine: Engine,
    email: str | None = None,
    *,
    password: str | None = PASSWORD,
    name: str | None = "Ada Lovelace",
    roles: Sequence[str] = (),
    seller: str | None = None,
    verified: bool = True,
) -> Record:
    """Somebody who has an account; the address is a new one where left out."""
    context = engine.context()
    address = email or f"{secrets.token_hex(6)}@example.com"

    async def work(session: Session) -> Record:
        return await service.create(
            context,
            session,
            email=address,
            name=name,
            password_hash=None if password is None else hashed(password),
            verified=verified,
            roles=roles,
        )

    user = await engine.storage.transaction(work)
    if seller is not None:
        await service.users(context).update_one({"_id": user["_id"]}, {"$set": {"seller": seller}})
        user["seller"] = seller
    return user


def hashed(password: str) -> str:
    """The hash of a password with the parameters of `TOML`; made once."""
    if password not in _HASHES:
        _HASHES[password] = PasswordHasher(time_cost=1, memory_cost=7168, parallelism=1).hash(
            password
        )
    return _HASHES[password]


async def signed_in(engine: Engine, user: Record, *, methods: Sequence[str] = ("pwd",)) -> str:
    """The access token of a new session of a user."""
    done = await service.finish_sign_in(Context(engine), user, methods, "BEARER")
    return done.tokens.access


async def viewer_for(engine: Engine, user: Record, *, methods: Sequence[str] = ("pwd",)) -> Viewer:
    """The viewer that a user is after signing in, for tests that ask without HTTP."""
    context = Context(engine)
    token = await signed_in(engine, user, methods=methods)
    return await viewer_of(context, await access_of(context).read(token))


def claims_in(token: str) -> dict[str, Any]:
    """What an access token says, unverified."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return found


async def messages(engine: Engine, kind: str | None = None, to: str | None = None) -> list[Message]:
    """The messages that wait in the outbox, the oldest first; for engines that deliver nothing."""
    rows = engine.storage.collection(OutboxDocument).find({"hook": "message_due"}).sort("_id", 1)
    found = [_MESSAGE.validate_python(row["payload"]["message"]) async for row in rows]
    wanted = None if kind is None else f"auth.{kind}"
    return [each for each in found if wanted in (None, each.kind) and to in (None, each.to)]


async def told(engine: Engine, hook: str) -> list[dict[str, Any]]:
    """What waits in the outbox for a hook, the oldest first."""
    rows = engine.storage.collection(OutboxDocument).find({"hook": hook}).sort("_id", 1)
    return [row["payload"] async for row in rows]
