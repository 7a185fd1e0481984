"""What is stored of a category that a file gives, besides its name, its slug and its place."""

from collections.abc import Iterator

from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_categories.editing.texts import checked
from mercat_categories.records import CategoryRecord
from mercat_products.records import TranslationRecord


def texts_of(record: CategoryRecord, shop: ShopSettings) -> Record:
    """The texts as they are stored; what the file leaves out isn't there. Raises InvalidError.

    Translations into locales that the shop hasn't are left out: `notes_of` says so.
    """
    found: Record = {"description": record.description, "position": record.position}
    if record.seo is not None:
        found["seo"] = record.seo.model_dump()
    if record.translations is not None:
        known = [one.model_dump() for one in record.translations if _is_known(one, shop)]
        found["translations"] = known
    found = checked(shop, found)
    if record.image is not None:
        found["image"] = record.image.model_dump()
    return found


def notes_of(record: CategoryRecord, shop: ShopSettings) -> Iterator[str]:
    """What is left out, in sentences."""
    for one in record.translations or ():
        if not _is_known(one, shop):
            yield f"its translation into '{one.locale}' is left out: the shop has no such locale"


def _is_known(translation: TranslationRecord, shop: ShopSettings) -> bool:
    return translation.locale in shop.all_locales[1:]
