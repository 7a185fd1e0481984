"""What people are told of their accounts."""

import logging
import secrets

from bson import ObjectId

from mercat import notifications
from mercat.context import Context
from mercat.notifications import Message
from mercat.storage import Record, Session
from mercat_auth.links import Link

_KEY_BYTES = 16

_logger = logging.getLogger(__name__)


async def send(
    context: Context,
    within: Session,
    kind: str,
    to: str | None,
    user: Record,
    link: Link | None = None,
) -> None:
    """Tell somebody something, in the transaction of what it is about."""
    if to is None:
        return
    message = Message(
        key=secrets.token_urlsafe(_KEY_BYTES),
        kind=f"auth.{kind}",
        subject=link.id if link else str(user.get("_id", ObjectId())),
        to=to,
        locale=user.get("locale") or context.locale,
    )
    await notifications.tell(context, within, message)


def warn_of_silence(context: Context) -> None:
    """Say so where nobody can prove an address, as no plugin sends messages."""
    if not context.hooks.implementations("message_due"):
        _logger.warning("no enabled plugin sends messages: nobody can prove an address")
