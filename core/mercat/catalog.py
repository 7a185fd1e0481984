"""Hooks of the catalogue, with the values that they pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.hooks import hookspec


@dataclass(frozen=True, slots=True)
class Placement:
    """The groups, such as categories, that one product belongs in.

    `direct` are those it was put in, `listed_in` those that list it: `direct` and everything
    above them. `problem` says in a sentence what could not be placed.
    """

    direct: tuple[ObjectId, ...] = ()
    listed_in: tuple[ObjectId, ...] = ()
    problem: str | None = None


@hookspec
async def product_placements(
    context: Context, paths: Sequence[tuple[tuple[str, ...], ...]]
) -> Sequence[Placement] | None:
    """Where products that are about to be saved belong.

    `paths` has one entry a product: its paths of names, from the root to the most specific, such as
    `(("Clothing", "Shoes"), ("Sale",))`. The answer has one Placement for each of them, in order.
    Asked before the products are written, so it may create the groups, and must be safe to repeat.
    """


@hookspec
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    """Products were created or changed: the hexadecimal ids of at most 1,000 of them.

    Rides on the outbox: delivered at least once after the write, so it must be safe to repeat.
    """
