"""GraphQL over HTTP, by the specification's audit and by what it leaves open."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import parse, validate

from mercat import lifecycle
from mercat.app import _FIRST_OPERATIONS
from mercat.engine import Engine
from mercat.graphql.ide import CONTENT_SECURITY_POLICY

from .conftest import Client, ClientFor, EngineFor, Serve

NODE = Path(__file__).parent / "node"
GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PRODUCTION = '[plugins]\nenabled = ["media", "products", "categories"]\n[shop]\nproduction = true\n'
INVALID = "{ nope }"


@pytest.fixture(scope="module")
def engine(shared_engine: Engine) -> Engine:
    return shared_engine


@pytest.fixture
def http(client: Client) -> httpx.AsyncClient:
    return client.http


@pytest.fixture
async def production(shared_engine_for: EngineFor, client_for: ClientFor) -> httpx.AsyncClient:
    return client_for(await shared_engine_for(PRODUCTION)).http


@pytest.fixture
def audit() -> Callable[[str], list[dict[str, Any]]]:
    """Run the audit of graphql-http; skips where Node or the package isn't installed."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "graphql-http").is_dir():
        pytest.skip("needs node, and `npm install --no-package-lock --prefix tests/node`")

    def run(url: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [node, "audit.mjs", url], cwd=NODE, capture_output=True, timeout=60, check=True
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


def test_the_audit_of_graphql_over_http_passes(
    serve: Serve, audit: Callable[[str], list[dict[str, Any]]]
) -> None:
    with serve() as server:
        results = audit(f"{server.url}/graphql")
        answer = httpx.get(f"{server.url}/graphql?query={{__typename}}")
    assert len(results) == 61
    assert [found for found in results if found["status"] != "ok"] == []
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        ("application/*", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.8, {JSON};q=0.9", JSON),
        (f"{GRAPHQL_JSON};q=0, {JSON};q=0.1", JSON),
        (f"text/plain, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{JSON};charset=utf-8", JSON),
        (f"{JSON};charset=UTF-8", JSON),
        (f"{GRAPHQL_JSON}, application/graphql+json, {JSON}, text/event-stream", GRAPHQL_JSON),
        (f"{JSON};q=nan, {GRAPHQL_JSON};q=0.1", GRAPHQL_JSON),
    ],
)
async def test_accept_chooses_the_content_type(
    http: httpx.AsyncClient, accept: str | None, expected: str
) -> None:
    del http.headers["accept"]
    headers = {"accept": accept} if accept else {}
    answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
    assert answer.headers["vary"] == "accept, accept-language, authorization, cookie"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "image/png, text/css", f"{JSON};q=0", f"{JSON};charset=iso-8859-1", "json", ";"],
)
async def test_an_answer_nobody_accepts_is_406(http: httpx.AsyncClient, accept: str) -> None:
    answer = await http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"accept": accept}
    )
    assert answer.status_code == 406
    assert GRAPHQL_JSON in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "application/json; charset=iso-8859-1",
        "application/jsonp",
        "",
    ],
)
async def test_a_body_that_is_not_json_is_415(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post(
        "/graphql", content='{"query":"{__typename}"}', headers={"content-type": content_type}
    )
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json;charset=utf-8", 'Application/JSON; Charset="UTF-8"'],
)
async def test_json_in_utf8_is_taken(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post(
        "/graphql",
        content='{"query":"{product(slug:\\"für\\"){id}}"}'.encode(),
        headers={"content-type": content_type},
    )
    assert answer.json() == {"data": {"product": None}}


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL_JSON, 400)])
@pytest.mark.parametrize("query", ["{", INVALID, "query A { __typename } query B { __typename }"])
async def test_request_errors_have_the_status_of_their_content_type(
    http: httpx.AsyncClient, accept: str, status: int, query: str
) -> None:
    answer = await http.post("/graphql", json={"query": query}, headers={"accept": accept})
    assert answer.status_code == status
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_variable_of_the_wrong_type_is_a_request_error(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/graphql",
        json={
            "query": "query ($n: Int!) { categories(first: $n) { totalCount } }",
            "variables": {"n": "many"},
        },
        headers={"accept": GRAPHQL_JSON},
    )
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert "$n" in answer.json()["errors"][0]["message"]


async def test_an_operation_is_chosen_by_its_name(client: Client) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    answer = await client.http.post("/graphql", json={"query": query, "operationName": "B"})
    assert answer.json() == {"data": {"b": "Query"}}
    answer = await client.http.post("/graphql", json={"query": query})
    assert "operationName" in answer.json()["errors"][0]["message"]
    answer = await client.http.post("/graphql", json={"query": query, "operationName": "C"})
    assert "'C'" in answer.json()["errors"][0]["message"]
    answer = await client.http.post(
        "/graphql", json={"query": "query A { a: __typename }", "operationName": ""}
    )
    assert answer.json() == {"data": {"a": "Query"}}


