"""What a customer has ordered before."""

from typing import Any

from mercat.context import Context
from mercat_orders.orders.access import orders
from mercat_orders.orders.sight import PLACED


async def has_ordered(context: Context, user: str | None, email_digest: str | None) -> bool:
    """Whether an order that wasn't cancelled is a user's, or of that e-mail address."""
    whose: list[dict[str, Any]] = []
    if user:
        whose.append({"user": user})
    if email_digest:
        whose.append({"email_digest": email_digest})
    for one in whose:
        wanted = {**one, **PLACED, "state": {"$ne": "CANCELLED"}}
        if await orders(context).find_one(wanted, {"_id": 1}) is not None:
            return True
    return False
