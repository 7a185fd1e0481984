"""What may be done with payments, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "payments.manage"

PERMISSIONS: Sequence[Permission] = (
    Permission(
        MANAGE,
        "See every payment, and say what was paid or given back by hand.",
        ("SUPPORT", "ADMIN"),
    ),
)
