from datetime import datetime

from beanie import Document
from pydantic import BaseModel, Field

from mercat_orders.configured.documents import AreaRecord


class RateRecord(BaseModel):
    """Per cent as text, since MongoDB's own decimals come back as another type."""

    tax_class: str
    rate: str


class TaxZoneDocument(Document):
    """Where a tax is due that isn't in engine.toml, as `zones.TaxZone` says it."""

    id: str  # type: ignore[assignment]
    label: str
    area: AreaRecord = Field(default_factory=AreaRecord)
    included: bool = True
    rates: list[RateRecord]
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "tax_zones"
