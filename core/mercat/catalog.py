"""Hooks of the catalogue, with the values that they pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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


SearchOrder = Literal["relevance", "newest", "oldest", "price_low", "price_high", "name", "updated"]


@dataclass(frozen=True, slots=True)
class PriceCondition:
    """Some variant costs from `minimum` to `maximum`, both included, in minor units."""

    currency: str
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class OptionCondition:
    """Some variant has one of the values for the option of that name."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """The attribute is one of `values`, where there are any, and a number within the bounds."""

    key: str
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class ProductConditions:
    """What products have to meet, all of it; None and an empty tuple ask for nothing.

    Of `listed_in` (groups and all below them), `placed_in` (groups themselves), `brands`, `tags`,
    `statuses` and `sellers` one entry is enough; of `options` and `attributes` all have to hold.
    `within` is the group whose list it is, and not a choice that a facet could be counted without;
    `within_itself` leaves out what is only below that group.
    """

    listed_in: tuple[ObjectId, ...] = ()
    placed_in: tuple[ObjectId, ...] = ()
    brands: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    options: tuple[OptionCondition, ...] = ()
    attributes: tuple[AttributeCondition, ...] = ()
    price: PriceCondition | None = None
    in_stock: bool | None = None
    statuses: tuple[str, ...] = ()
    sellers: tuple[str, ...] = ()
    created_after: datetime | None = None
    updated_after: datetime | None = None
    within: ObjectId | None = None
    within_itself: bool = False


@dataclass(frozen=True, slots=True)
class ProductSearch:
    """What somebody looks for.

    `everything` says that the viewer may see drafts and archived products of all; otherwise only
    active products may be found, counted and suggested, and whatever belongs to `own_seller`.
    `position` is the place to go on from, as an earlier answer's hit gave it, to what follows or,
    with `backward`, to what comes before. `count` may be 0. `currency` is that of sorting and of
    price ranges, `locale` that of the reader, by whose texts names are sorted. `facets`, which are
    the wanted fields of `ProductFacets`, `total` and `correction` say what else is wanted.
    """

    text: str
    conditions: ProductConditions
    order: SearchOrder
    currency: str
    count: int
    position: str | None = None
    backward: bool = False
    everything: bool = False
    own_seller: str | None = None
    facets: frozenset[str] = frozenset()
    total: bool = False
    correction: bool = False
    locale: str = ""


@dataclass(frozen=True, slots=True)
class ProductHit:
    """A product that was found; `position` is at most 200 characters, and only its order's own."""

    product_id: ObjectId
    position: str


@dataclass(frozen=True, slots=True)
class FacetValue:
    """How many of the products have a value; `name` is that of the option or attribute."""

    value: str
    count: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class PriceBand:
    """How many products have a variant from `minimum` to below `maximum`, in minor units."""

    minimum: int
    maximum: int | None
    count: int


@dataclass(frozen=True, slots=True)
class ProductFacets:
    """Counts of what was found, the most frequent first; `groups` have hexadecimal ids.

    Each facet is counted over what meets the text and all conditions but the facet's own; `groups`
    over what meets all of them, as one goes from a group to those that are in it.
    """

    groups: tuple[FacetValue, ...] = ()
    brands: tuple[FacetValue, ...] = ()
    sellers: tuple[FacetValue, ...] = ()
    options: tuple[FacetValue, ...] = ()
    attributes: tuple[FacetValue, ...] = ()
    prices: tuple[PriceBand, ...] = ()
    in_stock: int = 0


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What was found, in order: forward from a position, or the `count` before it.

    `words` are further words to be marked in the products' texts, such as corrected ones.
    `is_complete` is False while an index is being made, so that products may be missing.
    """

    hits: tuple[ProductHit, ...] = ()
    has_more: bool = False
    total: int = 0
    facets: ProductFacets = ProductFacets()
    correction: str | None = None
    words: tuple[str, ...] = ()
    is_complete: bool = True


@hookspec
async def search(context: Context, wanted: ProductSearch) -> SearchAnswer | None:
    """Products that were looked for, from an engine of the plugin's own.

    The first answer counts; where nobody answers, the shop's own index does. The products are
    loaded afterwards, and those that the viewer may not see, or that are gone, are left out.
    """


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
async def product_paths(
    context: Context, keys: Sequence[ObjectId]
) -> Mapping[ObjectId, tuple[str, ...]] | None:
    """The paths of groups that products were put in: the counterpart of `product_placements`.

    A path is names from the root to the group, such as `("Clothing", "Shoes")`. Keys of groups that
    aren't the plugin's, or are gone, are left out of the answer.
    """


@hookspec
async def product_groups(context: Context, names: Sequence[str]) -> Mapping[str, ObjectId] | None:
    """The groups that a file calls so, such as categories: by their keys or by their paths.

    A path is `Clothing > Shoes`, in any case. Names of none are left out of the answer.
    """


@hookspec
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    """Products were created or changed: the hexadecimal ids of at most 1,000 of them.

    Rides on the outbox: delivered at least once after the write, so it must be safe to repeat.
    """


@hookspec
async def products_removed(
    context: Context, product_ids: Sequence[str], variant_ids: Sequence[str]
) -> None:
    """Products were removed for good: their hexadecimal ids and those of all their variants.

    Rides on the outbox: delivered at least once after the removal, so it must be safe to repeat.
    """


@dataclass(frozen=True, slots=True)
class StockFigures:
    """How many units of a variant there are; ids are hexadecimal.

    `available` is on hand - reserved, and below zero where more was sold on backorder.
    """

    variant_id: str
    product_id: str
    seller: str | None
    sku: str
    on_hand: int
    reserved: int
    available: int
    in_stock: bool


@hookspec
async def stock_changed(context: Context, changes: Sequence[StockFigures]) -> None:
    """Stocks were adjusted, sold or put back, or went out of stock or came back.

    Holds that change neither are not told. Rides on the outbox: delivered at least once, and not
    always in order, so whoever keeps figures asks for the present ones.
    """


@hookspec
async def stock_low(context: Context, stock: StockFigures, threshold: int) -> None:
    """What is available of a variant fell to its threshold or below; told once each time it does.

    Rides on the outbox: delivered at least once after it happened, so it must be safe to repeat.
    """
