"""Plain types, as any GraphQL server has them: 20 products of 12 scalars, 2 variants of 6 each."""

import strawberry

from mercat.graphql.extend import Query, extend

COUNT = 20


@strawberry.type(description="A variant with nothing but plain attributes.")
class PlainVariant:
    id: strawberry.ID
    sku: str
    name: str
    price: float
    stock: int
    available_for_sale: bool


@strawberry.type(description="A product with nothing but plain attributes.")
class PlainProduct:
    id: strawberry.ID
    slug: str
    name: str
    description: str
    brand: str | None
    status: str
    image_url: str
    stock: int
    version: int
    rating: float
    available_for_sale: bool
    taxable: bool
    variants: list[PlainVariant]


def _variant(number: int, index: int) -> PlainVariant:
    return PlainVariant(
        id=strawberry.ID(f"plain-{number}-{index}"),
        sku=f"SKU-{number:05}-{index}",
        name=f"Size {index}, of dark blue linen",
        price=number + 0.95,
        stock=10 * number + index,
        available_for_sale=bool((number + index) % 7),
    )


def _product(number: int) -> PlainProduct:
    return PlainProduct(
        id=strawberry.ID(f"plain-{number}"),
        slug=f"plain-product-number-{number}",
        name=f"Plain product number {number}, in linen",
        description="What it is, in a sentence of about ninety characters, as many shops do.",
        brand=None if number % 9 == 0 else "Benchmark & Sons",
        status="active",
        image_url=f"https://media.shop.test/products/{number:05}/picture-large.webp",
        stock=20 * number,
        version=number % 4 + 1,
        rating=3 + number % 19 / 20 + 0.01,
        available_for_sale=True,
        taxable=number % 5 > 0,
        variants=[_variant(number, index) for index in range(2)],
    )


PRODUCTS = [_product(number) for number in range(1, COUNT + 1)]
_BY_ID = {str(product.id): product for product in PRODUCTS}


@extend(Query)
class PlainQuery:
    @strawberry.field(description="Every plain product.")
    @staticmethod
    def plain_products() -> list[PlainProduct]:
        return PRODUCTS

    @strawberry.field(description="One plain product.")
    @staticmethod
    def plain_product(id: strawberry.ID) -> PlainProduct | None:  # noqa: A002
        return _BY_ID.get(id)