async def test_a_query_goes_over_get(http: httpx.AsyncClient) -> None:
    answer = await http.get(
        "/graphql",
        params={
            "query": "query A($s: String) { product(slug: $s) { id } } query B { __typename }",
            "operationName": "A",
            "variables": json.dumps({"s": "nothing"}),
            "extensions": "{}",
        },
    )
    assert answer.json() == {"data": {"product": None}}


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "{__typename}", "variables": "{"}, "variables"),
        ({"query": "{__typename}", "variables": "[1]"}, "variables"),
        ({"query": "{__typename}", "extensions": "1"}, "extensions"),
    ],
)
async def test_wrong_parameters_of_a_get_are_400(
    http: httpx.AsyncClient, params: dict[str, str], word: str
) -> None:
    answer = await http.get("/graphql", params=params)
    assert answer.status_code == 400
    assert f"`{word}`" in answer.json()["errors"][0]["message"]


async def test_a_mutation_is_not_taken_over_get(http: httpx.AsyncClient) -> None:
    query = 'mutation { categoryCreate(input: {name: "A"}) { category { id } } }'
    answer = await http.get("/graphql", params={"query": query})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert "POST" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY"])
async def test_other_methods_are_405(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/graphql")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


async def test_a_browser_gets_graphiql(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql", headers={"accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    files = re.findall(r'(?:src|href)="(graphql/static/[^"]+)"', answer.text)
    assert len(files) == 6
    for file in files:
        assert (await http.get(f"/{file}")).status_code == 200


async def test_a_browser_that_asks_gets_json(http: httpx.AsyncClient) -> None:
    answer = await http.get(
        "/graphql", params={"query": "{ __typename }"}, headers={"accept": BROWSER}
    )
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_ready_operations_are_valid(engine: Engine) -> None:
    found = [
        operation
        for _, operations in engine.hooks.gather(lifecycle.ready_operations)
        for operation in operations
    ]
    assert found
    for operation in [*_FIRST_OPERATIONS, *found]:
        schema = engine.schema._schema
        assert validate(schema, parse(operation.document)) == [], operation.title
        assert engine.documents.get(operation.document), operation.title


async def test_without_cors_origins_no_page_elsewhere_may_read(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"origin": "https://elsewhere.test"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = await http.options(
        "/graphql",
        headers={"origin": "https://elsewhere.test", "access-control-request-method": "POST"},
    )
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


async def test_cors_origins_may_read(engine_for: EngineFor, client_for: ClientFor) -> None:
    http = client_for(await engine_for(server={"cors_origins": ["https://shop.example"]})).http
    for origin, allowed in [("https://shop.example", True), ("https://shop.example.evil", False)]:
        answer = await http.post(
            "/graphql", json={"query": "{ __typename }"}, headers={"origin": origin}
        )
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        preflight = await http.options(
            "/graphql",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "content-type",
            },
        )
        assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed


async def test_introspection_is_on_in_development(client: Client) -> None:
    data = await client.data("{ __schema { queryType { name } } }")
    assert data == {"__schema": {"queryType": {"name": "Query"}}}


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Query") { name } }',
        "{ ...A } fragment A on Query { x: __schema { queryType { name } } }",
    ],
)
async def test_introspection_is_off_in_production(
    production: httpx.AsyncClient, query: str
) -> None:
    answer = await production.post("/graphql", json={"query": query})
    assert answer.json() == {
        "errors": [
            {
                "message": "introspection is turned off here",
                "extensions": {"code": "BAD_REQUEST"},
            }
        ]
    }
    answer = await production.post("/graphql", json={"query": "{ __typename }"})
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_graphiql_is_off_in_production(production: httpx.AsyncClient) -> None:
    answer = await production.get("/graphql", headers={"accept": BROWSER})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    static = await production.get("/graphql/static/graphiql.min.js")
    assert static.status_code == 404


SUGGESTING: list[tuple[str, dict[str, Any] | None]] = [
    ("{ produts(first: 1) { totalCount } }", None),
    ("{ products(frist: 1) { totalCount } }", None),
    ("{ products(first: 1, sort: NEWST) { totalCount } }", None),
    ("query ($s: ProductSrt) { __typename }", None),
    ("{ ... on Qery { __typename } }", None),
    (
        "query ($s: ProductSort!) { products(first: 1, sort: $s) { totalCount } }",
        {"s": "NEWST"},
    ),
    (
        "mutation ($i: CategoryCreateInput!) { categoryCreate(input: $i) { __typename } }",
        {"i": {"name": "A", "descripton": "B"}},
    ),
]


async def test_names_are_suggested_only_in_development(
    client: Client, production: httpx.AsyncClient
) -> None:
    for query, variables in SUGGESTING:
        body = {"query": query, "variables": variables}
        here = await client.http.post("/graphql", json=body)
        there = await production.post("/graphql", json=body)
        assert "Did you mean" in here.text, query
        assert "errors" in there.json(), query
        assert "Did you mean" not in there.text, query


async def test_headers_sent_twice_are_joined(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/graphql",
        content=b'{"query":"{__typename}"}',
        headers=[("content-type", JSON), ("accept", "text/plain"), ("accept", GRAPHQL_JSON)],
    )
    assert answer.headers["content-type"].startswith(GRAPHQL_JSON)
