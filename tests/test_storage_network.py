"""A connection to the database that breaks is no reason to give up."""

import asyncio

from .conftest import EngineFor, Stores, until
from .proxy import Fault, Proxy


class Next:
    """The next request with one of these commands never arrives, each once."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def __call__(self, data: bytes) -> Fault | None:
        for command in self.commands:
            if command + b"\x00" in data:
                self.commands.remove(command)
                return Fault.CUT
        return None


async def test_a_transaction_begins_though_connections_break(
    engine_for: EngineFor, stores: Stores
) -> None:
    following = Next()
    async with Proxy.before(stores.mongo_url, following) as (proxy, url):
        engine = await engine_for("[plugins]\nenabled = []\n", database={"url": url})
        storage = engine.storage
        notes = storage.database["notes"]
        following.commands += [b"find", b"ping"]
        reading = asyncio.create_task(notes.find_one({}))

        async def is_gone() -> bool:
            return not storage.client.topology_description.has_writable_server()

        await until(is_gone)
        await storage.transaction(lambda session: notes.insert_one({}, session=session))
        await reading
        assert proxy.did == {Fault.CUT: 2}
        assert await notes.count_documents({}) == 1
