"""Importing product types, which are known again by their names."""

from collections.abc import Sequence

from mercat.context import Context
from mercat.errors import DomainError
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.storage import Record
from mercat_products.product_types.documents import ProductTypeDocument
from mercat_products.product_types.jsonl import TypeJsonLines
from mercat_products.product_types.records import ProductTypeRecord
from mercat_products.product_types.service import create_type, update_type

_ATTEMPTS = 4


class TypeLoad:
    """One import. A type's attributes that a row doesn't name stay, behind those that it does."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: set[str] = set()

    async def batch(self, rows: Sequence[Row[ProductTypeRecord]]) -> Tally:
        tally = Tally()
        for row in rows:
            if row.value.name in self._seen:
                reason = f"the type '{row.value.name}' stands earlier in this file"
                tally.rejected.append(Rejected(row.where, reason))
                continue
            self._seen.add(row.value.name)
            await self._take(row, tally)
        return tally

    async def finish(self) -> Tally:
        return Tally()

    async def _take(self, row: Row[ProductTypeRecord], tally: Tally) -> None:
        """Add or change a type; looks again where somebody else is at it."""
        for remaining in range(_ATTEMPTS - 1, -1, -1):
            stored = await self._stored(row.value.name)
            try:
                await self._save(row.value, stored, tally)
            except DomainError as error:
                if remaining and await self._is_other(row.value.name, stored):
                    continue
                tally.rejected.append(Rejected(row.where, _sentence(error)))
            return

    async def _save(self, record: ProductTypeRecord, stored: Record | None, tally: Tally) -> None:
        values = _values(record, stored)
        if stored is None:
            await create_type(self._context, values)
            tally.created += 1
        elif values["attributes"] == stored["attributes"]:
            tally.unchanged += 1
        else:
            await update_type(self._context, stored["_id"], stored["version"], values)
            tally.updated += 1

    async def _is_other(self, name: str, before: Record | None) -> bool:
        now = await self._stored(name)
        return (now and now["version"]) != (before and before["version"])

    async def _stored(self, name: str) -> Record | None:
        types = self._context.storage.collection(ProductTypeDocument)
        return await types.find_one({"name": name})


def _values(record: ProductTypeRecord, stored: Record | None) -> Record:
    given = [one.model_dump() | {"choices": list(one.choices)} for one in record.attributes]
    named = {one["key"] for one in given}
    kept = [one for one in (stored or {}).get("attributes", ()) if one["key"] not in named]
    return {"name": record.name, "attributes": [*given, *kept]}


def _sentence(error: DomainError) -> str:
    field = ".".join(error.field or ())
    return f"{field}: {error}" if field else str(error)


async def _open(context: Context) -> TypeLoad:
    return TypeLoad(context)


PRODUCT_TYPES = Importer(
    noun="product-types",
    description="Import product types; they come before the products that have them.",
    formats=(TypeJsonLines(),),
    open=_open,
)
