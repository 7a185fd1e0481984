"""Who may change the category tree."""

from collections.abc import Sequence

from mercat.auth import Permission, Subject, check_allowed
from mercat.context import Context

MANAGE = "categories.manage"

PERMISSIONS: Sequence[Permission] = (
    Permission(MANAGE, "Add, change, move and delete categories, and put products into them."),
)

_TREE = Subject("Category")


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who may not change the tree."""
    await check_allowed(context, MANAGE, _TREE)
