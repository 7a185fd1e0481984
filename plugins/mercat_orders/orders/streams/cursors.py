"""Places in the stream of placed orders, as clients keep them."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from mercat.errors import InvalidError
from mercat_orders.orders.streams.placings import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
_LONGEST = 100_000
_STRANGE = "this is not a cursor of this list"
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Moment = Annotated[int, Field(ge=0, le=4_102_444_800_000)]  # 2100, in milliseconds
_STORED: TypeAdapter[tuple[str | None, int, list[int], tuple[int, int] | None]] = TypeAdapter(
    tuple[str | None, _Moment, list[_Count], tuple[_Count, _Count] | None]
)


def write_place(seller: str | None, place: Place) -> str:
    """The cursor of somebody who follows that seller's orders, all with None, and got that far."""
    numbers = sorted(place.told)
    steps = [*numbers[:1], *(after - before for before, after in pairwise(numbers))]
    said = [seller, (place.since - _EPOCH) // _TICK, steps, place.half]
    return base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")


def read_place(seller: str | None, cursor: str) -> Place:
    """Where that is. Raises InvalidError for a cursor of something else, or of another seller."""
    try:
        if len(cursor) > _LONGEST:
            raise InvalidError(_STRANGE)
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        whose, since, steps, half = _STORED.validate_json(text)
    except (binascii.Error, UnicodeError, ValidationError):
        raise InvalidError(_STRANGE) from None
    if whose != seller:
        raise InvalidError(_STRANGE)
    return Place.of(_EPOCH + since * _TICK, accumulate(steps), half)
