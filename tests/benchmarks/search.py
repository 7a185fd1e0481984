"""Searching and browsing catalogues of three sizes, by the shop's own index."""

import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import ObjectId
from rich.console import Console
from rich.table import Table
from tantivy import Index

from mercat.catalog import PriceCondition, ProductConditions, ProductSearch, SearchAnswer
from mercat_products.search.asking import answer
from mercat_products.search.facets import ALL_FACETS
from mercat_products.search.fields import Fields
from mercat_products.search.words import Words
from mercat_products.search.writing import Generation

SIZES = (1_000, 10_000, 92_331)
_MEGABYTES = 64
_BATCH = 500
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_TARGET_P95, _TARGET_GROWTH = 30, 3
_SYLLABLES = [consonant + vowel for consonant in "bdklmnprstv" for vowel in "aeio"]
_NOUNS = ("shoe", "boot", "shirt", "sofa", "lamp", "table", "chair", "mug", "kettle", "knife")
_WORDS = ("red", "blue", "green", "black", "small", "large", "light", "soft", "modern")


def products(count: int) -> Iterator[dict[str, Any]]:
    """Synthetic products, the same ones at each call: names of four words, three attributes."""
    chance = random.Random(7)
    made = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(20_000)]
    brands = [word.title() for word in made[:800]]
    groups = [ObjectId(f"{n:024x}") for n in range(1, 412)]
    for number in range(1, count + 1):
        rare = made[min(int(chance.paretovariate(0.7)), len(made) - 1)]
        name = f"{chance.choice(_WORDS)} {rare} {chance.choice(_NOUNS)}".title()
        leaf = chance.randrange(111, 411)
        amount = int(chance.lognormvariate(8, 1.2))
        yield {
            "_id": ObjectId(f"{number + 10_000:024x}"),
            "number": number,
            "name": name,
            "description": "<p>" + " ".join(chance.choices(made, k=40)) + "</p>",
            "brand": brands[int(chance.random() ** 2 * len(brands))],
            "status": "active",
            "seller": None,
            "tags": chance.sample(_WORDS, 2),
            "listed_in": [groups[leaf], groups[11 + leaf % 100], groups[leaf % 11]],
            "attributes": [
                {"key": "weight", "value": float(chance.randint(1, 500))},
                {"key": "material", "value": chance.choice(_WORDS)},
                {"key": "waterproof", "value": chance.random() < 0.3},
            ],
            "variants": [
                {
                    "sku": f"SKU-{number:06}-{size}",
                    "options": [{"name": "Size", "value": size}],
                    "prices": [{"currency": "EUR", "amount": amount}],
                    "available": chance.random() < 0.9,
                }
                for size in chance.sample("SMLX", 2)
            ],
            "created_at": _BEGIN + timedelta(minutes=number),
            "updated_at": _BEGIN + timedelta(minutes=number * 7 % 500_000),
        }


def _build(known: Fields, folder: Path, count: int) -> float:
    """How many products a second became an index, alone on its core."""
    records = list(products(count))
    started = time.perf_counter()
    made = Generation.create(known, folder, _MEGABYTES)
    for at in range(0, count, _BATCH):
        made.add(records[at : at + _BATCH])
    made.commit("{}")
    made.close()
    return count / (time.perf_counter() - started)


def _wanted(text: str, **values: Any) -> ProductSearch:
    conditions = ProductConditions(**values.pop("conditions", {}))
    return ProductSearch(text, conditions, values.pop("order", "relevance"), "EUR", 20, **values)


def _cases() -> dict[str, Sequence[ProductSearch]]:
    chance = random.Random(11)
    some = list(products(400))
    names = [chance.choice(some)["name"] for _ in range(60)]
    price = {"price": PriceCondition("EUR", 1_000, 8_000)}
    brands = [{"brands": (each["brand"],)} for each in some[:60]]
    return {
        "search, a whole name": [_wanted(name) for name in names],
        "search, two words": [_wanted(" ".join(name.split()[::2])) for name in names],
        "search, one frequent word": [_wanted(chance.choice(_NOUNS)) for _ in names],
        "search with a typo": [_wanted(name[:3] + name[4:]) for name in names],
        "filter, by price": [_wanted("", conditions=price, order="price_low") for _ in names],
        "page 1,000 by name": [_wanted("", order="name", position="marker") for _ in names],
        "facets, words and a brand": [
            _wanted(name.split()[2], conditions=brand, facets=ALL_FACETS)
            for name, brand in zip(names, brands, strict=True)
        ],
        "facets, everything": [_wanted("", facets=ALL_FACETS) for _ in names],
        "as you type": [_wanted(name[: 2 + n % 6]) for n, name in enumerate(names)],
    }


def _times(work: Callable[[ProductSearch], object], asked: Sequence[ProductSearch]) -> list[float]:
    for each in asked[:5]:
        work(each)
    found = []
    for _ in range(3):
        for each in asked:
            started = time.perf_counter()
            work(each)
            found.append((time.perf_counter() - started) * 1000)
    return sorted(found)


def _measure(count: int) -> dict[str, Any]:
    known = Fields(Words.of(["en"]), ("EUR",))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        rows: dict[str, Any] = {"built, products a second": _build(known, path, count)}
        rows["on disk, MB"] = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        searcher = known.prepare(Index.open(folder)).searcher()

        def work(wanted: ProductSearch) -> SearchAnswer:
            return answer(known, searcher, wanted)

        deep = _position(work, count)
        for name, asked in _cases().items():
            placed = [replace(each, position=deep if each.position else None) for each in asked]
            times = _times(work, placed)
            rows[name] = [statistics.median(times), times[len(times) * 95 // 100]]
        rows["process at most, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return rows


def _position(work: Callable[[ProductSearch], SearchAnswer], count: int) -> str:
    """Where page 1,000 of 20 begins in the order by name, or the middle of a smaller catalogue."""
    at = ""
    for _ in range(min(200, count // 200)):
        wanted = _wanted("", order="name", position=at or None)
        at = work(replace(wanted, count=100)).hits[-1].position
    return at


def measure(sizes: Sequence[int] = SIZES) -> None:
    """Print a table and write benchmarks-search.json."""
    console = Console()
    columns = {}
    for size in sizes:
        console.print(f"{size:,} products ...")
        columns[size] = _measure(size)
    table = Table(title="One process, one thread: p50 / p95 in ms")
    table.add_column("")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    for name in columns[sizes[0]]:
        table.add_row(name, *(_shown(columns[size][name]) for size in sizes))
    console.print(table)
    for line in _targets(columns[sizes[0]], columns[sizes[-1]]):
        console.print(line)
    Path("benchmarks-search.json").write_text(json.dumps(columns, indent=2) + "\n")


def _shown(value: Any) -> str:
    return (
        " / ".join(f"{each:.2f}" for each in value) if isinstance(value, list) else f"{value:,.0f}"
    )


def _targets(least: dict[str, Any], most: dict[str, Any]) -> Iterator[str]:
    for name, value in most.items():
        if isinstance(value, list):
            met = "met" if value[1] < _TARGET_P95 else "NOT MET"
            yield f"{name}: p95 under {_TARGET_P95} ms: {met} ({value[1]:.1f})"
    for name in ("facets, words and a brand", "facets, everything"):
        growth = most[name][0] / least[name][0]
        met = "met" if growth <= _TARGET_GROWTH else "NOT MET"
        yield f"{name}: grows at most {_TARGET_GROWTH} times: {met} ({growth:.1f})"


if __name__ == "__main__":
    measure()
