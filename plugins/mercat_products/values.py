"""What is stored of what callers give, checked: texts, prices, options, translations.

Every function raises InvalidError; its `field` says where, below the field that is checked.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mercat.errors import InvalidError
from mercat.money import parse_amount
from mercat.settings import ShopSettings
from mercat.slugs import slugify
from mercat.storage import Record
from mercat_products.markup import sanitised

Field = tuple[str, ...]

LONGEST_NAME = 500
LONGEST_TEXT = 100_000
MOST_VARIANTS = 2_000
MOST_ENTRIES = 250
_MOST_BREAKS = 20
_LARGEST = 2**31 - 1
_PICTURE = re.compile(r"(https?://|/media/)[^\s\x00]{1,1990}\Z")


def text(value: str, field: Field, *, least: int = 0, most: int = LONGEST_NAME) -> str:
    """A text without spaces around it, from `least` to `most` characters."""
    found = value.strip()
    if "\0" in found or any("\ud800" <= character <= "\udfff" for character in found):
        raise InvalidError("this text has characters that can't be stored", field=field)
    if len(found) < least:
        raise InvalidError("this can't be empty", field=field)
    if len(found) > most:
        raise InvalidError(f"this has at most {most} characters", field=field)
    return found


def description(value: str, field: Field) -> str:
    """A description with harmless HTML."""
    return sanitised(text(value, field, most=LONGEST_TEXT))


def slug(value: str, field: Field) -> str:
    if not value or len(value) > LONGEST_NAME or slugify(value) != value:
        raise InvalidError(
            "a slug has words of a-z and 0-9 joined by '-', such as"
            f" '{slugify(value[:100]) or 'linen-shirt'}'",
            field=field,
        )
    return value


def tags(values: Sequence[str], field: Field) -> list[str]:
    _bounded(values, field)
    found = (text(value, (*field, str(i)), least=1) for i, value in enumerate(values))
    return list(dict.fromkeys(found))


def metadata(values: Sequence[tuple[str, str]], field: Field) -> dict[str, str]:
    """Keys with their values; of one key that comes twice the last counts."""
    _bounded(values, field)
    return {
        text(key, (*field, str(i), "key"), least=1): text(value, (*field, str(i), "value"))
        for i, (key, value) in enumerate(values)
    }


def media(values: Sequence[Mapping[str, Any]], field: Field) -> list[Record]:
    """Pictures: the shop's own as they are embedded, others by URL, or a path below `/media/`."""
    _bounded(values, field)
    found = []
    for i, value in enumerate(values):
        words = {"alt": text(value["alt"], (*field, str(i), "alt"))}
        if "folder" in value:
            found.append({**value, **words})
        elif _PICTURE.match(value["url"] or ""):
            found.append({"url": value["url"], **words})
        else:
            raise InvalidError(
                "give the id of a picture, an http(s) URL, or a path below /media/",
                field=(*field, str(i), "url"),
            )
    return found


def seo(title: str, summary: str, field: Field) -> Record:
    return {
        "title": text(title, (*field, "title")),
        "description": text(summary, (*field, "description"), most=2_000),
    }


def translations(
    values: Sequence[Mapping[str, str | None]], shop: ShopSettings, field: Field
) -> list[Record]:
    """One for each of the shop's other locales at most."""
    found: dict[str, Record] = {}
    for i, value in enumerate(values):
        at = (*field, str(i))
        locale = value["locale"] or ""
        if locale not in shop.all_locales[1:]:
            others = ", ".join(shop.all_locales[1:]) or "none; add them to [shop] locales"
            raise InvalidError(
                f"'{locale[:20]}' is none of the shop's other locales: {others}",
                field=(*at, "locale"),
            )
        if locale in found:
            raise InvalidError(f"'{locale}' stands there twice", field=(*at, "locale"))
        found[locale] = _translation(locale, value, at)
    return list(found.values())


def _translation(locale: str, value: Mapping[str, str | None], field: Field) -> Record:
    name, words, address = value["name"], value["description"], value["slug"]
    return {
        "locale": locale,
        "name": None if name is None else text(name, (*field, "name"), least=1),
        "description": None if words is None else description(words, (*field, "description")),
        "slug": None if address is None else slug(address, (*field, "slug")),
    }


def addresses(found_slug: str, found: Sequence[Record]) -> list[str]:
    """The slug, and each translation's slug with its locale."""
    return [found_slug, *(f"{one['locale']}/{one['slug']}" for one in found if one["slug"])]


