"""How a ticket is followed: every entry of its history that the viewer may see, each once."""

# mypy: allow-untyped-decorators

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from bson import ObjectId

from mercat.context import Context
from mercat.graphql.context import Info
from mercat.graphql.extend import Subscription, extend
from mercat.ids import object_id
from mercat.storage import Record
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import entries
from mercat_tickets.tickets.changing import seen
from mercat_tickets.tickets.sight import Sight
from mercat_tickets.tickets.types import TYPE, TicketEvent, entry_number, to_event


@extend(Subscription)
class TicketSubscription:
    @strawberry.subscription(
        description="What happens to a ticket: all that the viewer may see, in order, each once."
    )
    @staticmethod
    async def ticket_updated(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the ticket.")],  # noqa: A002
        secret: Annotated[
            str | None,
            strawberry.argument(
                description="What its page has in its address, for who isn't signed in."
            ),
        ] = None,
        since: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor of the last event that is known: what came after it is"
                " told first. Without it only what happens from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[TicketEvent, None]:
        key = object_id(id, TYPE, ("id",))
        ticket, _ = await seen(info.context, key, secret)
        last = entry_number(key, since)
        if last is None:
            last = int(ticket["version"])
        async with contextlib.aclosing(_news(info.context, key, secret, last)) as news:
            async for whole, sight, entry in news:
                yield to_event(whole, sight, entry)


async def _news(
    context: Context, key: ObjectId, secret: str | None, last: int
) -> AsyncGenerator[tuple[Record, Sight, Record], None]:
    """The entries after that number as they come: each with its ticket, and as what it is seen.

    Whether it may be seen is asked anew at each. Raises NotFoundError once it may not.
    """
    async with contextlib.aclosing(feed.follow(context, str(key))) as moments:
        async for _ in moments:
            wanted = {"ticket": key, "number": {"$gt": last}}
            for entry in await entries(context).find(wanted).sort("number", 1).to_list():
                ticket, sight = await seen(context, key, secret)
                last = entry["number"]
                if sight.is_staff or not entry["is_internal"]:
                    yield ticket, sight, entry
