from pydantic import BaseModel, Field

from mercat.storage import Record
from mercat_orders.areas import Area


class AreaRecord(BaseModel):
    """Where something holds; everywhere where nothing is named."""

    countries: list[str] = Field(default_factory=list)
    regions: list[str] = Field(default_factory=list)
    postal_codes: list[str] = Field(default_factory=list)
    except_regions: list[str] = Field(default_factory=list)
    except_postal_codes: list[str] = Field(default_factory=list)


def area_of(record: Record) -> Area:
    """The area that a record stands for."""
    return Area(**{name: tuple(values) for name, values in record.items()})
