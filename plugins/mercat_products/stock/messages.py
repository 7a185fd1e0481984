"""A seller is told that there is little left of something."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bson import ObjectId

from mercat import notifications
from mercat.context import Context
from mercat.notifications import Message, MessageKind, Recipient, recipients_of
from mercat.storage import Record, Session
from mercat_products.documents import ProductDocument
from mercat_products.stock.ledger import stocks

_TEMPLATES = Path(__file__).parents[1] / "messages"


async def tell_seller(context: Context, session: Session, stock: Record) -> None:
    """Have a seller told that a stock is low, in the transaction that finds it so."""
    if stock["seller"] is not None:
        message = Message(str(ObjectId()), "products.low_stock", str(stock["_id"]))
        await notifications.tell(context, session, message)


async def _sellers(context: Context, message: Message) -> Sequence[Recipient]:
    stock = await _stock(context, message)
    return () if stock is None else await recipients_of(context, stock["seller"])


async def _facts(context: Context, message: Message, _locale: str) -> Mapping[str, Any] | None:
    """None where there is more again."""
    stock = await _stock(context, message)
    if stock is None or not stock["low"]:
        return None
    products = context.storage.collection(ProductDocument)
    product = await products.find_one({"_id": stock["product"]}, {"name": 1})
    return {
        "name": "" if product is None else product["name"],
        "sku": stock["sku"],
        "available": stock["on_hand"] - stock["reserved"],
    }


async def _stock(context: Context, message: Message) -> Record | None:
    found: Record | None = await stocks(context).find_one({"_id": ObjectId(message.subject)})
    return found


def _sample(_locale: str) -> Mapping[str, Any]:
    return {"name": "Tea & pot", "sku": "TEA-1", "available": 3}


KINDS = (
    MessageKind(
        name="products.low_stock",
        title="Little is left of something",
        templates=_TEMPLATES,
        recipients=_sellers,
        facts=_facts,
        sample=_sample,
    ),
)
