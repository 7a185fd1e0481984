"""Who changes promotions, or what they name, does it one after another."""

from mercat.context import Context
from mercat.storage import Session
from mercat.storage.pages import reserve_numbers

_COUNTER = "promotion_changes"


async def take_turn(context: Context, session: Session) -> None:
    """Begin a transaction with this: of two at once one begins again, and sees what other did."""
    await reserve_numbers(context.storage, _COUNTER, 1, session)
