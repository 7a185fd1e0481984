"""Tickets as they are stored."""

import hmac
from urllib.parse import quote

from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets.documents import TicketDocument, TicketEntryDocument


def tickets(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(TicketDocument)


def entries(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(TicketEntryDocument)


def secret_of(context: Context, ticket: Record) -> str:
    """What a guest reads a ticket with: 43 characters that are stored nowhere."""
    return encryption_of(context).digest(f"ticket secret {ticket['_id']}")


def opens(context: Context, ticket: Record, secret: str | None) -> bool:
    """Whether this is the secret of the ticket. It takes the same time for every wrong one."""
    if secret is None:
        return False
    right, given = secret_of(context, ticket), secret.encode(errors="surrogatepass")
    return hmac.compare_digest(right.encode(), given)


def page_of(context: Context, ticket: Record) -> str | None:
    """Where the storefront shows a ticket to whoever has this; None where the settings don't say.

    It has the ticket's secret in it, with which one can do what its requester can.
    """
    url = context.settings(TicketSettings).url
    if url is None:
        return None
    secret = quote(secret_of(context, ticket), safe="")
    return url.replace("{number}", str(ticket["number"])).replace("{secret}", secret)
