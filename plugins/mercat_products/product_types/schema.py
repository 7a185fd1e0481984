"""What product types and attributes look like."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date as Day  # noqa: N812  a field is named `date`
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from bson import ObjectId

from mercat.caching import cacheable
from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat_products.outcomes import ProductError, to_error
from mercat_products.product_types import service
from mercat_products.product_types.attributes import fitting
from mercat_products.product_types.documents import ProductTypeDocument
from mercat_products.schema import Product

CURSOR = "product_types"


@strawberry.enum(description="What the values of an attribute are.")
class AttributeKind(Enum):
    TEXT = strawberry.enum_value("text", description="Any text.")
    NUMBER = strawberry.enum_value("number", description="A number, with a unit or without.")
    BOOLEAN = strawberry.enum_value("boolean", description="Yes or no.")
    SELECT = strawberry.enum_value("select", description="One of the choices.")
    MULTI_SELECT = strawberry.enum_value("multi_select", description="Some of the choices.")
    DATE = strawberry.enum_value("date", description="A day.")


_KINDS = {kind.value: kind for kind in AttributeKind}


@strawberry.type(description="An attribute that the products of a type have.")
class AttributeDefinition:
    key: str = stored("key", "Its name for programs, such as `heel_height`.")
    name: str = stored("name", "Its name for people.")
    kind: AttributeKind = stored("kind", "What its values are.", convert=_KINDS.__getitem__)
    unit: str | None = stored("unit", "A number's unit, such as `mm`.")
    choices: list[str] = stored("choices", "What can be chosen, in order.", default=())
    required: bool = stored("required", "Whether each product must have it.")
    record: strawberry.Private[Record]


def _to_definitions(records: Sequence[Record]) -> list[AttributeDefinition]:
    return [AttributeDefinition(record=record) for record in records]


@strawberry.type(description="Which attributes products of one kind have, such as shoes.")
class ProductType(Node):
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=id_encoder("ProductType")
    )
    name: str = stored("name", "Its name.")
    attributes: list[AttributeDefinition] = stored(
        "attributes", "Its attributes in order.", convert=_to_definitions
    )
    created_at: datetime = stored("created_at", "When it was added.")
    updated_at: datetime = stored("updated_at", "When it was last changed.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        found = await service.types_by_id(info.context, ids)
        return [cls(record=found[key]) if key in found else None for key in ids]


@strawberry.type(description="What a product says for one attribute of its type.")
class AttributeValue:
    definition: AttributeDefinition = strawberry.field(description="The attribute.")
    text: str | None = strawberry.field(description="The value of a text.")
    number: float | None = strawberry.field(description="The value of a number.")
    boolean: bool | None = strawberry.field(description="The value of a yes or no.")
    choices: list[str] | None = strawberry.field(description="What was chosen.")
    date: Day | None = strawberry.field(description="The value of a day.")


def _to_value(definition: Record, value: Any) -> AttributeValue:
    kind = definition["kind"]
    return AttributeValue(
        definition=AttributeDefinition(record=definition),
        text=value if kind == "text" else None,
        number=value if kind == "number" else None,
        boolean=value if kind == "boolean" else None,
        choices=[value] if kind == "select" else value if kind == "multi_select" else None,
        date=value.date() if kind == "date" else None,
    )


@cacheable(ProductTypeDocument)
@reads("type_id")
async def _types(products: Sequence[Product], info: Info) -> list[ProductType | None]:
    wanted = [product.record.get("type_id") for product in products]
    found = await service.types_by_id(info.context, wanted)
    return [ProductType(record=found[key]) if key in found else None for key in wanted]


@cacheable(ProductTypeDocument)
@reads("type_id", "attributes")
async def _attributes(products: Sequence[Product], info: Info) -> list[list[AttributeValue]]:
    wanted = [product.record.get("type_id") for product in products]
    found = await service.types_by_id(info.context, wanted)
    return [
        _values_of(product.record.get("attributes", ()), found[key]) if key in found else []
        for product, key in zip(products, wanted, strict=True)
    ]


def _values_of(attributes: Sequence[Record], of_type: Record) -> list[AttributeValue]:
    defined = {definition["key"]: definition for definition in of_type["attributes"]}
    return [_to_value(defined[one["key"]], one["value"]) for one in fitting(attributes, of_type)]


@extend(Product)
class ProductAttributes:
    type = batched("Its type, which says what attributes it has.", _types)
    attributes = batched(
        "What it says for the attributes of its type, in their order.", _attributes
    )


@strawberry.input(description="An attribute of a product type.")
class AttributeDefinitionInput:
    key: str = strawberry.field(description="Its name for programs: a-z, 0-9 and `_`.")
    name: str = strawberry.field(description="Its name for people.")
    kind: AttributeKind = strawberry.field(description="What its values are.")
    unit: str | None = strawberry.field(default=None, description="A number's unit.")
    choices: list[str] = strawberry.field(
        default_factory=list, description="What can be chosen, in order."
    )
    required: bool = strawberry.field(
        default=False, description="Whether each product must have it."
    )


@strawberry.input(description="A product type to be added.")
class ProductTypeCreateInput:
    name: str = strawberry.field(description="Its name; unique.")
    attributes: list[AttributeDefinitionInput] = strawberry.field(
        default_factory=list, description="Its attributes in order."
    )


@strawberry.input(description="A change of a product type; what is left out stays as it is.")
class ProductTypeUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its name.")
    attributes: list[AttributeDefinitionInput] | None = strawberry.field(
        default=strawberry.UNSET, description="All of its attributes in order."
    )


@strawberry.input(description="A product type to be removed.")
class ProductTypeDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="The outcome of a change of a product type.")
class ProductTypePayload:
    product_type: ProductType | None = strawberry.field(
        description="The type; null where it failed or was removed."
    )
    user_errors: list[ProductError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class ProductTypeQuery:
    @strawberry.field(description="The product types in the order in which they were added.")
    @staticmethod
    async def product_types(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ProductType]:
        page = await service.type_page(
            info.context, page_request(CURSOR, first, after, last, before)
        )

        async def count() -> int:
            return await service.count_types(info.context)

        found = [ProductType(record=record) for record in page.records]
        return connection(CURSOR, page, found, count)


@extend(Mutation)
class ProductTypeMutation:
    @strawberry.field(description="Add a product type; needs `products.manage`.")
    @staticmethod
    async def product_type_create(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductTypeCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> ProductTypePayload:
        async def work(context: Context) -> Record:
            return await service.create_type(context, _values(input))

        return await _attempt(info, work)

    @strawberry.field(description="Change a product type; needs `products.manage`.")
    @staticmethod
    async def product_type_update(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductTypeUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ProductTypePayload:
        async def work(context: Context) -> Record:
            return await service.update_type(context, _key(input.id), input.version, _values(input))

        return await _attempt(info, work)

    @strawberry.field(
        description="Remove a product type that no product has; needs `products.manage`."
    )
    @staticmethod
    async def product_type_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductTypeDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> ProductTypePayload:
        async def work(context: Context) -> None:
            await service.delete_type(context, _key(input.id))

        return await _attempt(info, work)


async def _attempt(
    info: Info, work: Callable[[Context], Awaitable[Record | None]]
) -> ProductTypePayload:
    """The outcome of a change, or what the caller can mend."""
    try:
        record = await work(info.context)
    except DomainError as error:
        return ProductTypePayload(product_type=None, user_errors=[to_error(error)])
    return ProductTypePayload(
        product_type=ProductType(record=record) if record else None, user_errors=[]
    )


def _key(global_id: str) -> ObjectId:
    """The key in a type's id. Raises InvalidError, which names the field."""
    return object_id(global_id, "ProductType", ("id",))


def _values(given: ProductTypeCreateInput | ProductTypeUpdateInput) -> Record:
    values: Record = {}
    if given.name is None:
        raise InvalidError("this can't be null", field=("name",))
    if given.name is not strawberry.UNSET:
        values["name"] = given.name
    if given.attributes is not strawberry.UNSET:
        values["attributes"] = [
            {
                "key": one.key,
                "name": one.name,
                "kind": one.kind.value,
                "unit": one.unit,
                "choices": one.choices,
                "required": one.required,
            }
            for one in given.attributes or ()
        ]
    return values
