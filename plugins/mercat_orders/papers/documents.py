from datetime import datetime
from typing import Any

from beanie import Document, PydanticObjectId
from pymongo import IndexModel


class SeriesDocument(Document):
    """How far a series of numbers is counted."""

    id: str  # type: ignore[assignment]
    last: int

    class Settings:
        name = "invoice_series"


class InvoiceDocument(Document):
    """An invoice: what one seller's part of an order came to when it was issued, for ever.

    `issuer` is whose numbers they are, a seller's key or empty for the shop, and `code` the number
    as it is written. `facts` are what it says, as `snapshots.facts_of` makes them. `email`, `phone`
    and the addresses are encrypted.
    """

    order: PydanticObjectId
    seller: str | None = None
    issuer: str
    series: str
    number: int
    code: str
    issued_at: datetime
    facts: dict[str, Any]
    email: Any = None
    phone: Any = None
    shipping_address: Any = None
    billing_address: Any = None

    class Settings:
        name = "invoices"
        indexes = [
            IndexModel([("order", 1), ("seller", 1)], unique=True),
            IndexModel([("series", 1), ("number", 1)], unique=True),
            IndexModel([("issuer", 1), ("code", 1)], unique=True),
        ]
