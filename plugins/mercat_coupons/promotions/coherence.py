"""Whether what is stored of a promotion goes together. Every function raises InvalidError."""

from collections.abc import Iterator

from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_coupons.promotions.checking_scopes import MOST_THINGS, sellers_in, things_of
from mercat_products.values import input_name

Field = tuple[str, ...]


def check_coherence(record: Record) -> None:
    """Refuse values that can't hold together."""
    _check_period(record)
    _check_currencies(record)
    _check_things(record)
    _check_seller(record)


def _check_period(record: Record) -> None:
    start, end = record["starts_at"], record["ends_at"]
    if start is not None and end is not None and end <= start:
        raise InvalidError("it ends before it has started", field=("endsAt",))


def _check_currencies(record: Record) -> None:
    """There is a currency to use it in, and what is said of one is said of what it takes off."""
    sums = list(_sums(record))
    for field, found in _benefit_sums(record):
        for currency in record["budget"] or ():
            if currency not in found:
                raise InvalidError(
                    f"the budget is in {currency} too; give a sum in it here", field=field
                )
    for field, found in sums:
        for currency in record["currencies"]:
            if currency not in found:
                raise InvalidError(
                    f"{currency} is one of its currencies; give a sum in it here", field=field
                )
    if not sums:
        return
    common = set.intersection(*(set(found) for _, found in sums))
    if not common:
        field, _ = sums[-1]
        raise InvalidError("no currency has all of its sums, so that it never holds", field=field)


def _sums(record: Record) -> Iterator[tuple[Field, dict[str, int]]]:
    """All sums that it needs, and where they were given."""
    yield from _benefit_sums(record)
    for name in ("minimum_subtotal", "budget"):
        if record[name] is not None:
            yield (input_name(name),), record[name]


def _benefit_sums(record: Record) -> Iterator[tuple[Field, dict[str, int]]]:
    field, benefit = ("benefit", input_name(record["kind"])), record["benefit"]
    for name in ("amounts", "at_most"):
        if benefit.get(name) is not None:
            yield (*field, input_name(name)), benefit[name]
    for at, tier in enumerate(benefit.get("tiers", ())):
        for name in ("from_subtotal", "amounts"):
            if tier[name] is not None:
                yield (*field, "tiers", str(at), input_name(name)), tier[name]


def _check_things(record: Record) -> None:
    named = 0
    for field, _, keys in things_of(record["kind"], record["benefit"], record["scope"]):
        named += len(keys)
        if named > MOST_THINGS:
            raise InvalidError(
                f"a promotion names {MOST_THINGS:,} products and variants at most; say it by "
                "categories, brands or attributes",
                field=field,
            )


def _check_seller(record: Record) -> None:
    seller = record["seller"]
    if seller is None:
        if record["borne_by"] == "seller":
            raise InvalidError(
                "what a seller pays for is that seller's: give `sellerId`", field=("borneBy",)
            )
        return
    for field, named in sellers_in(record["kind"], record["benefit"], record["scope"]):
        if named != seller:
            raise InvalidError(
                "a seller's promotion is for that seller's own products", field=field
            )
