"""What may be done with gift cards, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "gift_cards.manage"

PERMISSIONS: Sequence[Permission] = (
    Permission(MANAGE, "Issue gift cards, see all of them, and change what is on them."),
)
