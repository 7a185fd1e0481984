"""Bad input: refused before anything runs, quickly, in few words, and never with a 5xx."""

import gc
import json
import logging
import socket
import statistics
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from mercat import lifecycle
from mercat.app import create_app
from mercat.engine import Engine
from mercat.graphql import protocol
from mercat.graphql.documents import Documents, InvalidDocument
from mercat.graphql.errors import ErrorCode
from mercat.importing import import_file
from mercat.settings import load_settings

from .asking import answered
from .conftest import EngineFor, Serve, until, write_jsonl
from .plugins_for_tests.probe.hooks import SECRET, Runs

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
PROBE = (
    '[plugins]\nenabled = ["media", "products", "categories", "tests.plugins_for_tests.probe"]\n'
)
MOST_BYTES = 2_048
MOST_ERRORS = 5
# Coverage's tracer more than doubles what is measured, and is none of the server's.
MOST_SECONDS = 0.05 if sys.gettrace() is None else 0.15


@dataclass(frozen=True)
class Bad:
    """A request that must be refused with this status and this code."""

    name: str
    body: Callable[[], bytes | str | AsyncIterator[bytes]]
    code: str = "BAD_REQUEST"
    status: int = 400
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)
    json_status: int | None = None


def ask(query: str, variables: Any = None, **more: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables, **more}).encode()


def document(
    name: str, query: str, variables: Any = None, code: str = "BAD_REQUEST", **more: Any
) -> Bad:
    """A document, or a variable, that is refused: 200 for a client that takes plain JSON."""
    return Bad(name, lambda: ask(query, variables, **more), code, json_status=200)


def costly(name: str, query: str, variables: Any = None) -> Bad:
    return document(name, query, variables, "QUERY_TOO_COSTLY")


