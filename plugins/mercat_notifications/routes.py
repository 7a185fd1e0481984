"""Unsubscribing by a link, and, in development, how messages look."""

from typing import TYPE_CHECKING, Annotated

from litestar import get, post
from litestar.params import PathParameter
from litestar.types import ControllerRouterHandler

from mercat.errors import InvalidError
from mercat.notifications import MessageKind
from mercat_notifications import choices, pages
from mercat_notifications.kinds import kinds_of
from mercat_notifications.rendering import Rendered, templates_of

if TYPE_CHECKING:
    from mercat.engine import Engine

PREVIEW = "/notifications/preview"
_UNSUBSCRIBE = f"{choices.PATH}/{{token:str}}"
_ONE = f"{PREVIEW}/{{name:str}}/{{locale:str}}"
_LONGEST_FORM = 4_096

Text = Annotated[str, PathParameter()]


def unsubscribe_routes(engine: "Engine") -> list[ControllerRouterHandler]:
    """Whoever has the link may unsubscribe (RFC 8058): a POST does it, a GET asks."""

    @get(_UNSUBSCRIBE, name="unsubscribe")
    async def ask(token: Text) -> pages.Answer:
        try:
            _, kind = choices.read_token(engine.context(), token)
        except InvalidError:
            return pages.unknown()
        return pages.asking(kind)

    @post(_UNSUBSCRIBE, status_code=200, request_max_body_size=_LONGEST_FORM)
    async def leave(token: Text) -> pages.Answer:
        try:
            kind = await choices.unsubscribe(engine.context(), token)
        except InvalidError:
            return pages.unknown()
        return pages.done(kind)

    return [ask, leave]


def preview_routes(engine: "Engine") -> list[ControllerRouterHandler]:
    """How each message looks with made-up facts; a production shop has no such pages."""

    @get(PREVIEW, name="notifications-preview")
    async def overview() -> pages.Answer:
        context = engine.context()
        kinds, templates = kinds_of(context).all, templates_of(context)
        languages = {kind.name: templates.languages(kind) for kind in kinds}
        return pages.overview(PREVIEW, kinds, languages)

    @get(_ONE, name="notification-preview")
    async def one(name: Text, locale: Text) -> pages.Answer:
        try:
            kind, made = _sample(engine, name, locale)
        except InvalidError:
            return pages.page("Messages", "<p>There is no such message.</p>", status=404)
        return pages.preview(kind, locale, made, f"{PREVIEW}/{kind.name}/{locale}")

    @get(f"{_ONE}/html", name="notification-preview-html")
    async def html(name: Text, locale: Text) -> pages.Answer:
        try:
            return pages.framed(_sample(engine, name, locale)[1])
        except InvalidError:
            return pages.page("Messages", "<p>There is no such message.</p>", status=404)

    return [] if engine.settings.shop.production else [overview, one, html]


def _sample(engine: "Engine", name: str, locale: str) -> tuple[MessageKind, Rendered]:
    """A message with made-up facts. Raises InvalidError, and TemplateFaultError."""
    context = engine.context()
    kind = kinds_of(context).find(name)
    if locale not in templates_of(context).languages(kind):
        raise InvalidError("there is no such language")
    return kind, sampled(engine, kind, locale)


def sampled(engine: "Engine", kind: MessageKind, locale: str) -> Rendered:
    """A message with made-up facts. Raises TemplateFaultError."""
    context = engine.context()
    leave = None if kind.is_transactional else f"{choices.public_url(context)}{choices.PATH}/..."
    facts = {**kind.sample(locale), "unsubscribe_url": leave}
    return templates_of(context).render(kind, locale, facts)
