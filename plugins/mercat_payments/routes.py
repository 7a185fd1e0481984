"""`POST /payments/{provider}/webhook`: where a provider sends its messages to."""

import logging
from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, Response, post
from litestar.params import PathParameter
from litestar.types import ControllerRouterHandler

from mercat.errors import InvalidError, NotFoundError
from mercat.graphql.bodies import read_chunks
from mercat.graphql.protocol import HTTPError, read_headers
from mercat_payments import inbox

if TYPE_CHECKING:
    from mercat.engine import Engine

LARGEST = 262_144
"""Of a message, in bytes; Stripe's and PayPal's are a few thousand."""

_logger = logging.getLogger(__name__)

Code = Annotated[str, PathParameter()]


def webhook_route(engine: "Engine") -> ControllerRouterHandler:
    """200 once a message is written down; 400 for a forged one, 404 where nobody takes it."""

    @post("/payments/{provider:str}/webhook", status_code=200)
    async def take_message(request: Request[Any, Any, Any], provider: Code) -> Response[str]:
        try:
            chunks = read_chunks(request.receive, request.headers, LARGEST)
            raw = b"".join([chunk async for chunk in chunks])
            headers = read_headers(request.scope["headers"])
            await inbox.receive(engine.context(), provider, raw, headers)
        except HTTPError as error:
            return _answer(error.status, str(error))
        except NotFoundError as error:
            return _answer(404, str(error))
        except InvalidError as error:
            return _answer(400, str(error))
        return _answer(200, "")

    return take_message


def _answer(status: int, words: str) -> Response[str]:
    return Response(words, status_code=status, media_type="text/plain")
