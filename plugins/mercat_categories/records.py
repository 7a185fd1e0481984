"""A category as a file gives it, whatever the file's format."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mercat_products.records import Address, MediaRecord, SeoRecord, TranslationRecord

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class CategoryRecord(BaseModel):
    """One category; `key` is its identity from one import to the next.

    `parent` is the key of the category above it, which may stand anywhere in the file; None for a
    root. `children` are keys that the file names below it: only checked, the parent decides.
    What is None stays as it is in the shop. `old_slugs` lead to the category as well, and products
    find it by `former_paths`; an import adds to them and takes none away.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    key: Key
    name: Name
    parent: Key | None = None
    slug: (
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
        | None
    ) = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)] = ""
    position: Annotated[int, Field(ge=0, lt=2**31)] = 0
    seo: SeoRecord | None = None
    image: MediaRecord | None = None
    translations: tuple[TranslationRecord, ...] | None = None
    old_slugs: tuple[Address, ...] = ()
    former_paths: tuple[Key, ...] = ()
    children: tuple[Key, ...] = ()
