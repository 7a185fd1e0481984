"""What may be done with tickets, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "tickets.manage"
"""Every ticket, with what is internal."""

SELL = "tickets.sell"
"""The tickets that are the viewer's own seller's to answer."""

PERMISSIONS: Sequence[Permission] = (
    Permission(MANAGE, "See, answer and change every ticket.", ("SUPPORT", "ADMIN")),
    Permission(SELL, "See and answer the tickets about one's own seller's.", ("SELLER",)),
)
