"""What files call things, as ids: SKUs, slugs, paths, e-mail addresses, keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat import auth, catalog
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.ids import decode_id, encode_id
from mercat.storage import Record
from mercat_coupons.documents import CustomerGroupDocument, PromotionDocument
from mercat_products.documents import ProductDocument

_AT_ONCE = 50  # SecantusDB compares each document with each of them
_MOST_KEPT = 200_000


class Names:
    """Looks names up for one import, and keeps what it found, up to 200,000 of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[str, str], ObjectId] = {}

    async def skus(self, names: Sequence[str], field: tuple[str, ...]) -> list[str]:
        """Ids of variants. Raises InvalidError for a SKU that there isn't."""

        def of(product: Record) -> Iterable[tuple[str, ObjectId]]:
            return ((one["sku"], one["id"]) for one in product["variants"])

        found = await self._ids(ProductDocument, "variants.sku", of, names, field, "SKU")
        return [encode_id("ProductVariant", key) for key in found]

    async def products(self, slugs: Sequence[str], field: tuple[str, ...]) -> list[str]:
        """Ids of products. Raises InvalidError for a slug that there isn't."""
        found = await self._ids(ProductDocument, "slug", _by("slug"), slugs, field, "product")
        return [encode_id("Product", key) for key in found]

    async def groups(self, keys: Sequence[str], field: tuple[str, ...]) -> list[str]:
        """Ids of customer groups. Raises InvalidError for a key that there isn't."""
        found = await self._ids(
            CustomerGroupDocument, "key", _by("key"), keys, field, "customer group"
        )
        return [encode_id("CustomerGroup", key) for key in found]

    async def categories(self, names: Sequence[str], field: tuple[str, ...]) -> list[str]:
        """Ids of categories, by their keys or paths. Raises InvalidError for one there isn't."""
        found: dict[str, ObjectId] = {}
        if names:
            for told in await self._context.hooks.collect(
                catalog.product_groups, self._context, list(names)
            ):
                found |= told
        for at, name in enumerate(names):
            if name not in found:
                raise InvalidError(f"there is no category '{name}'", field=(*field, str(at)))
        return [encode_id("Category", found[name]) for name in names]

    async def customers(self, names: Sequence[str], field: tuple[str, ...]) -> list[str]:
        """Keys of users, by ids, e-mail addresses, or what an import calls them.

        Raises InvalidError for who isn't there.
        """
        found = {name: key for name in names if (key := _user_key(name)) is not None}
        others = [name for name in names if name not in found]
        if others:
            for told in await self._context.hooks.collect(auth.users_named, self._context, others):
                found |= told
        for at, name in enumerate(names):
            if name not in found:
                raise InvalidError(f"there is no customer '{name}'", field=(*field, str(at)))
        return [found[name] for name in names]

    async def promotions(self, keys: Sequence[str], field: tuple[str, ...]) -> list[ObjectId]:
        """Promotions by their keys. Raises InvalidError for one that there isn't."""
        promotions, found = self._context.storage.collection(PromotionDocument), []
        for at, key in enumerate(keys):  # SecantusDB finds one by its index, and several by none
            one = await promotions.find_one({"external_id": key}, {"_id": 1})
            if one is None:
                raise InvalidError(f"there is no promotion '{key}'", field=(*field, str(at)))
            found.append(one["_id"])
        return found

    async def _ids(
        self,
        document: type[Any],
        path: str,
        of: Callable[[Record], Iterable[tuple[str, ObjectId]]],
        names: Sequence[str],
        field: tuple[str, ...],
        noun: str,
    ) -> list[ObjectId]:
        if len(self._known) > _MOST_KEPT:
            self._known.clear()
        collection: AsyncCollection[Record] = self._context.storage.collection(document)
        wanted = [name for name in dict.fromkeys(names) if (path, name) not in self._known]
        for start in range(0, len(wanted), _AT_ONCE):
            some = {path: {"$in": wanted[start : start + _AT_ONCE]}}
            async for record in collection.find(some, {path: 1, "variants.id": 1}):
                self._known.update(((path, name), key) for name, key in of(record))
        missing = next((at for at, name in enumerate(names) if (path, name) not in self._known), -1)
        if missing >= 0:
            words = f"there is no {noun} '{names[missing][:100]}'"
            raise InvalidError(words, field=(*field, str(missing)))
        return [self._known[path, name] for name in names]


def _user_key(name: str) -> str | None:
    """The key of a user, of an id as the API shows it or of the key itself; None for neither."""
    if ObjectId.is_valid(name):
        return name
    try:
        kind, key = decode_id(name)
    except InvalidError:
        return None
    return key if kind == "User" else None


def _by(name: str) -> Callable[[Record], Iterable[tuple[str, ObjectId]]]:
    return lambda record: ((record[name], record["_id"]),)


async def scope_ids(
    names: Names, scope: Mapping[str, Any] | None, field: tuple[str, ...]
) -> dict[str, Any] | None:
    """A scope of a file as the API takes it. Raises InvalidError."""
    if scope is None:
        return None
    found: dict[str, Any] = {"excludes_reduced": scope["excludes_reduced"]}
    for side in ("include", "exclude"):
        found[side] = [
            await _selection_ids(names, one, (*field, side, str(at)))
            for at, one in enumerate(scope[side])
        ]
    return found


async def _selection_ids(
    names: Names, given: Mapping[str, Any], field: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "product_ids": await names.products(given["products"], (*field, "products")),
        "variant_ids": await names.skus(given["skus"], (*field, "skus")),
        "category_ids": await names.categories(given["categories"], (*field, "categories")),
        "brands": given["brands"],
        "seller_ids": [encode_id("Seller", one) for one in given["sellers"]],
        "shops_own": given["shops_own"],
        "attributes": given["attributes"],
    }
