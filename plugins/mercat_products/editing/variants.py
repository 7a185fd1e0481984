"""Adding, changing and removing the variants of a product, several at once."""

from collections.abc import Mapping, Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_products.editing.checking import Given, checked_variant, checked_variants
from mercat_products.editing.pictures import all_with_pictures
from mercat_products.editing.writing import Alter, change_product
from mercat_products.errors import SkuTakenError
from mercat_products.values import check_variants

_FIELD = ("variants",)


async def create_variants(
    context: Context, key: ObjectId, version: int | None, given: Sequence[Given]
) -> Record:
    """Add variants behind the others: all of them or none. Raises what `change_product` does."""
    new = checked_variants(await all_with_pictures(context, given), context.shop)
    places = {variant["id"]: str(i) for i, variant in enumerate(new)}

    def alter(stored: Record) -> Record:
        return _checked([*stored["variants"], *new], places)

    return await _change(context, key, version, alter, new)


async def update_variants(
    context: Context, key: ObjectId, version: int | None, given: Sequence[Given]
) -> Record:
    """Change what is given of variants, each named by its `id`: all of them or none."""
    found = [
        checked_variant(change, context.shop, (*_FIELD, str(i)))
        for i, change in enumerate(await all_with_pictures(context, given))
    ]
    places: dict[ObjectId, str] = {}
    for i, change in enumerate(given):
        if places.setdefault(change["id"], str(i)) != str(i):
            raise InvalidError("this variant stands there twice", field=(*_FIELD, str(i), "id"))

    def alter(stored: Record) -> Record:
        known = {variant["id"] for variant in stored["variants"]}
        for variant, place in places.items():
            if variant not in known:
                raise _no_variant((*_FIELD, place, "id"))
        changed = [
            {**variant, **found[int(places[variant["id"]])]} if variant["id"] in places else variant
            for variant in stored["variants"]
        ]
        return _checked(changed, places)

    return await _change(context, key, version, alter, found)


async def delete_variants(
    context: Context, key: ObjectId, version: int | None, ids: Sequence[ObjectId]
) -> Record:
    """Remove variants; one at least has to stay."""

    def alter(stored: Record) -> Record:
        known = {variant["id"] for variant in stored["variants"]}
        for i, variant in enumerate(ids):
            if variant not in known:
                raise _no_variant(("ids", str(i)))
        left = [variant for variant in stored["variants"] if variant["id"] not in set(ids)]
        if not left:
            raise InvalidError("a product keeps one variant at least", field=("ids",))
        return {"variants": left}

    return await _change(context, key, version, alter)


async def order_variants(
    context: Context, key: ObjectId, version: int | None, ids: Sequence[ObjectId]
) -> Record:
    """Put the variants into the order of `ids`, which has to name each of them once."""

    def alter(stored: Record) -> Record:
        known = {variant["id"]: variant for variant in stored["variants"]}
        if len(ids) != len(known) or set(ids) != set(known):
            raise InvalidError("name each variant of the product once", field=("ids",))
        return {"variants": [known[variant] for variant in ids]}

    return await _change(context, key, version, alter)


async def _change(
    context: Context,
    key: ObjectId,
    version: int | None,
    alter: Alter,
    given: Sequence[Record] = (),
) -> Record:
    """Change a product's variants; `given` are those that the caller names, in its order."""
    try:
        return await change_product(context, key, version, alter, field=("product",))
    except SkuTakenError as error:
        skus = [variant.get("sku") for variant in given]
        if error.sku not in skus:
            raise
        place = str(skus.index(error.sku))
        raise SkuTakenError(str(error), field=(*_FIELD, place, "sku"), sku=error.sku) from None


def _checked(variants: list[Record], places: Mapping[ObjectId, str]) -> Record:
    check_variants(variants, _FIELD, places)
    return {"variants": variants}


def _no_variant(field: tuple[str, ...]) -> NotFoundError:
    return NotFoundError("the product has no such variant", field=field)
