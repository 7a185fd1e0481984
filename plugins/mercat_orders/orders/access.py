"""Orders as they are stored."""

from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_orders.orders.documents import OrderDocument


def orders(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(OrderDocument)


def secret_of(context: Context, record: Record) -> str:
    """What a guest reads an order with: 43 characters that are stored nowhere."""
    return encryption_of(context).digest(f"order secret {record['_id']}")
