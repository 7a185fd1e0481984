"""GraphQL over HTTP: what a request asks and which content type its answer has.

After the GraphQL over HTTP specification (working draft, https://graphql.github.io/graphql-over-http).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import GraphQLError

from mercat.graphql.errors import ErrorCode, refusal

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
_LONGEST_NAME = 200


class HTTPError(Exception):
    """A request that isn't GraphQL over HTTP: a status, a sentence, and headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: ErrorCode = ErrorCode.BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: GraphQLError = refusal(message, code)
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Request:
    """The four parameters of GraphQL over HTTP."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def accepted(accept: str) -> str | None:
    """The content type of the answer, by the `Accept` header (RFC 9110, 12.5.1); None for none.

    `application/json` where the client doesn't say, as servers answered before the specification.
    """
    if not accept or accept == "*/*":
        return JSON
    best: tuple[float, int, str] | None = None
    for index, part in enumerate(accept.split(",")):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        chosen = {
            GRAPHQL_JSON: GRAPHQL_JSON, JSON: JSON, "*/*": JSON, "application/*": GRAPHQL_JSON
        }.get(media_type)
        if chosen and quality > 0 and _is_utf8(parameters):
            rank = (quality, -index, chosen)
            best = rank if best is None or rank > best else best
    return best[2] if best else None


def wants_page(accept: str) -> bool:
    """Whether a browser asks: HTML comes before any JSON in `Accept`."""
    html = accept.find(HTML)
    json = accept.find("json")
    return html >= 0 and (json < 0 or html < json)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0
    return 1


def _is_utf8(parameters: list[str]) -> bool:
    return all(
        parameter.split("=", 1)[1].strip('"') in {"utf-8", "utf8"}
        for parameter in parameters
        if parameter.startswith("charset=")
    )


def read_body(body: bytes) -> Request:
    """Read a POST's body. Raises HTTPError saying what is wrong with it."""
    try:
        parameters = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, f"the body is not JSON: {str(error)[:100]}") from None
    if isinstance(parameters, list):
        raise HTTPError(400, "batches of operations are not taken; send one at a time")
    if not isinstance(parameters, dict):
        raise HTTPError(400, "the body must be a JSON object with a `query`")
    return _request(parameters)


def read_query_string(query_string: bytes) -> Request:
    """Read a GET's parameters. Raises HTTPError saying what is wrong with them."""
    try:
        parameters: dict[str, Any] = dict(
            parse_qsl(
                query_string.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=50,
            )
        )
    except (UnicodeError, ValueError):
        raise HTTPError(400, "the query string is not UTF-8, or has too many fields") from None
    for name in ("variables", "extensions"):
        if parameters.get(name):
            try:
                parameters[name] = orjson.loads(parameters[name])
            except orjson.JSONDecodeError as error:
                raise HTTPError(400, f"`{name}` is not JSON: {str(error)[:100]}") from None
        else:
            parameters.pop(name, None)
    if not parameters.get("operationName"):
        parameters.pop("operationName", None)
    return _request(parameters)


def _request(parameters: Mapping[str, Any]) -> Request:
    query = parameters.get("query")
    if not isinstance(query, str) or not query:
        raise HTTPError(400, "`query` must be a string with a GraphQL document")
    name = parameters.get("operationName")
    if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME):
        raise HTTPError(400, "`operationName` must be a short string or null")
    for key in ("variables", "extensions"):
        if not isinstance(parameters.get(key), dict | None):
            raise HTTPError(400, f"`{key}` must be an object or null")
    return Request(query, name, parameters.get("variables"), parameters.get("extensions"))
