"""`GET /orders/{number}/invoice.pdf` and `packing-slip.pdf`, with the credentials of `/graphql`."""

import logging
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.params import PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from mercat.auth import identify
from mercat.context import Context
from mercat.errors import AccessError, ConflictError, InvalidError, NotFoundError
from mercat.graphql.protocol import read_headers
from mercat_orders.papers.printing import BusyError, PrintingError
from mercat_orders.papers.reading import Paper, Wanted, invoice, packing_slip
from mercat_products.sellers import seller_key

if TYPE_CHECKING:
    from mercat.engine import Engine

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_AGAIN = {"Retry-After": "60"}

_logger = logging.getLogger(__name__)

Asked = Annotated[str | None, QueryParameter()]
Number = Annotated[str, PathParameter()]


def invoice_route(engine: "Engine") -> ControllerRouterHandler:
    """The invoice of a seller's part of an order; 404 for who may not see it, as for none."""

    @get("/orders/{number:str}/invoice.pdf")
    async def show_invoice(
        request: Request[Any, Any, Any], number: Number, seller: Asked = None, secret: Asked = None
    ) -> Response[bytes]:
        context = await _viewing(engine, request)
        return await _answer(invoice(context, _wanted(number, seller, secret)))

    return show_invoice


def packing_slip_route(engine: "Engine") -> ControllerRouterHandler:
    """The packing slip of a parcel, or of a seller's part of an order; 404 as for invoices."""

    @get("/orders/{number:str}/packing-slip.pdf")
    async def show_packing_slip(
        request: Request[Any, Any, Any],
        number: Number,
        seller: Asked = None,
        secret: Asked = None,
        fulfilment: Asked = None,
    ) -> Response[bytes]:
        context = await _viewing(engine, request)
        return await _answer(packing_slip(context, _wanted(number, seller, secret), fulfilment))

    return show_packing_slip


async def _viewing(engine: "Engine", request: Request[Any, Any, Any]) -> Context:
    context = Context(engine)
    try:
        await identify(context, read_headers(request.scope["headers"]), request.scope)
    except AccessError:
        raise NotFoundException from None
    return context


def _wanted(number: str, seller: str | None, secret: str | None) -> Wanted:
    try:
        return Wanted(number, seller_key(seller), secret)
    except InvalidError:
        raise NotFoundException from None


async def _answer(printing: Awaitable[Paper]) -> Response[bytes]:
    try:
        paper = await printing
    except (NotFoundError, InvalidError):
        raise NotFoundException from None
    except (BusyError, ConflictError) as error:
        raise ServiceUnavailableException(str(error), headers=_AGAIN) from None
    except PrintingError as error:
        _logger.error("a paper was not printed: %s", error)  # noqa: TRY400  nothing personal
        raise ServiceUnavailableException("this can't be printed now", headers=_AGAIN) from None
    name = _UNSAFE.sub("-", paper.name).strip("-.")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(paper.pdf, media_type="application/pdf", headers=headers)
