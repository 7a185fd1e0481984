"""What the benchmark `catalogue` asks, over the slugs, words and categories of the shop."""

import json
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .queries import PRODUCT

_PAGE = 20
_MOST_PAGES = 1_000
_AT_ONCE = 100
_SOME = 50
_FACETS = """
totalCount facets {
  brands { value count } prices { minimum { amount } count } inStock
  categories { count category { name } }
}
"""
_FACETS_OF_ALL = "facets { categories { category { id } } }"


@dataclass(frozen=True)
class Shop:
    """What there is to ask for. `cursor` is where page 1,000 of 20 begins, or the last page."""

    slugs: Sequence[str]
    words: Sequence[str]
    categories: Sequence[str]
    cursor: str


@dataclass(frozen=True)
class Case:
    name: str
    queries: Callable[[Shop, int], list[str]]
    has_rows: bool = True

    def bodies(self, shop: Shop, rows: int = _PAGE) -> list[str]:
        """Requests for that many rows each, to be sent in turn."""
        return [json.dumps({"query": query}) for query in self.queries(shop, rows)]


def _list(_shop: Shop, rows: int) -> list[str]:
    return [f"{{ products(first: {rows}) {{ nodes {{ {PRODUCT} }} }} }}"]


def _deep(shop: Shop, rows: int) -> list[str]:
    after = json.dumps(shop.cursor)
    return [f"{{ products(first: {rows}, after: {after}) {{ nodes {{ {PRODUCT} }} }} }}"]


def _facets(shop: Shop, rows: int) -> list[str]:
    price = 'price: { minimum: "1.00", maximum: "9.00" }'
    return [
        f'{{ productSearch(query: "", first: {rows}, filter: {{ within: [{json.dumps(category)}]'
        f" {price} }}) {{ nodes {{ {PRODUCT} }} {_FACETS} }} }}"
        for category in shop.categories
    ]


def _search(shop: Shop, rows: int) -> list[str]:
    return [
        f"{{ productSearch(query: {json.dumps(words)}, first: {rows})"
        f" {{ nodes {{ {PRODUCT} }} }} }}"
        for words in shop.words
    ]


def _detail(shop: Shop, _rows: int) -> list[str]:
    return [
        f"{{ product(slug: {json.dumps(slug)}) {{ {PRODUCT} categories {{ name slug }} }} }}"
        for slug in shop.slugs
    ]


LIST, FACETS, SEARCH, DETAIL, DEEP = "list", "filter with facets", "search", "detail", "deep page"
CASES = (
    Case(LIST, _list),
    Case(FACETS, _facets),
    Case(SEARCH, _search),
    Case(DETAIL, _detail, has_rows=False),
    Case(DEEP, _deep),
)


def ask(url: str, query: str = "", body: str | None = None) -> dict[str, Any]:
    """The data of an answer that must have no errors."""
    sent = json.dumps({"query": query}) if body is None else body
    request = urllib.request.Request(
        f"{url}/graphql", sent.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        found: dict[str, Any] = json.load(answer)
    if "errors" in found:
        raise SystemExit(f"this was not meant to be measured: {found['errors']}")
    data: dict[str, Any] = found["data"]
    return data


def look_around(url: str, count: int) -> Shop:
    """Go through the list as far as page 1,000, and pick products and categories on the way."""
    rows = min(count - _PAGE, (_MOST_PAGES - 1) * _PAGE)
    found: list[dict[str, str]] = []
    after = "null"
    cursor = ""
    while len(found) < rows:
        first = min(_AT_ONCE, rows - len(found))
        page = ask(
            url,
            f"{{ products(first: {first}, after: {after}) {{ nodes {{ slug name }}"
            " pageInfo { endCursor } } }",
        )["products"]
        found += page["nodes"]
        cursor = page["pageInfo"]["endCursor"]
        after = json.dumps(cursor)
    some = found[:: max(1, len(found) // _SOME)][:_SOME]
    data = ask(url, f'{{ productSearch(query: "", first: 1) {{ {_FACETS_OF_ALL} }} }}')
    counted = data["productSearch"]["facets"]["categories"]
    return Shop(
        [one["slug"] for one in some],
        [" ".join(one["name"].replace("/", " ").split()[:2]) for one in some],
        [one["category"]["id"] for one in counted[:_SOME]],
        cursor,
    )
