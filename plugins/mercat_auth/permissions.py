"""What may be done with accounts, and by whom from the start."""

from collections.abc import Sequence

from mercat.auth import Permission

READ_USERS = "auth.read_users"
MANAGE_USERS = "auth.manage_users"
MANAGE_ROLES = "auth.manage_roles"
MANAGE_SELLERS = "auth.manage_sellers"
MANAGE_KEYS = "auth.manage_keys"
READ_AUDIT = "auth.read_audit"

PERMISSIONS: Sequence[Permission] = (
    Permission(READ_USERS, "See everybody's account.", ("SUPPORT", "ADMIN")),
    Permission(MANAGE_USERS, "Give people roles, suspend and restore their accounts."),
    Permission(MANAGE_ROLES, "Make, change and remove roles."),
    Permission(MANAGE_SELLERS, "Approve, reject, suspend and reinstate sellers, and change them."),
    Permission(MANAGE_KEYS, "Make, see and revoke the API keys of service accounts."),
    Permission(READ_AUDIT, "Read who did what to what."),
)
