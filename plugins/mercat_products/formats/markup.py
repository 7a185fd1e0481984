"""HTML as plain text, in time proportional to its length."""

import re
from html import unescape

# The standard library's parser takes minutes over 100 KB of `<a <a <a …`; this can't.
_TAG = re.compile(r"<(?:!--[^<>]*|(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*|![^<>]*)>")
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "br", "div", "dd", "dl", "dt", "hr", "li", "ol", "p"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "table", "td", "th", "tr", "ul"),
    )
)
_HIDDEN = frozenset(("script", "style", "template"))


def text_of_html(html: str) -> str:
    """Return what a reader would see: tags removed, a line a block, entities spelt out.

    Raises ValueError for a numeric entity that no computer could mean.
    """
    pieces: list[str] = []
    hidden = ""
    place = 0
    for tag in _TAG.finditer(html):
        if not hidden:
            pieces.append(html[place : tag.start()])
        place = tag.end()
        name = (tag[2] or "").lower()
        if name in _BLOCKS:
            pieces.append("\0")
        if not hidden and name in _HIDDEN and not tag[1]:
            hidden = name
        elif hidden == name and tag[1]:
            hidden = ""
    if not hidden:
        pieces.append(html[place:])
    blocks = "".join(pieces).split("\0")
    return "\n".join(filter(None, (" ".join(unescape(block).split()) for block in blocks)))
