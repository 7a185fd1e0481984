"""Whose pictures are whose. What a viewer may not see answers like what isn't there."""

from typing import Any

from mercat.context import SYSTEM, Viewer

UPLOAD = "media.upload"
MANAGE = "media.manage"


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
