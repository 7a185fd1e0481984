"""`GET /coupons/batches/<id>.csv`: asked with the same credentials as `/graphql`."""

from typing import TYPE_CHECKING, Annotated, Any

from litestar import Request, get
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
)
from litestar.params import PathParameter
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from mercat.auth import identify
from mercat.context import Context
from mercat.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)
from mercat.graphql.protocol import read_headers
from mercat.ids import object_id
from mercat.storage import Record
from mercat_coupons.coupons.exporting import batch_csv, whole_batch
from mercat_coupons.coupons.types import BATCH, path_of

if TYPE_CHECKING:
    from mercat.engine import Engine

_CONFLICT = 409
_SUFFIX = ".csv"


def batch_route(engine: "Engine") -> ControllerRouterHandler:
    """A batch's codes: 401 for nobody, 403 for who may see none, 404 for another's as for none.

    409 while some of them aren't there yet.
    """

    @get(path_of("{file:str}"))
    async def batch_file(
        request: Request[Any, Any, Any], file: Annotated[str, PathParameter()]
    ) -> Stream:
        context = Context(engine)
        batch = await _found(context, request, file)
        lines = batch_csv(context, batch)
        return Stream(lines, media_type="text/csv", headers=_headers(batch))

    return batch_file


async def _found(context: Context, request: Request[Any, Any, Any], file: str) -> Record:
    try:
        await identify(context, read_headers(request.scope["headers"]), request.scope)
        return await whole_batch(context, object_id(file.removesuffix(_SUFFIX), BATCH))
    except UnauthenticatedError as error:
        raise NotAuthorizedException(str(error)) from None
    except ForbiddenError as error:
        raise PermissionDeniedException(str(error)) from None
    except (InvalidError, NotFoundError):
        raise NotFoundException from None
    except ConflictError as error:
        raise HTTPException(str(error), status_code=_CONFLICT) from None


def _headers(batch: Record) -> dict[str, str]:
    name = f"codes-{batch['number']}.csv"
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
