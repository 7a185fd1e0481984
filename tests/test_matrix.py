"""Everybody against everything: `access.toml` says what each role gets of each operation.

A new operation fails here until `access.toml` has a line for it, and `matrix/operations.py` says
what to ask. `MERCAT_TEST_WRITE_ACCESS=1 pytest -n 0` writes what was found into the file, to be
reviewed.
"""

import asyncio
import contextlib
import inspect
import json
import os
import secrets
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema

from mercat.storage import cancel

from .conftest import EngineFor, until
from .identity import SHOP, signed_in
from .matrix.operations import (
    ANEW,
    MUTATIONS,
    NODES,
    OF_WHO_ASKS,
    QUERIES,
    SUBSCRIPTIONS,
    Entry,
)
from .matrix.world import PEOPLE, ROLES, World, png

FILE = Path(__file__).with_name("access.toml")
WORDS = {"UNAUTHENTICATED": "login", "FORBIDDEN": "no", "NOT_FOUND": "hidden"}


async def _value(entry: Entry, world: World) -> Any:
    found = entry(world) if callable(entry) else entry
    return await found if inspect.isawaitable(found) else found


async def _once(kind: str, name: str, entry: Entry, world: World) -> str:
    """The same for all roles, where asking changes nothing."""
    key = f"{kind} {name}"
    if key not in world.made:
        world.made[key] = await _value(entry, world)
    found: str = world.made[key]
    return found


def read(answer: dict[str, Any]) -> str:
    """An answer in a word: yes, login, no, hidden, or the code of another error."""
    for error in answer.get("errors", ()):
        code = error["extensions"]["code"]
        return WORDS.get(code, str(code))
    (found,) = answer["data"].values()
    errors = found.get("userErrors", ()) if isinstance(found, dict) else ()
    for error in errors:
        return WORDS.get(error["code"], str(error["code"]))
    for result in found.get("results", ()) if isinstance(found, dict) else ():
        for error in result["userErrors"]:
            return WORDS.get(error["code"], str(error["code"]))
    return "hidden" if _is_empty(found) else "yes"


def _is_empty(found: Any) -> bool:
    """Whether nothing is in it: null, or an object all of whose fields are."""
    if isinstance(found, dict):
        return all(_is_empty(value) for value in found.values())
    return found is None or found == [None]


