"""What is stored of what callers give, checked: texts, pictures, options, translations.

Every function raises InvalidError; its `field` says where, below the field that is checked.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from bson import ObjectId

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.slugs import slugify
from mercat.storage import Record
from mercat_products.markup import sanitised

Field = tuple[str, ...]

LONGEST_NAME = 500
LONGEST_TEXT = 100_000
MOST_VARIANTS = 2_000
MOST_ENTRIES = 250
_LARGEST = 2**31 - 1
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SLUG = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 200
_LONGEST_SELLER = 140  # bytes: its id has to be short enough for `ids.decode_id`
# What str.isprintable takes for visible, and nobody sees: spaces, fillers, joiners, selectors.
_UNSEEN = frozenset(" \u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10))
}
_PICTURE = re.compile(r"(https?://(?![^/?#]*@)|/media/)[^\s\x00]{1,1990}\Z")


def text(value: str, field: Field, *, least: int = 0, most: int = LONGEST_NAME) -> str:
    """A text without spaces around it, of `most` characters; with `least` there is one to see."""
    found = value.strip()
    if _UNSTORABLE.search(found):
        raise InvalidError("this text has characters that can't be stored", field=field)
    if least and not _is_seen(found):
        raise InvalidError("this can't be empty", field=field)
    if len(found) > most:
        raise InvalidError(f"this has at most {most} characters", field=field)
    return found


def _is_seen(value: str) -> bool:
    """Whether there is a character that people see."""
    return any(one.isprintable() and one not in _UNSEEN for one in value)


def description(value: str, field: Field, *, most: int = LONGEST_TEXT) -> str:
    """A description with harmless HTML, which may be longer than what was given."""
    found = sanitised(text(value, field, most=most))
    if len(found) > most:
        raise InvalidError(f"this has at most {most} characters, as harmless HTML", field=field)
    return found


def seller(value: str | None, field: Field) -> str | None:
    """A seller's key, which has an id; None is the shop itself."""
    if value is None:
        return None
    found = text(value, field, least=1, most=_LONGEST_SELLER)
    if len(found.encode()) > _LONGEST_SELLER:
        raise InvalidError("this is too long for the key of a seller", field=field)
    return found


def slug(value: str, field: Field) -> str:
    if len(value) > LONGEST_SLUG:
        raise InvalidError(f"a slug has at most {LONGEST_SLUG} characters", field=field)
    if not _SLUG.fullmatch(value):
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
    """Keys with their values, no key twice."""
    _bounded(values, field)
    found: dict[str, str] = {}
    for i, (given, value) in enumerate(values):
        key = text(given, (*field, str(i), "key"), least=1)
        if key in found:
            raise InvalidError(f"'{key}' stands there twice", field=(*field, str(i), "key"))
        found[key] = text(value, (*field, str(i), "value"))
    return found


def media(values: Sequence[Mapping[str, Any]], field: Field) -> list[Record]:
    """Pictures: the shop's own as they are embedded, others by URL, or a path below `/media/`."""
    _bounded(values, field)
    found = []
    for i, value in enumerate(values):
        words = {"alt": text(value["alt"], (*field, str(i), "alt"))}
        if "folder" in value:
            found.append({**value, **words})
        elif _is_picture(value["url"] or ""):
            found.append({"url": value["url"], **words})
        else:
            raise InvalidError(
                "give the id of a picture, an http(s) URL that names no user, or a path below "
                "/media/",
                field=(*field, str(i), "url"),
            )
    return found


def _is_picture(url: str) -> bool:
    """Whether it is a URL, or a path that stays below `/media/`."""
    if not _PICTURE.match(url):
        return False
    path = unquote(urlsplit(url).path) if url.startswith("/") else ""
    return not {".", ".."} & set(re.split(r"[/\\]", path))


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
    """The slug, and those of the translations: none of them is anybody else's, in any locale."""
    if not found:
        return [found_slug]
    return list(dict.fromkeys([found_slug, *(one["slug"] for one in found if one["slug"])]))


def address_field(address: str, found_slug: str, found: Sequence[Record]) -> Field:
    """Where an input gave an address."""
    if address == found_slug:
        return ("slug",)
    slugs = [one["slug"] for one in found]
    return ("translations", str(slugs.index(address)), "slug") if address in slugs else ("slug",)


def measure(value: int | None, field: Field) -> int | None:
    """A whole number of grams or millimetres, not negative."""
    if value is not None and not 0 <= value <= _LARGEST:
        raise InvalidError("this can't be negative", field=field)
    return value


def check_variants(
    variants: Sequence[Record], field: Field, given: Mapping[ObjectId, str] | None = None
) -> None:
    """Refuse variants that can't be told apart: by SKU, and by the values of the same options.

    `given` are the places that variants have in the caller's list, where that isn't all of them.
    """
    if not 1 <= len(variants) <= MOST_VARIANTS:
        raise InvalidError(f"a product has 1 to {MOST_VARIANTS} variants", field=field)
    if given is not None:  # the others, which were there before, don't come too late
        variants = sorted(variants, key=lambda variant: variant["id"] in given)
    names = [option["name"] for option in variants[0]["options"]]
    skus: set[str] = set()
    combinations: set[tuple[str, ...]] = set()
    for i, variant in enumerate(variants):
        at = variant_field(field, i, variant, given)
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


def variant_field(
    field: Field, index: int, variant: Record, given: Mapping[ObjectId, str] | None
) -> Field:
    """Where the caller named a variant: in all of them, or at its place in `given`."""
    if given is None:
        return (*field, str(index))
    return (*field, given[variant["id"]]) if variant["id"] in given else field


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
