"""What a cart is worth now: each look asks the catalogue, the stock and the plugins anew."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from bson import ObjectId

from mercat import checkout
from mercat.checkout import (
    Cart,
    CartLine,
    Destination,
    Parcel,
    ShippingOption,
    TaxQuestion,
    Tender,
)
from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_orders.addresses import Address
from mercat_orders.carts.agreed import agreed_discounts, agreed_prices
from mercat_orders.carts.personal import Personal, personal_of
from mercat_orders.carts.problems import problems_of
from mercat_orders.carts.shelves import Shelf
from mercat_orders.carts.views import CartView, LineView, Problem
from mercat_orders.delivery.memory import methods_of
from mercat_orders.delivery.methods import options
from mercat_orders.pricing import steps
from mercat_orders.pricing.values import Quote
from mercat_orders.taxation.memory import zones_of
from mercat_orders.taxation.zones import answer
from mercat_products.offers import Offer

T = TypeVar("T")


async def look_at(
    context: Context, record: Record, shelf: Shelf | None = None, *, takes_cheapest: bool = False
) -> CartView:
    """The cart at today's prices, stocks, ways and taxes.

    `shelf` is what was just found for sale while the cart was changed. With `takes_cheapest` a
    parcel for which no way is chosen goes in the cheapest.
    """
    found = await (shelf or Shelf()).offers(context, record["lines"])
    personal = await personal_of(context, record)
    place = _destination(record, personal.shipping_address)
    cart = replace(_cart(record, found, place), email_digest=_digest(context, personal))
    quote = await _quote(context, cart, place, record, takes_cheapest=takes_cheapest)
    lines = tuple(_views(cart, record, found, quote))
    said = _flat(await context.hooks.collect(checkout.cart_problems, context, quote.cart))
    problems = problems_of(context, record, personal, lines, quote)
    more = (Problem(one.code, one.message, one.line) for one in said)
    tenders = await _tenders(context, quote)
    return CartView(record, personal, lines, quote, (*problems, *more), tenders)


async def look_at_lines(context: Context, record: Record, shelf: Shelf) -> tuple[LineView, ...]:
    """The lines at today's prices and taxes, without discounts and delivery."""
    found = await shelf.offers(context, record["lines"])
    personal = await personal_of(context, record)
    place = _destination(record, personal.shipping_address)
    cart = _cart(record, found, place)
    quote = await _taxed(context, await _priced(context, cart, record), place)
    return tuple(_views(cart, record, found, quote))


async def _quote(
    context: Context, cart: Cart, place: Destination, record: Record, *, takes_cheapest: bool
) -> Quote:
    """Every step, with what the plugins say to it.

    Delivery is found twice where what is taken off changes what the parcels are worth.
    """
    chosen = {way["seller"]: way["option"] for way in record["ways"]}
    priced = await _priced(context, cart, record)
    parcels = steps.parcels(priced, place)
    ways = await _ways(context, parcels)
    shipped = steps.shipped(priced, ways, chosen, takes_cheapest=True)
    asked = replace(priced.cart, shipping=shipped.shipping_by_seller)
    discounts = _flat(await context.hooks.collect(checkout.cart_discounts, context, asked))
    discounts += agreed_discounts(record)
    quote = steps.discounted(priced, discounts)
    left = steps.parcels(quote, place)
    if left != parcels:
        ways = await _ways(context, left)
    quote = steps.shipped(quote, ways, chosen, takes_cheapest=takes_cheapest)
    return await _taxed(context, steps.shipping_discounted(quote, discounts), place)


def _digest(context: Context, personal: Personal) -> str | None:
    return encryption_of(context).digest(personal.email) if personal.email else None


async def _priced(context: Context, cart: Cart, record: Record) -> Quote:
    said = _flat(await context.hooks.collect(checkout.price_adjustments, context, cart))
    return steps.priced(cart, [*said, *agreed_prices(record)])


async def _taxed(context: Context, quote: Quote, place: Destination) -> Quote:
    question = TaxQuestion(quote.cart.currency, place, steps.taxables(quote), quote.cart.user)
    said = await context.hooks.first(checkout.taxes, context, question)
    return steps.taxed(quote, said or answer(await zones_of(context), question))


