"""A Beanie document in one engine's database: a class of its own, and the indexes it declares."""

from collections.abc import Sequence
from typing import Any, TypeVar

from beanie import Document
from beanie.odm.fields import IndexModelField
from beanie.odm.settings.document import DocumentSettings
from beanie.odm.utils.init import Initializer, Output
from beanie.odm.utils.typing import get_index_attributes
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

D = TypeVar("D", bound=Document)


class _BoundInitializer(Initializer):
    """Initializes bound classes only; Beanie would also bind the class each is made from."""

    async def init_document(self, cls: type[Document]) -> Output | None:
        if cls not in self.document_models:
            return None
        return await super().init_document(cls)


def bound(document: type[D], database: AsyncDatabase[Any]) -> type[D]:
    """A subclass of a document that Beanie reads from and writes to a database.

    Raises TypeError for a time series: making one asks the server, and this does not.
    """
    if _setting(document, "timeseries", None) is not None:
        raise TypeError(f"{document.__qualname__} is a time series, which can't be bound")
    made = type(document.__name__, (document,), {"__module__": document.__module__})
    beginner = _BoundInitializer(database=database, document_models=[made], skip_indexes=True)
    try:
        beginner.init_class(made).send(None)  # it awaits nothing where it makes no indexes
    except StopIteration:
        return made
    raise TypeError(f"{document.__qualname__} can't be bound without asking the server")


def name_of(document: type[Document]) -> str:
    """The name of a document's collection."""
    name: str = _setting(document, "name", document.__name__)
    return name


def indexes_of(document: type[Document]) -> Sequence[IndexModel]:
    """The indexes of a document: those of its `Settings`, and of its `Indexed` fields."""
    listed = DocumentSettings(indexes=_setting(document, "indexes", [])).indexes
    fields = [
        IndexModelField(IndexModel([(field.alias or name, found[0])], **found[1]))
        for name, field in document.model_fields.items()
        if (found := get_index_attributes(field)) is not None
    ]
    made: Sequence[IndexModel] = IndexModelField.list_to_index_model(
        IndexModelField.merge_indexes(fields, listed)
    )
    return made


def _setting(document: type[Document], name: str, default: Any) -> Any:
    return getattr(getattr(document, "Settings", None), name, default)
