"""Who looks after outgoing webhooks."""

from collections.abc import Sequence

from mercat.auth import Permission

MANAGE = "webhooks.manage"

PERMISSIONS: Sequence[Permission] = (
    Permission(MANAGE, "See, add, change and remove outgoing webhooks, and send again."),
)
