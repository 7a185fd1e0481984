"""Words that are kept with an order."""

from mercat.context import Context
from mercat.errors import ForbiddenError
from mercat.storage import Record
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.standing import Where, find, part_of
from mercat_orders.orders.changes.telling import said
from mercat_orders.orders.states import Event, Role, check
from mercat_products.values import text as checked_text

LONGEST_NOTE = 2_000


async def add_note(
    context: Context, where: Where, text: str, request: Request, *, is_internal: bool = False
) -> Done:
    """Keep a note with an order or one part of it; internal ones are kept from the buyer.

    Raises NotFoundError, InvalidError, ForbiddenError.
    """
    record, standing = await find(context, where)
    words = checked_text(text, ("text",), least=1, most=LONGEST_NOTE)
    part = None if where.kind == "order" else part_of(record, where)
    roles = standing.roles(part)
    check(Event.NOTE, record["state"] if part is None else part["state"], roles)
    if is_internal and not {Role.SELLER, Role.STAFF} & set(roles):
        raise ForbiddenError

    def decide(_: Record) -> Decision:
        return Decision([said("NOTE", part, words, is_internal=is_internal)])

    return await act(context, record["_id"], request, decide)
