"""The kinds of messages about accounts, and what each is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bson import ObjectId

from mercat.context import Context
from mercat.notifications import Message, MessageKind, Recipient, addressee
from mercat.storage import Record
from mercat_auth import links
from mercat_auth.accounts.pages import page_of
from mercat_auth.sellers.reading import sellers

TEMPLATES = Path(__file__).parents[1] / "messages"

_SAMPLE_TOKEN = "Vb3kq0ZpTn2uJ8sXw1yRfA.4mNq7cTzYhLd9eWkPbGs2vXjRu6oQaKi1fHtEy8DnZc"  # noqa: S105
_SAMPLE_EXPIRY = datetime(2030, 5, 17, 14, 30, tzinfo=UTC)


async def _linked(
    context: Context, message: Message, _locale: str, *, is_needed: bool = True
) -> Mapping[str, Any] | None:
    """What a link has to carry, for the message that brings it; None once it leads nowhere."""
    link = await links.open_link(context, message.subject)
    if link is None:
        return None if is_needed else {"token": None, "url": None, "expires_at": None}
    token = links.secret_of(context, link["_id"])
    page = page_of(context, link["purpose"])
    return {
        "token": token,
        "url": None if page is None else page.replace("{token}", quote(token, safe="")),
        "expires_at": link["expires_at"],
        **await _seller(context, link),
    }


async def _seller(context: Context, link: Record) -> Mapping[str, Any]:
    if link["purpose"] != "seller_invitation":
        return {}
    found = await sellers(context).find_one({"_id": link["data"]["seller"]}, {"name": 1})
    return {"seller": "" if found is None else found["name"]}


async def _owner(context: Context, message: Message) -> Sequence[Recipient]:
    """The address that the message has with it, and whose account it is."""
    user: str | None = message.subject
    if not ObjectId.is_valid(message.subject):
        link = await links.open_link(context, message.subject)
        user = None if link is None else str(link["user"])
    return [replace(one, user=user) for one in await addressee(context, message)]


async def _plain(_context: Context, _message: Message, _locale: str) -> Mapping[str, Any]:
    return {}


def _linked_sample(_locale: str) -> Mapping[str, Any]:
    return {
        "token": _SAMPLE_TOKEN,
        "url": f"https://shop.example/account?token={_SAMPLE_TOKEN}",
        "expires_at": _SAMPLE_EXPIRY,
        "seller": "Müller & Söhne",
    }


def _plain_sample(_locale: str) -> Mapping[str, Any]:
    return {}


def _kind(name: str, title: str, **given: Any) -> MessageKind:
    plain: dict[str, Any] = {"recipients": _owner, "facts": _plain, "sample": _plain_sample}
    return MessageKind(name=f"auth.{name}", title=title, templates=TEMPLATES, **{**plain, **given})


_LINKED: Mapping[str, Any] = {"facts": _linked, "sample": _linked_sample}
# Nobody's any more, or not of who invites.
_STRANGERS: Mapping[str, Any] = {"recipients": addressee}

KINDS = (
    _kind("verify_email", "Confirm an address", **_LINKED),
    _kind("reset_password", "Set a new password", **_LINKED),
    _kind("confirm_new_email", "Confirm a new address", **_LINKED),
    _kind("confirm_old_email", "Agree to a new address", **_LINKED),
    _kind("seller_invitation", "Join a seller's staff", **_LINKED, **_STRANGERS),
    _kind(
        "already_registered",
        "The address has an account already",
        facts=partial(_linked, is_needed=False),
        sample=_linked_sample,
    ),
    _kind("password_changed", "The password was changed"),
    _kind("email_changed", "The address was changed"),
    _kind("account_erased", "The account was erased", **_STRANGERS),
    _kind("mfa_enabled", "A second factor is needed"),
    _kind("mfa_disabled", "No second factor is needed"),
    _kind("recovery_codes_renewed", "New recovery codes"),
    _kind("recovery_code_used", "A recovery code was used"),
    _kind("passkey_added", "A passkey was added"),
    _kind("passkey_removed", "A passkey was removed"),
    _kind("factors_reset", "The second factors were taken away"),
    _kind("identity_linked", "An account elsewhere was linked"),
    _kind("identity_unlinked", "An account elsewhere was unlinked"),
)