async def flood(size: int) -> AsyncIterator[bytes]:
    """A body without a Content-Length."""
    for _ in range(size // 65_536):
        yield b"a" * 65_536


def nested(opening: str, depth: int, inside: str, closing: str) -> str:
    return opening * depth + inside + closing * depth


def fragments(count: int, body: Callable[[int], str]) -> str:
    return " ".join(f"fragment F{n} on Query {{ {body(n)} }}" for n in range(count))


DEEP = "query($i: ProbeInput!) { probe { word(input: $i) } }"
IDS = "query($i: [ID!]!) { nodes(ids: $i) { id } }"
NUMBER = "query($n: Int!) { probe { word(number: $n) } }"

BODIES = [
    Bad("no body", lambda: b""),
    Bad("not JSON", lambda: b"query { __typename }"),
    Bad("half an object", lambda: b'{"query": "{__typename}"'),
    Bad("two objects", lambda: b'{"query": "{__typename}"}{"query": "{__typename}"}'),
    Bad("null", lambda: b"null"),
    Bad("a number", lambda: b"1"),
    Bad("a string", lambda: b'"{__typename}"'),
    Bad("true", lambda: b"true"),
    Bad("NaN", lambda: b'{"query": NaN}'),
    Bad("an empty list", lambda: b"[]"),
    Bad("a batch", lambda: b"[" + ask("{__typename}") + b"]"),
    Bad("a large batch", lambda: b"[" + b",".join([ask("{__typename}")] * 10_000) + b"]"),
    Bad("an empty object", lambda: b"{}"),
    Bad("100,000 brackets", lambda: b"[" * 100_000),
    Bad("100,000 nested lists", lambda: nested("[", 100_000, "", "]").encode()),
    Bad("100,000 nested objects", lambda: nested('{"a":', 100_000, "1", "}").encode()),
    Bad("nested variables", lambda: nested('{"variables":', 2_000, "1", "}").encode()),
    Bad("invalid UTF-8", lambda: b'{"query": "{__typename} \xff\xfe"}'),
    Bad("overlong UTF-8", lambda: b'{"query": "{__typename} \xc0\xaf"}'),
    Bad("UTF-16", lambda: '{"query": "{__typename}"}'.encode("utf-16")),
    Bad("a surrogate in UTF-8", lambda: b'{"query": "{__typename} \xed\xa0\x80"}'),
    Bad("a lone surrogate in the query", lambda: rb'{"query": "{a(b:\"\ud800\")}"}'),
    Bad("a lone surrogate in a variable", lambda: rb'{"query":"{a}","variables":{"a":"\udfff"}}'),
    Bad("a raw null byte", lambda: b'{"query": "{__typename}\x00"}'),
    Bad("query is null", lambda: b'{"query": null}'),
    Bad("query is a list", lambda: b'{"query": ["{__typename}"]}'),
    Bad("query is empty", lambda: ask("")),
    Bad("variables are a list", lambda: ask("{__typename}", [1])),
    Bad("variables are a string", lambda: ask("{__typename}", "{}")),
    Bad("extensions are a number", lambda: ask("{__typename}", extensions=1)),
    Bad("operationName is a number", lambda: ask("{__typename}", operationName=1)),
    Bad("operationName is an object", lambda: ask("{__typename}", operationName={"$ne": 1})),
    Bad("operationName is long", lambda: ask("{__typename}", operationName="a" * 100_000)),
    Bad("over 1 MB", lambda: ask("{__typename}", pad="a" * 1_000_000), "QUERY_TOO_COSTLY", 413),
    Bad("50 MB", lambda: b"a" * 50_000_000, "QUERY_TOO_COSTLY", 413),
    Bad("50 MB without a length", lambda: flood(50_000_000), "QUERY_TOO_COSTLY", 413),
    Bad(
        "a Content-Length of 5,000 digits",
        lambda: flood(65_536),
        "QUERY_TOO_COSTLY",
        413,
        (("content-type", JSON), ("content-length", "9" * 5_000)),
    ),
    Bad(
        "a Content-Length below zero",
        lambda: flood(65_536),
        headers=(("content-type", JSON), ("content-length", "-1")),
    ),
    Bad("a huge Accept", lambda: b"", status=431, headers=(("accept", "a/b," * 50_000),)),
    Bad("no Content-Type", lambda: b"{}", status=415, headers=()),
    Bad("a form", lambda: b"query={__typename}", status=415, headers=(("content-type", "a/b"),)),
    Bad("a form without a boundary", lambda: b"", headers=(("content-type", protocol.FORM),)),
    Bad(
        "an empty form",
        lambda: b"--a--",
        headers=(("content-type", "multipart/form-data; boundary=a"),),
    ),
]

DOCUMENTS = [
    document("not GraphQL", "SELECT * FROM products"),
    document("unclosed", "{ probe { word "),
    document("a null byte", "{ __typename \x00 }"),
    document("an escaped surrogate", '{ probe { word(text: "\\uD800") } }'),
    document("an escaped surrogate in braces", '{ probe { word(text: "\\u{DFFF}") } }'),
    document("unknown fields", "{ " + " ".join(f"nope{n}" for n in range(15)) + " }"),
    document("200 unknown fields", "{ probe {" + " ".join(f"n{n}" for n in range(200)) + "} }"),
    document("a long name", "{ " + "a" * 14_000 + " }"),
    document("a long enum value", "{ probe { word(colour: " + "A" * 14_000 + ") } }"),
    document("a wrong type", '{ probe { word(number: "1") } }'),
    document("an object for a string", '{ probe { word(text: {_ne: ""}) } }'),
    document("an unknown argument", "{ probe { word(txt: 1) } }"),
    document("240 equal arguments", "{ probe { word(" + "number: 1 " * 240 + ") } }"),
    document("an unknown operation name", "query A { __typename }", operationName="B"),
    document("no operation name", "query A { __typename } query B { __typename }"),
    document("two operations of one name", "query A { __typename } query A { __typename }"),
    document("200 anonymous operations", "{ __typename } " * 200),
    document("only a fragment", "fragment F on Query { __typename }"),
    document("only types", "type A { a: Int } " * 100),
    document("unused fragments", "{ __typename } " + fragments(100, lambda _: "__typename")),
    costly("5,000 unused fragments", "{__typename}" + "fragment F on Query{a}" * 5_000),
    costly("160 unused fragments", "{__typename}" + fragments(160, lambda _: "__typename")),
    document(
        "a fragment cycle",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    ),
    document("a fragment in itself", "{ ...A } fragment A on Query { probe { next { ...A } } }"),
    costly(
        "exponential fragments", "{...F0}" + fragments(60, lambda n: f"...F{n + 1} ...F{n + 1}")
    ),
    costly(
        "exponential fragments, not deep",
        "{ probe { ...P0 } }"
        + " ".join(f"fragment P{n} on Probe {{ ...P{n + 1} ...P{n + 1} }}" for n in range(14))
        + " fragment P14 on Probe { word }",
    ),
    costly("10,000 aliases", "{ " + " ".join(f"a{n}: __typename" for n in range(10_000)) + " }"),
    costly("16 aliases", "{ " + " ".join(f"a{n}: __typename" for n in range(16)) + " }"),
    costly(
        "aliases in fragments",
        "{ probe { ...A next { ...A } } } fragment A on Probe { "
        + " ".join(f"a{n}: word" for n in range(8))
        + " }",
    ),
    costly("21 root fields", "{ " + "probe { word } " * 21 + "}"),
    costly("6 root mutations", "mutation { " + "probeWrite " * 6 + "}"),
    costly("two guesses", "mutation { probeGuess probeGuess }"),
    costly("two guesses by aliases", "mutation { a: probeGuess b: probeGuess }"),
    costly(
        "a guess in a fragment",
        "mutation { probeGuess ...F } fragment F on Mutation { ...{ again: probeGuess } }",
    ),
    costly("guesses of two operations", "mutation A { probeGuess } mutation B { probeGuess }"),
    costly("one field 900 times", "{ probe {" + "word " * 900 + "} }"),
    costly("one field 400 times in fragments", "{ probe {" + "...{word}" * 190 + "} }"),
    costly("depth 9", "{ probe {" + nested("next {", 7, "word", "}") + "} }"),
    document("depth 500", "{ probe {" + nested("next {", 490, "word", "}") + "} }"),
    document("500 inline fragments deep", "{" + nested("...{", 330, "__typename", "}") + "}"),
    costly("100 inline fragments deep", "{" + nested("...{", 100, "__typename", "}") + "}"),
    document("a list 490 deep", "{ nodes(ids: " + nested("[", 490, "", "]") + ") { id } }"),
    document("a list 100 deep", "{ nodes(ids: " + nested("[", 100, "1", "]") + ") { id } }"),
    document(
        "an object 300 deep", "{ probe { word(input: " + nested("{inner:", 300, "1", "}") + ")}}"
    ),
    document(
        "an object 60 deep", "{ probe { word(input: " + nested("{inner:", 60, "1", "}") + ") } }"
    ),
    document("a type 490 deep", "query($a: " + nested("[", 490, "Int", "]") + ") { __typename }"),
    document(
        "a type 200 deep",
        "query($a: " + nested("[", 200, "Int", "]") + ") { probe { word(number: $a) } }",
    ),
    document(
        "240 variables", "query(" + "".join(f"$a{n}:ID " for n in range(240)) + "){__typename}"
    ),
    document("one variable 240 times", "query(" + "$a:ID " * 240 + ") { __typename }"),
    costly("ten directives", "{ __typename " + "@skip(if: true) " * 10 + "}"),
    costly("ten directives on a query", "query A " + "@a " * 10 + "{ __typename }"),
    costly("ten directives on a fragment", "{ ...F " + "@a " * 10 + "} fragment F on Query { a }"),
    costly("ten directives on a variable", "query($a: Int " + "@a " * 10 + ") { __typename }"),
    document("unknown directives", "{ " + "__typename @a @b @c @d @e " * 20 + "}"),
    costly("a 100,000-digit Int", "{ probe { word(number: " + "1" * 100_000 + ") } }"),
    document("a 14,000-digit Int", "{ probe { word(number: " + "1" * 14_000 + ") } }"),
    document("a 4,000-digit Int", "{ probe { word(number: " + "1" * 4_000 + ") } }"),
    costly("a query of 100 KB", "{ __typename }" + " " * 100_000),
    costly("7,000 comments", "#\n" * 7_000 + "{ __typename }"),
    document(
        "an introspection bomb",
        "{ __schema { types {" + nested("fields { type {", 8, "name", "} }") + "} } }",
    ),
    costly(
        "a deep introspection",
        "{ __schema { types { fields { type {" + nested("ofType {", 17, "name", "}") + "} } } } }",
    ),
    costly(
        "introspection three times",
        "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(3)) + " }",
    ),
    Bad("a subscription", lambda: ask("subscription { probeCount(to: 1) }")),
    document(
        "two subscriptions at once", "subscription { probeCount(to: 1) b: probeCount(to: 2) }"
    ),
]

