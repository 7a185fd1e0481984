"""Conditions as queries of the index; every value is a term, and nothing is ever parsed."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from tantivy import FieldType, Query, Searcher

from mercat.catalog import AttributeCondition, ProductConditions, ProductSearch
from mercat_products.search import fields
from mercat_products.search.entries import (
    attribute_term,
    clean,
    milliseconds,
    number_of,
    pair,
    sortable,
)
from mercat_products.search.fields import SEPARATOR, Fields, price_field
from mercat_products.search.matching import all_of, any_of, without

GROUPS, BRANDS, SELLERS, PRICES, IN_STOCK = "groups", "brands", "sellers", "prices", "in_stock"
OPTIONS, ATTRIBUTES = "options", "attributes"  # their conditions are by name
_MOST_AMOUNT = 2**62


def visible_to(known: Fields, wanted: ProductSearch) -> Query:
    """What the viewer may see; it is part of every query, counts and suggestions too."""
    if wanted.everything:
        state = Query.term_query(known.schema, fields.ID, fields.STATE)
        return without(Query.all_query(), [state])
    seen = [Query.term_query(known.schema, fields.STATUS, "active")]
    if wanted.own_seller:
        own = clean(wanted.own_seller)
        seen.append(Query.term_query(known.schema, fields.SELLER, own))
    return any_of(seen)


def conditions_of(
    known: Fields, searcher: Searcher, wanted: ProductConditions
) -> dict[str, list[Query]]:
    """Each condition's queries by the facet it belongs to; "" for those that belong to none."""
    found: dict[str, list[Query]] = {"": list(_plain(known, wanted))}
    for facet, field, values in (
        (GROUPS, fields.LISTED, tuple(map(str, wanted.listed_in))),
        (BRANDS, fields.BRAND, tuple(map(clean, wanted.brands))),
        (SELLERS, fields.SELLER, tuple(map(clean, wanted.sellers))),
    ):
        if values:
            found[facet] = [_one_of(known, field, values)]
    for option in wanted.options:
        pairs = [pair(option.name, value) for value in option.values]
        key = f"option {clean(option.name)}"
        found.setdefault(key, []).append(_one_of(known, fields.OPTION, pairs))
    for attribute in wanted.attributes:
        key = f"attribute {clean(attribute.key)}"
        found.setdefault(key, []).append(_attribute(known, searcher, attribute))
    if wanted.price is not None:
        low, high = wanted.price.minimum, wanted.price.maximum
        found[PRICES] = [_between(known, price_field(wanted.price.currency), low, high)]
    if wanted.in_stock is not None:
        found[IN_STOCK] = [Query.term_query(known.schema, fields.STOCK, wanted.in_stock)]
    return found


def _plain(known: Fields, wanted: ProductConditions) -> Iterator[Query]:
    for field, values in (
        (fields.PLACED, tuple(map(str, wanted.placed_in))),
        (fields.TAG, tuple(map(clean, wanted.tags))),
        (fields.STATUS, wanted.statuses),
    ):
        if values:
            yield _one_of(known, field, values)
    if wanted.within is not None:
        field = fields.PLACED if wanted.within_itself else fields.LISTED
        yield _one_of(known, field, [str(wanted.within)])
    if wanted.created_after is not None:
        yield _after(known, fields.CREATED, wanted.created_after)
    if wanted.updated_after is not None:
        yield _after(known, fields.UPDATED, wanted.updated_after)


def _one_of(known: Fields, field: str, values: Sequence[str]) -> Query:
    return any_of([Query.term_query(known.schema, field, value) for value in values])


def _after(known: Fields, field: str, time: datetime) -> Query:
    return Query.range_query(
        known.schema, field, FieldType.Integer, milliseconds(time), None, include_lower=False
    )


def _between(known: Fields, field: str, low: int | None, high: int | None) -> Query:
    lower = max(min(low or 0, _MOST_AMOUNT), 0)
    upper = _MOST_AMOUNT if high is None else max(min(high, _MOST_AMOUNT), -1)
    return Query.range_query(known.schema, field, FieldType.Integer, lower, upper)


def _attribute(known: Fields, searcher: Searcher, wanted: AttributeCondition) -> Query:
    queries = []
    if wanted.values:
        terms = [term for value in wanted.values for term in _terms(wanted.key, value)]
        queries.append(
            any_of([Query.term_query(known.schema, fields.ATTRIBUTE, term) for term in terms])
        )
    if wanted.minimum is not None or wanted.maximum is not None:
        queries.append(_numbers(known, searcher, wanted))
    return all_of(queries) if queries else Query.all_query()


def _terms(key: str, value: str) -> Iterator[str]:
    """What the index may have for a value that a client wrote: a text, a truth or a number."""
    yield attribute_term(key, value)
    if value in {"true", "false"}:
        yield attribute_term(key, value == "true")
    try:
        yield attribute_term(key, float(value))
    except ValueError:
        return


def _numbers(known: Fields, searcher: Searcher, wanted: AttributeCondition) -> Query:
    """The attribute's numbers within the bounds, looked up among those that products have."""
    prefix = pair(wanted.key, "n")
    within = _within(wanted.minimum, wanted.maximum)
    terms = [
        term
        for term, _ in searcher.terms_with_prefix(fields.ATTRIBUTE, prefix)
        if within(term[len(prefix) :])
    ]
    return Query.term_set_query(known.schema, fields.ATTRIBUTE, terms)


def _within(minimum: float | None, maximum: float | None) -> Callable[[str], bool]:
    low = sortable(minimum) if minimum is not None else ""
    high = sortable(maximum) if maximum is not None else "g"
    return lambda digits: low <= digits <= high


def shown(term: str) -> tuple[str, str]:
    """The name and the value of an option's or attribute's term."""
    name, _, value = term.partition(SEPARATOR)
    return name, value


def shown_attribute(term: str) -> tuple[str, str]:
    """The key and the value of an attribute's term, as a client may give it back."""
    key, value = shown(term)
    kind, text = value[:1], value[1:]
    if kind == "n":
        return key, f"{number_of(text):.15g}"
    return key, text
