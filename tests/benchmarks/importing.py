"""An import in a process of its own, and what the store could take at most; prints JSON.

Run by the benchmark `catalogue`: `python -m tests.benchmarks.importing products FILE`, or with
`limit URL` for the limit of another store, as the shop's change stream would tell what is written.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.synchronous.collection import Collection

from mercat.engine import Engine
from mercat.importing import Tally, import_file
from mercat.settings import load_settings

_LIMIT_ROWS = 4_000
_BATCHES = (250, 500, 1_000)
_SHOWN_EVERY = 5

Document = dict[str, Any]


async def _import(noun: str, file: Path) -> Document:
    total = Tally()
    shown = started = time.perf_counter()

    def tell(tally: Tally) -> None:
        total.add(tally)
        total.notes.clear()

    def progress(_read: int, rows: int) -> None:
        nonlocal shown
        if time.perf_counter() - shown > _SHOWN_EVERY:
            shown = time.perf_counter()
            print(f"  {rows:,} {noun} ...", file=sys.stderr, flush=True)

    async with Engine() as engine:
        importer = next(found for _, found in engine.importers() if found.noun == noun)
        started = time.perf_counter()
        await import_file(importer, engine.context(), file, progress=progress, on_tally=tell)
        seconds = time.perf_counter() - started
    return {
        "rows": total.created + total.updated + total.unchanged,
        "rejected": len(total.rejected),
        "seconds": seconds,
        "peak": _peak(),
    }


def _peak() -> int:
    """The most memory that this process had, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def _limit(url: str) -> Document:
    """Products that are stored already, written again as they are, with their indexes.

    One transaction a batch, and nothing else: no file, no checks, no lookups.
    """
    settings = load_settings()
    assert settings.database.url is not None
    with MongoClient[Document](settings.database.url.get_secret_value()) as client:
        products = client[settings.database.name]["products"]
        known = products.find().limit(_LIMIT_ROWS).to_list()
        indexes = products.index_information()
        del indexes["_id_"]  # every collection has it
    rates = {}
    with MongoClient[Document](url) as client:
        for batch in _BATCHES:
            collection = client["limit"][f"products_{batch}"]
            for index in indexes.values():
                options = {name: index[name] for name in ("unique", "sparse") if name in index}
                collection.create_index(index["key"], **options)
            rates[batch] = _write(client, collection, [_again(one) for one in known], batch)
        client.drop_database("limit")
    best = max(rates, key=lambda batch: rates[batch])
    return {"rate": rates[best], "batch": best}


def _again(product: Document) -> Document:
    variants = [{**one, "id": ObjectId()} for one in product["variants"]]
    return {**product, "_id": ObjectId(), "variants": variants}


def _write(
    client: MongoClient[Document],
    collection: Collection[Document],
    documents: Sequence[Document],
    batch: int,
) -> float:
    started = time.perf_counter()
    for at in range(0, len(documents), batch):
        some = documents[at : at + batch]

        def insert(session: ClientSession, some: Sequence[Document] = some) -> None:
            collection.insert_many(some, session=session)

        with client.start_session() as session:
            session.with_transaction(insert)
    return len(documents) / (time.perf_counter() - started)


if __name__ == "__main__":
    noun, *rest = sys.argv[1:]
    found = _limit(rest[0]) if noun == "limit" else asyncio.run(_import(noun, Path(rest[0])))
    print(json.dumps(found))
