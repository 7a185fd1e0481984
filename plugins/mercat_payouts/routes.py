"""`GET /payouts/payouts.csv`: asked with the same credentials as `/graphql`."""

from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    PermissionDeniedException,
)
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from mercat.auth import identify
from mercat.context import Context
from mercat.errors import ForbiddenError, InvalidError, UnauthenticatedError
from mercat.graphql.protocol import read_headers
from mercat_payouts.exporting import exported

if TYPE_CHECKING:
    from mercat.engine import Engine

PATH = "/payouts/payouts.csv"
_HEADERS = {
    "Content-Disposition": 'attachment; filename="payouts.csv"',
    "Cache-Control": "private, no-store",
}


def payouts_route(engine: "Engine") -> ControllerRouterHandler:
    """The payout file: 401 for nobody, 403 for who may not have it, 400 for an unknown run."""

    @get(PATH)
    async def payout_file(
        request: Request[Any, Any, Any],
        run: Annotated[str | None, QueryParameter(name="runId")] = None,
    ) -> Response[str]:
        text = await _found(Context(engine), request, run)
        return Response(text, media_type="text/csv", headers=_HEADERS)

    return payout_file


async def _found(context: Context, request: Request[Any, Any, Any], run: str | None) -> str:
    try:
        await identify(context, read_headers(request.scope["headers"]), request.scope)
        return await exported(context, run)
    except UnauthenticatedError as error:
        raise NotAuthorizedException(str(error)) from None
    except ForbiddenError as error:
        raise PermissionDeniedException(str(error)) from None
    except InvalidError as error:
        raise ClientException(str(error)) from None
