"""Facets: how many of what was found have which value."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tantivy import Query, Searcher

from mercat.catalog import FacetValue, PriceBand, ProductFacets
from mercat_products.search import fields
from mercat_products.search.bands import bounds_of
from mercat_products.search.fields import band_field
from mercat_products.search.filtering import (
    ATTRIBUTES,
    BRANDS,
    GROUPS,
    IN_STOCK,
    OPTIONS,
    PRICES,
    SELLERS,
    shown,
    shown_attribute,
)
from mercat_products.search.matching import all_of

_MOST_VALUES = 2_000
_MOST_ALIKE = 200  # twice what is shown, so that of equals at the end always the same are shown
_MOST_IN_SEGMENT = 20_000  # more different values than this, and rare ones may be miscounted
_MOST_SHOWN = 100
_Counts: TypeAlias = list[tuple[Any, int]]

_NAMED = (fields.OPTION, fields.ATTRIBUTE)
_STOCKED = 1


@dataclass(frozen=True)
class Counting:
    """Counts over a query and conditions, each facet but the groups without its own."""

    searcher: Searcher
    query: Query
    conditions: Mapping[str, Sequence[Query]]
    currency: str

    def facets(self, wanted: Collection[str]) -> ProductFacets:
        """These facets: one pass, and one more for each facet that has a condition."""
        counted = {facet: field for facet, field in self._fields.items() if facet in wanted}
        alone = self.conditions.keys() & counted.keys() - {GROUPS}
        free = {facet: field for facet, field in counted.items() if facet not in alone}
        counts: dict[str, _Counts] = {facet: [] for facet in self._fields}
        if free:
            counts |= self._counts("", free)
        for facet in alone:
            counts |= self._counts(facet, {facet: counted[facet]})
        return ProductFacets(
            groups=_values(counts[GROUPS]),
            brands=_values(counts[BRANDS]),
            sellers=_values(counts[SELLERS]),
            options=self._named("option", counts[OPTIONS]) if OPTIONS in wanted else (),
            attributes=self._named("attribute", counts[ATTRIBUTES]) if ATTRIBUTES in wanted else (),
            prices=_bands(counts[PRICES]),
            in_stock=sum(count for key, count in counts[IN_STOCK] if key == _STOCKED),
        )

    @property
    def _fields(self) -> dict[str, str]:
        """The field of the index that each facet counts."""
        return {
            GROUPS: fields.LISTED,
            BRANDS: fields.BRAND,
            SELLERS: fields.SELLER,
            PRICES: band_field(self.currency),
            IN_STOCK: fields.STOCK,
            OPTIONS: fields.OPTION,
            ATTRIBUTES: fields.ATTRIBUTE,
        }

    def _counts(self, without: str, wanted: Mapping[str, str]) -> dict[str, _Counts]:
        """The most frequent values of fields, over everything but the conditions of one facet."""
        kept = [
            query
            for facet, queries in self.conditions.items()
            if facet != without
            for query in queries
        ]
        asked = {
            name: {
                "terms": {
                    "field": field,
                    "size": _MOST_VALUES if field in _NAMED else _MOST_ALIKE,
                    "segment_size": _MOST_IN_SEGMENT,
                }
            }
            for name, field in wanted.items()
        }
        found = self.searcher.aggregate(all_of([self.query, *kept]), asked)
        return {
            name: [(bucket["key"], bucket["doc_count"]) for bucket in found[name]["buckets"]]
            for name in wanted
        }

    def _named(
        self, kind: Literal["option", "attribute"], counts: _Counts
    ) -> tuple[FacetValue, ...]:
        """Options or attributes; those with a condition are counted without it."""
        read = shown_attribute if kind == "attribute" else shown
        field = fields.ATTRIBUTE if kind == "attribute" else fields.OPTION
        own = {key.partition(" ")[2] for key in self.conditions if key.startswith(f"{kind} ")}
        for name in own:
            everything = self._counts(f"{kind} {name}", {"found": field})["found"]
            counts = [each for each in counts if shown(each[0])[0] != name]
            counts += [each for each in everything if shown(each[0])[0] == name]
        return tuple(_most_frequent([(*read(term), count) for term, count in counts]))


def _most_frequent(values: Sequence[tuple[str, str, int]]) -> Iterator[FacetValue]:
    """The first of each name, as many as are shown."""
    shown_of: dict[str, int] = {}
    for name, value, count in sorted(values, key=lambda each: (-each[2], each[0], each[1])):
        shown_of[name] = shown_of.get(name, 0) + 1
        if shown_of[name] <= _MOST_SHOWN:
            yield FacetValue(value, count, name)


def _values(counts: Sequence[tuple[str, int]]) -> tuple[FacetValue, ...]:
    ordered = sorted(counts, key=lambda each: (-each[1], each[0]))
    return tuple(FacetValue(value, count) for value, count in ordered[:_MOST_SHOWN])


def _bands(counts: Sequence[tuple[str, int]]) -> tuple[PriceBand, ...]:
    ordered = sorted((int(key), count) for key, count in counts)
    return tuple(PriceBand(*bounds_of(band), count) for band, count in ordered)
