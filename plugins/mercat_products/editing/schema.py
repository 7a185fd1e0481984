"""The mutations of products and their variants."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import strawberry

from mercat.context import Context
from mercat.errors import DomainError
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.ids import object_id
from mercat.storage import Record
from mercat_products.editing import service, variants
from mercat_products.editing.given import keys_of, product_values, variant_values
from mercat_products.editing.inputs import (
    ProductCreateInput,
    ProductUpdateInput,
    VariantCreateInput,
    VariantUpdateInput,
)
from mercat_products.outcomes import ProductError, to_error
from mercat_products.schema import Product, ProductStatus


@strawberry.input(description="A product to be archived: it is shown and sold no more.")
class ProductArchiveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(default=None, description="The version that was read.")


@strawberry.input(description="A product to be removed for good; it must not be active.")
class ProductDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(default=None, description="The version that was read.")


@strawberry.input(description="A product to be copied into a draft.")
class ProductDuplicateInput:
    id: strawberry.ID = strawberry.field(description="The id of the product to be copied.")
    name: str | None = strawberry.field(
        default=None, description="The copy's name; `… (copy)` where left out."
    )
    slug: str | None = strawberry.field(
        default=None, description="The copy's name in URLs; made from its name where left out."
    )


@strawberry.input(description="The same change of up to 100 products.")
class ProductBulkUpdateInput:
    ids: list[strawberry.ID] = strawberry.field(description="Their ids.")
    status: ProductStatus | None = strawberry.field(
        default=None, description="Whether they are sold; unchanged where left out."
    )
    tags_add: list[str] = strawberry.field(default_factory=list, description="Tags they get.")
    tags_remove: list[str] = strawberry.field(default_factory=list, description="Tags they lose.")


@strawberry.input(description="Variants to be added to a product: all of them or none.")
class VariantBulkCreateInput:
    product: strawberry.ID = strawberry.field(description="The id of the product.")
    version: int | None = strawberry.field(
        default=None, description="The product's version that was read."
    )
    variants: list[VariantCreateInput] = strawberry.field(description="The new variants.")


@strawberry.input(description="Changes of variants of a product: all of them or none.")
class VariantBulkUpdateInput:
    product: strawberry.ID = strawberry.field(description="The id of the product.")
    version: int | None = strawberry.field(
        default=None, description="The product's version that was read."
    )
    variants: list[VariantUpdateInput] = strawberry.field(description="The changes.")


@strawberry.input(description="Variants to be removed from a product; one at least stays.")
class VariantBulkDeleteInput:
    product: strawberry.ID = strawberry.field(description="The id of the product.")
    version: int | None = strawberry.field(
        default=None, description="The product's version that was read."
    )
    ids: list[strawberry.ID] = strawberry.field(description="The ids of the variants.")


@strawberry.input(description="The order of a product's variants.")
class VariantReorderInput:
    product: strawberry.ID = strawberry.field(description="The id of the product.")
    version: int | None = strawberry.field(
        default=None, description="The product's version that was read."
    )
    ids: list[strawberry.ID] = strawberry.field(description="The ids of all its variants.")


@strawberry.type(description="The outcome of a change of a product.")
class ProductPayload:
    product: Product | None = strawberry.field(
        description="The product; null where it failed or was removed."
    )
    user_errors: list[ProductError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of a change of several products, in their order.")
class ProductBulkPayload:
    results: list[ProductPayload] = strawberry.field(description="One for each product.")
    user_errors: list[ProductError] = strawberry.field(
        description="What is wrong with the request as a whole."
    )


@extend(Mutation)
class ProductMutation:
    @strawberry.field(
        description="Add a product; needs `products.manage`, or `products.sell` for one's own."
    )
    @staticmethod
    async def product_create(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            return await service.create_product(context, product_values(input))

        return await _attempt(info, work)

    @strawberry.field(description="Change a product; what is left out stays as it is.")
    @staticmethod
    async def product_update(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key, values = object_id(input.id, "Product", ("id",)), product_values(input)
            return await service.update_product(context, key, input.version, values)

        return await _attempt(info, work)

    @strawberry.field(description="Archive a product: it is shown and sold no more.")
    @staticmethod
    async def product_archive(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductArchiveInput, strawberry.argument(description="What to archive.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key, values = object_id(input.id, "Product", ("id",)), {"status": "archived"}
            return await service.update_product(context, key, input.version, values)

        return await _attempt(info, work)

    @strawberry.field(description="Remove a product for good; an active one is archived first.")
    @staticmethod
    async def product_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> None:
            key = object_id(input.id, "Product", ("id",))
            await service.delete_product(context, key, input.version)

        return await _attempt(info, work)

    @strawberry.field(description="Copy a product into a draft; its SKUs get a new ending.")
    @staticmethod
    async def product_duplicate(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductDuplicateInput, strawberry.argument(description="What to copy.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key = object_id(input.id, "Product", ("id",))
            return await service.duplicate_product(context, key, input.name, input.slug)

        return await _attempt(info, work)

    @strawberry.field(description="Change the status or the tags of up to 100 products.")
    @staticmethod
    async def product_bulk_update(
        info: Info,
        input: Annotated[  # noqa: A002
            ProductBulkUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ProductBulkPayload:
        try:
            keys = keys_of(input.ids, "Product")
            status: Any = input.status and input.status.value
            alter = service.status_and_tags(status, input.tags_add, input.tags_remove)
            found = await service.change_products(info.context, keys, alter)
        except DomainError as error:
            return ProductBulkPayload(results=[], user_errors=[to_error(error)])
        results = [_refused(one) if isinstance(one, DomainError) else _done(one) for one in found]
        return ProductBulkPayload(results=results, user_errors=[])


@extend(Mutation)
class VariantMutation:
    @strawberry.field(description="Add variants to a product: all of them or none.")
    @staticmethod
    async def variant_bulk_create(
        info: Info,
        input: Annotated[  # noqa: A002
            VariantBulkCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key, given = object_id(input.product, "Product", ("product",)), _given(input.variants)
            return await variants.create_variants(context, key, input.version, given)

        return await _attempt(info, work)

    @strawberry.field(description="Change variants of a product: all of them or none.")
    @staticmethod
    async def variant_bulk_update(
        info: Info,
        input: Annotated[  # noqa: A002
            VariantBulkUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key = object_id(input.product, "Product", ("product",))
            given = [
                {"id": object_id(one.id, "ProductVariant", ("variants", str(i), "id")), **values}
                for i, (one, values) in enumerate(
                    zip(input.variants, _given(input.variants), strict=True)
                )
            ]
            return await variants.update_variants(context, key, input.version, given)

        return await _attempt(info, work)

    @strawberry.field(description="Remove variants of a product; one at least stays.")
    @staticmethod
    async def variant_bulk_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            VariantBulkDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key = object_id(input.product, "Product", ("product",))
            ids = keys_of(input.ids, "ProductVariant")
            return await variants.delete_variants(context, key, input.version, ids)

        return await _attempt(info, work)

    @strawberry.field(description="Put a product's variants into another order.")
    @staticmethod
    async def variant_reorder(
        info: Info,
        input: Annotated[  # noqa: A002
            VariantReorderInput, strawberry.argument(description="The order.")
        ],
    ) -> ProductPayload:
        async def work(context: Context) -> Record:
            key = object_id(input.product, "Product", ("product",))
            ids = keys_of(input.ids, "ProductVariant")
            return await variants.order_variants(context, key, input.version, ids)

        return await _attempt(info, work)


async def _attempt(
    info: Info, work: Callable[[Context], Awaitable[Record | None]]
) -> ProductPayload:
    """The outcome of a change, or what the caller can mend."""
    try:
        return _done(await work(info.context))
    except DomainError as error:
        return _refused(error)


def _given(found: Sequence[VariantCreateInput | VariantUpdateInput]) -> list[dict[str, Any]]:
    return [variant_values(one, ("variants", str(i))) for i, one in enumerate(found)]


def _done(record: Record | None) -> ProductPayload:
    return ProductPayload(product=Product(record=record) if record else None, user_errors=[])


def _refused(error: DomainError) -> ProductPayload:
    return ProductPayload(product=None, user_errors=[to_error(error)])
