"""What may be done with orders, deliveries and taxes, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

READ = "orders.read"
"""Every order."""

MANAGE = "orders.manage"
"""Everything that can be done with every order."""

SELL = "orders.sell"
"""The parts of orders that are the viewer's own seller's."""

MANAGE_DELIVERY = "orders.manage_delivery"
"""Every shipping method of the shop."""

DELIVER = "orders.deliver"
"""The shipping methods of the viewer's own seller."""

MANAGE_TAXES = "orders.manage_taxes"

REPORT = "orders.report"
"""The reports of the whole shop."""

PERMISSIONS: Sequence[Permission] = (
    Permission(READ, "See every order.", ("SUPPORT", "ADMIN")),
    Permission(
        MANAGE,
        "See, send, cancel, refund and change every order.",
        ("SUPPORT", "ADMIN"),
    ),
    Permission(SELL, "See, send and cancel what is one's own seller's of orders.", ("SELLER",)),
    Permission(MANAGE_DELIVERY, "See, add, change and remove every shipping method of the shop."),
    Permission(
        DELIVER,
        "See, add, change and remove the shipping methods of one's own seller.",
        ("SELLER",),
    ),
    Permission(MANAGE_TAXES, "See, add, change and remove tax zones."),
    Permission(REPORT, "See the reports of the whole shop.", ("SUPPORT", "ADMIN")),
)
