"""The files that categories are read from and written to, the most telling format first."""

from mercat.exporting import OutputFormat
from mercat.importing import Format
from mercat_categories.formats.mercat_csv import MercatCsv
from mercat_categories.formats.mercat_jsonl import MercatJsonLines
from mercat_categories.formats.nodes import Nodes
from mercat_categories.formats.paths import Paths
from mercat_categories.formats.shopify import ShopifyTaxonomy
from mercat_categories.records import CategoryRecord

FORMATS: tuple[Format[CategoryRecord], ...] = (
    MercatJsonLines(),
    ShopifyTaxonomy(),
    Nodes(),
    MercatCsv(),
    Paths(),
)

OUTPUT_FORMATS: tuple[OutputFormat[CategoryRecord], ...] = (MercatJsonLines(), MercatCsv())

__all__ = ["FORMATS", "OUTPUT_FORMATS"]
