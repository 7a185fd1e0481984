"""What an edit comes to: units that go, lines that come at today's prices, and what stock moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.money import share_of
from mercat.storage import Record
from mercat_orders.carts.editing import made
from mercat_orders.carts.lines import NewLine
from mercat_orders.carts.reading import look_at_lines
from mercat_orders.carts.shelves import Shelf
from mercat_orders.carts.views import LineView
from mercat_orders.checkout.freezing import frozen_line
from mercat_orders.errors import QuantityError, TooManyError, UnavailableError
from mercat_orders.orders.changes.picking import MOST_LINES
from mercat_orders.orders.changes.telling import Units
from mercat_orders.orders.quantities import unsent, wanted
from mercat_products.stock.errors import OutOfStockError, Shortage

_BASIS = 10_000


@dataclass(frozen=True, slots=True)
class Addition:
    """What is put in; `unit_price` is in minor units, the catalogue's where it is None."""

    line: NewLine
    unit_price: int | None = None


@dataclass(frozen=True, slots=True)
class LineEdit:
    """How many of a line are wanted from now on, and at which price; None leaves it as it is."""

    line: ObjectId
    quantity: int | None = None
    unit_price: int | None = None
    field: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change of an order. With `restocks` what is taken out can be sold again."""

    additions: Sequence[Addition] = ()
    lines: Sequence[LineEdit] = ()
    reason: str = ""
    restocks: bool = True


@dataclass(frozen=True, slots=True)
class NewOrderLine:
    """A line that comes, the key of the part that it comes into, and the shop's share of it."""

    part: ObjectId
    line: Record
    commission: int
    available: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an edit of an order at that version comes to.

    `stock` is how many of each variant are taken from stock, or below zero come back.
    """

    version: int
    gone: Sequence[Units]
    come: Sequence[NewOrderLine]
    stock: Mapping[ObjectId, int] = field(default_factory=dict)

    @property
    def needed(self) -> Mapping[ObjectId, int]:
        return {variant: count for variant, count in self.stock.items() if count > 0}

    @property
    def back(self) -> Mapping[ObjectId, int]:
        return {variant: -count for variant, count in self.stock.items() if count < 0}


async def planned(context: Context, record: Record, what: Edit) -> Plan:
    """What an edit of a stored order comes to now.

    Raises NotFoundError, InvalidError, QuantityError, UnavailableError, TooManyError.
    """
    gone: list[Units] = []
    additions = list(what.additions)
    stock: dict[ObjectId, int] = {}
    for one in _each_once(what.lines):
        line = _line(record, one)
        out, more = _steps(line, one)
        gone += [Units(line["id"], out, one.field)] if out else []
        additions += [_again(line, one, more)] if more else []
        _move(stock, line["variant"], more - out, is_moved=what.restocks or more > out)
    for addition in what.additions:
        _move(stock, addition.line.variant, addition.line.quantity)
    if not gone and not additions:
        raise InvalidError("nothing would change")
    come = await priced(context, record, additions)
    return Plan(record["version"], gone, come, stock)


async def priced(
    context: Context, record: Record, additions: Sequence[Addition]
) -> Sequence[NewOrderLine]:
    """What is put into an order, at today's prices and taxes, or at those that were given.

    Raises UnavailableError, QuantityError, TooManyError, InvalidError.
    """
    if not additions:
        return []
    if len(record["lines"]) + len(additions) > MOST_LINES:
        raise TooManyError(f"an order has at most {MOST_LINES} lines")
    shelf = Shelf()
    cart = await _cart(context, record, additions, shelf)
    views = await look_at_lines(context, cart, shelf)
    return [_new(record, view, one) for view, one in zip(views, additions, strict=True)]


def check_stock(plan: Plan) -> None:
    """Raise OutOfStockError where a preview already sees that there is too little."""
    lines = {new.line["variant"]: new for new in plan.come}
    short = [
        Shortage(variant, found.line["sku"], count, found.available)
        for variant, count in plan.needed.items()
        if (found := lines[variant]).available is not None and found.available < count
    ]
    if short:
        raise OutOfStockError(short)


def _each_once(lines: Sequence[LineEdit]) -> Sequence[LineEdit]:
    seen: set[ObjectId] = set()
    for one in lines:
        if one.line in seen:
            raise InvalidError("give each line once", field=(*one.field, "lineId"))
        seen.add(one.line)
    return lines


def _line(record: Record, one: LineEdit) -> Record:
    for line in record["lines"]:
        if line["id"] == one.line:
            return dict(line)
    raise NotFoundError("there is no such line in it", field=(*one.field, "lineId"))


def _steps(line: Record, one: LineEdit) -> tuple[int, int]:
    """How many units go, and how many come instead; at another price all that aren't sent do."""
    now, sent = wanted(line), line["fulfilled"]
    quantity = now if one.quantity is None else one.quantity
    if quantity < sent or quantity < 0:
        words = f"{sent} of '{line['name']}' are in parcels" if sent else "a quantity is 0 or more"
        raise QuantityError(words, field=(*one.field, "quantity"))
    if one.unit_price is not None and one.unit_price != line["unit_price"]:
        return unsent(line), quantity - sent
    return max(0, now - quantity), max(0, quantity - now)


def _again(line: Record, one: LineEdit, count: int) -> Addition:
    price = line["unit_price"] if one.unit_price is None else one.unit_price
    options = tuple((option["name"], option["value"]) for option in line["options"])
    return Addition(NewLine(line["variant"], count, options, line["note"], one.field), price)


def _move(
    stock: dict[ObjectId, int], variant: ObjectId, count: int, *, is_moved: bool = True
) -> None:
    if count and is_moved:
        stock[variant] = stock.get(variant, 0) + count


async def _cart(
    context: Context, record: Record, additions: Sequence[Addition], shelf: Shelf
) -> Record:
    """What is put in as a cart of its own, of the same buyer; it is stored nowhere."""
    key, currency, country = str(record["_id"]), record["currency"], record["country"]
    await shelf.offers(context, [{"variant": one.line.variant} for one in additions])
    lines: list[Record] = []
    for one in additions:  # one by one, as each may have a price of its own
        lines += (await made(context, key, currency, country, [one.line], shelf))["lines"]
    prices = {
        str(line["id"]): one.unit_price
        for line, one in zip(lines, additions, strict=True)
        if one.unit_price is not None
    }
    shown = ("user", "guest", "email", "phone", "shipping_address", "billing_address")
    return {
        "_id": key,
        "currency": currency,
        "country": country,
        "lines": lines,
        "draft": {"prices": prices, "discounts": []},
        **{name: record[name] for name in shown},
    }


def _new(record: Record, view: LineView, one: Addition) -> NewOrderLine:
    offer, cost = view.offer, view.cost
    if offer is None or cost is None:
        raise UnavailableError("this is not for sale", field=(*one.line.field, "variantId"))
    part = next((p for p in record["seller_orders"] if p["seller"] == offer.seller), None)
    if part is None:
        words = "nothing else of its seller is in this order; it needs an order of its own"
        raise UnavailableError(words, field=(*one.line.field, "variantId"))
    line = {**frozen_line(view, cost), "waits": True}
    commission = share_of(cost.subtotal, Fraction(part["commission_rate"], _BASIS))
    return NewOrderLine(part["id"], line, commission, offer.available)
