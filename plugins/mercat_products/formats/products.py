"""Products that take several lines of a table: a line a variant, adjacent lines a product."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b

from mercat.errors import InvalidError
from mercat.importing import Rejected, Row
from mercat.reading.tables import Cells
from mercat.reading.values import validated
from mercat.slugs import slugify
from mercat_products.records import MediaRecord, ProductRecord, VariantRecord

MOST_LINES = 2000
_MOST_CHARACTERS = 1 << 25
_LONGEST_SKU = 100
_ORPHAN = "its product is unknown: the line above it was rejected, or there is none"

Line = Row[Cells]
Variants = Iterable[Row[Mapping[str, object]] | Rejected]
Pictures = Iterator[Row[MediaRecord] | Rejected]
Shown = tuple[str, str, str]
Read = Iterator[Row[ProductRecord] | Rejected]


def grouped(
    rows: Iterable[Line | Rejected], key: Callable[[Line], str | None]
) -> Iterator[list[Line] | Rejected]:
    """Put the adjacent lines of one product together.

    `key` says which product a line is of; None, that of the line above, which is unknown right
    after a rejected line. A product's 2,001st line, and those after it, are rejected.
    """
    group: list[Line] = []
    current: str | None = None
    certain, size = False, 0
    for row in rows:
        if isinstance(row, Rejected):
            certain = False
            yield row
            continue
        its = key(row)
        if its is None and not certain:
            yield Rejected(row.where, _ORPHAN)
            continue
        certain = True
        if its not in (None, current):
            if group:
                yield group
            group, size, current = [], 0, its
        size += sum(map(len, row.value.values()))
        if len(group) >= MOST_LINES or size > _MOST_CHARACTERS:
            yield Rejected(row.where, f"its product is full: {len(group)} lines stand above it")
        else:
            group.append(row)
    if group:
        yield group


def column(name: str, title: str) -> Callable[[Line], str | None]:
    """Tell products apart by a column; a line with neither it nor a title is of the one above."""

    def key(line: Line) -> str | None:
        if line.value[name]:
            return line.value[name]
        # A title without a key is a product that nothing can be told apart from.
        return f"\0{line.where}" if line.value.get(title) else None

    return key


def each(
    lines: Iterable[Line], read: Callable[[Cells], Mapping[str, object]]
) -> Iterator[Row[Mapping[str, object]] | Rejected]:
    """Read every line by itself; one that raises InvalidError is rejected."""
    for line in lines:
        try:
            yield Row(line.where, read(line.value))
        except InvalidError as error:
            yield Rejected(line.where, str(error))


def pictures(given: Iterable[Shown]) -> Pictures:
    """Make a picture of every place, address and description."""
    for where, url, alt in given:
        if url:
            yield validated(MediaRecord, where, {"url": url, "alt": alt})


def each_once(given: Iterable[Shown]) -> Iterator[Shown]:
    """Leave out the addresses that came before, as feeds repeat them with every variant."""
    seen: set[str] = set()
    for one in given:
        if one[1] not in seen:
            seen.add(one[1])
            yield one


def assembled(
    where: str, product: Mapping[str, object], variants: Variants, media: Pictures | None
) -> Read:
    """Make one product of its parts; a bad one is rejected by its line, the others stay.

    `media` is None where the file says nothing of pictures.
    """
    good: list[VariantRecord] = []
    for given in variants:
        made = given if isinstance(given, Rejected) else _variant(given)
        if isinstance(made, Rejected):
            yield made
        else:
            good.append(made.value)
    shown: list[MediaRecord] = []
    for picture in media or ():
        if isinstance(picture, Rejected):
            yield picture
        else:
            shown.append(picture.value)
    if good:
        parts = {**product, "variants": tuple(good)}
        seen = {} if media is None else {"media": tuple(shown)}
        yield validated(ProductRecord, where, {**parts, **seen})


def _variant(given: Row[Mapping[str, object]]) -> Row[VariantRecord] | Rejected:
    return validated(VariantRecord, given.where, given.value)


def category_path(text: str) -> tuple[str, ...]:
    """Return the category that `A > B > C` names, in the records' own spelling; none if empty."""
    names = [name.strip() for name in text.split(">")]
    joined = " > ".join(filter(None, names))
    return (joined,) if joined else ()


def derived_sku(*parts: str) -> str:
    """Make a SKU of a name and what tells its variant apart, the same one at every reading."""
    text = "-".join(parts)
    sku = slugify(text).upper()
    if len(sku) <= _LONGEST_SKU:
        return sku
    ending = blake2b(text.encode(), digest_size=6).hexdigest().upper()
    return f"{sku[: _LONGEST_SKU - len(ending) - 1].rstrip('-')}-{ending}"
