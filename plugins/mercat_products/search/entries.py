"""A product's entry in the index, made of its stored record."""

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from tantivy import Document

from mercat.storage import Record
from mercat_products.formats.markup import text_of_html
from mercat_products.search import fields
from mercat_products.search.bands import band_of
from mercat_products.search.fields import SEPARATOR, Fields
from mercat_products.search.words import folded, language_of

_NUMBER_BITS = 30
_MOST_NUMBER = (1 << _NUMBER_BITS) - 1
_MOST_AMOUNT = (1 << 33) - 1
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_TIME_BITS = 26
_MOST_WORDS = 31
_LONGEST_VALUE = 500
_LONGEST_BODY = 20_000
_NAME_BYTES = fields.PART_BYTES * fields.PARTS


def entry_of(known: Fields, record: Record) -> Document:
    """The entry of a product: what it is found by, counted by and ordered by."""
    entry = Document()
    entry.add_text(fields.ID, str(record["_id"]))
    _add_facts(entry, record)
    _add_order(entry, record)
    for currency in known.currencies:
        _add_prices(entry, record, currency)
    _add_texts(entry, known, record)
    return entry


def is_in_stock(record: Record) -> bool:
    """Whether any variant can be bought now."""
    return any(
        variant.get("available", True) and variant.get("in_stock", True) and variant.get("prices")
        for variant in record["variants"]
    )


def milliseconds(time: datetime) -> int:
    """Since 2020, as the index keeps times."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int((aware - _EPOCH).total_seconds() * 1000)


def pair(name: str, value: str) -> str:
    """An option or attribute with its value as one term."""
    return f"{clean(name)}{SEPARATOR}{clean(value)}"


def clean(value: str) -> str:
    """A value as the index has it: bounded, and free of the separator and of lone surrogates."""
    text = value[:_LONGEST_VALUE].replace(SEPARATOR, " ")
    return text.encode(errors="replace").decode()


def sortable(number: float) -> str:
    """A number as 16 digits whose order as text is that of the numbers."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return f"{bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63):016x}"


def number_of(text: str) -> float:
    """What `sortable` was given."""
    bits = int(text, 16)
    bits ^= 1 << 63 if bits >> 63 else 0xFFFFFFFFFFFFFFFF
    found: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    return found


def name_key(name: str, number: int) -> str:
    """What the order by name goes by; its first part is at most 42 bytes."""
    cut = folded(clean(name)).encode()[:_NAME_BYTES].decode(errors="ignore")
    return f"{cut}\0{number:012d}"


def name_parts(key: str) -> list[int]:
    """The bytes of a name's key as numbers, whose order is that of the names."""
    padded = key.partition("\0")[0].encode().ljust(_NAME_BYTES, b"\0")
    size = fields.PART_BYTES
    return [int.from_bytes(padded[at : at + size]) for at in range(0, _NAME_BYTES, size)]


def _add_facts(entry: Document, record: Record) -> None:
    entry.add_text(fields.STATUS, record["status"])
    entry.add_boolean(fields.STOCK, is_in_stock(record))
    if record.get("seller"):
        entry.add_text(fields.SELLER, clean(record["seller"]))
    if record.get("brand"):
        entry.add_text(fields.BRAND, clean(record["brand"]))
    _add_all(entry, fields.TAG, map(clean, record.get("tags", ())))
    _add_all(entry, fields.LISTED, map(str, record.get("listed_in", ())))
    _add_all(entry, fields.PLACED, map(str, record.get("placed_in", ())))
    _add_all(entry, fields.OPTION, _options(record))
    _add_all(entry, fields.ATTRIBUTE, _attributes(record))
    entry.add_integer(fields.CREATED, milliseconds(record["created_at"]))
    entry.add_integer(fields.UPDATED, milliseconds(record["updated_at"]))


def _add_all(entry: Document, field: str, values: Iterable[str]) -> None:
    for value in dict.fromkeys(values):  # a value twice would count twice
        entry.add_text(field, value)


def _options(record: Record) -> Iterator[str]:
    for variant in record["variants"]:
        for option in variant.get("options", ()):
            yield pair(option["name"], option["value"])


def _attributes(record: Record) -> Iterator[str]:
    for attribute in record.get("attributes", ()):
        found = attribute["value"]
        for value in found if isinstance(found, list) else [found]:
            yield attribute_term(attribute["key"], value)


