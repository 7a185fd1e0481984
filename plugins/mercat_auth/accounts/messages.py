"""What people are told by e-mail; written to files while no plugin sends any."""

import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from mercat import auth
from mercat.auth import Message, MessageKind
from mercat.context import Context
from mercat.errors import MercatError
from mercat.storage import Record, Session
from mercat_auth.links import Link

_logger = logging.getLogger(__name__)

_FOLDER = "mail"
_OWN = "mercat_auth."
_SENTENCES: dict[MessageKind, str] = {
    "verify_email": "Please confirm that this is your address.",
    "already_registered": "Somebody wanted to make an account with this address, which has one.",
    "reset_password": "Somebody asked for a new password for your account.",
    "password_changed": "The password of your account was changed.",
    "confirm_new_email": "Please confirm that your account is to have this address.",
    "confirm_old_email": "Please confirm that your account is to have another address than this.",
    "email_changed": "The address of your account was changed.",
    "account_erased": "Your account was erased.",
    "seller_invitation": "A seller invites you to its staff.",
    "mfa_enabled": "Signing in to your account needs a second factor from now on.",
    "mfa_disabled": "Signing in to your account needs no second factor any more.",
    "recovery_codes_renewed": "Your account has new recovery codes; the old ones have ended.",
    "recovery_code_used": "Somebody signed in to your account with a recovery code.",
    "passkey_added": "Your account has one more passkey.",
    "passkey_removed": "Your account has a passkey less.",
    "factors_reset": "The shop took the second factors of your account away; set up new ones.",
    "identity_linked": "One more account elsewhere signs in to yours.",
    "identity_unlinked": "An account elsewhere signs in to yours no more.",
}


async def send(
    context: Context,
    within: Session,
    kind: MessageKind,
    to: str | None,
    user: Record,
    link: Link | None = None,
) -> None:
    """Tell somebody something, in the transaction of what it is about."""
    if to is None:
        return
    message = Message(
        kind=kind,
        to=to,
        locale=user.get("locale") or context.locale,
        name=user.get("name"),
        link_id=link.id if link else None,
        expires_at=link.expires_at if link else None,
    )
    await context.engine.outbox.add(within, auth.message_due, context, message)


async def write_down(context: Context, message: Message) -> None:
    """Write a message to `mail/` in the data folder, where nobody sends it.

    Raises MercatError in production, where the outbox keeps it until a plugin does.
    """
    if any(_is_others(each.function) for each in context.hooks.implementations("message_due")):
        return
    if context.shop.production:
        raise MercatError("no enabled plugin sends messages by e-mail")
    folder = context.storage.data_dir / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    context.engine.own(_Notice).give(folder)
    secret = await context.hooks.first(auth.link_secret, context, message.link_id or "")
    _write(folder / _name(message), _text(message, secret))


class _Notice:
    """Says once in a process where messages go."""

    def __init__(self) -> None:
        self._is_given = False

    def give(self, folder: Path) -> None:
        if not self._is_given:
            self._is_given = True
            _logger.warning("no plugin sends e-mail; messages are written to %s", folder)


def _is_others(function: object) -> bool:
    return not getattr(function, "__module__", "").startswith(_OWN)


def _name(message: Message) -> str:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{moment}-{message.kind}-{message.link_id or secrets.token_hex(4)}.txt"


def _text(message: Message, secret: str | None) -> str:
    lines = [
        f"To: {message.to}",
        f"Kind: {message.kind}",
        f"Language: {message.locale}",
        "",
        _SENTENCES[message.kind],
    ]
    if secret is not None and message.expires_at is not None:
        lines += ["", f"Token: {secret}", f"Good until: {message.expires_at:%Y-%m-%d %H:%M} UTC"]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
