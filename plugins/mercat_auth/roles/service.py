"""From roles to permissions: the built-in ones, and those that admins made."""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from mercat import auth
from mercat.auth import Permission
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_auth.mfa import requiring
from mercat_auth.roles.documents import RoleDocument
from mercat_auth.tokens.access import Claims

CUSTOMER, SELLER, SUPPORT, ADMIN = "CUSTOMER", "SELLER", "SUPPORT", "ADMIN"
BUILT_IN = (ADMIN, SUPPORT, SELLER, CUSTOMER)
"""The most powerful first; everybody with an account is a customer."""

_LATE_SECONDS = 0.8


class Roles:
    """One engine's permissions, and the roles made of them.

    What admins made is kept in memory, told by the change feed; where the feed is behind, the
    database is asked instead.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.permissions: dict[str, Permission] = {
            permission.name: permission
            for _, found in engine.hooks.gather(auth.permissions)
            for permission in found
        }
        self._of = {
            role: frozenset(each.name for each in self.permissions.values() if role in each.roles)
            for role in BUILT_IN
        }
        self._made: dict[str, frozenset[str]] = {}
        self._is_stale = True
        self._turn = asyncio.Lock()

    async def listen(self) -> None:
        """Know the roles that there are, and hear of changes."""
        self._engine.changes.listen(RoleDocument, self._hear)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the roles that admins made, where what is known of them may be old."""
        async with self._turn:
            is_late = time.monotonic() - self._engine.changes.told_until > _LATE_SECONDS
            if not self._is_stale and not is_late:
                return
            self._is_stale = False
            try:
                records: list[Record] = await self._collection.find({}).to_list()
            except BaseException:
                self._is_stale = True
                raise
            self._made = {each["_id"]: frozenset(each["permissions"]) for each in records}

    def permissions_of(self, roles: Iterable[str]) -> frozenset[str]:
        """All that these roles may, as far as is known; an unknown role may nothing."""
        found = frozenset[str]().union(*map(self._permissions, (*roles, CUSTOMER)))
        return found & self.permissions.keys()  # a plugin may be gone

    def _permissions(self, role: str) -> frozenset[str]:
        return self._of.get(role) or self._made.get(role, frozenset())

    def _hear(self, _changes: Sequence[Change]) -> None:
        self._is_stale = True

    @property
    def _collection(self) -> Any:
        return self._engine.storage.collection(RoleDocument)


async def viewer_of(context: Context, claims: Claims) -> Viewer:
    """The viewer that a good access token stands for: a customer where a role needs more proof."""
    is_held_back = requiring.is_held_back(context, claims.roles, claims.methods)
    roles = () if is_held_back else claims.roles
    role = next((each for each in BUILT_IN if each in roles), CUSTOMER)
    return Viewer(
        role=role,
        permissions=await permissions_of(context, roles),
        user=claims.user,
        seller=None if is_held_back else claims.seller,
        session=claims.session,
    )


async def permissions_of(context: Context, roles: Collection[str]) -> frozenset[str]:
    """All that these roles may, at this moment; asks no store where all of them are built in."""
    known = roles_of(context)
    if not all(role in BUILT_IN for role in roles):
        await known.refresh()
    return known.permissions_of(roles)


def roles_of(context: Context) -> Roles:
    """The roles of the context's engine."""
    return context.engine.own(Roles, context.engine)
