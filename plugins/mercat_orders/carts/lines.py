"""The lines of a cart: what is put in is for sale, and priced as it is now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.texts import line_of
from mercat_orders.carts.reading import title_of
from mercat_orders.carts.shelves import Shelf
from mercat_orders.errors import QuantityError, TooManyError, UnavailableError
from mercat_orders.settings import OrderSettings
from mercat_products.offers import Offer

LONGEST_NOTE = 500
_MOST_OPTIONS = 20
_LONGEST_OPTION = 200


@dataclass(frozen=True, slots=True)
class NewLine:
    """What is put into a cart; `field` is where the caller named it."""

    variant: ObjectId
    quantity: int
    options: tuple[tuple[str, str], ...] = ()
    note: str = ""
    field: tuple[str, ...] = ()


async def added(
    context: Context, record: Record, wanted: Sequence[NewLine], shelf: Shelf
) -> Mapping[str, Any]:
    """The lines with these too; the same variant with the same options and note is one line.

    Raises QuantityError, UnavailableError, TooManyError, InvalidError.
    """
    lines: list[Record] = list(record["lines"])
    known = await shelf.offers(context, [*lines, *({"variant": one.variant} for one in wanted)])
    found = {one.variant: known[one.variant] for one in wanted if one.variant in known}
    for one in wanted:
        _check_offered(found.get(one.variant), record["currency"], one)
        new = _new(context, one, found[one.variant])
        same = next((at for at, line in enumerate(lines) if is_same(line, new)), None)
        if same is None:
            lines.append(new)
        else:
            total = _quantity(context, lines[same]["quantity"] + new["quantity"], one.field)
            lines[same] = {**lines[same], "quantity": total}
    most = context.settings(OrderSettings).max_lines
    if len(lines) > most:
        raise TooManyError(f"a cart has at most {most} lines", field=("lines",))
    touched = {line["id"] for line in lines if line["variant"] in found}
    return {"lines": _priced(record["currency"], lines, touched, found)}


async def repriced(
    context: Context,
    currency: str,
    lines: Sequence[Record],
    touched: Collection[ObjectId],
    shelf: Shelf,
) -> list[Record]:
    """The lines with the buyer knowing the present price of those that were touched."""
    return _priced(currency, lines, touched, await shelf.offers(context, lines))


def _priced(
    currency: str,
    lines: Sequence[Record],
    touched: Collection[ObjectId],
    found: Mapping[ObjectId, Offer],
) -> list[Record]:
    totals: dict[ObjectId, int] = {}
    for line in lines:
        totals[line["variant"]] = totals.get(line["variant"], 0) + line["quantity"]
    priced = []
    for line in lines:
        offer = found.get(line["variant"])
        price = offer.price(currency, totals[line["variant"]]) if offer else None
        is_known = price is not None and line["id"] in touched
        priced.append({**line, "seen_price": price[0]} if is_known and price else line)
    return priced


def _check_offered(offer: Offer | None, currency: str, wanted: NewLine) -> None:
    field = (*wanted.field, "variantId")
    if offer is None or not offer.is_for_sale:
        raise UnavailableError("this is not for sale", field=field)
    if offer.price(currency, 1) is None:
        raise UnavailableError(f"this has no price in {currency}", field=field)


def _new(context: Context, wanted: NewLine, offer: Offer) -> Record:
    return {
        "id": ObjectId(),
        "variant": wanted.variant,
        "quantity": _quantity(context, wanted.quantity, wanted.field),
        "options": _options(wanted),
        "note": line_of(wanted.note, (*wanted.field, "note"), most=LONGEST_NOTE),
        "seen_price": 0,
        "name": title_of(offer),
        "sku": offer.variant["sku"],
    }


def _quantity(context: Context, quantity: int, field: tuple[str, ...]) -> int:
    most = context.settings(OrderSettings).max_quantity
    if not 1 <= quantity <= most:
        raise QuantityError(f"a quantity is from 1 to {most}", field=(*field, "quantity"))
    return quantity


def _options(wanted: NewLine) -> list[Record]:
    if len(wanted.options) > _MOST_OPTIONS:
        raise InvalidError(
            f"a line has at most {_MOST_OPTIONS} options", field=(*wanted.field, "options")
        )
    found = []
    for index, (name, value) in enumerate(wanted.options):
        at = (*wanted.field, "options", str(index))
        found.append(
            {
                "name": line_of(name, (*at, "name"), most=_LONGEST_OPTION, least=1),
                "value": line_of(value, (*at, "value"), most=_LONGEST_OPTION, least=1),
            }
        )
    return found


def is_same(line: Record, new: Record) -> bool:
    """Whether two lines are one: the same variant, with the same wishes."""
    return all(line[name] == new[name] for name in ("variant", "options", "note"))
