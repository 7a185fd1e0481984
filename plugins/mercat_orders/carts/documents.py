from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

CartState = Literal["OPEN", "CHECKOUT", "ORDERED", "MERGED"]


class LineOption(BaseModel):
    """Something that the buyer wants of a line, such as an engraving."""

    name: str
    value: str


class StoredLine(BaseModel):
    """So many of a variant; `name` and `sku` are for when it is gone.

    `seen_price` is what one cost when the buyer last changed the line, in minor units.
    """

    id: PydanticObjectId
    variant: PydanticObjectId
    quantity: int
    options: list[LineOption] = Field(default_factory=list)
    note: str = ""
    seen_price: int
    name: str
    sku: str


class ChosenWay(BaseModel):
    """How the parcel of a seller goes; None is the shop itself."""

    seller: str | None
    option: str


class DraftDiscount(BaseModel):
    """What staff took off: `amount` in minor units, or `rate` as a decimal, such as `0.1`."""

    label: str
    amount: int | None = None
    rate: str | None = None


class DraftTerms(BaseModel):
    """What staff agreed on with a buyer: prices by line, in minor units, and discounts."""

    prices: dict[str, int] = Field(default_factory=dict)
    discounts: list[DraftDiscount] = Field(default_factory=list)


class CartDocument(Document):
    """A cart of a user, of a guest, or of whoever knows its id, which nobody guesses.

    `email`, `phone` and the addresses are encrypted (mercat.storage.encryption). `told` says that
    it was told to be abandoned, since it was last changed. While it is in CHECKOUT, and once it is
    ORDERED, `order` is the one that it becomes. `plugin_data` is what plugins keep with it, by
    their names.
    """

    id: str  # type: ignore[assignment]
    user: str | None = None
    guest: str | None = None
    state: CartState = "OPEN"
    currency: str
    country: str
    lines: list[StoredLine] = Field(default_factory=list)
    email: Any = None
    phone: Any = None
    shipping_address: Any = None
    billing_address: Any = None
    ways: list[ChosenWay] = Field(default_factory=list)
    payment_method: str | None = None
    told: bool = False
    merged_into: str | None = None
    order: PydanticObjectId | None = None
    draft: DraftTerms | None = None
    plugin_data: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    version: int = 1

    class Settings:
        name = "carts"
        indexes = [
            IndexModel([("user", 1), ("guest", 1), ("state", 1), ("updated_at", -1)]),
            IndexModel([("state", 1), ("told", 1), ("updated_at", 1)]),
        ]
