"""The HTML that a description may have."""

import nh3

_TAGS = set(
    """
    a abbr b blockquote br code dd del div dl dt em h2 h3 h4 h5 h6 hr i ins li mark ol p pre q s
    small span strong sub sup table tbody td tfoot th thead tr u ul
    """.split()  # noqa: SIM905  a list of forty quoted words is no easier to read
)
_ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_MOST_TURNS = 5  # a second one settles nearly everything: spaces that a script leaves behind, say
_SCHEMES = {"http", "https", "mailto", "tel"}


def sanitised(html: str) -> str:
    """The text with no more than harmless HTML: no scripts, styles, pictures or handlers.

    Text without any markup comes out as it is, but for spaces around it and for `&` and `<`, which
    become entities. What comes out is not changed by doing it again.
    """
    for _ in range(_MOST_TURNS):
        cleaned = _cleaned(html.strip())
        if cleaned == html:
            break
        html = cleaned
    return html


def _cleaned(html: str) -> str:
    if "<" not in html and "&" not in html:
        return html
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )
