"""What may be done with promotions and coupons, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "coupons.manage"
"""Everything that can be done with all promotions, coupons and customer groups."""

OWN = "coupons.own"
"""The promotions and coupons of the viewer's own seller, for what is that seller's."""

PERMISSIONS: Sequence[Permission] = (
    Permission(
        MANAGE,
        "Make, change and archive all promotions and coupons, and say who is in which customer"
        " group.",
    ),
    Permission(
        OWN,
        "Make, change and archive promotions and coupons for one's own seller's products, which"
        " that seller pays for.",
        ("SELLER",),
    ),
)
