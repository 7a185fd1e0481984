"""Finding products through whoever searches for the shop, and loading what was found."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bson import ObjectId

from mercat import catalog
from mercat.catalog import ProductConditions, ProductSearch, SearchAnswer
from mercat.context import Context, Viewer
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_products.documents import ProductDocument
from mercat_products.permissions import check_sees_more, may_manage, may_see, sells
from mercat_products.search.finder import INDEX, finder_of
from mercat_products.service import localised, projection

_LONGEST_TEXT = 500
_LONGEST_POSITION = 200
_LONGEST_PREFIX = 100
_MOST_SUGGESTIONS = 20


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How a text that was begun may go on; `record` is the product's, where it names one."""

    text: str
    record: Record | None = None


def asked_by(viewer: Viewer, wanted: ProductSearch) -> ProductSearch:
    """The same, bounded by what the viewer may see. Raises InvalidError for too long a text.

    Raises UnauthenticatedError or ForbiddenError for who asks for statuses and sees only one.
    """
    if wanted.conditions.statuses:
        check_sees_more(viewer)
    if len(wanted.text) > _LONGEST_TEXT:
        raise InvalidError(f"a query has at most {_LONGEST_TEXT} characters")
    seller = viewer.seller if sells(viewer) else None
    return replace(wanted, everything=may_manage(viewer), own_seller=seller)


async def find(context: Context, wanted: ProductSearch) -> SearchAnswer:
    """The answer of the first plugin that has one, or that of the shop's own index.

    Raises InvalidError for a wrong position, StoreError where there is no index yet.
    """
    found = await context.hooks.first(catalog.search, context, wanted)
    if found is None:
        context.about(INDEX)
        return await finder_of(context).search(wanted)
    context.about_others()
    _check(found, wanted)
    return found


def _check(answer: SearchAnswer, wanted: ProductSearch) -> None:
    """Raise TypeError for an answer that breaks the contract of the hook `search`."""
    if len(answer.hits) > wanted.count:
        raise TypeError(f"{len(answer.hits)} hits were given where {wanted.count} were wanted")
    if any(not 0 < len(hit.position) <= _LONGEST_POSITION for hit in answer.hits):
        raise TypeError(f"a hit's position has 1 to {_LONGEST_POSITION} characters")


async def load(
    context: Context, answer: SearchAnswer, keys: Collection[str] | None
) -> dict[ObjectId, Record]:
    """The records of what was found, without those that are gone or that the viewer may not see.

    They have those keys, or all.
    """
    seen = None if keys is None else frozenset(keys) | {"status", "seller"}
    ids = [hit.product_id for hit in answer.hits]
    context.about(ProductDocument, ids)
    products = context.storage.collection(ProductDocument)
    found = find_by(products, "_id", ids, projection(context, seen))
    return {
        record["_id"]: localised(context, record)
        async for record in found
        if may_see(context.viewer, record)
    }


def at(wanted: ProductSearch, position: str | None, *, backward: bool) -> ProductSearch:
    """The same from a position on."""
    return replace(wanted, position=position, backward=backward)


def list_name(wanted: ProductSearch) -> str:
    """Names a list, so that no other list takes its cursors."""
    locale = wanted.locale if wanted.order == "name" else ""
    said = repr((wanted.text, wanted.conditions, wanted.currency, locale))
    digest = hashlib.blake2s(said.encode(errors="replace"), digest_size=6).hexdigest()
    return f"products.{wanted.order}.{digest}"


async def suggest(context: Context, begun: str, count: int) -> list[Suggestion]:
    """Brands and names of products that a text may become. Raises InvalidError."""
    if not 1 <= count <= _MOST_SUGGESTIONS:
        raise InvalidError(f"`first` must be from 1 to {_MOST_SUGGESTIONS}")
    if len(begun) > _LONGEST_PREFIX:
        raise InvalidError(f"a prefix has at most {_LONGEST_PREFIX} characters")
    if not begun.strip():
        return []
    wanted = asked_by(
        context.viewer,
        ProductSearch(begun, ProductConditions(), "relevance", context.shop.currency, count),
    )
    context.about(INDEX)
    brands = await finder_of(context).brands(begun, wanted, max(1, count // 4))
    answer = await find(context, wanted)
    records = await load(context, answer, None)
    products = [records[hit.product_id] for hit in answer.hits if hit.product_id in records]
    return _joined(brands, products)[:count]


def _joined(brands: Sequence[str], products: Sequence[Record]) -> list[Suggestion]:
    """Brands first; of products with the same name the first one."""
    found = {brand: Suggestion(brand) for brand in brands}
    for record in products:
        found.setdefault(record["name"], Suggestion(record["name"], record))
    return list(found.values())
