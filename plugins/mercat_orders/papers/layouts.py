"""Papers as they are laid out: every word and every amount in the order's language.

The templates put these values where they belong, and reckon nothing.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import segno

from mercat_orders.papers.languages import Language
from mercat_orders.papers.printable import apart, printable, settled

_LATIN = "Noto Sans"
_EMOJI = "Noto Emoji"
_SCRIPTS = (
    *("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati"),
    *("Gurmukhi", "Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya"),
    *("Sinhala", "Tamil", "Telugu", "Thai", "Symbols"),
)
_HAN = {"ja": "JP", "ko": "KR", "zh": "SC"}
_TRADITIONAL = {"TW": "TC", "HK": "HK", "MO": "HK"}
_PAID = {"paid": "paid", "authorized": "paid", "on_delivery": "on_delivery", "awaited": "awaited"}

Facts = Mapping[str, Any]
Rows = list[list[str]]


def invoice(code: str, facts: Facts, personal: Facts) -> dict[str, Any]:
    """An invoice: `facts` as they were stored, `personal` as plain text."""
    language = Language.of(facts["locale"])
    word, amount = language.word, _amounts(language, facts["currency"])
    billed = personal["billing_address"] or personal["shipping_address"]
    paper = {
        **_page(language, word("invoice"), code, facts["issuer"]),
        "details": _pairs(
            (word("number"), code),
            (word("date"), language.day(facts["issued_on"])),
            (word("order"), facts["order"]),
            (word("ordered_on"), language.day(facts["ordered_on"])),
            (word("supplied_on"), language.day(facts["supplied_on"])),
        ),
        "to": _addressed(word("bill_to"), language, billed),
        "other": _addressed(word("ship_to"), language, personal["shipping_address"])
        if personal["billing_address"]
        else None,
        "columns": [word(name) for name in ("item", "quantity", "unit_price", "tax", "amount")],
        "lines": [_invoice_line(language, line, amount) for line in facts["lines"]],
        "sums": _sums(language, facts, amount),
        "total": word("total"),
        "taxes": _taxes(language, facts, amount),
        "notes": _notes(language, facts),
    }
    return _settled(paper)


def packing_slip(facts: Facts, personal: Facts) -> dict[str, Any]:
    """A packing slip: what goes into a parcel, and where it goes; no prices."""
    language = Language.of(facts["locale"])
    word = language.word
    paper = {
        **_page(language, word("packing_slip"), facts["order"], facts["issuer"]),
        "details": _pairs(
            (word("order"), facts["order"]),
            (word("ordered_on"), language.day(facts["ordered_on"])),
            (word("shipping"), apart(facts["way"])),
            (word("carrier"), apart(facts["carrier"])),
            (word("tracking"), apart(facts["tracking"])),
        ),
        "to": _addressed(word("ship_to"), language, personal["shipping_address"]),
        "columns": [word(name) for name in ("item", "sku", "quantity")],
        "lines": [
            {
                "cells": [
                    apart(line["name"]),
                    apart(line["sku"]),
                    language.count(line["quantity"]),
                ],
                "below": [*_options(line), *([apart(line["note"])] if line["note"] else [])],
            }
            for line in facts["lines"]
        ],
        "code": _qr(facts["order"]),
    }
    return _settled(paper)


def _settled(paper: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = settled(paper, is_rtl=paper["is_rtl"])
    return found


def _page(language: Language, title: str, number: str, issuer: Facts) -> dict[str, Any]:
    """What all papers have."""
    word = language.word
    contact = [f"{word(name)}: {apart(issuer[name])}" for name in _CONTACT if issuer[name]]
    return {
        "language": language.code,
        "is_rtl": language.is_rtl,
        "fonts": fonts_of(language),
        "title": title,
        "name": f"{title} {number}",
        "page": word("page"),
        "issuer": printable(issuer["name"]),
        "sender": [apart(line) for line in issuer["lines"]],
        "footer": [contact, [apart(line) for line in issuer["bank"]]],
    }


_CONTACT = ("tax_number", "registration", "email", "phone")


def fonts_of(language: Language) -> list[str]:
    """Which fonts are asked for a character, in turn: Han characters look as that language's do."""
    locale = language.locale
    own = _HAN.get(locale.language, "SC")
    if locale.language == "zh" and (locale.territory in _TRADITIONAL or locale.script == "Hant"):
        own = _TRADITIONAL.get(locale.territory or "", "TC")
    han = dict.fromkeys((own, "SC", "JP", "KR", "TC"))
    return [
        _LATIN,
        *(f"Noto Sans {name}" for name in _SCRIPTS),
        *(f"Noto Sans CJK {name}" for name in han),
        _EMOJI,
    ]


