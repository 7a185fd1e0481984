"""Roles that count only for those who signed in with a second factor."""

from collections.abc import Iterable

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.settings import AuthSettings

PROVING = frozenset({"otp", "hwk", "mfa"})
"""Methods of signing in (RFC 8176) that are a second factor."""


def is_needed(context: Context, roles: Iterable[str]) -> bool:
    """Whether somebody with these roles needs a second factor."""
    required = context.settings(AuthSettings).mfa_required_for
    if not required:
        return False
    names = {name.casefold() for name in required}
    return any(role.casefold() in names for role in roles)


def is_held_back(context: Context, roles: Iterable[str], methods: Iterable[str]) -> bool:
    """Whether somebody who signed in by these methods has the roles of a customer only."""
    return is_needed(context, roles) and PROVING.isdisjoint(methods)


def is_enrolled(user: Record) -> bool:
    """Whether a stored user has a second factor."""
    return bool((user.get("mfa") or {}).get("totp") or user.get("passkeys"))
