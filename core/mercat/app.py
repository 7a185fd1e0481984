"""The Litestar application of an engine."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, asgi, get
from litestar.config.cors import CORSConfig
from litestar.datastructures import ResponseHeader
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from mercat import lifecycle
from mercat.engine import Engine
from mercat.errors import StoreError
from mercat.graphql import ide
from mercat.graphql.admission import Admission
from mercat.graphql.endpoint import Endpoint
from mercat.graphql.streams import StrawberryView
from mercat.lifecycle import Operation
from mercat.metrics import CONTENT_TYPE, Metrics
from mercat.settings import load_settings

DEMO_VARIABLE = "MERCAT_RUN_DEMO"
CONFIG_VARIABLE = "MERCAT_CONFIG"

_logger = logging.getLogger(__name__)

_FIRST_OPERATIONS = (
    Operation(
        "The shop", "query Shop {\n  shop {\n    name\n    currencies\n    locales\n  }\n}\n"
    ),
)


def create_app(engine: Engine) -> Litestar:
    """The application that serves one engine: `/graphql`, `/health`, and the plugins' routes."""
    settings = engine.settings
    plugin_routes = [
        route for _, routes in engine.hooks.gather(lifecycle.routes, engine) for route in routes
    ]
    handlers: list[ControllerRouterHandler] = [_graphql(engine), _health(engine), *plugin_routes]
    if settings.graphiql:
        handlers.append(ide.static_files())
    if settings.server.metrics:
        handlers.append(_metrics(engine))

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await engine.start()
        try:
            yield
        finally:
            await engine.stop()

    origins = list(settings.server.cors_origins)
    return Litestar(
        handlers,
        lifespan=[lifespan],
        openapi_config=None,
        response_headers=[ResponseHeader(name="X-Content-Type-Options", value="nosniff")],
        cors_config=CORSConfig(allow_origins=origins) if origins else None,
        request_max_body_size=settings.server.max_body_bytes,
        logging_config=None,
    )


def app_from_environment() -> Litestar:
    """The application of a worker process; `MERCAT_CONFIG` names its engine.toml."""
    _end_with_parent()
    config = os.environ.get(CONFIG_VARIABLE)
    settings = load_settings(Path(config) if config else None)
    return create_app(Engine(settings, demo=os.environ.get(DEMO_VARIABLE) == "1"))


def _end_with_parent() -> None:
    """Stop this worker in order once the process that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="wait-for-parent", daemon=True).start()


def _graphql(engine: Engine) -> ControllerRouterHandler:
    origins = engine.settings.server.cors_origins
    operations = [
        *_FIRST_OPERATIONS,
        *(
            operation
            for _, found in engine.hooks.gather(lifecycle.ready_operations)
            for operation in found
        ),
    ]
    page = ide.page(f"{engine.settings.shop.name} GraphiQL", operations)
    endpoint = Endpoint(
        engine.context(),
        engine.documents,
        StrawberryView(engine.schema, [origin for origin in origins if origin != "*"]),
        admission=_admission(engine),
        max_body_bytes=engine.settings.server.max_body_bytes,
        page=(lambda: (page, ide.CONTENT_SECURITY_POLICY)) if engine.settings.graphiql else None,
    )

    @asgi("/graphql", copy_scope=False)
    async def graphql(scope: Scope, receive: Receive, send: Send) -> None:
        await endpoint(scope, receive, send)

    return graphql


def _admission(engine: Engine) -> Admission:
    return engine.own(Admission, engine.settings.server)


def _health(engine: Engine) -> ControllerRouterHandler:
    @get("/health")
    async def health(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
        """Whether this process serves and its stores answer: 200 or 503."""
        del request
        try:
            await engine.storage.ping()
        except StoreError as error:
            _logger.warning("not healthy: %s", error)
            return Response({"status": "unavailable"}, status_code=503)
        return Response({"status": "ok"})

    return health


def _metrics(engine: Engine) -> ControllerRouterHandler:
    found = Metrics(engine.documents, engine.answers, _admission(engine))

    @get("/metrics", media_type=CONTENT_TYPE)
    async def metrics() -> bytes:
        """What this process has counted, for Prometheus."""
        return found.text()

    return metrics
