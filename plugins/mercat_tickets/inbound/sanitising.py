"""The HTML of strangers, as safe HTML and as text."""

import re

import nh3

from mercat_tickets.inbound.plain import Plain

_TAGS = set(
    """
    a abbr b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins li mark
    ol p pre q s small span strong sub sup table tbody td tfoot th thead tr u ul
    """.split()  # noqa: SIM905  a list of forty quoted words is no easier to read
)
_DROPPED = set(
    """
    applet audio canvas embed frameset head iframe math noembed noframes noscript object script
    select style svg template textarea title video xmp
    """.split()  # noqa: SIM905  as above
)
_CELL = {"colspan", "rowspan"}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "td": _CELL, "th": _CELL}
_SCHEMES = {"http", "https", "mailto", "cid"}
_LINK = re.compile(r"\s*(?:https?://|mailto:)", re.IGNORECASE)
_IMAGE = re.compile(r"cid:[^\s<>\"']{1,255}", re.IGNORECASE)
_UNSEEN = re.compile(r"<img(?! src=)(?: alt=\"\")?>")
_MOST_TAGS = 20_000
_MOST_TURNS = 5  # a second one settles nearly everything


def sanitised(html: str) -> str:
    """The HTML of a mail without scripts, styles, forms, frames, and pictures from elsewhere.

    Links are absolute ones to http, https and mailto, and have `rel="noopener noreferrer
    nofollow"`. Pictures are only those of the mail itself (`cid:`). What comes out is not changed
    by doing it again. Of a mail of more than 20,000 tags the rest is left out: the time to clean
    them grows with the square of their depth.
    """
    html = _within(html)
    for _ in range(_MOST_TURNS):
        cleaned = _cleaned(html)
        if cleaned == html:
            break
        html = cleaned
    return html


def text_of(html: str) -> str:
    """The text of the HTML of a mail; quoted history has `> ` before its lines, as in plain text.

    It is text: what looks like a tag in it was written as one by nobody's browser.
    """
    plain = Plain()
    plain.feed(sanitised(html))
    plain.close()
    return plain.text()


def _within(html: str) -> str:
    position = -1
    for _ in range(_MOST_TAGS + 1):
        position = html.find("<", position + 1)
        if position < 0:
            return html
    return html[:position]


def _cleaned(html: str) -> str:
    found = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes=_SCHEMES,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )
    return _UNSEEN.sub("", found).strip()


def _allowed(tag: str, name: str, value: str) -> str | None:
    if (tag, name) == ("a", "href"):
        return value if _LINK.match(value) else None
    if (tag, name) == ("img", "src"):
        return value if _IMAGE.fullmatch(value) else None
    return value
