from collections.abc import Sequence
from dataclasses import dataclass

from bson import ObjectId

from mercat.errors import DomainError


@dataclass(frozen=True, slots=True)
class Shortage:
    """A variant of which less is available than was asked for."""

    variant: ObjectId
    sku: str
    wanted: int
    available: int


class OutOfStockError(DomainError):
    """Some variants can't be had in that quantity; `shortages` says how many can."""

    code = "OUT_OF_STOCK"

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        words = ", ".join(f"{found.available} of {found.sku}" for found in shortages)
        super().__init__(f"there are only {words}")
        self.shortages = tuple(shortages)


class NegativeError(DomainError):
    """More would be taken away, or promised, than there is."""

    code = "NEGATIVE"
