"""From roles to permissions."""

from collections.abc import Iterable

from mercat import auth
from mercat.auth import Permission
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat_auth.tokens.access import Claims

CUSTOMER, SELLER, SUPPORT, ADMIN = "CUSTOMER", "SELLER", "SUPPORT", "ADMIN"
BUILT_IN = (ADMIN, SUPPORT, SELLER, CUSTOMER)
"""The most powerful first; everybody with an account is a customer."""


class Roles:
    """One engine's permissions, and the roles made of them."""

    def __init__(self, engine: Engine) -> None:
        self.permissions: dict[str, Permission] = {
            permission.name: permission
            for _, found in engine.hooks.gather(auth.permissions)
            for permission in found
        }
        self._of = {
            role: frozenset(each.name for each in self.permissions.values() if role in each.roles)
            for role in BUILT_IN
        }

    def permissions_of(self, roles: Iterable[str]) -> frozenset[str]:
        """All that these roles may; an unknown role may nothing."""
        return frozenset().union(*(self._of.get(role, frozenset()) for role in (*roles, CUSTOMER)))


def viewer_of(context: Context, claims: Claims) -> Viewer:
    """The viewer that a good access token stands for."""
    role = next((each for each in BUILT_IN if each in claims.roles), CUSTOMER)
    return Viewer(
        role=role,
        permissions=roles_of(context).permissions_of(claims.roles),
        user=claims.user,
        seller=claims.seller,
        session=claims.session,
    )


def roles_of(context: Context) -> Roles:
    """The roles of the context's engine."""
    return context.engine.own(Roles, context.engine)