def prices(values: Sequence[Mapping[str, Any]], shop: ShopSettings, field: Field) -> list[Record]:
    """One price for each currency of the shop at most; amounts as decimal strings."""
    found: dict[str, Record] = {}
    for i, value in enumerate(values):
        at = (*field, str(i))
        currency = value.get("currency") or shop.currency
        if currency not in shop.all_currencies:
            sold = ", ".join(shop.all_currencies)
            raise InvalidError(f"the shop sells in {sold} only", field=(*at, "currency"))
        if currency in found:
            raise InvalidError(f"there are two prices in {currency}", field=(*at, "currency"))
        found[currency] = _price(value, currency, at)
    return list(found.values())


def _price(value: Mapping[str, Any], currency: str, field: Field) -> Record:
    compare_at = value.get("compare_at")
    amount = _amount(value["amount"], currency, (*field, "amount"))
    return {
        "currency": currency,
        "amount": amount,
        "compare_at": (
            None if compare_at is None else _amount(compare_at, currency, (*field, "compareAt"))
        ),
        "breaks": _breaks(value.get("breaks") or (), amount, currency, (*field, "breaks")),
    }


def _amount(value: str, currency: str, field: Field) -> int:
    try:
        found = parse_amount(value, currency).minor
    except InvalidError as error:
        raise InvalidError(str(error), field=field) from None
    if found < 0:
        raise InvalidError("a price can't be negative", field=field)
    return found


def _breaks(
    values: Sequence[Mapping[str, Any]], amount: int, currency: str, field: Field
) -> list[Record]:
    """Prices of larger quantities, each lower than that of the quantity before."""
    if len(values) > _MOST_BREAKS:
        raise InvalidError(f"there may be {_MOST_BREAKS} quantity breaks at most", field=field)
    found: list[Record] = []
    least, most = 2, amount
    for i, value in enumerate(values):
        at = (*field, str(i))
        quantity = value["quantity"]
        price = _amount(value["amount"], currency, (*at, "amount"))
        if quantity < least:
            raise InvalidError(
                "quantities begin at 2, and each is larger than the one before",
                field=(*at, "quantity"),
            )
        if price >= most:
            raise InvalidError("more must cost less a piece", field=(*at, "amount"))
        found.append({"quantity": quantity, "amount": price})
        least, most = quantity + 1, price
    return found


def measure(value: int | None, field: Field) -> int | None:
    """A whole number of grams or millimetres, not negative."""
    if value is not None and not 0 <= value <= _LARGEST:
        raise InvalidError("this can't be negative", field=field)
    return value


def check_variants(variants: Sequence[Record], field: Field) -> None:
    """Refuse variants that can't be told apart: by SKU, and by the values of the same options."""
    if not 1 <= len(variants) <= MOST_VARIANTS:
        raise InvalidError(f"a product has 1 to {MOST_VARIANTS} variants", field=field)
    names = [option["name"] for option in variants[0]["options"]]
    skus: set[str] = set()
    combinations: set[tuple[str, ...]] = set()
    for i, variant in enumerate(variants):
        at = (*field, str(i))
        if variant["sku"] in skus:
            raise InvalidError(f"two variants have the SKU '{variant['sku']}'", field=(*at, "sku"))
        if [option["name"] for option in variant["options"]] != names:
            wanted = ", ".join(names) or "none"
            raise InvalidError(
                f"all variants have the same options in one order: {wanted}", field=(*at, "options")
            )
        values = tuple(option["value"].casefold() for option in variant["options"])
        if values in combinations:
            raise InvalidError("another variant has the same options", field=(*at, "options"))
        skus.add(variant["sku"])
        combinations.add(values)


def options(values: Sequence[tuple[str, str]], field: Field) -> list[Record]:
    """Names with their values, no name twice."""
    _bounded(values, field)
    found: dict[str, str] = {}
    for i, (name, value) in enumerate(values):
        key = text(name, (*field, str(i), "name"), least=1)
        if key in found:
            raise InvalidError(f"the option '{key}' stands there twice", field=(*field, str(i)))
        found[key] = text(value, (*field, str(i), "value"), least=1)
    return [{"name": name, "value": value} for name, value in found.items()]


def input_name(key: str) -> str:
    """A stored key as an input names it: `compare_at` is `compareAt`."""
    first, *rest = key.split("_")
    return first + "".join(map(str.title, rest))


def _bounded(values: Sequence[object], field: Field) -> None:
    if len(values) > MOST_ENTRIES:
        raise InvalidError(f"there may be {MOST_ENTRIES} of them at most", field=field)
