"""Why a cart can't be bought as it is."""

from collections.abc import Iterator, Sequence

from mercat.context import Context
from mercat.storage import Record
from mercat_orders.carts.personal import Personal
from mercat_orders.carts.views import LineView, Problem
from mercat_orders.pricing.values import Quote


def problems_of(
    context: Context,
    record: Record,
    personal: Personal,
    lines: Sequence[LineView],
    quote: Quote,
) -> list[Problem]:
    """Everything that the buyer has to do first."""
    return [
        *_of_lines(record, lines),
        *_of_buyer(context, record, personal),
        *_of_shipping(quote),
    ]


def _of_lines(record: Record, lines: Sequence[LineView]) -> Iterator[Problem]:
    if not lines:
        yield Problem("EMPTY", "there is nothing in the cart")
    for line in lines:
        name = line.record["name"]
        if line.offer is None:
            yield Problem("UNAVAILABLE", f"{name} is not for sale now", line.id)
        elif line.cost is None:
            yield Problem("NO_PRICE", f"{name} has no price in {record['currency']}", line.id)
        elif line.only is not None:
            words = f"there are only {line.only} of {name}" if line.only else f"{name} is sold out"
            yield Problem("NOT_ENOUGH", words, line.id)


def _of_buyer(context: Context, record: Record, personal: Personal) -> Iterator[Problem]:
    if personal.email is None:
        yield Problem("EMAIL_MISSING", "an e-mail address is missing")
    address = personal.shipping_address
    if address is None:
        yield Problem("ADDRESS_MISSING", "the address to deliver to is missing")
    elif address.country not in context.shop.countries:
        yield Problem("NOT_SERVED", f"the shop doesn't deliver to {address.country}")
    if record["currency"] not in context.shop.all_currencies:
        yield Problem("NOT_SERVED", f"the shop doesn't sell in {record['currency']}")


def _of_shipping(quote: Quote) -> Iterator[Problem]:
    for cost in quote.shipping:
        seller = cost.parcel.seller
        if not cost.options:
            yield Problem("NO_SHIPPING", "this can't be delivered there", seller=seller)
        elif cost.option is None:
            yield Problem("SHIPPING_MISSING", "choose how it is delivered", seller=seller)
