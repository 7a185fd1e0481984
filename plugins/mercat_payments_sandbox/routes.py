"""`/sandbox/payments/{token}`: the page of a payment; whoever has the token may use it."""

from typing import TYPE_CHECKING, Annotated, Any, cast, get_args
from urllib.parse import parse_qs, urlsplit

from litestar import Request, Response, get, post
from litestar.params import PathParameter
from litestar.types import ControllerRouterHandler

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_payments_sandbox import books, company
from mercat_payments_sandbox.addresses import PATH
from mercat_payments_sandbox.books import Button, Clock
from mercat_payments_sandbox.documents import Telling
from mercat_payments_sandbox.pages import Page, policy, refusal
from mercat_payments_sandbox.sending import send_due
from mercat_payments_sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from mercat.engine import Engine

_ADDRESS = f"{PATH}/{{token:str}}"
_LONGEST_FORM = 4_096
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}

Asked = Request[Any, Any, Any]
Answer = Response[str]
Token = Annotated[str, PathParameter()]


def page_routes(engine: "Engine") -> list[ControllerRouterHandler]:
    """The page, and what its buttons do."""

    @get(_ADDRESS, name="sandbox-payment")
    async def show(token: Token) -> Answer:
        context = engine.context()
        record = await company.behind(context, token)
        return _nowhere() if record is None else _shown(await _page(context, record))

    @post(_ADDRESS, status_code=303, request_max_body_size=_LONGEST_FORM)
    async def press(request: Asked, token: Token) -> Answer:
        if not _is_own(request):
            return _refused(403, "Not from here", "A page of another site can't press a button.")
        context = engine.context()
        record = await company.behind(context, token)
        if record is None:
            return _nowhere()
        try:
            record = await _pressed(context, record, await request.body())
        except InvalidError as error:
            return _refused(400, "That can't be done", str(error))
        return await _onward(context, record, f"{PATH}/{token}")

    return [show, press]


def _is_own(request: Asked) -> bool:
    """Whether the form is the company's own page's, as far as a browser says where it is from.

    Fetch Metadata (W3C), 2.3; older browsers send Origin alone (RFC 6454, 7).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _pressed(context: Context, record: Record, body: bytes) -> Record:
    """What becomes of a payment by a form; its messages are sent. Raises InvalidError."""
    button, telling, code = _form(body)

    def work(found: Record, clock: Clock) -> None:
        books.press(found, button, telling, code, clock)

    record, _ = await company.changed(context, record["_id"], work)
    await send_due(context, record)
    return record


def _form(body: bytes) -> tuple[Button, Telling, str]:
    found = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    button, telling = found.get("do", ""), found.get("messages", "at_once")
    if button not in get_args(Button) or telling not in get_args(Telling):
        raise InvalidError("there is no such button on this page")
    return cast("Button", button), cast("Telling", telling), found.get("code", "")


async def _onward(context: Context, record: Record, here: str) -> Answer:
    """Back to where the buyer came from, or to the page that says what is next."""
    to = here
    if record["state"] not in books.WAITING:
        to = (await _page(context, record)).came_from or here
    return Response("", status_code=303, headers={**_HEADERS, "location": to})


async def _page(context: Context, record: Record) -> Page:
    kept = await company.kept_of(context, record)
    late = context.settings(SandboxSettings).late_seconds
    return Page(context.shop.name, record, kept["return_url"], late)


def _shown(page: Page) -> Answer:
    headers = {**_HEADERS, "content-security-policy": page.policy}
    return Response(page.html(), media_type="text/html", headers=headers)


def _nowhere() -> Answer:
    return _refused(404, "Nothing here", "There is no such payment.")


def _refused(status: int, title: str, words: str) -> Answer:
    headers = {**_HEADERS, "content-security-policy": policy()}
    page = refusal(title, words)
    return Response(page, status_code=status, media_type="text/html", headers=headers)
