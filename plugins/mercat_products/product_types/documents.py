from datetime import datetime
from typing import Literal

from beanie import Document
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "product_types"

Kind = Literal["text", "number", "boolean", "select", "multi_select", "date"]


class AttributeDefinition(BaseModel):
    """`unit` is a number's, such as `mm`; `choices` are those of a selection, in order."""

    key: str
    name: str
    kind: Kind
    unit: str | None = None
    choices: list[str] = Field(default_factory=list)
    required: bool = False


class ProductTypeDocument(Document):
    """What products of one type say of themselves."""

    number: int
    name: str
    attributes: list[AttributeDefinition]
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "product_types"
        indexes = [IndexModel([("name", 1)], unique=True), IndexModel([("number", 1)])]
