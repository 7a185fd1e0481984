"""The storefront's pages that links lead to."""

from mercat.context import Context
from mercat_auth.settings import AuthSettings


def page_of(context: Context, purpose: str) -> str | None:
    """Where a link of that purpose leads, with `{token}` in it; None where nobody says."""
    settings = context.settings(AuthSettings)
    return {
        "verify": settings.verify_url,
        "reset": settings.reset_url,
        "new_email": settings.email_url,
        "old_email": settings.email_url,
        "seller_invitation": settings.invitation_url,
    }.get(purpose)
