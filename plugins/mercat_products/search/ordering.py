"""One page of what was found, in an order, from a position on: no page costs more than the first.

A position is what the order goes by, which no two products share, so a page begins right behind
the last, whatever came, went or changed meanwhile.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tantivy import DocAddress, FieldType, Order, Query, Searcher

from mercat.catalog import ProductSearch
from mercat.errors import InvalidError
from mercat_products.search import fields
from mercat_products.search.entries import name_parts
from mercat_products.search.fields import (
    Fields,
    high_field,
    low_field,
    name_key_field,
    name_part_fields,
)
from mercat_products.search.matching import all_of, any_of, without

_POSITION = re.compile(r"(?:([0-6])\.)?(\d{1,19})\Z", re.ASCII)
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """A product in the index with its position in an order."""

    position: str
    address: DocAddress


@dataclass(frozen=True)
class Paging:
    """What was found, as ranks that exclude nobody, and the conditions that hold for all."""

    known: Fields
    searcher: Searcher
    ranks: Sequence[Query]
    conditions: Query
    wanted: ProductSearch

    def places(self) -> list[Place]:
        """Up to `count` places and one more, in the direction of paging. Raises InvalidError."""
        if self.wanted.order == "relevance":
            return self._by_relevance()
        found = all_of([any_of(self.ranks), self.conditions])
        if self.wanted.order == "name":
            return self._by_name(found)
        field, ascending = self._field
        rank, at = _read(self.wanted.position)
        if rank is not None:
            raise InvalidError("this is not a cursor of this list")
        return self._ordered(found, field, at, ascending=ascending is not self.wanted.backward)

    @property
    def _field(self) -> tuple[str, bool]:
        currency = self.wanted.currency
        return {
            "newest": (fields.NUMBER, False),
            "oldest": (fields.NUMBER, True),
            "price_low": (low_field(currency), True),
            "price_high": (high_field(currency), True),
            "updated": (fields.UPDATED_KEY, False),
        }[self.wanted.order]

    def _by_relevance(self) -> list[Place]:
        rank, at = _read(self.wanted.position)
        if at is not None and rank is None:
            raise InvalidError("this is not a cursor of this list")
        backward = self.wanted.backward
        found: list[Place] = []
        for each in self._from(rank):
            missing = self.wanted.count + 1 - len(found)
            if missing <= 0:
                break
            query = all_of([without(self.ranks[each], self.ranks[:each]), self.conditions])
            edge = at if each == rank else None
            places = self._ordered(query, fields.RANK, edge, ascending=backward, count=missing)
            found += [Place(f"{each}.{place.position}", place.address) for place in places]
        return found

    def _from(self, rank: int | None) -> Iterator[int]:
        last = len(self.ranks) - 1
        if self.wanted.backward:
            yield from range(last if rank is None else min(rank, last), -1, -1)
        else:
            yield from range(0 if rank is None else rank, last + 1)

    def _ordered(
        self,
        query: Query,
        field: str,
        at: int | None,
        *,
        ascending: bool,
        count: int | None = None,
    ) -> list[Place]:
        if at is not None:
            query = all_of([query, self._side(field, at, ascending=ascending)])
        return self._hits(query, field, ascending=ascending, count=count)

    def _by_name(self, query: Query) -> list[Place]:
        ascending = not self.wanted.backward
        if self.wanted.position is not None:
            query = all_of([query, self._beyond(self.wanted.position, ascending=ascending)])
        return self._hits(query, name_key_field(self._language), ascending=ascending)

    @property
    def _language(self) -> str:
        return self.known.words.language_of(self.wanted.locale)

    def _beyond(self, key: str, *, ascending: bool) -> Query:
        """The names behind a key: an earlier part alike, a later one beyond, the number last."""
        _, zero, number = key.partition("\0")
        if not zero or not number.isdigit():
            raise InvalidError("this is not a cursor of this list")
        values = [*name_parts(key), int(number)]
        parts = name_part_fields(self._language)
        same: list[Query] = []
        beyond = []
        for field, value in zip((*parts, fields.NUMBER), values, strict=True):
            beyond.append(all_of([*same, self._side(field, value, ascending=ascending)]))
            same.append(Query.term_query(self.known.schema, field, value))
        return any_of(beyond)

    def _side(self, field: str, value: int, *, ascending: bool) -> Query:
        """What lies beyond a value, which itself does not."""
        low, high = (value, None) if ascending else (None, value)
        return Query.range_query(
            self.known.schema,
            field,
            FieldType.Integer,
            low,
            high,
            include_lower=not ascending,
            include_upper=ascending,
        )

    def _hits(
        self, query: Query, field: str, *, ascending: bool, count: int | None = None
    ) -> list[Place]:
        result = self.searcher.search(
            query,
            limit=count or self.wanted.count + 1,
            count=False,
            order_by_field=field,
            order=Order.Asc if ascending else Order.Desc,
        )
        return [Place(str(value), address) for value, address in result.hits]


def _read(position: str | None) -> tuple[int | None, int | None]:
    """The rank, where there is one, and the value of a position. Raises InvalidError."""
    if position is None:
        return None, None
    found = _POSITION.match(position)
    if found is None or int(found[2]) > _MOST:
        raise InvalidError("this is not a cursor of this list")
    return (int(found[1]) if found[1] else None), int(found[2])
