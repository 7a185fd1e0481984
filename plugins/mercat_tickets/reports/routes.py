"""`GET /reports/tickets.csv`: asked with the same credentials as `/graphql`."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
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
from mercat.ids import encode_id
from mercat.texts import harmless
from mercat_tickets.reports.figures import Durations, Figures, Period, Report, report

if TYPE_CHECKING:
    from mercat.engine import Engine

_HEADER = (
    *("group", "key", "opened", "solved", "breached"),
    *("first_response_count", "first_response_p50_seconds", "first_response_p90_seconds"),
    *("resolution_count", "resolution_p50_seconds", "resolution_p90_seconds"),
    *("ratings", "rating"),
)


def report_route(engine: "Engine") -> ControllerRouterHandler:
    """The report of tickets: 401 for nobody, 403 for who may not see it, 400 for wrong times."""

    @get("/reports/tickets.csv")
    async def tickets_report(
        request: Request[Any, Any, Any],
        begins: Annotated[datetime, QueryParameter(name="from")],
        ends: Annotated[datetime, QueryParameter(name="to")],
    ) -> Response[str]:
        found = await _found(Context(engine), request, begins, ends)
        headers = {
            "Content-Disposition": 'attachment; filename="tickets.csv"',
            "Cache-Control": "private, no-store",
        }
        return Response(table(found), media_type="text/csv", headers=headers)

    return tickets_report


def table(found: Report) -> str:
    """The report as CSV (RFC 4180), safe to open in a spreadsheet."""
    rows: list[Sequence[object]] = [_HEADER]
    blank = ("",) * (len(_HEADER) - 3)
    rows += [("backlog", state.lower(), count, *blank) for state, count in found.backlog.items()]
    rows.append(("all", "", *_cells(found.total)))
    for agent, some in found.by_agent.items():
        key = "" if agent is None else encode_id("User", agent)
        rows.append(("agent", key, *_cells(some)))
    rows += [("tag", harmless(tag), *_cells(some)) for tag, some in found.by_tag.items()]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


async def _found(
    context: Context, request: Request[Any, Any, Any], begins: datetime, ends: datetime
) -> Report:
    try:
        await identify(context, read_headers(request.scope["headers"]), request.scope)
        return await report(context, Period.of(begins, ends))
    except UnauthenticatedError as error:
        raise NotAuthorizedException(str(error)) from None
    except ForbiddenError as error:
        raise PermissionDeniedException(str(error)) from None
    except InvalidError as error:
        raise ClientException(str(error)) from None


def _cells(found: Figures) -> Sequence[object]:
    shown = "" if found.rating is None else found.rating
    return (
        *(found.opened, found.solved, found.breached),
        *_durations(found.first_response),
        *_durations(found.resolution),
        *(found.ratings, shown),
    )


def _durations(found: Durations) -> Sequence[object]:
    return tuple("" if one is None else one for one in (found.count, found.p50, found.p90))
