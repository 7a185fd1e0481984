import re
from html.parser import HTMLParser

_BLOCKS = {"caption", "dd", "div", "dl", "dt", "li", "ol", "table", "tr", "ul"}
_PARAGRAPHS = {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre"}
_CELLS = {"td", "th"}
_SPACES = re.compile(r"[ \t\n\r\f\xa0]+")
_DEEPEST_QUOTE = 5
_ITEM = "- "


class Plain(HTMLParser):
    """Writes clean HTML as text. Feed it only what came out of a sanitiser, as it trusts tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._quotes = 0
        self._preformatted = 0
        self._link = ""
        self._linked = ""

    def text(self) -> str:
        """What was written so far, with at most one empty line in a row."""
        self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        given = dict(attrs)
        if tag == "br":
            self._end_line(empty=True)
        elif tag == "li":
            self._line = _ITEM
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._preformatted += 1
        elif tag in _CELLS and self._line.strip():
            self._line += " | "
        elif tag == "img":
            self._line += given.get("alt") or ""
        elif tag == "a":
            self._link, self._linked = given.get("href") or "", ""

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        if tag == "blockquote":
            self._end_quote()
        elif tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        elif tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._link:
            self._linked += data
        if self._preformatted:
            self._write_lines(data)
            return
        found = _SPACES.sub(" ", data)
        self._line += found.lstrip() if not self._line or self._line.endswith(" ") else found

    def _end_quote(self) -> None:
        while self._lines and not self._lines[-1].strip("> "):
            self._lines.pop()
        self._quotes = max(0, self._quotes - 1)
        self._empty_line()

    def _write_lines(self, data: str) -> None:
        first, *rest = data.split("\n")
        self._line += first
        for one in rest:
            self._end_line(empty=True)
            self._line = one

    def _end_link(self) -> None:
        """Where a link goes is told unless it says so itself."""
        where = self._link.removeprefix("mailto:")
        if where and where.rstrip("/") != self._linked.strip().rstrip("/"):
            self._line = f"{self._line.rstrip()} <{where}>"
        self._link = ""

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _PARAGRAPHS:
            self._end_line()
        if tag in _PARAGRAPHS:
            self._empty_line()

    def _end_line(self, *, empty: bool = False) -> None:
        """Write the line; one without anything in it only where it's to be an `empty` one."""
        found = self._line.rstrip()
        self._line = ""
        if found or empty:
            self._lines.append((self._mark() + found).rstrip(" "))

    def _empty_line(self) -> None:
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._mark().rstrip())

    def _mark(self) -> str:
        return "> " * min(self._quotes, _DEEPEST_QUOTE)