async def _ways(
    context: Context, parcels: Sequence[Parcel]
) -> list[tuple[Parcel, list[ShippingOption]]]:
    """The shop's own ways for each parcel, then those of the plugins."""
    methods = await methods_of(context)
    found = [(parcel, options(methods, parcel)) for parcel in parcels]
    for said in await context.hooks.collect(checkout.shipping_options, context, parcels):
        for (_, ways), more in zip(found, said, strict=True):
            ways += [way for way in more if way.id not in {known.id for known in ways}]
    return found


def _cart(record: Record, found: dict[ObjectId, Offer], place: Destination) -> Cart:
    return Cart(
        id=record["_id"],
        currency=record["currency"],
        lines=tuple(_sellable(record, found)),
        destination=place,
        user=record["user"],
        guest=record["guest"],
        plugin_data=record.get("plugin_data") or {},
    )


def _sellable(record: Record, found: dict[ObjectId, Offer]) -> list[CartLine]:
    """The lines that have a price; quantities of one variant count together for its price."""
    totals: dict[ObjectId, int] = {}
    for line in record["lines"]:
        totals[line["variant"]] = totals.get(line["variant"], 0) + line["quantity"]
    lines = []
    for line in record["lines"]:
        offer = found.get(line["variant"])
        if offer is None or not offer.is_for_sale:
            continue
        price = offer.price(record["currency"], totals[line["variant"]])
        if price is not None:
            lines.append(_line(line, offer, price))
    return lines


def _line(line: Record, offer: Offer, price: tuple[int, int | None]) -> CartLine:
    product, variant = offer.product, offer.variant
    return CartLine(
        id=str(line["id"]),
        variant_id=str(variant["id"]),
        product_id=str(product["_id"]),
        sku=variant["sku"],
        name=title_of(offer),
        seller=offer.seller,
        quantity=line["quantity"],
        unit_price=price[0],
        compare_at=price[1],
        tax_class=variant.get("tax_class"),
        weight=variant.get("weight"),
        brand=product.get("brand"),
        groups=tuple(map(str, product.get("listed_in") or ())),
        product_type=str(product["type_id"]) if product.get("type_id") else None,
        attributes=tuple(_attributes(product)),
    )


def _attributes(product: Record) -> Iterator[tuple[str, str]]:
    for one in product.get("attributes") or ():
        values = one["value"] if isinstance(one["value"], list) else [one["value"]]
        for value in values:
            yield one["key"], _text(value)


def _text(value: object) -> str:
    """A value of an attribute as filters of products write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.date().isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)


def title_of(offer: Offer) -> str:
    """What a line is called: the product, and how the variant differs."""
    name, variant = str(offer.product["name"]), offer.variant.get("name")
    return f"{name} ({variant})" if variant else name


def _views(
    cart: Cart, record: Record, found: dict[ObjectId, Offer], quote: Quote
) -> list[LineView]:
    listed = {line.id: line.unit_price for line in cart.lines}
    costs = {cost.line.id: cost for cost in quote.lines}
    left = {key: offer.available for key, offer in found.items()}
    views = []
    for line in record["lines"]:
        offer, cost = found.get(line["variant"]), costs.get(str(line["id"]))
        view = LineView(line, offer if offer and offer.is_for_sale else None, cost)
        if listed.get(view.id, line["seen_price"]) != line["seen_price"]:
            view = replace(view, changed_from=line["seen_price"])
        there = left.get(line["variant"])
        if there is not None:
            left[line["variant"]] = max(0, there - line["quantity"])
            view = replace(view, only=there if there < line["quantity"] else None)
        views.append(view)
    return views


def _destination(record: Record, address: Address | None) -> Destination:
    """Where it goes: to the address, or, until there is one, to the cart's country."""
    return address.destination if address is not None else Destination(record["country"])


async def _tenders(context: Context, quote: Quote) -> tuple[Tender, ...]:
    """What the buyer pays with first; no more than there is to be paid, whatever is said."""
    left = quote.totals.total
    found = []
    for one in _flat(await context.hooks.collect(checkout.cart_tenders, context, quote.cart, left)):
        amount = min(one.amount, left)
        if amount > 0:
            found.append(replace(one, amount=amount))
            left -= amount
    return tuple(found)


def _flat(answers: Sequence[Sequence[T]]) -> list[T]:
    return [one for answer in answers for one in answer]
