"""How much of what is authorized is to be taken: what was sent of an order. Minor units."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mercat_orders.orders import money
from mercat_orders.orders.money import Order
from mercat_orders.orders.quantities import share, unsent

_SENT = ("SHIPPED", "DELIVERED")


class Due(NamedTuple):
    """What is to be taken of a payment in all by now, and in the end."""

    payment: Any
    amount: int
    most: int

    @property
    def asked(self) -> list[int]:
        """What is stored once this was asked for."""
        return [self.amount, self.most]


def due(order: Order) -> Iterator[Due]:
    """What is to be asked for of authorized payments, and wasn't yet."""
    most = money.owed(order)
    rest = most if is_all_sent(order) else min(sent(order), most)
    for payment in money.payments(order):
        if money.is_over(payment):
            continue
        taken, worth = money.taken(payment), money.worth(payment)
        found = Due(payment, max(taken, min(rest, worth)), max(taken, min(most, worth)))
        if payment["state"] == "authorized" and _is_news(found):
            yield found
        rest, most = max(0, rest - worth), max(0, most - worth)


def sent(order: Order) -> int:
    """What that costs which has left: units in parcels, and the delivery of parts with a parcel."""
    return sum(_sent_of(order, part) for part in order["seller_orders"])


def is_all_sent(order: Order) -> bool:
    """Whether nothing more will leave."""
    parcels = (one for part in order["seller_orders"] for one in part["fulfilments"])
    return not any(map(unsent, order["lines"])) and all(
        one["state"] != "PENDING" for one in parcels
    )


def _is_news(found: Due) -> bool:
    is_more = found.amount > money.taken(found.payment)
    is_last = 0 < found.amount == found.most
    return (is_more or is_last) and found.payment.get("asked") != found.asked


def _sent_of(order: Order, part: Mapping[str, Any]) -> int:
    counts: dict[Any, int] = {}
    for parcel in part["fulfilments"]:
        if parcel["state"] in _SENT:
            for one in parcel["lines"]:
                counts[one["line"]] = counts.get(one["line"], 0) + one["quantity"]
    if not counts:
        return 0
    lines = {line["id"]: line for line in order["lines"]}
    units = sum(_worth(lines[key], count) for key, count in counts.items())
    return units + (part["way"]["total"] if part["way"] else 0)


def _worth(line: Mapping[str, Any], count: int) -> int:
    """What the first units cost that weren't cancelled."""
    total, quantity, gone = line["total"], line["quantity"], line["cancelled"]
    return share(total, quantity, gone + count) - share(total, quantity, gone)
