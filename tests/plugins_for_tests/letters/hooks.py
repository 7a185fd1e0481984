"""Its document, and where in it sealed values are."""

from collections.abc import Sequence

from beanie import BsonBinary, Document
from pydantic import BaseModel

from mercat.hooks import hookimpl
from mercat.lifecycle import SealedFields


class Line(BaseModel):
    text: str
    note: BsonBinary | None = None


class LetterDocument(Document):
    address: BsonBinary | None = None
    addressee: str | None = None  # the digest of an e-mail address
    lines: list[Line] = []

    class Settings:
        name = "letters"


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [LetterDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(LetterDocument, ("address", "lines.note"))]
