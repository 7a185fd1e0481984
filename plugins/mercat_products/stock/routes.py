"""`GET /reports/stock.csv`: asked with the same credentials as `/graphql`."""

from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, get
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    PermissionDeniedException,
)
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from mercat.auth import identify
from mercat.context import ANONYMOUS, Context
from mercat.errors import InvalidError
from mercat.graphql.protocol import read_headers
from mercat_products.sellers import seller_key
from mercat_products.stock.reports import stock_csv
from mercat_products.stock.service import may_see_some

if TYPE_CHECKING:
    from mercat.engine import Engine

_HEADERS = {
    "Content-Disposition": 'attachment; filename="stock.csv"',
    "Cache-Control": "no-store",
}


def stock_report(engine: "Engine") -> ControllerRouterHandler:
    """The report of what the viewer sees: 401 without a viewer, 403 for one who sees none."""

    @get("/reports/stock.csv")
    async def report(
        request: Request[Any, Any, Any],
        low_only: Annotated[bool, QueryParameter(name="lowOnly")] = False,
        seller: Annotated[str | None, QueryParameter()] = None,
    ) -> Stream:
        context = await _viewing(engine, request)
        try:
            chosen = seller_key(seller)
        except InvalidError as error:
            raise ClientException(str(error)) from None
        lines = stock_csv(context, low_only=low_only, seller=chosen)
        return Stream(lines, media_type="text/csv", headers=_HEADERS)

    return report


async def _viewing(engine: "Engine", request: Request[Any, Any, Any]) -> Context:
    context = Context(engine)
    headers = read_headers(request.scope["headers"])
    await identify(context, headers, request.scope)
    if context.viewer.role == ANONYMOUS.role:
        raise NotAuthorizedException("sign in first")
    if not may_see_some(context.viewer):
        raise PermissionDeniedException("you may not do this")
    return context
