"""Asking one searcher of the index everything that somebody wants to know."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bson import ObjectId
from tantivy import Query, Searcher

from mercat.catalog import ProductHit, ProductSearch, SearchAnswer
from mercat_products.search import fields
from mercat_products.search.correcting import corrected, corrections
from mercat_products.search.counting import Counting
from mercat_products.search.fields import Fields
from mercat_products.search.filtering import conditions_of, visible_to
from mercat_products.search.matching import RELAXED, Matching, all_of
from mercat_products.search.ordering import Paging, Place

_MOST_BRANDS = 200


def answer(known: Fields, searcher: Searcher, wanted: ProductSearch) -> SearchAnswer:
    """What was found. Raises InvalidError for a position of another order."""
    visible = visible_to(known, wanted)
    matching = _matching(known, searcher, wanted, visible)
    conditions = conditions_of(known, searcher, wanted.conditions)
    limits = [visible, *(query for queries in conditions.values() for query in queries)]
    places: list[Place] = []
    if wanted.count:
        places = Paging(known, searcher, matching.ranks, all_of(limits), wanted).places()
    hits = _hits(searcher, places[: wanted.count])
    found = SearchAnswer(
        hits=tuple(reversed(hits) if wanted.backward else hits),
        has_more=len(places) > wanted.count,
    )
    if wanted.total:
        found = replace(found, total=_count(searcher, all_of([matching.found, *limits])))
    if wanted.facets:
        over = all_of([matching.found, visible])
        counting = Counting(searcher, over, conditions, wanted.currency)
        found = replace(found, facets=counting.facets(wanted.facets))
    if wanted.correction and wanted.text:
        near = corrections(matching, searcher)
        words = tuple(word for each in near.values() for word in each)
        found = replace(found, correction=corrected(matching, near), words=words)
    return found


def brands(
    known: Fields, searcher: Searcher, begun: str, wanted: ProductSearch, count: int
) -> list[str]:
    """Brands that have all the words, the last one as far as it is typed; most frequent first."""
    visible = visible_to(known, wanted)
    matching = _matching(known, searcher, wanted, visible)
    terms = {"field": fields.BRAND, "size": _MOST_BRANDS, "segment_size": 10 * _MOST_BRANDS}
    found = searcher.aggregate(all_of([matching.found, visible]), {"found": {"terms": terms}})
    words = known.words.split(begun)
    names = (bucket["key"] for bucket in found["found"]["buckets"])
    return [name for name in names if _begins(known.words.split(name), words)][:count]


def _matching(known: Fields, searcher: Searcher, wanted: ProductSearch, visible: Query) -> Matching:
    def seen(query: Query) -> bool:
        found = searcher.search(all_of([query, visible]), limit=1, count=False)
        return bool(found.hits)

    is_continued = wanted.order == "relevance" and (wanted.position or "").startswith(f"{RELAXED}.")
    return Matching(known, wanted.text, seen, is_continued)


def _begins(own: Sequence[str], words: Sequence[str]) -> bool:
    if not words or not set(words[:-1]) <= set(own):
        return False
    return any(each.startswith(words[-1]) for each in own)


def _count(searcher: Searcher, query: Query) -> int:
    result: Any = searcher.search(query, limit=1)  # its stub has no `count`
    return int(result.count)


def _hits(searcher: Searcher, places: Sequence[Place]) -> list[ProductHit]:
    return [
        ProductHit(ObjectId(searcher.doc(place.address)[fields.ID][0]), place.position)
        for place in places
    ]
