"""A product type as a file has it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from mercat_products.product_types.documents import Kind

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AttributeRecord(_Record):
    """An attribute; `unit` is a number's, `choices` are a selection's."""

    key: _Text
    name: _Text
    kind: Kind
    unit: _Text | None = None
    choices: tuple[_Text, ...] = ()
    required: bool = False


class ProductTypeRecord(_Record):
    """A product type, known again by its name; attributes that it doesn't name stay."""

    name: _Text
    attributes: tuple[AttributeRecord, ...] = ()