def _amounts(language: Language, currency: str) -> Any:
    return lambda minor: language.amount(minor, currency)


def _pairs(*pairs: tuple[str, str]) -> Rows:
    return [[name, value] for name, value in pairs if value.strip("\u2068\u2069")]


def _addressed(heading: str, language: Language, address: Facts | None) -> dict[str, Any]:
    return {"heading": heading, "lines": language.address(address)}


def _invoice_line(language: Language, line: Facts, amount: Any) -> dict[str, Any]:
    below = [apart(line["sku"]), *_options(line)]
    if line["discount"]:
        below.append(f"{language.word('discount')}: {amount(-line['discount'])}")
    return {
        "cells": [
            apart(line["name"]),
            language.count(line["quantity"]),
            amount(line["unit_price"]),
            _tax_names(language, line["taxes"]),
            amount(line["amount"]),
        ],
        "below": below,
    }


def _options(line: Facts) -> list[str]:
    return [f"{apart(one['name'])}: {apart(one['value'])}" for one in line["options"]]


def _tax_names(language: Language, taxes: Iterable[Facts]) -> str:
    return ", ".join(
        apart(tax["label"]) if tax["label"] else language.word("untaxed") for tax in taxes
    )


def _sums(language: Language, facts: Facts, amount: Any) -> Rows:
    word, sums = language.word, facts["sums"]
    rows = [[word("subtotal"), amount(sums["subtotal"])]]
    if sums["discounts"]:
        rows.append([word("discount"), amount(-sums["discounts"])])
    if facts["shipping"] is not None:
        named = apart(facts["shipping"]["name"])
        rows.append([f"{word('shipping')} ({named})", amount(sums["shipping"])])
    if sums["tax"] and not facts["tax_included"]:
        rows.append([word("tax"), amount(sums["tax"])])
    rows.append([word("total"), amount(sums["total"])])
    if sums["tax"] and facts["tax_included"]:
        rows.append([word("tax_included"), amount(sums["tax"])])
    return rows


def _taxes(language: Language, facts: Facts, amount: Any) -> dict[str, Any]:
    word = language.word
    return {
        "columns": [word("tax"), word("net"), word("amount")],
        "rows": [
            [_tax_names(language, [tax]), amount(tax["base"]), amount(tax["amount"])]
            for tax in facts["taxes"]
        ],
    }


def _notes(language: Language, facts: Facts) -> Sequence[str]:
    word, issuer, found = language.word, facts["issuer"], []
    if facts["sums"]["tax"]:
        found.append(word("prices_with_tax" if facts["tax_included"] else "prices_without_tax"))
    elif issuer["untaxed_note"]:
        found.append(apart(issuer["untaxed_note"]))
    if (state := _PAID.get(facts["payment"])) is not None:
        found.append(f"{word('payment')}: {word(state)}")
    return [*found, *(apart(note) for note in issuer["notes"])]


def _qr(text: str) -> str:
    """A QR code (ISO/IEC 18004) as SVG."""
    out = io.BytesIO()
    segno.make(text, micro=False, error="m").save(out, kind="svg", border=2, xmldecl=False)
    return out.getvalue().decode()