VARIABLES = [
    document("a missing variable", NUMBER),
    document("a variable of the wrong type", NUMBER, {"n": "1"}),
    document("an object for a number", NUMBER, {"n": {"$gt": 0}}),
    document("a 100,000-digit variable", NUMBER, {"n": "1" * 100_000}),
    document("a number beyond 32 bits", NUMBER, {"n": 2**63}),
    document("a number beyond all", NUMBER, {"n": 10**300}),
    document("an object for an id", IDS, {"i": [{"$ne": None}]}),
    document("10,000 wrong ids", IDS, {"i": [{"$ne": None}] * 10_000}),
    document("500 KB of a wrong type", NUMBER, {"n": "a" * 500_000}),
    document("wrong non-ASCII text", NUMBER, {"n": "\N{PILE OF POO}\x01" * 50_000}),
    document("nested lists", IDS, {"i": json.loads(nested("[", 500, "1", "]"))}),
    document("a nested input object", DEEP, {"i": json.loads(nested('{"inner":', 400, "1", "}"))}),
    document("many unknown keys", DEEP, {"i": {f"k{n}": n for n in range(10_000)}}),
]


@pytest.fixture(scope="module")
def unconnected(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine without its stores: what is refused needs none."""
    file = tmp_path_factory.mktemp("hostile") / "engine.toml"
    file.write_text(PROBE)
    return Engine(load_settings(file))


@pytest.fixture
async def http(unconnected: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(cast("Any", create_app(unconnected)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        del client.headers["accept"]
        yield client


@contextmanager
def nothing_runs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No resolver runs, and nothing happens that is worth an error in the log."""
    before = Runs.count
    yield
    assert Runs.count == before, "a resolver ran"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def check_refusal(answer: httpx.Response, code: str) -> None:
    assert len(answer.content) <= MOST_BYTES, len(answer.content)
    assert "charset=utf-8" in answer.headers["content-type"]
    body = answer.json()
    assert body.keys() == {"errors"}
    assert 1 <= len(body["errors"]) <= MOST_ERRORS
    for error in body["errors"]:
        assert error["message"]
        assert error["extensions"] == {"code": code}
    assert "Traceback" not in answer.text
    assert 'File \\"' not in answer.text


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What the collector of this process does is no business of one request."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("compile_at", [None, 1], ids=["interpreted", "compiled"])
@pytest.mark.parametrize("bad", [*BODIES, *DOCUMENTS, *VARIABLES], ids=lambda bad: bad.name)
async def test_bad_input_is_refused(
    bad: Bad,
    compile_at: int | None,
    http: httpx.AsyncClient,
    unconnected: Engine,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unconnected.documents, "_compile_at", compile_at)
    spent = []
    made = bad.body()
    with nothing_runs(caplog):
        for accept in (GRAPHQL_JSON, GRAPHQL_JSON, JSON):
            unconnected.documents._kept.clear()
            content = made if isinstance(made, (bytes, str)) else bad.body()
            headers = {"accept": accept, **dict(bad.headers)}
            start = time.process_time()
            answer = await http.post("/graphql", content=content, headers=headers)
            spent.append(time.process_time() - start)
            expected = bad.status if accept == GRAPHQL_JSON else bad.json_status or bad.status
            assert answer.status_code == expected, answer.text
            check_refusal(answer, bad.code)
    assert statistics.median(spent) < MOST_SECONDS, spent


def test_there_are_enough_cases() -> None:
    names = [bad.name for bad in [*BODIES, *DOCUMENTS, *VARIABLES]]
    assert len(set(names)) == len(names) > 100


async def test_two_mutations_that_a_document_has_once_go_together(http: httpx.AsyncClient) -> None:
    before = Runs.count
    answer = await http.post(
        "/graphql", json={"query": "mutation { a: probeGuess probeGuessOtherwise }"}
    )
    assert answer.json() == {"data": {"a": before + 1, "probeGuessOtherwise": before + 2}}


@pytest.mark.parametrize(
    "bad",
    [bad for bad in [*DOCUMENTS, *VARIABLES] if "digit" in bad.name],
    ids=lambda bad: bad.name,
)
async def test_a_number_is_never_echoed_in_full(bad: Bad, http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", content=cast("bytes", bad.body()), headers=bad.headers)
    assert "1" * 600 not in answer.text


@pytest.mark.parametrize(
    "query_string",
    [
        "query=%ff",
        "query=%7B__typename%7D%00",
        "query=%ED%A0%80",
        "query=%7Bnope%7D",
        "query=%7B__typename%7D&variables=%5B",
        "query=%7B__typename%7D&variables=" + "%5B" * 20_000,
        "query=%7B__typename%7D&variables=1",
        "&".join(["a=b"] * 10_000) + "&query={__typename}",
        "query=" + "%7B" * 20_000,
        "query=" + "a" * 14_000,
        "query=subscription%7BprobeCount(to:1)%7D",
        "nonsense",
        "=",
        "query=%7B__typename%7D&operationName=" + "a" * 5_000,
    ],
    ids=lambda text: text[:40],
)
async def test_a_bad_query_string_is_refused(
    query_string: str, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with nothing_runs(caplog):
        answer = await http.get(f"/graphql?{query_string}", headers={"accept": GRAPHQL_JSON})
    assert answer.status_code == 400
    check_refusal(answer, answer.json()["errors"][0]["extensions"]["code"])


async def test_a_query_string_over_the_bound_is_414(http: httpx.AsyncClient) -> None:
    scope = {"query_string": b"query={__typename}&pad=" + b"a" * 1_000_000}

    async def app(original: Any, receive: Any, send: Any) -> None:
        await cast("Any", http._transport).app({**original, **scope}, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        answer = await client.get("/graphql")
    assert answer.status_code == 414
    check_refusal(answer, "BAD_REQUEST")


@pytest.mark.parametrize("name", ["extra", "x" * 3_000], ids=["short", "long"])
async def test_a_long_unknown_key_is_not_echoed(http: httpx.AsyncClient, name: str) -> None:
    variables = {"i": {"text": "a", name: "b" * 3_000}}
    headers = {"content-type": JSON, "accept": GRAPHQL_JSON}
    answer = await http.post("/graphql", content=ask(DEEP, variables), headers=headers)
    assert answer.status_code == 400
    check_refusal(answer, "BAD_REQUEST")


# What a client never sees, and what a log does.


async def execute(http: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await http.post("/graphql", json={"query": query}, headers=headers)


@pytest.mark.parametrize("field", ["breaks", "givesNonsense"])
async def test_an_unexpected_error_is_masked_and_logged(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    answer = await execute(http, f"{{ {field} }}")
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    (error,) = answer.json()["errors"]
    assert error["message"] == "internal error"
    assert error["path"] == [field]
    assert error["extensions"].keys() == {"code", "errorId"}
    assert error["extensions"]["code"] == "INTERNAL"
    assert SECRET not in answer.text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error["extensions"]["errorId"] in record.getMessage()
    assert record.exc_info is not None


async def test_a_deliberate_error_is_shown(http: httpx.AsyncClient) -> None:
    (error,) = (await execute(http, "{ refuses }")).json()["errors"]
    assert error["message"] == "the moon is full"
    assert error["extensions"] == {"code": "CONFLICT"}


async def test_a_store_that_is_down_is_unavailable(http: httpx.AsyncClient) -> None:
    answer = await execute(http, "{ storeIsDown }")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [("broken", 500, "INTERNAL"), ("unknown", 401, "UNAUTHENTICATED")],
)
async def test_authentication_that_fails_answers_as_graphql(
    http: httpx.AsyncClient, authorization: str, status: int, code: str
) -> None:
    answer = await execute(http, "{ who }", authorization=authorization)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert SECRET not in answer.text


# Operators as text.

OPERATORS = [
    '{"$gt": ""}',
    '{"$ne": null}',
    '{"$where": "sleep(1000)"}',
    '{"$regex": ".*"}',
    '[{"$gt": ""}]',
    '{"$or": [{}, {}]}',
    "$gt",
    "$where",
    "'; return true; //",
    "' || '1'=='1",
    "admin'--",
    "*",
    ".*",
    "^",
    "\x00",
    "a\x00b",
    "\r\nSET key value\r\n",
    "*1\r\n$8\r\nFLUSHALL\r\n",
    "../../etc/passwd",
    "${jndi:ldap://localhost}",
    "{{7*7}}",
    "%s%n",
    "<script>alert(1)</script>",
    "ffffffffffffffffffffffff",
    "UHJvZHVjdDp7IiRuZSI6MX0",
    "UHJvZHVjdDpmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY",
    "_id",
    "__proto__",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "",
    "a" * 10_000,
]

Place: TypeAlias = tuple[str, ...]


def leaves(type_: GraphQLInputType) -> Iterator[Place]:
    """The paths of the strings and ids inside an input type."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            for path in leaves(field.type):
                if not path or path[0] != name:
                    yield (name, *path)
    elif named.name in {"String", "ID"}:
        yield ()


def value(type_: GraphQLInputType, path: Place | None, payload: str) -> Any:
    """A value of a type: the payload at the path, elsewhere what is needed."""
    if isinstance(type_, GraphQLNonNull):
        return value(type_.of_type, path, payload)
    if isinstance(type_, GraphQLList):
        return [value(type_.of_type, path, payload)]
    if isinstance(type_, GraphQLInputObjectType):
        return {
            name: value(field.type, path[1:] if path and path[0] == name else None, payload)
            for name, field in type_.fields.items()
            if (path and path[0] == name) or is_required_input_field(field)
        }
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if path is not None:
        return payload
    return {"Int": 1, "Float": 1.0, "Boolean": True}.get(type_.name, "something")


@dataclass(frozen=True)
class Target:
    """A String or ID argument: the query that has it as its variables, and its place there."""

    query: str
    arguments: dict[str, GraphQLInputType]
    argument: str
    path: Place

    def variables(self, payload: str) -> dict[str, Any]:
        return {
            name: value(type_, self.path if name == self.argument else None, payload)
            for name, type_ in self.arguments.items()
        }


def targets(schema: GraphQLSchema) -> Iterator[Target]:
    """Every String and ID argument that can be reached from a root without arguments."""
    seen: set[str] = set()
    waiting: list[tuple[str, GraphQLObjectType, str, str]] = []
    for keyword, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        if root is not None:
            waiting.append((keyword, root, "", ""))
    while waiting:
        keyword, parent, before, after = waiting.pop(0)
        if parent.name in seen:
            continue
        seen.add(parent.name)
        for name, field in parent.fields.items():
            named = get_named_type(field.type)
            below = "{ __typename }" if is_composite_type(named) else ""
            needed = {n for n, a in field.args.items() if is_required_argument(a)}
            for argument, definition in field.args.items():
                for path in leaves(definition.type):
                    chosen = needed | {argument} | ({"first"} & field.args.keys())
                    types = {n: field.args[n].type for n in chosen}
                    variables = ", ".join(f"${n}: {t}" for n, t in types.items())
                    given = ", ".join(f"{n}: ${n}" for n in types)
                    query = f"{keyword}({variables}) {{ {before} {name}({given}) {below} {after} }}"
                    yield Target(query, types, argument, path)
            if isinstance(named, GraphQLObjectType) and not needed:
                first = "(first: 1)" if "first" in field.args else ""
                waiting.append((keyword, named, f"{before} {name}{first} {{", f"}} {after}"))


async def dump(engine: Engine) -> dict[str, list[Any]]:
    """Everything that is stored, but for the engine's own bookkeeping."""
    database = engine.storage.database
    return {
        name: await database[name].find().sort("_id").to_list()
        for name in sorted(await database.list_collection_names())
    }


@pytest.fixture
async def stocked(engine_for: EngineFor, tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine with three products that can be searched; its outbox and its jobs don't run."""
    engine = await engine_for()
    rows = [
        {
            "slug": f"p-{n}",
            "name": "P",
            "variants": [{"sku": f"S{n}", "prices": [{"amount": "1.00", "currency": "EUR"}]}],
            "categories": ["Clothing > Shoes"],
        }
        for n in range(3)
    ]
    importer = next(found for _, found in engine.importers() if found.noun == "products")
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    await import_file(importer, engine.context(), file, on_tally=lambda _tally: None)
    await engine.hooks.notify(lifecycle.startup, engine.context())

    async def is_indexed() -> bool:
        found = await answered(engine, '{ productSearch(query: "", first: 1) { totalCount } }')
        return bool(found["data"] == {"productSearch": {"totalCount": 3}})

    await until(is_indexed)
    yield engine
    await engine.hooks.notify_reversed(lifecycle.shutdown, engine.context())


@pytest.mark.gate
async def test_operators_as_text_find_and_change_nothing(
    stocked: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    found = list(targets(stocked.schema._schema))
    names = {
        (target.query.split("{", 1)[1].split("(")[0].strip(), target.argument) for target in found
    }
    assert {("product", "slug"), ("node", "id"), ("nodes", "ids"), ("variant", "sku")} <= names
    assert ("categoryCreate", "input") in names
    before = await dump(stocked)
    transport = httpx.ASGITransport(cast("Any", create_app(stocked)))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        for target in found:
            for payload in OPERATORS:
                body = {"query": target.query, "variables": target.variables(payload)}
                answer = await http.post("/graphql", json=body)
                check_harmless(answer, target, payload)
    assert await dump(stocked) == before
    # A busy machine may keep the feed of changes waiting, which it says and gets over.
    said = [record for record in caplog.records if record.name != "mercat.storage.changes"]
    assert not [record for record in said if record.levelno >= logging.WARNING]


def check_harmless(answer: httpx.Response, target: Target, payload: str) -> None:
    where = f"{target.query} {target.path} {payload[:50]!r}: {answer.text[:300]}"
    assert answer.status_code == 200, where
    body = answer.json()
    for error in body.get("errors", ()):
        assert error["extensions"]["code"] in set(ErrorCode) - {"INTERNAL", "UNAVAILABLE"}, where
    if target.query.startswith("query") and target.argument in {"id", "ids", "slug", "sku"}:
        data = body.get("data") or {}
        assert all(each in (None, [None]) for each in data.values()), where


# Memory.


def distinct(count: int) -> Iterable[str]:
    for n in range(count):
        yield f"query Q{n} {{ probe {{ {' '.join(f'a{k}: word' for k in range(n % 15))} word }} }}"
        yield f"query Q{n} {{ nope{n} }}"


def test_the_document_cache_stays_within_its_bound(unconnected: Engine) -> None:
    limits = unconnected.settings.graphql.model_copy(update={"document_cache_bytes": 1_000_000})
    documents = Documents(unconnected.schema._schema, limits, introspection=True)
    for text in distinct(1_000):
        get(documents, text)
    assert 0 < documents.bytes <= 1_000_000
    assert 10 < len(documents) < 2_000
    last = "query Q999 { nope999 }"
    assert last in documents._kept
    assert "query Q0 { nope0 }" not in documents._kept


SHAPES = {
    "small": [f"{{ a{n}: __typename }}" for n in range(200)],
    "usual": [
        f"query Q{n}($t: String!) {{ probe {{ word(text: $t) next {{ a: word b: word }} }} }}"
        for n in range(100)
    ],
    "arguments": [f"{{ a{n}: nodes(ids: [{'1,' * 900}]) {{ id }} }}" for n in range(20)],
    "directives": [
        f"{{ probe {{ {' '.join(f'w{n}: word @skip(if: true)' for n in range(14))} }} }} #{m}"
        for m in range(50)
    ],
    "comments": [f"{{ __typename }} # {n} {'long ' * 2_000}" for n in range(20)],
    "unknown": [f"{{ nope{n} {' '.join(f'f{k}' for k in range(200))} }}" for n in range(20)],
    "broken": [f"{{ a{n} {'a ' * 400}" for n in range(20)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_of_memory_is_not_far_below_what_is_used(
    unconnected: Engine, shape: str
) -> None:
    documents = Documents(
        unconnected.schema._schema, unconnected.settings.graphql, introspection=True
    )
    get(documents, "{ __typename }")
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    estimated = documents.bytes
    for text in SHAPES[shape]:
        get(documents, text)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used < 2 * (documents.bytes - estimated)


def get(documents: Documents, text: str) -> None:
    try:
        documents.get(text)
    except InvalidDocument as invalid:
        assert invalid.errors  # noqa: PT017  either will do here


async def test_a_refused_document_does_not_keep_the_request(unconnected: Engine) -> None:
    unconnected.documents._kept.clear()
    text = "{ nope }"
    for _ in range(2):
        with pytest.raises(InvalidDocument) as caught:
            unconnected.documents.get(text)
        assert all(error.__traceback__ is None for error in caught.value.errors)
        assert all(error.nodes is None for error in caught.value.errors)


# The transport: what a socket can send that no client library would.


def exchange(url: str, raw: bytes, *, more: Iterable[bytes] = (), wait: float = 3) -> bytes:
    """Send bytes and read until the server closes or falls silent."""
    address = urlsplit(url)
    received = b""
    with socket.create_connection((address.hostname or "", address.port or 0), wait) as link:
        try:
            link.sendall(raw)
            for chunk in more:
                link.sendall(chunk)
        except OSError:
            pass  # it has hung up on us, maybe with an answer
        try:
            while chunk := link.recv(65_536):
                received += chunk
                if complete(received):
                    break
        except OSError:
            pass
    return received


def complete(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def post(body: bytes, *headers: str, length: int | str | None = None) -> bytes:
    lines = ["POST /graphql HTTP/1.1", "Host: shop.test", "Content-Type: application/json"]
    if length is not None or not any("transfer" in header.lower() for header in headers):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


GOOD = b'{"query":"{__typename}"}'
RAW: dict[str, tuple[bytes, Iterable[bytes], set[int]]] = {
    "good": (post(GOOD), (), {200}),
    "declared 50 MB": (post(b"", length=50_000_000), [b"a" * 65_536] * 760, {413, 0}),
    "declared 50 MB, nothing sent": (post(b"", length=50_000_000), (), {413}),
    "chunked 50 MB": (
        post(b"", "Transfer-Encoding: chunked"),
        [b"10000\r\n" + b"a" * 65_536 + b"\r\n"] * 760,
        {413, 0},
    ),
    "chunked 2 MB": (
        post(b"", "Transfer-Encoding: chunked"),
        [*([b"10000\r\n" + b"a" * 65_536 + b"\r\n"] * 32), b"0\r\n\r\n"],
        {413},
    ),
    "chunked and good": (
        post(b"", "Transfer-Encoding: chunked"),
        [b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n\r\n"],
        {200},
    ),
    "length too short": (post(GOOD, length=5), (), {200, 400}),
    "length and chunked": (post(GOOD, "Transfer-Encoding: chunked", length=5), (), {400}),
    "two lengths": (post(GOOD, "Content-Length: 1"), (), {400}),
    "length of 5,000 digits": (post(GOOD, length="9" * 5_000), (), {400}),
    "negative length": (post(GOOD, length="-1"), (), {400}),
    "length that is no number": (post(GOOD, length="many"), (), {400}),
    "bad chunk": (post(b"zz\r\n{}\r\n", "Transfer-Encoding: chunked"), (), {400}),
    "two content types": (post(GOOD, "Content-Type: text/plain"), (), {415}),
    "two hosts": (post(GOOD, "Host: other.test"), (), {200, 400}),
    "a long accept": (post(GOOD, "Accept: " + "a/b," * 10_000), (), {431, 400}),
    "500 headers": (post(GOOD, *(f"X-{n}: {n}" for n in range(500))), (), {200, 400, 431}),
    "latin-1 in a header": (post(GOOD, "X-Name: \xff\xfe", "Accept: \xb2"), (), {406}),
    "a null in a header": (post(GOOD, "X-Name: a\x00b"), (), {400}),
    "raw bytes in the query string": (
        b"GET /graphql?query=\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        (),
        {400},
    ),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (), {400}),
    "half a request line": (b"GET /graphql", (), {0}),
    "two requests": (post(GOOD) + post(GOOD), (), {200}),
}


def status(received: bytes) -> int:
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/") else 0


@pytest.mark.gate
def test_the_server_survives_what_a_socket_can_send(serve: Serve) -> None:
    with serve() as server:
        url = server.url.replace("localhost", "127.0.0.1")
        for name, (raw, more, expected) in RAW.items():
            wait = 0.3 if expected == {0} else 5
            received = exchange(url, raw, more=more, wait=wait)
            assert status(received) in expected, (name, received[:300])
            assert b"Traceback" not in received, name
            assert not received.lower().count(b"\r\nserver:"), name
        slow = [open_slowly(url) for _ in range(20)]
        start = time.monotonic()
        answer = httpx.post(f"{url}/graphql", json={"query": "{ __typename }"})
        assert answer.json() == {"data": {"__typename": "Query"}}
        assert time.monotonic() - start < 2, "slow bodies hold up the others"
        for link in slow:
            link.close()


def open_slowly(url: str) -> socket.socket:
    address = urlsplit(url)
    link = socket.create_connection((address.hostname or "", address.port or 0))
    link.sendall(post(b'{"query"', length=100))
    return link
