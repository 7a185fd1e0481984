"""What the plugin's operations need."""

from mercat.auth import Permission

VIEW = "notifications.view"
MANAGE = "notifications.manage"

PERMISSIONS = (
    Permission(VIEW, "See who was sent which messages.", ("SUPPORT", "ADMIN")),
    Permission(MANAGE, "Have messages sent again.", ("SUPPORT", "ADMIN")),
)