def attribute_term(key: str, value: Any) -> str:
    """An attribute's value with its kind: n(umber), b(oolean), t(ime) or s(tring)."""
    if isinstance(value, bool):
        return pair(key, f"b{str(value).lower()}")
    if isinstance(value, int | float):
        return pair(key, f"n{sortable(float(value))}")
    if isinstance(value, datetime):
        return pair(key, f"t{value.isoformat()}")
    return pair(key, f"s{value}")


def _add_order(entry: Document, record: Record) -> None:
    number = min(record["number"], _MOST_NUMBER)
    brevity = _MOST_WORDS - min(len(record["name"].split()), _MOST_WORDS)
    entry.add_integer(fields.NUMBER, number)
    entry.add_integer(fields.RANK, is_in_stock(record) << 40 | brevity << _NUMBER_BITS | number)
    # 8 ms apart, as 63 bits have no room for more beside the number.
    updated = max(milliseconds(record["updated_at"]), 0) >> 3
    entry.add_integer(fields.UPDATED_KEY, updated << _TIME_BITS | number % (1 << _TIME_BITS))


def _add_prices(entry: Document, record: Record, currency: str) -> None:
    number = min(record["number"], _MOST_NUMBER)
    amounts = {
        price["amount"]
        for variant in record["variants"]
        for price in variant.get("prices", ())
        if price["currency"] == currency
    }
    lowest = min((*amounts, _MOST_AMOUNT))
    turned = _MOST_AMOUNT - lowest if amounts else _MOST_AMOUNT
    # Both ascend, so that what isn't sold in the currency comes last in both.
    entry.add_integer(fields.low_field(currency), lowest << _NUMBER_BITS | number)
    entry.add_integer(fields.high_field(currency), turned << _NUMBER_BITS | number)
    for amount in amounts:
        entry.add_integer(fields.price_field(currency), amount)
    for band in {band_of(amount) for amount in amounts}:
        entry.add_text(fields.band_field(currency), str(band))


def _add_texts(entry: Document, known: Fields, record: Record) -> None:
    codes = [variant["sku"] for variant in record["variants"]]
    codes += [variant["barcode"] for variant in record["variants"] if variant.get("barcode")]
    names: dict[str, str] = {known.words.languages[0]: record["name"]}
    bodies = {known.words.languages[0]: record.get("description") or ""}
    for translation in record.get("translations", ()):
        language = language_of(translation["locale"])
        if language in known.words.languages:
            names[language] = translation.get("name") or record["name"]
            bodies[language] = translation.get("description") or ""
    _add_all(entry, fields.CODE, filter(None, map(_code, [*codes, *names.values()])))
    about = " ".join(clean(text) for text in (*_about(record), *codes))
    for language in known.words.languages:
        name = names.get(language) or record["name"]
        _add_name_order(entry, language, name_key(name, record["number"]))
        texts = {
            fields.name_field(language): clean(name),
            fields.text_field(language): f"{clean(name)} {about}",
            fields.body_field(language): _plain(bodies.get(language, "")),
        }
        for field, text in texts.items():
            entry.add_text(field, known.words.spaced(language, text))
    for text in dict.fromkeys((*names.values(), *_about(record))):
        entry.add_text(fields.WORD, clean(text))


def _add_name_order(entry: Document, language: str, key: str) -> None:
    entry.add_text(fields.name_key_field(language), key)
    for field, part in zip(fields.name_part_fields(language), name_parts(key), strict=True):
        entry.add_integer(field, part)


def _code(text: str) -> str:
    return folded(clean(text))


def _about(record: Record) -> list[str]:
    """The words that a product is found by, beside its name and description."""
    found: list[str] = [record.get("brand") or "", *record.get("tags", ())]
    found += [v["value"] for variant in record["variants"] for v in variant.get("options", ())]
    for attribute in record.get("attributes", ()):
        value = attribute["value"]
        found += [
            each for each in (value if isinstance(value, list) else [value]) if _is_text(each)
        ]
    return list(dict.fromkeys(filter(None, found)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _plain(html: str) -> str:
    try:
        text = text_of_html(html)
    except ValueError:  # an entity that no computer could mean
        text = html
    return text[:_LONGEST_BODY].encode(errors="replace").decode()
