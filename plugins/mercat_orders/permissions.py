"""What may be done with deliveries and taxes, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE_DELIVERY = "orders.manage_delivery"
"""Every shipping method of the shop."""

DELIVER = "orders.deliver"
"""The shipping methods of the viewer's own seller."""

MANAGE_TAXES = "orders.manage_taxes"

PERMISSIONS: Sequence[Permission] = (
    Permission(MANAGE_DELIVERY, "See, add, change and remove every shipping method of the shop."),
    Permission(
        DELIVER,
        "See, add, change and remove the shipping methods of one's own seller.",
        ("SELLER",),
    ),
    Permission(MANAGE_TAXES, "See, add, change and remove tax zones."),
)
