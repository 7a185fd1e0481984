"""What carts look like."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Self

import strawberry
from bson import ObjectId

from mercat import checkout
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.scalars import CountryCode, CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id
from mercat_orders import addresses
from mercat_orders.carts import reading
from mercat_orders.carts.access import find_carts
from mercat_orders.carts.views import CartView, LineView, Problem
from mercat_orders.pricing.schema import Totals, seller_id, to_totals
from mercat_orders.pricing.values import ShippingCost, totals
from mercat_products.schema import Product, ProductVariant
from mercat_products.service import products_by_variant


@strawberry.type(description="Something that the buyer wants of a line.")
class LineOption:
    name: str = strawberry.field(description="What it is about.")
    value: str = strawberry.field(description="What is wanted.")


async def _variants(lines: "Sequence[CartLine]", info: Info) -> list[ProductVariant | None]:
    keys = [line.key for line in lines]
    records = await products_by_variant(info.context, keys)
    found: list[ProductVariant | None] = []
    for key in keys:
        record = records.get(key)
        if record is None:
            found.append(None)
            continue
        (variant,) = (one for one in record["variants"] if one["id"] == key)
        found.append(ProductVariant(record=variant, product=Product(record=record)))
    return found


@strawberry.type(description="So many of a variant in a cart.")
class CartLine:
    id: strawberry.ID = strawberry.field(description="Opaque; `cartLinesUpdate` takes it.")
    name: str = strawberry.field(description="What it is called; it stays when the variant goes.")
    sku: str = strawberry.field(description="The stock keeping unit.")
    quantity: int = strawberry.field(description="How many.")
    options: list[LineOption] = strawberry.field(description="What the buyer wants of it.")
    note: str = strawberry.field(description="A word to the seller.")
    seller_id: strawberry.ID | None = strawberry.field(
        description="The id of who sells it; null for the shop itself."
    )
    unit_price: Money | None = strawberry.field(
        description="What one costs now; null where it isn't for sale in the cart's currency."
    )
    price_changed_from: Money | None = strawberry.field(
        description="What one cost when the buyer last changed the line, where that is another"
        " price. `cartLinesUpdate` with the line takes note of the new one."
    )
    only_available: int | None = strawberry.field(
        description="How many there are, where they are fewer than wanted."
    )
    is_available: bool = strawberry.field(description="Whether it can be bought like this.")
    totals: Totals = strawberry.field(description="What it comes to; without delivery.")
    variant = batched("The variant; null where it is not shown any more.", _variants)
    key: strawberry.Private[ObjectId]


@strawberry.type(description="Where something goes.")
class PostalAddress:
    name: str = strawberry.field(description="Whom it goes to.")
    company: str = strawberry.field(description="The company.")
    lines: list[str] = strawberry.field(description="Street, house, floor.")
    city: str = strawberry.field(description="The town.")
    region: str = strawberry.field(description="State, province or the like; its code, if any.")
    postal_code: str = strawberry.field(description="The postal code.")
    country: CountryCode = strawberry.field(description="The country, by ISO 3166-1.")
    phone: str = strawberry.field(description="For the carrier.")


@strawberry.type(description="Who buys.")
class CartBuyer:
    email: str | None = strawberry.field(description="Where the confirmation is sent to.")
    phone: str | None = strawberry.field(description="For questions about it.")


@strawberry.type(description="A way in which a parcel can go.")
class ShippingOption:
    id: str = strawberry.field(description="Names it; `cartShippingSelect` takes it.")
    name: str = strawberry.field(description="What it is called.")
    price: Money = strawberry.field(description="What it costs, before discounts.")
    minimum_days: int | None = strawberry.field(description="How many days it takes at least.")
    maximum_days: int | None = strawberry.field(description="How many days it takes at most.")


@strawberry.type(description="The parcel of one seller, and how it can go.")
class CartParcel:
    seller_id: strawberry.ID | None = strawberry.field(
        description="The id of the seller; null for the shop itself."
    )
    weight: int = strawberry.field(description="How heavy it is, in grams.")
    options: list[ShippingOption] = strawberry.field(description="The ways in which it can go.")
    selected: ShippingOption | None = strawberry.field(
        description="The chosen one, or the only one."
    )
    totals: Totals = strawberry.field(description="What its delivery comes to.")


@strawberry.enum(description="Why a cart can't be bought as it is.")
class CartProblemCode(Enum):
    EMPTY = strawberry.enum_value("EMPTY", description="There is nothing in it.")
    UNAVAILABLE = strawberry.enum_value("UNAVAILABLE", description="A line isn't for sale now.")
    NO_PRICE = strawberry.enum_value("NO_PRICE", description="A line has no price in its currency.")
    NOT_ENOUGH = strawberry.enum_value("NOT_ENOUGH", description="There are fewer than wanted.")
    EMAIL_MISSING = strawberry.enum_value("EMAIL_MISSING", description="The e-mail is missing.")
    ADDRESS_MISSING = strawberry.enum_value("ADDRESS_MISSING", description="No address is given.")
    NOT_SERVED = strawberry.enum_value(
        "NOT_SERVED", description="The shop doesn't sell there, or not in that currency."
    )
    NO_SHIPPING = strawberry.enum_value("NO_SHIPPING", description="A parcel can't go there.")
    SHIPPING_MISSING = strawberry.enum_value(
        "SHIPPING_MISSING", description="It isn't chosen yet how a parcel goes."
    )
    OTHER = strawberry.enum_value("OTHER", description="Something that a plugin says.")


@strawberry.type(description="A reason why a cart can't be bought as it is.")
class CartProblem:
    code: CartProblemCode = strawberry.field(description="What kind of reason it is.")
    message: str = strawberry.field(description="The reason in a sentence.")
    line_id: strawberry.ID | None = strawberry.field(description="The line that it is about.")
    seller_id: strawberry.ID | None = strawberry.field(
        description="The seller whose parcel it is about."
    )


@strawberry.type(description="What somebody wants to buy, priced anew at each look.")
class Cart(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and nobody guesses it.")
    currency: CurrencyCode = strawberry.field(description="What is paid in.")
    country: CountryCode = strawberry.field(description="Where it goes.")
    lines: list[CartLine] = strawberry.field(description="What is in it.")
    item_count: int = strawberry.field(description="How many things are in it.")
    buyer: CartBuyer = strawberry.field(description="Who buys.")
    shipping_address: PostalAddress | None = strawberry.field(
        description="Where it is delivered to."
    )
    billing_address: PostalAddress | None = strawberry.field(
        description="Whom the invoice is for; null where it is the same."
    )
    parcels: list[CartParcel] = strawberry.field(
        description="One for each seller, and how it can go."
    )
    problems: list[CartProblem] = strawberry.field(
        description="Why it can't be bought as it is; empty where it can."
    )
    totals: Totals = strawberry.field(
        description="What it comes to: without what isn't for sale, and with the delivery that is"
        " chosen so far."
    )
    tax_included: bool = strawberry.field(description="Whether prices have the taxes in them.")
    created_at: datetime = strawberry.field(description="When it was begun.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    expires_at: datetime = strawberry.field(description="When it goes, if nobody changes it.")
    version: int = strawberry.field(description="Grows with each change.")
    view: strawberry.Private[CartView]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await find_carts(info.context, keys)
        return [
            None if record is None else to_cart(await reading.look_at(info.context, record))  # type: ignore[misc]
            for record in found
        ]


def to_cart(view: CartView) -> Cart:
    record, quote, personal = view.record, view.quote, view.personal
    currency = record["currency"]
    return Cart(
        id=strawberry.ID(encode_id("Cart", record["_id"])),
        currency=CurrencyCode(currency),
        country=CountryCode(record["country"]),
        lines=[_to_line(line, currency) for line in view.lines],
        item_count=sum(line["quantity"] for line in record["lines"]),
        buyer=CartBuyer(email=personal.email, phone=personal.phone),
        shipping_address=to_address(personal.shipping_address),
        billing_address=to_address(personal.billing_address),
        parcels=[_to_parcel(cost, currency) for cost in quote.shipping],
        problems=list(map(_to_problem, view.problems)),
        totals=to_totals(quote.totals, currency),
        tax_included=quote.tax_included,
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        expires_at=record["expires_at"],
        version=record["version"],
        view=view,
    )


def to_address(found: addresses.Address | None) -> PostalAddress | None:
    if found is None:
        return None
    return PostalAddress(
        name=found.name,
        company=found.company,
        lines=list(found.lines),
        city=found.city,
        region=found.region,
        postal_code=found.postal_code,
        country=CountryCode(found.country),
        phone=found.phone,
    )


def line_id(key: object) -> strawberry.ID:
    return strawberry.ID(encode_id("CartLine", key))


def _to_line(view: LineView, currency: str) -> CartLine:
    record, cost = view.record, view.cost
    return CartLine(
        id=line_id(record["id"]),
        name=record["name"] if cost is None else cost.line.name,
        sku=record["sku"] if cost is None else cost.line.sku,
        quantity=record["quantity"],
        options=[LineOption(name=one["name"], value=one["value"]) for one in record["options"]],
        note=record["note"],
        seller_id=None if view.offer is None else seller_id(view.offer.seller),
        unit_price=None if cost is None else Money.of(cost.line.unit_price, currency),
        price_changed_from=(
            None if view.changed_from is None else Money.of(view.changed_from, currency)
        ),
        only_available=view.only,
        is_available=cost is not None and view.only is None,
        totals=to_totals(totals([cost] if cost else []), currency),
        key=record["variant"],
    )


def _to_parcel(cost: ShippingCost, currency: str) -> CartParcel:
    ways = {way.id: _to_option(way, currency) for way in cost.options}
    return CartParcel(
        seller_id=seller_id(cost.parcel.seller),
        weight=cost.parcel.weight,
        options=list(ways.values()),
        selected=ways.get(cost.option.id) if cost.option else None,
        totals=to_totals(totals([], [cost]), currency),
    )


def _to_option(way: checkout.ShippingOption, currency: str) -> ShippingOption:
    least, most = way.days or (None, None)
    return ShippingOption(
        id=way.id,
        name=way.name,
        price=Money.of(way.price, currency),
        minimum_days=least,
        maximum_days=most,
    )


def _to_problem(found: Problem) -> CartProblem:
    known = found.code in CartProblemCode.__members__
    return CartProblem(
        code=CartProblemCode[found.code] if known else CartProblemCode.OTHER,
        message=found.message,
        line_id=None if found.line is None else line_id(found.line),
        seller_id=seller_id(found.seller),
    )
