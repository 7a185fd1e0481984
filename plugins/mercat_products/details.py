"""What the smaller parts of products look like."""

import strawberry

from mercat.graphql.records import stored
from mercat.storage import Record


@strawberry.type(description="One way in which a product's variants differ, such as the size.")
class ProductOption:
    name: str = strawberry.field(description="Such as `Size`.")
    values: list[str] = strawberry.field(description="Such as `S`, `M` and `L`.")


@strawberry.type(description="The value that a variant has for one option.")
class SelectedOption:
    name: str = stored("name", "Such as `Size`.")
    value: str = stored("value", "Such as `M`.")
    record: strawberry.Private[Record]


@strawberry.type(description="A key with its value.")
class MetadataItem:
    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(description="How heavy it is.")
class Weight:
    grams: int = strawberry.field(description="In grams.")


@strawberry.type(description="A box around it, in millimetres.")
class Dimensions:
    length: int = stored("length", "The longest side.")
    width: int = stored("width", "The other side of its base.")
    height: int = stored("height", "How high it stands.")
    record: strawberry.Private[Record]


@strawberry.type(description="How search engines show it.")
class Seo:
    title: str = stored("title", "Its title; its name where empty.", default="")
    description: str = stored("description", "A sentence or two.", default="")
    record: strawberry.Private[Record]


@strawberry.type(description="A product's texts in one of the shop's other locales.")
class ProductTranslation:
    locale: str = stored("locale", "Such as `de`.")
    name: str | None = stored("name", "Null where it falls back.")
    description: str | None = stored("description", "Null where it falls back.")
    slug: str | None = stored("slug", "Null where it falls back.")
    record: strawberry.Private[Record]
