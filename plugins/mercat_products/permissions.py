"""Who may see and change which products."""

from collections.abc import Sequence

from mercat.auth import Permission
from mercat.context import ANONYMOUS, Viewer
from mercat.errors import ForbiddenError, UnauthenticatedError
from mercat.storage import Record

MANAGE = "products.manage"
"""Every product of the shop."""

SELL = "products.sell"
"""The products of the viewer's own seller."""

PERMISSIONS: Sequence[Permission] = (
    Permission(
        MANAGE, "Add, change and remove every product of the shop, its types and its stock."
    ),
    Permission(
        SELL,
        "Add, change and remove the products of one's own seller, and their stock.",
        ("SELLER",),
    ),
)

ACTIVE: Record = {"status": "active"}
_HIDDEN: tuple[Record, ...] = ({"status": "draft"}, {"status": "archived"}, {"status": "withheld"})


def may_manage(viewer: Viewer) -> bool:
    return MANAGE in viewer.permissions or viewer.role == "SYSTEM"


def sells(viewer: Viewer) -> bool:
    """Whether the viewer may have products of its own."""
    return SELL in viewer.permissions and viewer.seller is not None


def may_edit(viewer: Viewer, seller: str | None) -> bool:
    """Whether the viewer may change products of that seller; None is the shop itself."""
    return may_manage(viewer) or (sells(viewer) and viewer.seller == seller)


def may_see(viewer: Viewer, record: Record) -> bool:
    """Whether a stored product meets `visible`."""
    return bool(record["status"] == "active" or may_edit(viewer, record.get("seller")))


def check_manages(viewer: Viewer) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who may not manage all products."""
    if not may_manage(viewer):
        _refuse(viewer)


def check_sees_more(viewer: Viewer) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who may change no product at all."""
    if not sees_more(viewer):
        _refuse(viewer)


def visible(viewer: Viewer) -> Record:
    """The condition that the products a viewer may see meet."""
    if may_manage(viewer):
        return {}
    if sells(viewer):
        return {"$or": [ACTIVE, {"seller": viewer.seller}]}
    return ACTIVE


def sees_more(viewer: Viewer) -> bool:
    """Whether there may be products that the viewer sees and that aren't active."""
    return may_manage(viewer) or sells(viewer)


def visible_parts(viewer: Viewer) -> list[Record]:
    """The same as conditions of which each product meets one at most, all with a status.

    An index has that before the number, so that each is a list that can be read page by page.
    """
    if may_manage(viewer):
        return [ACTIVE, *_HIDDEN]
    if sells(viewer):
        return [ACTIVE, *({**hidden, "seller": viewer.seller} for hidden in _HIDDEN)]
    return [ACTIVE]


def _refuse(viewer: Viewer) -> None:
    if viewer.role == ANONYMOUS.role:
        raise UnauthenticatedError
    raise ForbiddenError
