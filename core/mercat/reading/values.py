"""From what a file says to a record, or to the sentence that says why not."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mercat.importing import Rejected, Row

M = TypeVar("M", bound=BaseModel)
_LONGEST_REASON = 200


def validated(model: type[M], where: str, value: object) -> Row[M] | Rejected:
    """Make a record of the value, or say in a sentence which field is wrong."""
    try:
        return Row(where, model.model_validate(value))
    except ValidationError as error:
        return Rejected(where, sentence(error))


def sentence(error: ValidationError) -> str:
    """Name the first field that is wrong."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return clipped(f"{field}: {first['msg']}") if field else "it is not an object"


def clipped(text: str, longest: int = _LONGEST_REASON) -> str:
    """Return a file's own words, short and printable enough for a message."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in short)
