"""What an import makes of a row: the product as it will be, and how it is written."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from mercat.catalog import Placement
from mercat.errors import InvalidError, NotFoundError
from mercat.importing import Row
from mercat.reading.values import clipped
from mercat.storage import Record
from mercat_products.product_types.service import TypeChangedError
from mercat_products.records import ProductRecord

_DUPLICATE_KEY = 11000
_KEPT = ("_id", "number", "created_at", "updated_at", "version")


class MovedError(Exception):
    """Somebody else changed one of the products since they were read."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A row, where the other plugins put it, and what is known of it again."""

    row: Row[ProductRecord]
    placement: Placement | None
    digest: str


@dataclass(slots=True)
class Change:
    """A row that is to be written: the product as it will be, and as it is where it is stored."""

    placed: Placed
    values: Record
    stored: Record | None
    of_type: Record | None = None  # what its attributes were checked by

    @property
    def where(self) -> str:
        return self.placed.row.where


def operation(change: Change) -> tuple[ObjectId, InsertOne[Record] | UpdateOne]:
    """The product's id, and what writes it if nobody has changed it since it was read."""
    now = datetime.now(UTC)
    stored = change.stored
    if stored is None:
        key = ObjectId()
        times = {"created_at": now, "updated_at": now, "version": 1}
        return key, InsertOne({**change.values, "_id": key, **times})
    values = {
        name: value
        for name, value in change.values.items()
        if name not in _KEPT and (name not in stored or stored[name] != value)
    }
    values.pop("old_addresses", None)
    where = {"_id": stored["_id"], "version": stored["version"]}
    write: Record = {"$set": {**values, "updated_at": now}, "$inc": {"version": 1}}
    if left := new_old_addresses(change):
        write["$addToSet"] = {"old_addresses": {"$each": left}}
    return stored["_id"], UpdateOne(where, write)


def new_old_addresses(change: Change) -> list[str]:
    """What leads to the product from now on, and to no other that had it before."""
    known = (change.stored or {}).get("old_addresses", ())
    return [one for one in change.values.get("old_addresses", ()) if one not in known]


def digest_of(record: ProductRecord, placement: Placement | None, currency: str) -> str:
    """What a row says, in the shop's own currency."""
    direct = () if placement is None else placement.direct
    said = record.model_dump_json(exclude_unset=True)
    return hashlib.sha256(f"{currency} {said} {direct}".encode()).hexdigest()


def path_of(text: str) -> tuple[str, ...]:
    """The names of a path, from the root on."""
    return tuple(name for part in text.split(" > ") if (name := part.strip()))


def sentence(error: InvalidError) -> str:
    """What is wrong and with which field, under the record's own names."""
    field = ".".join(error.field or ())
    named = re.sub(r"(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", field)
    return clipped(f"{named}: {error}" if named else str(error))


def reason_of(error: BulkWriteError | NotFoundError | MovedError | TypeChangedError) -> str:
    if not isinstance(error, BulkWriteError):
        return str(error) or "somebody else keeps changing the product; import it again"
    first = error.details["writeErrors"][0]
    if first["code"] == _DUPLICATE_KEY:
        value = ", ".join(str(found) for found in first.get("keyValue", {}).values())
        return f"another product has '{value}' already"
    return str(first["errmsg"])[:200]
