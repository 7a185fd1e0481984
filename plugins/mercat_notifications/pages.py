"""The plugin's few pages, as HTML without anything from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from litestar import Response

from mercat.notifications import MessageKind
from mercat_notifications.rendering import Rendered

_POLICY = "default-src 'none'; frame-ancestors {ancestors}; base-uri 'none'"
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}

Answer = Response[str]


def asking(kind: MessageKind) -> Answer:
    """Whether somebody wants no such messages any more; asking changes nothing (RFC 8058, 3.2)."""
    body = (
        f"<p>{escape(kind.title)}: do you want no such mails any more?</p>"
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        "<button>Send me no such mails any more</button></form>"
    )
    return page("Unsubscribe", body, "form-action 'self'")


def done(kind: MessageKind) -> Answer:
    return page("Unsubscribed", f"<p>{escape(kind.title)}: you get no such mails any more.</p>")


def unknown() -> Answer:
    return page("Unsubscribe", "<p>This link isn't one of ours.</p>", status=404)


def overview(
    path: str, kinds: Sequence[MessageKind], languages: Mapping[str, Sequence[str]]
) -> Answer:
    """Every kind with the languages that it speaks."""
    rows = "".join(
        f"<tr><td>{escape(kind.name)}</td><td>{escape(kind.title)}</td><td>"
        + " ".join(
            f'<a href="{path}/{quote(kind.name)}/{quote(one)}">{escape(one)}</a>'
            for one in languages[kind.name]
        )
        + "</td></tr>"
        for kind in kinds
    )
    return page("Messages", f"<table>{rows}</table>")


def preview(kind: MessageKind, locale: str, made: Rendered, path: str) -> Answer:
    """One mail: its subject, its HTML in a frame in which nothing runs, and its text."""
    body = (
        f"<p><b>{escape(made.subject)}</b> ({escape(kind.name)}, {escape(locale)})</p>"
        f'<iframe sandbox title="HTML" width="100%" height="600" src="{path}/html"></iframe>'
        f"<pre>{escape(made.text)}</pre>"
    )
    return page(made.subject, body, "frame-src 'self'")


def framed(made: Rendered) -> Answer:
    """A mail's HTML: only its own styles count."""
    return _answer(made.html, "'self'", "style-src 'unsafe-inline'; img-src data:; sandbox")


def page(title: str, body: str, more: str = "", *, status: int = 200) -> Answer:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><main>{body}</main></html>'
    )
    return _answer(text, "'none'", more, status)


def _answer(text: str, ancestors: str, more: str = "", status: int = 200) -> Answer:
    policy = "; ".join(filter(None, [_POLICY.format(ancestors=ancestors), more]))
    return Response(
        text,
        status_code=status,
        media_type="text/html",
        headers={**_HEADERS, "content-security-policy": policy},
    )
