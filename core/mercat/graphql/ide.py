"""The GraphiQL page and the files that it loads, all of them from the engine itself."""

import json
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

if TYPE_CHECKING:
    from mercat.lifecycle import Operation

STATIC_PATH = "/graphql/static"

# GraphiQL's menus and dialogs add a style element, hence the one `unsafe-inline`.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src data:; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_FOLDER = Path(__file__).parent / "static" / "graphiql"
_YEAR = 365 * 24 * 60 * 60

# Every address is relative, so that the page works behind a proxy that adds a prefix.
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$graphiql_css">
<link rel="stylesheet" href="$own_css">
<script defer src="$react"></script>
<script defer src="$react_dom"></script>
<script defer src="$graphiql"></script>
<script defer src="$own"></script>
</head>
<body>
<div id="graphiql"><p class="notice">Loading GraphiQL, which needs JavaScript.</p></div>
<script type="application/json" id="settings">$settings</script>
</body>
</html>
""")


def page(title: str, operations: "Sequence[Operation]") -> bytes:
    """Render GraphiQL for `/graphql`, with the operations in its list of ready ones."""
    html = _PAGE.substitute(
        title=escape(title),
        graphiql_css=_address("graphiql.min.css"),
        own_css=_address("mercat-graphiql.css"),
        react=_address("react.production.min.js"),
        react_dom=_address("react-dom.production.min.js"),
        graphiql=_address("graphiql.min.js"),
        own=_address("mercat-graphiql.js"),
        settings=_settings(operations),
    )
    return html.encode()


def static_files() -> Router:
    """Serve the page's files; a browser keeps them, as their addresses change with them."""
    return create_static_files_router(
        path=STATIC_PATH,
        directories=[_FOLDER],
        name="graphiql",
        cache_control=CacheControlHeader(public=True, max_age=_YEAR, immutable=True),
    )


def _address(name: str) -> str:
    digest = sha256((_FOLDER / name).read_bytes()).hexdigest()
    return f"{STATIC_PATH.removeprefix('/')}/{name}?v={digest[:12]}"


def _settings(operations: "Sequence[Operation]") -> str:
    settings = {
        "endpoint": "graphql",
        "operations": [{"title": each.title, "document": each.document} for each in operations],
    }
    return json.dumps(settings).replace("<", r"\u003c")
