"""Orders as they are stored."""

from urllib.parse import quote

from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_orders.orders.documents import OrderDocument
from mercat_orders.settings import OrderSettings


def orders(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(OrderDocument)


def status_url(context: Context, record: Record) -> str | None:
    """Where the storefront shows an order to whoever has this; None where the settings don't say.

    It has the order's secret in it, with which one can do what the buyer can.
    """
    url = context.settings(OrderSettings).status_url
    if url is None:
        return None
    secret = quote(secret_of(context, record), safe="")
    return url.replace("{number}", quote(record["code"], safe="")).replace("{secret}", secret)


def secret_of(context: Context, record: Record) -> str:
    """What a guest reads an order with: 43 characters that are stored nowhere."""
    return encryption_of(context).digest(f"order secret {record['_id']}")
