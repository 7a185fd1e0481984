"""`POST /tickets/inbound`: where a mail provider sends the mails to that come in."""

from typing import TYPE_CHECKING, Any

from litestar import Request, Response, post
from litestar.types import ControllerRouterHandler

from mercat.context import ANONYMOUS
from mercat.errors import InvalidError
from mercat.graphql.bodies import read_chunks
from mercat.graphql.protocol import HTTPError, read_headers
from mercat_tickets.inbound.receiving import receive
from mercat_tickets.inbound.signatures import SignatureError
from mercat_tickets.settings import TicketSettings

if TYPE_CHECKING:
    from mercat.engine import Engine


def inbound_route(engine: "Engine") -> ControllerRouterHandler:
    """200 once a mail is a ticket, a reply, or ignored; 401 for a forged one, 400 for no mail."""

    @post("/tickets/inbound", status_code=200)
    async def take_mail(request: Request[Any, Any, Any]) -> Response[str]:
        settings = engine.plugin_settings(TicketSettings).inbound
        if settings is None:
            return _answer(404, "no mails come in here; set [plugins.tickets.inbound]")
        try:
            chunks = read_chunks(request.receive, request.headers, settings.max_bytes)
            raw = b"".join([chunk async for chunk in chunks])
            headers = read_headers(request.scope["headers"])
            return _answer(200, await receive(engine.context(ANONYMOUS), settings, raw, headers))
        except HTTPError as error:
            return _answer(error.status, str(error))
        except SignatureError as error:
            return _answer(401, str(error))
        except InvalidError as error:
            return _answer(400, str(error))

    return take_mail


def _answer(status: int, words: str) -> Response[str]:
    return Response(words, status_code=status, media_type="text/plain")
