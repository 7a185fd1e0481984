"""Write conflicts that SecantusDB reports as duplicate keys.

Where two transactions update one document, and the first ends without a commit at that moment,
SecantusDB 0.7 may tell the second that a key which the document has had all along is taken. An
update that changes no field of an index can't violate it, so that this is a write conflict.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo.errors import DuplicateKeyError, WriteError

WRITE_CONFLICT = 112

_OTHERS = frozenset({"$rename", "$replaceRoot", "$replaceWith"})
"""Operators whose words are no fields that they change, or not all of them."""


def conflict_of(error: DuplicateKeyError, update: Any) -> WriteError | None:
    """The write conflict that an update met, None where it may have made a duplicate.

    `update` is a document of update operators or a pipeline of them. The error has the label
    TransientTransactionError, so that a transaction begins anew.
    """
    pattern = (error.details or {}).get("keyPattern")
    changed = set(_changed(update))
    if not pattern or "" in changed or any(_root(each) in changed for each in pattern):
        return None
    details = {"errorLabels": ["TransientTransactionError"]}
    return WriteError(f"WriteConflict: {error}", WRITE_CONFLICT, details)


def _changed(update: Any) -> Iterable[str]:
    """The fields of documents that an update may change; one that isn't known is empty."""
    for stage in update if isinstance(update, list) else [update]:
        for operator, fields in stage.items():
            is_plain = operator not in _OTHERS and isinstance(fields, Mapping)
            yield from map(_root, fields) if is_plain else ("",)


def _root(path: str) -> str:
    return path.partition(".")[0]
