"""GraphQL over HTTP: what a request asks and which content type its answer has.

After the GraphQL over HTTP specification (working draft, https://graphql.github.io/graphql-over-http).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import GraphQLError

from mercat.graphql.errors import ErrorCode, refusal
from mercat.graphql.forms import MOST_FILES, Form

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"
FORM = "multipart/form-data"

_ANSWERS = {
    GRAPHQL_JSON: GRAPHQL_JSON,
    JSON: JSON,
    EVENTS: EVENTS,
    "application/*": GRAPHQL_JSON,
    "*/*": JSON,
}
_LONGEST_ACCEPT = 1_000
_LONGEST_NAME = 200
_SHORT = 4_000  # bytes of a query string that is read once where it is asked again


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
    Clients name `text/event-stream` last where they can take it and first where they want it.
    """
    if not accept or accept == "*/*":
        return JSON
    if len(accept) > _LONGEST_ACCEPT:
        raise HTTPError(431, f"the Accept header is longer than {_LONGEST_ACCEPT} bytes")
    return _accepted(accept)


@lru_cache(maxsize=256)
def _accepted(accept: str) -> str | None:
    best: tuple[float, int, str] | None = None
    for index, part in enumerate(accept.split(",")):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        chosen = _ANSWERS.get(media_type)
        quality = _quality(parameters)
        if chosen and quality > 0 and _is_utf8(parameters):
            rank = (quality, -index, chosen)
            best = rank if best is None or rank > best else best
    return best[2] if best else None


def wants_page(accept: str) -> bool:
    """Whether a browser asks: HTML comes before any JSON in `Accept`."""
    html = accept.find(HTML)
    json = accept.find("json")
    return html >= 0 and (json < 0 or html < json)


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                return 0
            return quality if 0 <= quality <= 1 else 0
    return 1


def _is_utf8(parameters: Iterable[str]) -> bool:
    return all(
        parameter.split("=", 1)[1].strip('"') in {"utf-8", "utf8"}
        for parameter in parameters
        if parameter.startswith("charset=")
    )


def check_content_type(content_type: str) -> None:
    """Refuse a body that isn't JSON in UTF-8. Raises HTTPError."""
    if content_type == JSON:
        return
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type != JSON:
        raise HTTPError(415, f"the body must be {JSON}, and its Content-Type must say so")
    if not _is_utf8(parameters):
        raise HTTPError(415, "the body must be UTF-8")


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; one sent several times has its values joined by commas.

    Cookies are joined by a semicolon (RFC 9113, 8.2.3): a comma may be part of one.
    """
    pairs = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in raw]
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers.clear()
        for key, value in pairs:
            between = "; " if key == "cookie" else ", "
            headers[key] = f"{headers[key]}{between}{value}" if key in headers else value
    return headers


def read_body(body: bytes) -> Request:
    """Read a POST's body. Raises HTTPError saying what is wrong with it."""
    parameters = _json(body, "the body")
    return _request(parameters if isinstance(parameters, dict) else _object(parameters))


def read_query_string(query_string: bytes) -> Request:
    """Read a GET's parameters. Raises HTTPError saying what is wrong with them."""
    if len(query_string) <= _SHORT:
        return _read_short(query_string)
    return _read_parameters(query_string)


@lru_cache(maxsize=256)
def _read_short(query_string: bytes) -> Request:
    return _read_parameters(query_string)


def _read_parameters(query_string: bytes) -> Request:
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
            parameters[name] = _json(parameters[name], f"`{name}`")
        else:
            parameters.pop(name, None)
    return _request(parameters)


def form_request(form: Form) -> Request:
    """What a form asks, after the GraphQL multipart request specification.

    https://github.com/jaydenseric/graphql-multipart-request-spec. Raises HTTPError.
    """
    operations = _object(_part_json(form, "operations"))
    places = _part_json(form, "map")
    if not isinstance(places, dict):
        raise HTTPError(400, "`map` must be an object")
    for name, paths in places.items():
        if name not in form.files:
            raise HTTPError(400, f"the form has no file '{name[:100]}'")
        if not isinstance(paths, list) or len(paths) > MOST_FILES:
            raise HTTPError(400, f"`map` must have a list of paths for '{name[:100]}'")
        for path in paths:
            _put(operations, path, form.files[name])
    return _request(operations)


def _part_json(form: Form, name: str) -> Any:
    return _json(form.texts.get(name, b""), f"`{name}`")


def _put(operations: dict[str, Any], path: Any, file: Any) -> None:
    """Replace the null at a path such as `variables.files.0`."""
    try:
        *way, last = path.split(".")
        target: Any = operations
        for step in way:
            target = target[int(step) if isinstance(target, list) else step]
        place = int(last) if isinstance(target, list) else last
        if way and way[0] == "variables" and target[place] is None:
            target[place] = file
            return
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        pass
    raise HTTPError(400, f"`map` names '{str(path)[:100]}', where `operations` has no null")


def _json(text: Any, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, f"{what} is not JSON: {str(error)[:100]}") from None


def _object(parameters: Any) -> dict[str, Any]:
    if isinstance(parameters, list):
        raise HTTPError(400, "batches of operations are not taken; send one at a time")
    if not isinstance(parameters, dict):
        raise HTTPError(400, "the body must be a JSON object with a `query`")
    return parameters


def _request(parameters: Mapping[str, Any]) -> Request:
    query = parameters.get("query")
    if not isinstance(query, str) or not query:
        raise HTTPError(400, "`query` must be a string with a GraphQL document")
    name = parameters.get("operationName")
    if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME):
        raise HTTPError(400, "`operationName` must be a short string or null")
    for key in ("variables", "extensions"):
        value = parameters.get(key)
        if value is not None and not isinstance(value, dict):
            raise HTTPError(400, f"`{key}` must be an object or null")
    return Request(query, name or None, parameters.get("variables"), parameters.get("extensions"))
