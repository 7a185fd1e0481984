"""What may be done with payouts, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "payouts.manage"
"""Everything that can be done with every seller's payouts."""

OWN = "payouts.own"
"""The payouts of the viewer's own seller."""

PERMISSIONS: Sequence[Permission] = (
    Permission(
        MANAGE,
        "See what every seller is owed, and their bank details in payout files, pay them, say what"
        " was paid, and adjust what they are owed.",
    ),
    Permission(OWN, "See what one's own seller is owed and was paid.", ("SELLER",)),
)
