"""What is given of scopes, checked, as it is stored. Every function raises InvalidError."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mercat.errors import InvalidError
from mercat.ids import key_of, object_id
from mercat.storage import Record
from mercat.texts import line_of
from mercat_products.values import input_name

Field = tuple[str, ...]

MOST_THINGS = 20_000
"""How many products and variants a promotion names at most."""

_MOST_SELECTIONS = 50
_MOST_ENTRIES = 250
_LONGEST_TEXT = 500
_EVERYTHING: Record = {"include": [], "exclude": [], "excludes_reduced": False}


def scope(given: Mapping[str, Any] | None, field: Field) -> Record:
    """The lines that are meant; all of them for None."""
    if given is None:
        return {**_EVERYTHING}
    return {
        "include": _selections(given["include"], (*field, "include")),
        "exclude": _selections(given["exclude"], (*field, "exclude")),
        "excludes_reduced": given["excludes_reduced"],
    }


def keys(given: Sequence[str], kind: str, field: Field, most: int = _MOST_ENTRIES) -> list[str]:
    """The hexadecimal keys of global ids, none twice."""
    _check_count(given, field, most)
    found = (str(object_id(one, kind, (*field, str(at)))) for at, one in enumerate(given))
    return list(dict.fromkeys(found))


def things_of(kind: str, benefit: Record, found: Record) -> Iterator[tuple[Field, str, list[str]]]:
    """The products and variants that a promotion names: where, which of the two, and their keys.

    `kind`, `benefit` and `found`, its scope, are as they are stored.
    """
    yield from _things(found, ("scope",))
    for name in ("buy", "get"):
        if benefit.get(name) is not None:
            yield from _things(benefit[name], ("benefit", input_name(kind), name))
    if kind == "gift":
        yield ("benefit", "gift", "variantIds"), "variants", benefit["variants"]


def sellers_in(kind: str, benefit: Record, found: Record) -> Iterator[tuple[Field, str]]:
    """The sellers that scopes name, and where."""
    scopes = {("scope",): found} | {
        ("benefit", input_name(kind), name): benefit[name]
        for name in ("buy", "get")
        if benefit.get(name) is not None
    }
    for field, one in scopes.items():
        for at, selection in _each(one, field):
            for index, seller in enumerate(selection["sellers"]):
                yield (*at, "sellerIds", str(index)) if seller else (*at, "shopsOwn"), seller


def _things(found: Record, field: Field) -> Iterator[tuple[Field, str, list[str]]]:
    for at, selection in _each(found, field):
        yield (*at, "productIds"), "products", selection["products"]
        yield (*at, "variantIds"), "variants", selection["variants"]


def _each(found: Record, field: Field) -> Iterator[tuple[Field, Record]]:
    for name in ("include", "exclude"):
        for at, selection in enumerate(found[name]):
            yield (*field, name, str(at)), selection


def _selections(given: Sequence[Mapping[str, Any]], field: Field) -> list[Record]:
    _check_count(given, field, _MOST_SELECTIONS)
    return [_selection(one, (*field, str(at))) for at, one in enumerate(given)]


def _selection(given: Mapping[str, Any], field: Field) -> Record:
    shops_own = [""] if given["shops_own"] else []
    found: Record = {
        "products": keys(given["product_ids"], "Product", (*field, "productIds"), MOST_THINGS),
        "variants": keys(
            given["variant_ids"], "ProductVariant", (*field, "variantIds"), MOST_THINGS
        ),
        "categories": keys(given["category_ids"], "Category", (*field, "categoryIds")),
        "brands": _brands(given["brands"], (*field, "brands")),
        "sellers": _sellers(given["seller_ids"], (*field, "sellerIds")) + shops_own,
        "attributes": _attributes(given["attributes"], (*field, "attributes")),
    }
    if not any(found.values()):
        raise InvalidError("this names nothing; leave it out to mean all lines", field=field)
    return found


def _sellers(given: Sequence[str], field: Field) -> list[str]:
    _check_count(given, field)
    return list(
        dict.fromkeys(key_of(one, "Seller", (*field, str(at))) for at, one in enumerate(given))
    )


def _brands(given: Sequence[str], field: Field) -> list[str]:
    _check_count(given, field)
    return list(dict.fromkeys(_text(one, (*field, str(at))) for at, one in enumerate(given)))


def _attributes(given: Sequence[Mapping[str, str]], field: Field) -> list[list[str]]:
    _check_count(given, field)
    found = (
        (
            _text(one["key"], (*field, str(at), "key")),
            _text(one["value"], (*field, str(at), "value")),
        )
        for at, one in enumerate(given)
    )
    return [list(pair) for pair in dict.fromkeys(found)]


def _text(given: str, field: Field) -> str:
    return line_of(given, field, most=_LONGEST_TEXT, least=1)


def _check_count(given: Sequence[Any], field: Field, most: int = _MOST_ENTRIES) -> None:
    if len(given) > most:
        raise InvalidError(f"there may be {most:,} of them at most", field=field)
