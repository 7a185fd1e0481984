"""What the shop's tax zones say of a question. Nothing here asks anybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mercat.checkout import Tax, Taxable, TaxAnswer, TaxQuestion
from mercat_orders.areas import Area

STANDARD = "standard"
SHIPPING = "shipping"


@dataclass(frozen=True, slots=True)
class TaxZone:
    """Where a tax is due, and at which rates: by tax class, 0.19 for 19 %.

    `included` says that prices have it in them. What has no class, or one without a rate, is taxed
    as `standard`; shipping as `shipping`, where there is such a rate.
    """

    id: str
    area: Area
    label: str
    included: bool
    rates: Mapping[str, Decimal]

    def rate_of(self, item: Taxable) -> Decimal:
        named = item.tax_class or (SHIPPING if item.kind == "shipping" else STANDARD)
        found = self.rates.get(named, self.rates.get(STANDARD))
        return found if found is not None else Decimal(0)


def answer(zones: Iterable[TaxZone], question: TaxQuestion) -> TaxAnswer:
    """The taxes of every zone that the destination is in; the first says if they are included."""
    due = [zone for zone in zones if zone.area.covers(question.destination)]
    taxes = tuple(tax for zone in due for tax in _taxes(zone, question))
    return TaxAnswer(taxes, included=bool(due) and due[0].included)


def _taxes(zone: TaxZone, question: TaxQuestion) -> Iterable[Tax]:
    by_rate: dict[Decimal, list[str]] = {}
    for item in question.items:
        by_rate.setdefault(zone.rate_of(item), []).append(item.id)
    for rate, items in by_rate.items():
        if rate:
            yield Tax(_label(zone.label, rate), rate, tuple(items), f"orders:tax_zone:{zone.id}")


def percent(rate: Decimal) -> str:
    """A rate as people write it: `19` for 0.19."""
    exact = f"{rate * 100:f}"
    return exact.rstrip("0").rstrip(".") if "." in exact else exact


def _label(name: str, rate: Decimal) -> str:
    """A tax as receipts name it: `VAT 19 %`."""
    return f"{name} {percent(rate)} %"
