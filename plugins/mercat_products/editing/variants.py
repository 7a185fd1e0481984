"""Adding, changing and removing the variants of a product, several at once."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_products.editing.checking import Given, checked_variant, checked_variants
from mercat_products.editing.pictures import all_with_pictures
from mercat_products.editing.service import change_product
from mercat_products.values import check_variants

_FIELD = ("variants",)


async def create_variants(
    context: Context, key: ObjectId, version: int | None, given: Sequence[Given]
) -> Record:
    """Add variants behind the others: all of them or none. Raises what `change_product` does."""
    new = checked_variants(await all_with_pictures(context, given), context.shop)

    def alter(stored: Record) -> Record:
        return _changed([*stored["variants"], *new])

    return await change_product(context, key, version, alter)


async def update_variants(
    context: Context, key: ObjectId, version: int | None, given: Sequence[Given]
) -> Record:
    """Change what is given of variants, each named by its `id`: all of them or none."""
    changes = {
        change["id"]: (i, checked_variant(change, context.shop, (*_FIELD, str(i))))
        for i, change in enumerate(await all_with_pictures(context, given))
    }
    if len(changes) != len(given):
        raise InvalidError("a variant stands there twice", field=_FIELD)

    def alter(stored: Record) -> Record:
        known = {variant["id"] for variant in stored["variants"]}
        for variant, (i, _) in changes.items():
            if variant not in known:
                raise NotFoundError(
                    "the product has no such variant", field=(*_FIELD, str(i), "id")
                )
        return _changed(
            [
                {**variant, **changes[variant["id"]][1]} if variant["id"] in changes else variant
                for variant in stored["variants"]
            ]
        )

    return await change_product(context, key, version, alter)


async def delete_variants(
    context: Context, key: ObjectId, version: int | None, ids: Sequence[ObjectId]
) -> Record:
    """Remove variants; one at least has to stay."""

    def alter(stored: Record) -> Record:
        known = {variant["id"]: variant for variant in stored["variants"]}
        for i, variant in enumerate(ids):
            if variant not in known:
                raise _no_variant(("ids", str(i)))
        return _changed(
            [variant for variant in stored["variants"] if variant["id"] not in set(ids)]
        )

    return await change_product(context, key, version, alter)


async def order_variants(
    context: Context, key: ObjectId, version: int | None, ids: Sequence[ObjectId]
) -> Record:
    """Put the variants into the order of `ids`, which has to name each of them once."""

    def alter(stored: Record) -> Record:
        known = {variant["id"]: variant for variant in stored["variants"]}
        if len(ids) != len(known) or set(ids) != set(known):
            raise InvalidError("name each variant of the product once", field=("ids",))
        return {"variants": [known[variant] for variant in ids]}

    return await change_product(context, key, version, alter)


def _changed(variants: list[Record]) -> Record:
    check_variants(variants, _FIELD)
    return {"variants": variants}


def _no_variant(field: tuple[str, ...]) -> NotFoundError:
    return NotFoundError("the product has no such variant", field=field)
