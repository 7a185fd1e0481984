"""`GET /reports/sales.csv`: asked with the same credentials as `/graphql`."""

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
from mercat.context import Context
from mercat.errors import ForbiddenError, InvalidError, UnauthenticatedError
from mercat.graphql.protocol import read_headers
from mercat_orders.reports.asking import Question, wanted_of
from mercat_orders.reports.sales import Sales, sales
from mercat_orders.reports.table import sales_csv

if TYPE_CHECKING:
    from mercat.engine import Engine

Text = Annotated[str | None, QueryParameter()]


def sales_route(engine: "Engine") -> ControllerRouterHandler:
    """The sales report: 401 for nobody, 403 for who may not see it, 400 for a wrong question."""

    @get("/reports/sales.csv")
    async def report(
        request: Request[Any, Any, Any],
        begins: Annotated[str, QueryParameter(name="from")],
        ends: Annotated[str, QueryParameter(name="to")],
        time_zone: Annotated[str, QueryParameter(name="timeZone")] = "UTC",
        group_by: Annotated[str, QueryParameter(name="groupBy")] = "DAY",
        seller: Annotated[str | None, QueryParameter(name="sellerId")] = None,
        currency: Text = None,
        all_currencies: Annotated[bool, QueryParameter(name="allCurrencies")] = False,
        first: Annotated[int | None, QueryParameter()] = None,
        bom: Annotated[bool, QueryParameter()] = False,
    ) -> Stream:
        context = Context(engine)
        question = Question(
            begins, ends, time_zone, group_by, seller, currency, all_currencies, first
        )
        found = await _found(context, request, question)
        lines = sales_csv(context, found, bom=bom)
        return Stream(lines, media_type="text/csv", headers=_headers(found))

    return report


async def _found(context: Context, request: Request[Any, Any, Any], question: Question) -> Sales:
    try:
        await identify(context, read_headers(request.scope["headers"]), request.scope)
        return await sales(context, wanted_of(context, question))
    except UnauthenticatedError as error:
        raise NotAuthorizedException(str(error)) from None
    except ForbiddenError as error:
        raise PermissionDeniedException(str(error)) from None
    except InvalidError as error:
        where = f"{error.field[-1]}: " if error.field else ""
        raise ClientException(f"{where}{error}") from None


def _headers(found: Sales) -> dict[str, str]:
    period = found.wanted.period
    name = f"sales-by-{found.wanted.by.lower()}-{period.first}-{period.last}.csv"
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
