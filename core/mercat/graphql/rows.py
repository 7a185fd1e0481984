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
from typing import Any, TypeAlias

from graphql import Undefined

from mercat.graphql.completion import Leaf
from mercat.graphql.resolvers import AttributeRead, StoredRead

MakeRows: TypeAlias = Callable[..., list[Any]]

# Compiling takes some 15 us a part; beyond this a pass over each column is no worse.
MOST_PARTS = 60
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
    read: AttributeRead | StoredRead
    leaf: Leaf


Part: TypeAlias = Constant | FromColumn | FromSource


def can_be_read_inline(read: AttributeRead | StoredRead) -> bool:
    return isinstance(read, StoredRead) or (
        read.name.isidentifier() and not keyword.iskeyword(read.name)
    )


def row_maker(parts: Sequence[Part]) -> MakeRows:
    """A function of the sources and the columns, in order, that makes the objects.

    It raises any exception, and has done nothing then, where a leaf is not what it should be.
    """
    table: dict[str, Any] = {"undefined": Undefined, "irregular": _irregular}
    pairs = [f"k{index}: {_part(part, index, table)}" for index, part in enumerate(parts)]
    table |= {f"k{index}": part.key for index, part in enumerate(parts)}
    columns = [f"c{index}" for index, part in enumerate(parts) if isinstance(part, FromColumn)]
    source = _source(pairs, columns, any(map(_reads_record, parts)), sorted(table))
    namespace: dict[str, Any] = {}
    exec(_code(source), namespace)  # noqa: S102  see the module's first paragraphs
    made: MakeRows = namespace["make"](**table)
    return made


def _source(pairs: list[str], columns: list[str], reads_record: bool, names: list[str]) -> str:
    items = ", ".join(["o", *(f"v{column}" for column in columns)])
    sources = ", ".join(["sources", *columns])
    lines = [
        f"def make({', '.join(names)}):",
        f" def rows({sources}):",
        "  found = []",
        "  add = found.append",
        f"  for {items} in {f'zip({sources})' if columns else 'sources'}:",
        "   r = o.record" if reads_record else "",
        f"   add({{{', '.join(pairs)}}})",
        "  return found",
        " return rows",
    ]
    return "\n".join(line for line in lines if line)


@lru_cache(maxsize=_SHAPES)
def _code(source: str) -> CodeType:
    return compile(source, "<rows>", "exec")


def _irregular() -> None:
    raise IrregularError


def _reads_record(part: Part) -> bool:
    return isinstance(part, FromSource) and isinstance(part.read, StoredRead)


def _part(part: Part, index: int, table: dict[str, Any]) -> str:
    if isinstance(part, FromColumn):
        return f"vc{index}"
    if isinstance(part, Constant):
        table[f"x{index}"] = part.value
        return f"x{index}"
    return _checked(_value(part, index, table), part.leaf, index, table)


def _value(part: FromSource, index: int, table: dict[str, Any]) -> str:
    read = part.read
    if isinstance(read, AttributeRead):
        return f"o.{read.name}"
    table[f"s{index}"] = read.key
    if read.default is None and not part.leaf.nullable:
        found = f"r[s{index}]"  # where the key is missing, the value is irregular
    else:
        found = f"r.get(s{index})"
    if read.convert is not None:
        table[f"f{index}"] = read.convert
    if read.default is None and not part.leaf.nullable:
        return found if read.convert is None else f"f{index}({found})"
    table[f"d{index}"] = read.default
    value = "w" if read.convert is None else f"f{index}(w)"
    return f"(d{index} if (w := {found}) is None else {value})"


def _checked(value: str, leaf: Leaf, index: int, table: dict[str, Any]) -> str:
    or_null = " or v is None" if leaf.nullable else ""
    if leaf.kind is None:
        table[f"g{index}"] = leaf.regular
        table[f"t{index}"] = leaf.coerce
        found = (
            f"t if type(v) in g{index} and (t := t{index}(v)) is not None and t is not undefined"
            " else irregular()"
        )
        if leaf.nullable:
            return f"(None if (v := {value}) is None else {found})"
        return f"({found.replace('type(v)', f'type(v := {value})', 1)})"
    table[f"b{index}"] = leaf.kind
    test = f"type(v := {value}) is b{index}"
    if leaf.kind is int:
        test = f"({test} and -2147483648 <= v <= 2147483647)"
    elif leaf.kind is float:
        test = f"({test} and v - v == 0.0)"
    return f"(v if {test}{or_null} else irregular())"
