"""What the benchmarks ask."""

SLUG = "fjallvik-backpack"  # of the demo shop
MEMORY_SLUG = "product-7"

PRODUCT = """
id slug name description status brand tags version createdAt updatedAt availableForSale
featuredMedia { url }
variants(first: 2) { nodes {
  id sku name barcode availableForSale price { price { amount } }
} }
"""
PLAIN = """
id slug name description brand status imageUrl stock version rating availableForSale taxable
variants { id sku name price stock availableForSale }
"""

TYPENAME = "{ __typename }"
PLAIN_LIST = f"{{ plainProducts {{ {PLAIN} }} }}"
PLAIN_ONE = f'{{ plainProduct(id: "plain-7") {{ {PLAIN} }} }}'
MEMORY_LIST = f"{{ memoryProducts {{ nodes {{ {PRODUCT} }} }} }}"
MEMORY_ONE = f'{{ memoryProduct(slug: "{MEMORY_SLUG}") {{ {PRODUCT} }} }}'
STORE_LIST = f"{{ products(first: 20) {{ nodes {{ {PRODUCT} }} }} }}"
CATEGORIES = "{ categoryTree { name children { name } } }"


def store_one(slug: str = SLUG) -> str:
    return f'{{ product(slug: "{slug}") {{ {PRODUCT} }} }}'
