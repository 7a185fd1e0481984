"""The inputs of the mutations, and what the service takes for them."""

from enum import Enum
from typing import Any

import strawberry
from bson import ObjectId
from strawberry import UNSET

from mercat.ids import object_id
from mercat_products.editing.inputs import SeoInput

_IMAGE = "The id of its picture, which the viewer uploaded or may manage."
_VERSION = "The version that was read; refused where it is not the last."


@strawberry.input(description="The texts in one of the shop's other locales.")
class CategoryTranslationInput:
    locale: str = strawberry.field(description="The locale, such as `de`.")
    name: str | None = strawberry.field(default=None, description="Falls back where left out.")
    description: str | None = strawberry.field(
        default=None, description="Falls back where left out; HTML."
    )
    slug: str | None = strawberry.field(default=None, description="Falls back where left out.")


@strawberry.input(description="A category to be added.")
class CategoryCreateInput:
    name: str = strawberry.field(description="Its name.")
    slug: str | None = strawberry.field(
        default=None, description="Its name in URLs; made from the name where left out."
    )
    description: str = strawberry.field(default="", description="What is in it; HTML.")
    image_id: strawberry.ID | None = strawberry.field(default=UNSET, description=_IMAGE)
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the category above it; a root where left out."
    )
    position: int = strawberry.field(default=0, description="Its place among its siblings.")
    seo: SeoInput | None = strawberry.field(
        default=UNSET, description="How search engines show it."
    )
    translations: list[CategoryTranslationInput] | None = strawberry.field(
        default=UNSET, description="Its texts in the shop's other locales."
    )


@strawberry.input(description="A change of a category; what is left out stays as it is.")
class CategoryUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(default=None, description=_VERSION)
    name: str | None = strawberry.field(default=UNSET, description="Its name.")
    slug: str | None = strawberry.field(
        default=UNSET, description="Its name in URLs; the one that it had still leads to it."
    )
    description: str | None = strawberry.field(default=UNSET, description="What is in it; HTML.")
    image_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description=f"{_IMAGE} Null takes it away."
    )
    position: int | None = strawberry.field(
        default=UNSET, description="Its place among its siblings."
    )
    seo: SeoInput | None = strawberry.field(
        default=UNSET, description="How search engines show it."
    )
    translations: list[CategoryTranslationInput] | None = strawberry.field(
        default=UNSET, description="All of them."
    )


@strawberry.input(description="A category to be put elsewhere, with all that lies below it.")
class CategoryMoveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    parent: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The id of the category above it from now on; null for the top. It stays "
        "below the one it is in where left out.",
    )
    position: int | None = strawberry.field(
        default=None, description="Its place among its siblings; the one it has where left out."
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="The order of the categories below one.")
class CategoryReorderInput:
    parent: strawberry.ID | None = strawberry.field(
        description="The id of the category above them; null for the roots."
    )
    children: list[strawberry.ID] = strawberry.field(
        description="The ids of all that lie directly below it, in their order."
    )


@strawberry.input(description="A category to become part of another.")
class CategoryMergeInput:
    source: strawberry.ID = strawberry.field(description="The id of the one that goes away.")
    target: strawberry.ID = strawberry.field(
        description="The id of the one that gets its children, its products and its slugs."
    )
    version: int | None = strawberry.field(
        default=None,
        description="The version of the source that was read; refused where it is not the last.",
    )


@strawberry.enum(description="What becomes of the categories below one that is deleted.")
class CategoryChildren(Enum):
    REFUSE = strawberry.enum_value(
        "refuse", description="Nothing: a category with any is not deleted."
    )
    REPARENT = strawberry.enum_value("reparent", description="They go to its parent.")


@strawberry.input(description="A category to be deleted; its products lose it.")
class CategoryDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    children: CategoryChildren = strawberry.field(
        default=CategoryChildren.REFUSE, description="What becomes of those below it."
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="Products to be put into a category.")
class CategoryProductsAddInput:
    category: strawberry.ID = strawberry.field(description="The category's id.")
    products: list[strawberry.ID] = strawberry.field(description="The products' ids, 100 at most.")


@strawberry.input(description="Products to be taken out of a category.")
class CategoryProductsRemoveInput:
    category: strawberry.ID = strawberry.field(description="The category's id.")
    products: list[strawberry.ID] = strawberry.field(description="The products' ids, 100 at most.")


def given(values: CategoryCreateInput | CategoryUpdateInput) -> dict[str, Any]:
    """What an input sets, by name: null sets nothing, except that it takes the image away.

    Raises InvalidError.
    """
    names = ("name", "slug", "description", "position")
    found = {name: getattr(values, name) for name in names}
    if values.seo:
        found["seo"] = {"title": values.seo.title, "description": values.seo.description}
    if isinstance(values.translations, list):
        found["translations"] = [vars(one) for one in values.translations]
    found = {name: value for name, value in found.items() if value not in (None, UNSET)}
    if values.image_id is not UNSET:
        found["image_id"] = _image_key(values.image_id)
    return found


def place(values: CategoryMoveInput) -> dict[str, Any]:
    """Where a category is to be: what is left out stays. Raises InvalidError."""
    found: dict[str, Any] = {}
    if values.parent is not UNSET:
        found["parent_id"] = None if values.parent is None else category_id(values.parent, "parent")
    if values.position is not None:
        found["position"] = values.position
    return found


def _image_key(global_id: strawberry.ID | None) -> ObjectId | None:
    return None if global_id is None else object_id(global_id, "Media", ("imageId",))


def category_id(global_id: strawberry.ID, *field: str) -> ObjectId:
    """The key in a category's id. Raises InvalidError, which names the field."""
    return object_id(global_id, "Category", field)


def category_ids(global_ids: list[strawberry.ID], field: str) -> list[ObjectId]:
    """The keys in categories' ids. Raises InvalidError, which names the field."""
    return [object_id(one, "Category", (field, str(i))) for i, one in enumerate(global_ids)]


def product_ids(global_ids: list[strawberry.ID]) -> list[ObjectId]:
    """The keys in products' ids. Raises InvalidError, which names the field."""
    return [object_id(one, "Product", ("products", str(i))) for i, one in enumerate(global_ids)]