async def asked(world: World, document: str, variables: Any = None) -> str:
    """What somebody of a role gets, over HTTP, from an address of its own."""
    headers = await _credentials(world)
    transport = httpx.ASGITransport(world.app, client=(_address(), 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        if "mediaUpload(" in document:
            answer = await _uploaded(http, document, variables, headers)
        else:
            said = {"query": document, "variables": variables}
            answer = await http.post("/graphql", json=said, headers=headers)
    return read(answer.json())


async def _credentials(world: World) -> dict[str, str]:
    if world.is_key:
        return {"authorization": f"Bearer {world.api_key}"}
    if world.actor is None:
        return {}
    key = world.actor["_id"]
    if key not in world.tokens:
        world.tokens[key] = await signed_in(world.engine, world.actor)
    return {"authorization": f"Bearer {world.tokens[key]}"}


def _address() -> str:
    """Where a question comes from: elsewhere each time, so that no limit is met."""
    return ".".join(map(str, (10, *secrets.token_bytes(3))))


async def _uploaded(
    http: httpx.AsyncClient, document: str, variables: Any, headers: dict[str, str]
) -> httpx.Response:
    variables["input"]["file"] = None
    return await http.post(
        "/graphql",
        data={
            "operations": json.dumps({"query": document, "variables": variables}),
            "map": json.dumps({"f": ["variables.input.file"]}),
        },
        files={"f": ("a.png", png())},
        headers={**headers, "x-mercat-upload": "1"},
    )


async def _mutated(world: World, name: str) -> str:
    field = name.partition(".")[0]
    kind = field[0].upper() + field[1:]
    results = " results { userErrors { code } }" if field == "productBulkUpdate" else ""
    document = (
        f"mutation ($input: {kind}Input!) {{ {field}(input: $input) "
        f"{{ __typename userErrors {{ code message }}{results} }} }}"
    )
    given = _refused(world, name) or dict(await _value(MUTATIONS[name], world))
    word = await asked(world, document, {"input": given})
    if word in WORDS.values():
        world.refused[name] = given
    return word


def _refused(world: World, name: str) -> dict[str, Any] | None:
    """What the role before was refused, which has changed nothing and can be asked for again."""
    return None if name in OF_WHO_ASKS else world.refused.pop(name, None)


async def _queried(world: World, name: str) -> str:
    return await asked(world, await _once("query", name, QUERIES[name], world))


async def _loaded(world: World, name: str) -> str:
    key = await _once("node", name, NODES[name], world)
    return await asked(world, f'{{ node(id: "{key}") {{ id }} }}')


async def _followed(world: World, name: str) -> str:
    """The first event, over server-sent events."""
    document = await _once("subscription", name, SUBSCRIPTIONS[name], world)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    headers = {**await _credentials(world), "accept": "text/event-stream"}
    asking = asyncio.create_task(_stream(world, {"query": document}, headers, heard))
    try:
        async with asyncio.timeout(20):
            while (answer := await _event(heard)) is None:
                await world.stir(document)
    finally:
        await cancel([asking])
    return read(answer)


async def _stream(
    world: World, said: dict[str, Any], headers: Mapping[str, str], heard: asyncio.Queue[bytes]
) -> None:
    waiting = [{"type": "http.request", "body": json.dumps(said).encode(), "more_body": False}]
    given = {"content-type": "application/json", "host": "shop.test", **headers}

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        await heard.put(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (_address(), 1),
        "server": ("shop.test", 80),
    }
    await world.app(scope, receive, send)


async def _event(heard: asyncio.Queue[bytes]) -> dict[str, Any] | None:
    """The answer in what comes next; None where a moment brings none."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            while True:
                for line in (await heard.get()).decode().splitlines():
                    if line.removeprefix("data:").strip().startswith("{"):
                        found: dict[str, Any] = json.loads(line.removeprefix("data:"))
                        return found
    return None


ASKING: dict[str, tuple[Mapping[str, Entry], Callable[[World, str], Awaitable[str]]]] = {
    "query": (QUERIES, _queried),
    "mutation": (MUTATIONS, _mutated),
    "subscription": (SUBSCRIPTIONS, _followed),
    "node": (NODES, _loaded),
}


def names_in(schema: GraphQLSchema) -> dict[str, set[str]]:
    """Everything that the schema has, by kind."""
    roots = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
    found = {kind: set(schema.get_type(root).fields) for kind, root in roots.items()}  # type: ignore[union-attr]
    nodes = schema.get_possible_types(schema.get_type("Node"))  # type: ignore[arg-type]
    return {**found, "node": {each.name for each in nodes}}


def expected() -> dict[str, dict[str, str]]:
    """What the file says: a word for each role, by kind and operation."""
    found: dict[str, dict[str, str]] = tomllib.loads(FILE.read_text())
    return found


async def test_every_operation_has_a_line_and_an_entry(engine_for: EngineFor) -> None:
    schema = (await engine_for(SHOP)).schema._schema
    known = expected()
    for kind, names in names_in(schema).items():
        lines = {line.partition(".")[0] for line in known[kind]}
        assert lines == names, f"access.toml, [{kind}]: {sorted(lines ^ names)}"
        assert set(known[kind]) == set(ASKING[kind][0]), f"operations.py: {kind}"
    assert set(known) == set(ASKING)
    for kind, lines_of in known.items():
        for name, line in lines_of.items():
            assert len(line.split()) == len(ROLES), f"{kind} {name}: a word for each of {ROLES}"


@pytest.fixture(scope="module")
async def world(shared_engine_for: EngineFor) -> World:
    """One for all questions that a worker asks."""
    found = World(await shared_engine_for(SHOP, work=True))
    await found.fill()
    await until(found.is_searchable)
    return found


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (entries, _) in ASKING.items() for name in entries]
)
async def test_each_role_gets_what_the_file_says(world: World, kind: str, name: str) -> None:
    ask = ASKING[kind][1]
    words = [await _answer(world, role, name, ask) for role in ROLES]
    found = {kind: {name: " ".join(words)}}
    if os.environ.get("MERCAT_TEST_WRITE_ACCESS"):
        _write(found)
    differences = _differences(expected(), found)
    assert not differences, "\n" + "\n".join(differences)


def _write(found: Mapping[str, Mapping[str, str]]) -> None:
    """Put what was found into the file, and take what is asked no more out of it."""
    known = expected()
    kept = {
        kind: {name: lines[name] for name in entries if name in lines}
        for kind, (entries, _) in ASKING.items()
        if (lines := {**known.get(kind, {}), **found.get(kind, {})})
    }
    FILE.write_text(_written(kept))


async def _answer(
    world: World, role: str, name: str, ask: Callable[[World, str], Awaitable[str]]
) -> str:
    """What a role gets, in a word."""
    world.is_key, world.actor = role == "service", None
    if role in PEOPLE:
        world.actor = await (world.person(role) if name in ANEW else world.current(role))
    return await ask(world, name)


def _differences(
    wanted: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """A sentence for each answer that isn't what the file says."""
    return [
        f"{kind} {name} as {role}: the file says {said}, the shop says {word}"
        for kind, lines in found.items()
        for name, line in lines.items()
        for role, said, word in zip(
            ROLES,
            wanted.get(kind, {}).get(name, "? " * len(ROLES)).split(),
            line.split(),
            strict=True,
        )
        if said != word
    ]


def _written(found: Mapping[str, Mapping[str, str]]) -> str:
    words = [line.split() for lines in found.values() for line in lines.values()]
    widths = [max(len(role), *(len(each[i]) for each in words)) for i, role in enumerate(ROLES)]

    def row(cells: Any) -> str:
        return " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))

    text = HEADER
    for kind, lines in found.items():
        margin = max(map(len, lines)) + 2
        text += f"\n[{kind}]\n#{' ' * (margin + 3)}{row(ROLES).rstrip()}\n"
        for name, line in lines.items():
            key = f'"{name}"' if "." in name else name
            text += f'{key.ljust(margin)} = "{row(line.split()).rstrip()}"\n'
    return text


HEADER = """# What each role gets of each operation; test_matrix.py tries all of it.
#
# yes      it does what was asked
# login    UNAUTHENTICATED: nobody has signed in
# no       FORBIDDEN
# hidden   null, or NOT_FOUND: the same as for what isn't there
# CAPITALS another error's code: the role may ask, and this one question can't be met
#
# What is asked for is `customer`'s or `seller`'s where it is anybody's, so that `other_customer`
# and `other_seller` are strangers to it. `service` is an API key with auth.read_users and
# products.manage. matrix/operations.py says what is asked.
"""
