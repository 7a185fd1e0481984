"""What an invoice says, taken from an order: plain values that never change afterwards.

Sums are minor units of the order's currency.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mercat.context import Context
from mercat.storage import Record
from mercat_orders.orders.money import current
from mercat_orders.orders.quantities import share
from mercat_orders.papers.settings import InvoiceSettings, IssuerSettings
from mercat_orders.settings import OrderSettings


@dataclass(slots=True)
class TaxLine:
    """A tax, what it is on without any tax, and how much it is; no `label` for what is untaxed."""

    label: str
    base: int
    amount: int


@dataclass(slots=True)
class Charge:
    """Something that is charged: `amount` is left after the discount, with `included` taxes."""

    amount: int
    discount: int
    taxes: list[TaxLine]
    included: int
    on_top: int


@dataclass(slots=True)
class Sums:
    subtotal: int = 0
    discounts: int = 0
    shipping: int = 0
    tax: int = 0
    total: int = 0
    taxes: dict[str, TaxLine] = field(default_factory=dict)

    def add(self, charge: Charge) -> None:
        self.discounts += charge.discount
        self.tax += charge.included + charge.on_top
        self.total += charge.amount + charge.on_top
        for tax in charge.taxes:
            known = self.taxes.setdefault(tax.label, TaxLine(tax.label, 0, 0))
            known.base += tax.base
            known.amount += tax.amount


def facts_of(context: Context, order: Record, part: Record, now: datetime) -> dict[str, Any]:
    """What the invoice of a seller's part says, apart from its number and personal data."""
    settings = settings_of(context)
    lines, sums = _lines(order, part)
    shipping = _shipping(part, sums)
    return {
        "locale": order["locale"],
        "currency": order["currency"],
        "order": order["code"],
        "issued_on": day_of(settings, now),
        "ordered_on": day_of(settings, order["placed_at"]),
        "supplied_on": day_of(settings, _sent_at(part)),
        "issuer": issuer_facts(context, settings.issuer_of(part["seller"])),
        "tax_included": order["tax_included"],
        "lines": lines,
        "shipping": shipping,
        "sums": {name: getattr(sums, name) for name in _NAMES},
        "taxes": [asdict(tax) for tax in sums.taxes.values()],
        "payment": current(order)["state"],
    }


_NAMES = ("subtotal", "discounts", "shipping", "tax", "total")


def settings_of(context: Context) -> InvoiceSettings:
    """How the shop issues invoices."""
    return context.settings(OrderSettings).invoices or InvoiceSettings()


def issuer_facts(context: Context, issuer: IssuerSettings) -> dict[str, Any]:
    """Who issues, as it is printed."""
    named = issuer.model_dump(mode="json", exclude={"code", "number"})
    return {**named, "name": issuer.name or context.shop.name}


def day_of(settings: InvoiceSettings, at: datetime | None) -> str | None:
    """The shop's day at a moment, as ISO 8601 writes it."""
    if at is None:
        return None
    return at.astimezone(ZoneInfo(settings.time_zone)).date().isoformat()


def charge_of(cost: Mapping[str, Any], quantity: int = 1, gone: int = 0) -> Charge:
    """What a stored line or way costs, without the first `gone` of its units.

    They are shared as what goes back for them is, so that both come to the whole to the last cent.
    """

    def left(amount: int) -> int:
        return amount - share(amount, quantity, gone)

    taxes = [one for one in cost["adjustments"] if one["kind"] == "tax"]
    amounts = [left(one["amount"]) for one in taxes]
    included = sum(amounts[at] for at, one in enumerate(taxes) if one["is_included"])
    on_top = sum(amounts) - included
    amount = left(cost["total"]) - on_top
    lines = _merged(
        TaxLine(one["label"], amount - included, tax)
        for one, tax in zip(taxes, amounts, strict=True)
    )
    discount = left(cost["subtotal"]) - amount
    return Charge(amount, discount, lines or [TaxLine("", amount, 0)], included, on_top)


def _merged(taxes: Iterable[TaxLine]) -> list[TaxLine]:
    """Two taxes of one name are on the same base once."""
    found: dict[str, TaxLine] = {}
    for tax in taxes:
        known = found.setdefault(tax.label, TaxLine(tax.label, tax.base, 0))
        known.amount += tax.amount
    return list(found.values())


def _lines(order: Record, part: Record) -> tuple[list[dict[str, Any]], Sums]:
    """What was bought and kept: what was cancelled or paid back before isn't charged."""
    sums, found = Sums(), []
    for line in order["lines"]:
        gone = line["cancelled"] + _paid_back(part, line)
        if line["seller"] != part["seller"] or gone >= line["quantity"]:
            continue
        charge = charge_of(line, line["quantity"], gone)
        sums.subtotal += charge.amount + charge.discount
        sums.add(charge)
        found.append(_line(line, line["quantity"] - gone, charge))
    return found, sums


def _paid_back(part: Mapping[str, Any], line: Mapping[str, Any]) -> int:
    """How many of a line came back and were paid back."""
    return sum(
        int(one["received"])
        for back in part.get("returns") or ()
        if back["state"] == "REFUNDED"
        for one in back["lines"]
        if one["line"] == line["id"]
    )


def _line(line: Mapping[str, Any], quantity: int, charge: Charge) -> dict[str, Any]:
    return {
        **article_of(line),
        "quantity": quantity,
        "unit_price": line["unit_price"],
        "discount": charge.discount,
        "amount": charge.amount,
        "taxes": [asdict(tax) for tax in charge.taxes],
    }


def article_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line is."""
    return {
        "name": line["name"],
        "sku": line["sku"],
        "options": [{"name": one["name"], "value": one["value"]} for one in line["options"]],
        "note": line["note"],
    }


def _shipping(part: Mapping[str, Any], sums: Sums) -> dict[str, Any] | None:
    way = part["way"]
    if way is None or part.get("shipping_back"):
        return None
    charge = charge_of(way)
    sums.shipping += charge.amount + charge.discount
    sums.add(charge)
    return {
        "name": way["name"],
        "discount": charge.discount,
        "amount": charge.amount,
        "taxes": [asdict(tax) for tax in charge.taxes],
    }


def _sent_at(part: Mapping[str, Any]) -> datetime | None:
    """When the last parcel went; None while nothing did."""
    sent: Sequence[datetime] = [
        one["shipped_at"] for one in part["fulfilments"] if one.get("shipped_at") is not None
    ]
    return max(sent, default=None)
