"""The files that products are read from, the most telling format first, and written to."""

from mercat.exporting import OutputFormat
from mercat.importing import Format
from mercat_products.formats.flat_json import FlatJson
from mercat_products.formats.google import GoogleFeed
from mercat_products.formats.mercat_csv import MercatCsv
from mercat_products.formats.mercat_jsonl import MercatJsonLines
from mercat_products.formats.shopify import ShopifyCsv
from mercat_products.records import ProductRecord
from mercat_products.rows import ProductRow

FORMATS: tuple[Format[ProductRecord], ...] = (
    MercatJsonLines(),
    FlatJson(),
    ShopifyCsv(),
    GoogleFeed(),
    MercatCsv(),
)
OUTPUT_FORMATS: tuple[OutputFormat[ProductRow], ...] = (
    MercatJsonLines(),
    MercatCsv(),
    ShopifyCsv(),
    GoogleFeed(),
)

__all__ = ["FORMATS", "OUTPUT_FORMATS"]
