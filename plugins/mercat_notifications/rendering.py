"""Templates: which is used, and what becomes of it.

Jinja2 in its sandbox: a template is the shop's own, and yet it reads nothing but what it is given.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    pass_context,
)
from jinja2.runtime import Context as Values
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.languages import amount_in, day_in, locale_of, moment_in
from mercat.money import Amount
from mercat.notifications import MessageKind
from mercat_notifications.errors import TemplateFaultError
from mercat_notifications.kinds import kinds_of
from mercat_notifications.settings import NotificationSettings

_OWN = Path(__file__).with_name("templates")
_SUBJECT = "Subject: "
_LAST = "en"
_STYLE = {
    "button": "display:inline-block;padding:12px 20px;border-radius:6px;background:#1f4fd1;"
    "color:#ffffff;text-decoration:none;font-weight:600",
    "code": "font-family:ui-monospace,Menlo,Consolas,monospace;word-break:break-all",
    "table": "width:100%;border-collapse:collapse",
    "cell": "padding:8px 0;border-bottom:1px solid #8886;text-align:left;vertical-align:top",
    "sum": "padding:8px 0 8px 16px;border-bottom:1px solid #8886;text-align:right;"
    "vertical-align:top;white-space:nowrap",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words."""

    subject: str
    text: str
    html: str


class Templates:
    """One engine's templates: the shop's own first, then those of the plugins."""

    def __init__(self, engine: Engine) -> None:
        folders = [kind.templates for kind in kinds_of(engine.context()).all]
        own = _own_folder(engine)
        places = [*([own] if own else []), *dict.fromkeys(folders), _OWN]
        self._shop = engine.settings.shop
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([str(place) for place in places]),
            autoescape=lambda name: bool(name and name.endswith(".html")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "money": _money,
            "day": _day,
            "moment": _moment,
            "line": line,
        }
        self._environment.globals["style"] = _STYLE

    def languages(self, kind: MessageKind) -> list[str]:
        """Those that a kind has templates in."""
        names = set(self._environment.list_templates())
        ending = f"/{kind.name}.txt"
        found = {name.removesuffix(ending) for name in names if name.endswith(ending)}
        return sorted(one for one in found if f"{one}/{kind.name}.html" in names)

    def render(self, kind: MessageKind, locale: str, facts: Mapping[str, Any]) -> Rendered:
        """A mail's words in a locale, or in what comes closest to it.

        Raises TemplateFaultError, naming the file and the line.
        """
        try:
            language, text, html = self._found(kind, locale)
            values = {
                "unsubscribe_url": None,
                **facts,
                "shop": self._shop.name,
                "language": language,
                "locale": locale if _speaks(locale, language) else language,
            }
            subject, body = _apart(text.render(values), text)
            return Rendered(subject, body, html.render(values))
        except TemplateFaultError:
            raise
        except Exception as error:  # noqa: BLE001  a template's faults may be of any type
            raise TemplateFaultError(_told(error)) from None

    def _found(self, kind: MessageKind, locale: str) -> tuple[str, Template, Template]:
        """The templates of the first language that has both."""
        for language in _candidates(locale, self._shop.locale):
            try:
                return (
                    language,
                    self._environment.get_template(f"{language}/{kind.name}.txt"),
                    self._environment.get_template(f"{language}/{kind.name}.html"),
                )
            except TemplateNotFound:
                continue
        raise TemplateFaultError(f"there are no templates of {kind.name}")


def templates_of(context: Context) -> Templates:
    """The templates of the context's engine."""
    return context.engine.own(Templates, context.engine)


def line(text: object) -> str:
    """A text as one line that a header takes: nothing in it ends a line or can't be seen."""
    return " ".join(part for part in str(text).split() if part).translate(_UNSEEN)


_UNSEEN = dict.fromkeys([*range(32), *range(127, 160)])


def _own_folder(engine: Engine) -> Path | None:
    given = engine.plugin_settings(NotificationSettings).templates
    if given is None:
        return None
    folder = (engine.settings.file.parent / given).resolve()
    if not folder.is_dir():
        raise BootError(
            f"[plugins.notifications] templates: there is no folder {folder}; make it, or leave "
            "the setting out"
        )
    return folder


def _candidates(*locales: str) -> list[str]:
    """`de-AT` and `de` for `de-AT`; then English, which every kind has."""
    found = []
    for locale in locales:
        parts = locale.replace("_", "-").split("-")
        found += ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return list(dict.fromkeys([*found, _LAST]))


def _speaks(locale: str, language: str) -> bool:
    return locale_of(locale).language == locale_of(language).language


def _apart(text: str, template: Template) -> tuple[str, str]:
    first, _, body = text.lstrip().partition("\n")
    if not first.startswith(_SUBJECT) or not line(first.removeprefix(_SUBJECT)):
        raise TemplateFaultError(f"{template.filename}, line 1: it has to begin with '{_SUBJECT}'")
    return line(first.removeprefix(_SUBJECT)), body.strip() + "\n"


def _told(error: Exception) -> str:
    """What is wrong with a template, and where."""
    what = type(error).__name__  # other errors may quote what they were given
    if isinstance(error, TemplateError):
        what = f"{what}: {error.message}"
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}, line {error.lineno}: {what}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith((".txt", ".html")):
            return f"{frame.filename}, line {frame.lineno}: {what}"
    return f"a template failed: {what}"


@pass_context
def _money(values: Values, amount: Amount) -> str:
    return amount_in(locale_of(values["locale"]), amount.minor, amount.currency)


@pass_context
def _day(values: Values, day: date) -> str:
    return day_in(locale_of(values["locale"]), day)


@pass_context
def _moment(values: Values, moment: datetime) -> str:
    return moment_in(locale_of(values["locale"]), moment)
