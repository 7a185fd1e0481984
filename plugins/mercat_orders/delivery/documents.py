from datetime import datetime

from beanie import Document
from pydantic import BaseModel, Field

from mercat_orders.configured.documents import AreaRecord


class BandRecord(BaseModel):
    """Sums are minor units by currency, weights are in grams."""

    prices: dict[str, int]
    up_to_weight: int | None = None
    up_to_value: dict[str, int] | None = None


class ShippingMethodDocument(Document):
    """A way to deliver that isn't in engine.toml, as `methods.ShippingMethod` says it."""

    id: str  # type: ignore[assignment]
    name: str
    area: AreaRecord = Field(default_factory=AreaRecord)
    bands: list[BandRecord]
    free_from: dict[str, int] = Field(default_factory=dict)
    days: list[int] | None = None
    tax_class: str | None = None
    seller: str | None = None
    position: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "shipping_methods"
