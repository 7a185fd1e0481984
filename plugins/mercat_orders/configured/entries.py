"""What is set up, with what is known of its storing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Self, TypeVar

from mercat.storage import Record

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A thing of engine.toml, or a stored one, which has a version and times."""

    value: T
    version: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def of(cls, value: T, record: Record) -> Self:
        return cls(value, record["version"], record["created_at"], record["updated_at"])
