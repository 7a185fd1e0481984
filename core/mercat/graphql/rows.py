"""Objects of the answer, made by generated functions: reading and checking leaves in one pass.

A call for each leaf, or a pass over each column, costs about twice as much (docs/decisions/0003).

The source of a function says only what *kinds* of parts an object has, in which order, and which
attributes of a plugin's class are read. Everything else, such as a request's aliases, comes from a
table of constants. So functions of one shape share their code, and nothing that a client sends is
ever part of it.
"""

import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import Undefined

from mercat.graphql.resolvers import AttributeRead, StoredRead

if TYPE_CHECKING:
    from mercat.graphql.completion import Leaf

MakeRows: TypeAlias = Callable[..., list[Any]]
Read: TypeAlias = AttributeRead | StoredRead

# Compiling takes some 15 us a part; beyond this a pass over each column is no worse.
MOST_PARTS = 60
# Each level of nesting compiles its leaves once more.
_MOST_LEVELS = 3
_SHAPES = 512


class IrregularError(Exception):
    """A value that needs a closer look; no object was made."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A part that is the same for all objects."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class FromColumn:
    """A part that is ready in a column."""

    key: str


@dataclass(frozen=True, slots=True)
class FromSource:
    """A leaf that is read from the source."""

    key: str
    read: Read
    leaf: "Leaf"


@dataclass(frozen=True, slots=True)
class Nested:
    """An object that is read from the source, or a list of them, with no part from a column.

    `classes` are those whose objects need no closer look; the set grows as they are met.
    `null_items` says whether a list may hold nulls; it is None for a single object.
    """

    key: str
    read: Read
    parts: Sequence["Part"]
    classes: set[type]
    nullable: bool
    null_items: bool | None = None


Part: TypeAlias = Constant | FromColumn | FromSource | Nested


def can_be_read_inline(read: Read) -> bool:
    return isinstance(read, StoredRead) or (
        read.name.isidentifier() and not keyword.iskeyword(read.name)
    )


def can_be_nested(parts: Sequence[Part]) -> bool:
    """Whether objects of these parts may be made inside of the function of another."""
    return not any(isinstance(part, FromColumn) for part in parts) and _levels(parts) < _MOST_LEVELS


def count(parts: Sequence[Part]) -> int:
    return sum(1 + count(part.parts) if isinstance(part, Nested) else 1 for part in parts)


def row_maker(parts: Sequence[Part]) -> MakeRows:
    """A function of the sources and the columns, in order, that makes the objects.

    It raises any exception, and has done nothing then, where a value is not what it should be.
    """
    writer = _Writer()
    source = writer.source(parts)
    namespace: dict[str, Any] = {}
    exec(_code(source), namespace)  # noqa: S102  see the module's first paragraphs
    made: MakeRows = namespace["make"](**writer.table)
    return made


class _Writer:
    """Writes the source of one function, and fills its table of constants."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {
            "undefined": Undefined,
            "irregular": _irregular,
            "lists": (list, tuple),
        }
        self._lines: list[str] = []
        self._columns: list[str] = []
        self._count = 0

    def source(self, parts: Sequence[Part]) -> str:
        made = self._object(parts, "o", 3)
        values = ", ".join(["o", *(f"v{column}" for column in self._columns)])
        sources = ", ".join(["sources", *self._columns])
        lines = [
            f"def make({', '.join(sorted(self.table))}):",
            f" def rows({sources}):",
            "  found = []",
            "  add = found.append",
            f"  for {values} in {f'zip({sources})' if self._columns else 'sources'}:",
            *self._lines,
            f"   add({made})",
            "  return found",
            " return rows",
        ]
        return "\n".join(lines)

    def _object(self, parts: Sequence[Part], source: str, depth: int) -> str:
        """Write what comes before an object, and give its expression."""
        if any(_reads_record(part) for part in parts):
            self._line(depth, f"r{source} = {source}.record")
        pairs: list[str] = []
        for part in parts:
            number = self._count
            self._count += 1
            self.table[f"k{number}"] = part.key
            pairs.append(f"k{number}: {self._part(part, source, number, depth)}")
        return f"{{{', '.join(pairs)}}}"

    def _line(self, depth: int, text: str) -> None:
        self._lines.append(" " * depth + text)

    def _part(self, part: Part, source: str, number: int, depth: int) -> str:
        if isinstance(part, FromColumn):
            self._columns.append(f"c{number}")
            return f"vc{number}"
        if isinstance(part, Constant):
            self.table[f"x{number}"] = part.value
            return f"x{number}"
        if isinstance(part, FromSource):
            return self._leaf(part, source, number)
        return self._nested(part, source, number, depth)

    def _nested(self, part: Nested, source: str, number: int, depth: int) -> str:
        found, made = f"u{number}", f"n{number}"
        self.table[f"g{number}"] = part.classes
        self._line(depth, f"{found} = {self._read(part, source, number)}")
        if part.nullable:
            self._line(depth, f"if {found} is None: {made} = None")
            self._line(depth, "else:")
            depth += 1
        if part.null_items is None:
            self._line(depth, f"if type({found}) not in g{number}: irregular()")
            self._line(depth, f"{made} = {self._object(part.parts, found, depth)}")
            return made
        self._line(depth, f"if type({found}) not in lists: irregular()")
        self._line(depth, f"{made} = []")
        self._line(depth, f"a{number} = {made}.append")
        self._line(depth, f"for i{number} in {found}:")
        if part.null_items:
            self._line(depth + 1, f"if i{number} is None:")
            self._line(depth + 2, f"a{number}(None)")
            self._line(depth + 2, "continue")
        self._line(depth + 1, f"if type(i{number}) not in g{number}: irregular()")
        self._line(depth + 1, f"a{number}({self._object(part.parts, f'i{number}', depth + 1)})")
        return made

    def _read(self, part: FromSource | Nested, source: str, number: int) -> str:
        read = part.read
        if isinstance(read, AttributeRead):
            return f"{source}.{read.name}"
        nullable = part.leaf.nullable if isinstance(part, FromSource) else part.nullable
        self.table[f"s{number}"] = read.key
        convert = ""
        if read.convert is not None:
            self.table[f"f{number}"] = read.convert
            convert = f"f{number}"
        if read.default is None and not nullable:  # where the key is missing, it is irregular
            return f"{convert}(r{source}[s{number}])" if convert else f"r{source}[s{number}]"
        self.table[f"d{number}"] = read.default
        value = f"{convert}(w)" if convert else "w"
        return f"(d{number} if (w := r{source}.get(s{number})) is None else {value})"

    def _leaf(self, part: FromSource, source: str, number: int) -> str:
        leaf = part.leaf
        value = self._read(part, source, number)
        or_null = " or v is None" if leaf.nullable else ""
        if leaf.kind is None:
            return self._coerced(leaf, value, number)
        self.table[f"b{number}"] = leaf.kind
        test = f"type(v := {value}) is b{number}"
        if leaf.kind is int:
            test = f"({test} and -2147483648 <= v <= 2147483647)"
        elif leaf.kind is float:
            test = f"({test} and v - v == 0.0)"
        return f"(v if {test}{or_null} else irregular())"

    def _coerced(self, leaf: "Leaf", value: str, number: int) -> str:
        self.table[f"g{number}"] = leaf.regular
        self.table[f"t{number}"] = leaf.coerce
        found = (
            f"t if type(v) in g{number} and (t := t{number}(v)) is not None and t is not undefined"
            " else irregular()"
        )
        if leaf.nullable:
            return f"(None if (v := {value}) is None else {found})"
        return f"({found.replace('type(v)', f'type(v := {value})', 1)})"


@lru_cache(maxsize=_SHAPES)
def _code(source: str) -> CodeType:
    return compile(source, "<rows>", "exec")


def _irregular() -> None:
    raise IrregularError


def _levels(parts: Sequence[Part]) -> int:
    return 1 + max((_levels(part.parts) for part in parts if isinstance(part, Nested)), default=0)


def _reads_record(part: Part) -> bool:
    return isinstance(part, (FromSource, Nested)) and isinstance(part.read, StoredRead)
