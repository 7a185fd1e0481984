"""What is looked at when the engine starts."""

import logging

from mercat.context import Context
from mercat_auth.roles.documents import RoleDocument
from mercat_auth.roles.service import BUILT_IN
from mercat_auth.settings import AuthSettings

_logger = logging.getLogger(__name__)


async def warn_of_unknown_roles(context: Context) -> None:
    """Log the names in `mfa_required_for` that no role has: whoever is meant needs no factor."""
    required = context.settings(AuthSettings).mfa_required_for
    if not required:
        return
    stored = context.storage.collection(RoleDocument).find({}, {"_id": 1})
    known = {name.casefold() for name in [*BUILT_IN, *[each["_id"] async for each in stored]]}
    for name in required:
        if name.casefold() not in known:
            _logger.warning(
                "[plugins.auth] mfa_required_for names %r, which is no role; correct it, or make "
                "the role",
                name,
            )
