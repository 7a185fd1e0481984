from datetime import UTC, datetime

import strawberry
from bson import ObjectId

from mercat.graphql.connections import Connection, connection
from mercat.graphql.extend import Query, extend
from mercat.storage import Record
from mercat.storage.pages import Page
from mercat_products.schema import Product

COUNT = 20


def _record(number: int) -> Record:
    return {
        "_id": ObjectId(number.to_bytes(12, "big")),
        "number": number,
        "slug": f"product-{number}",
        "name": f"Product number {number}",
        "description": "What it is, in a sentence of about eighty characters, as shops have them.",
        "status": "active",
        "brand": "Benchmark & Sons",
        "tags": ["one", "two"],
        "version": 3,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "updated_at": datetime(2026, 2, 1, tzinfo=UTC),
        "media": [{"url": f"/media/{number}.webp", "alt": "A picture"}],
        "variants": [
            {
                "id": ObjectId((number * 100 + index).to_bytes(12, "big")),
                "sku": f"SKU-{number}-{index}",
                "name": f"Variant {index}",
                "barcode": "4006381333931",
                "options": [{"name": "Size", "value": str(index)}],
                "prices": [{"currency": "EUR", "amount": 1250, "compare_at": None}],
                "available": True,
            }
            for index in range(2)
        ],
        "metadata": {},
        "placed_in": [],
    }


RECORDS = [_record(number) for number in range(1, COUNT + 1)]
PRODUCTS = [Product(record=record) for record in RECORDS]
BY_SLUG = {product.record["slug"]: product for product in PRODUCTS}


@extend(Query)
class MemoryQuery:
    @strawberry.field(description="The same list as `products`, from memory.")
    @staticmethod
    def memory_products() -> Connection[Product]:
        async def count() -> int:
            return COUNT

        return connection(
            "memory", Page(RECORDS, has_next=False, has_previous=False), PRODUCTS, count
        )

    @strawberry.field(description="One of them, as `product` gives it.")
    @staticmethod
    def memory_product(slug: str) -> Product | None:
        return BY_SLUG.get(slug)
