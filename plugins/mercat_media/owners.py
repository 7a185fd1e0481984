"""Whose pictures are whose. What a viewer may not see answers like what isn't there."""

from collections.abc import Sequence
from typing import Any

from mercat.auth import Permission
from mercat.context import ANONYMOUS, SYSTEM, Viewer
from mercat.errors import ForbiddenError, UnauthenticatedError

UPLOAD = "media.upload"
MANAGE = "media.manage"

PERMISSIONS: Sequence[Permission] = (
    Permission(UPLOAD, "Upload pictures, and change and delete one's own.", ("SELLER", "ADMIN")),
    Permission(MANAGE, "See, change and delete every picture of the shop."),
)


def manages(viewer: Viewer) -> bool:
    """Whether every picture is the viewer's concern."""
    return MANAGE in viewer.permissions or viewer.role == SYSTEM.role


def owner_of(viewer: Viewer) -> str | None:
    """Whose a picture is that the viewer uploads; None where the viewer may upload none."""
    if viewer.seller is not None and UPLOAD in viewer.permissions:
        return f"seller:{viewer.seller}"
    if viewer.user is not None and (manages(viewer) or UPLOAD in viewer.permissions):
        return f"user:{viewer.user}"
    return "shop" if manages(viewer) else None


def theirs(viewer: Viewer) -> dict[str, Any] | None:
    """The condition that the viewer's pictures meet; None where there are none."""
    if manages(viewer):
        return {}
    owner = owner_of(viewer)
    return None if owner is None else {"owner": owner}


def check_uploads(viewer: Viewer) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who has no pictures."""
    if owner_of(viewer) is not None or viewer.role == SYSTEM.role:
        return
    if viewer.role == ANONYMOUS.role:
        raise UnauthenticatedError
    raise ForbiddenError
