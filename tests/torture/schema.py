"""A schema that does to an executor whatever a schema can do, right and wrong.

Every value follows from the small seed that its parent carries, so the twins of the schema give the
same data: `sync` has no awaitable anywhere, `async` has them wherever one may stand, and `mixed`
lets the seed choose. How much goes wrong is an argument of the root fields and handed on.
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from inspect import CORO_CREATED, getcoroutinestate
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, TypeAlias, cast
from zlib import crc32

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    Undefined,
    ValueNode,
    get_named_type,
    is_abstract_type,
    value_from_ast_untyped,
)

from mercat.graphql.resolvers import AttributeRead, StoredRead

Info: TypeAlias = GraphQLResolveInfo[Any]
Mode = Literal["sync", "async", "mixed"]
MODES: tuple[Mode, ...] = ("sync", "async", "mixed")

_NULLS = 8
_LENGTHS = (0, 1, 1, 2, 2, 2, 3, 3)
_MOST_SEED = 997
_FEW = 4


COROUTINES: list[Coroutine[Any, Any, Any]] = []
"""Those that resolvers gave out since somebody last took them away."""


def unawaited() -> int:
    """How many of them nobody awaited; takes them all away."""
    left = [found for found in COROUTINES if getcoroutinestate(found) == CORO_CREATED]
    for found in left:
        found.close()
    COROUTINES.clear()
    return len(left)


def noted(coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    COROUTINES.append(coroutine)
    return coroutine


def mix(*parts: object) -> int:
    """A number that follows from the parts, the same in every process."""
    return crc32(":".join(map(str, parts)).encode())


def _hits(percent: float, *parts: object) -> bool:
    return mix(*parts) % 1_000 < percent * 10


@dataclass
class Torture:
    """The context of one execution, and what its mutations wrote down."""

    log: list[str] = field(default_factory=list)
    total: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """The source of an object: of which type it is, and what its values follow from."""

    kind: str
    seed: int
    faults: int

    def child(self, kind: str, *parts: object) -> "Source":
        return Source(kind, mix(self.seed, *parts) % _MOST_SEED, self.faults)


class Kept:
    """A source that is read without a resolver: attributes, and a record with keys."""

    kind = "Kept"

    def __init__(self, seed: int, faults: int, attributes: Mapping[str, Any]) -> None:
        self.seed = seed
        self.faults = faults
        vars(self).update(attributes)


class Later:
    """An awaitable that takes a few turns of the loop, and may be awaited more than once."""

    def __init__(self, give: Callable[[], Any], turns: int) -> None:
        self._give = give
        self._turns = turns

    def __await__(self) -> Generator[None, None, Any]:
        for _ in range(self._turns):
            yield
        return self._give()


class Hidden(Exception):  # noqa: N818
    """An exception with a message and extensions of its own, as other libraries have them."""

    def __init__(self, message: str) -> None:
        super().__init__("not to be seen")
        self.message = message
        self.extensions = {"from": "elsewhere"}


class Text(str):
    """Not quite a string."""

    __slots__ = ()


class Written:
    """Written by its `__str__`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


class Series:
    """An iterable that is no collection, and that breaks off with an error where it has one."""

    def __init__(self, items: Iterable[Any], error: Exception | None = None) -> None:
        self._items = items
        self._error = error

    def __iter__(self) -> Iterator[Any]:
        yield from self._items
        if self._error is not None:
            raise self._error


class LateSeries:
    """The same, asynchronous."""

    def __init__(self, items: Iterable[Any], error: Exception | None = None) -> None:
        self._items = items
        self._error = error

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self._items:
            await asyncio.sleep(0)
            yield item
        if self._error is not None:
            raise self._error


def _error(seed: int) -> Exception:
    errors: tuple[Callable[[], Exception], ...] = (
        lambda: ValueError(f"no {seed}"),
        lambda: GraphQLError(f"no {seed}", extensions={"code": "NO", "seed": seed}),
        lambda: GraphQLError(f"elsewhere {seed}", path=["elsewhere", seed]),
        lambda: KeyError(f"key {seed}"),
        lambda: Hidden(f"hidden {seed}"),
        RuntimeError,
    )
    return errors[mix(seed, "error") % len(errors)]()


class _Colour:
    """What stands behind an enum's name without being it."""

    red = ("red", 1)
    green = 2
    blue = "GREEN"  # the name of another


COLOUR = GraphQLEnumType(
    "Colour",
    {
        "RED": GraphQLEnumValue(_Colour.red),
        "GREEN": GraphQLEnumValue(_Colour.green),
        "BLUE": GraphQLEnumValue(_Colour.blue),
    },
)
FAULTS = GraphQLEnumType(
    "Faults",
    {
        "NONE": GraphQLEnumValue(0),
        "FEW": GraphQLEnumValue(_FEW),
        "SOME": GraphQLEnumValue(12),
        "MANY": GraphQLEnumValue(40),
    },
)


def _write_odd(value: Any) -> Any:
    if value == "none":
        return None
    if not isinstance(value, int) or value % 2 == 0:
        raise ValueError(f"{value} is not odd")
    return value


def _read_odd(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value % 2 == 0:
        raise GraphQLError(f"{value} is not odd", extensions={"code": "EVEN"})
    return value


def _read_odd_literal(node: ValueNode) -> int:
    return _read_odd(value_from_ast_untyped(node))


ODD = GraphQLScalarType(
    "Odd",
    coerce_output_value=_write_odd,
    coerce_input_value=_read_odd,
    coerce_input_literal=_read_odd_literal,
)
ANYTHING = GraphQLScalarType("Anything")

_INNER = GraphQLInputObjectType(
    "Inner",
    {
        "word": GraphQLInputField(
            GraphQLNonNull(GraphQLString), default=GraphQLDefaultInput("inner"), out_name="a_word"
        ),
        "colours": GraphQLInputField(GraphQLList(GraphQLNonNull(COLOUR))),
        "need": GraphQLInputField(GraphQLNonNull(GraphQLInt)),
    },
)
_OUTER: GraphQLInputObjectType = GraphQLInputObjectType(
    "Outer",
    lambda: {
        "number": GraphQLInputField(GraphQLInt, default=GraphQLDefaultInput(7)),
        "ratio": GraphQLInputField(GraphQLFloat),
        "odd": GraphQLInputField(ODD),
        "inner": GraphQLInputField(_INNER, default=GraphQLDefaultInput({"need": 1})),
        "inners": GraphQLInputField(GraphQLList(_INNER)),
        "outer": GraphQLInputField(_OUTER),
        "any": GraphQLInputField(ANYTHING),
    },
    out_type=lambda values: tuple(sorted(values.items())),
)
_ONE = GraphQLInputObjectType(
    "One",
    {"id": GraphQLInputField(GraphQLID), "slug": GraphQLInputField(GraphQLString)},
    is_one_of=True,
)


def _echo_arguments() -> dict[str, GraphQLArgument]:
    return {
        "int": GraphQLArgument(GraphQLInt, default=GraphQLDefaultInput(3)),
        "ints": GraphQLArgument(GraphQLList(GraphQLList(GraphQLNonNull(GraphQLInt)))),
        "must": GraphQLArgument(GraphQLNonNull(GraphQLInt), default=GraphQLDefaultInput(5)),
        "text": GraphQLArgument(GraphQLString, out_name="renamed"),
        "id": GraphQLArgument(GraphQLID),
        "flag": GraphQLArgument(GraphQLBoolean, default=GraphQLDefaultInput(value=None)),
        "ratio": GraphQLArgument(GraphQLFloat),
        "odd": GraphQLArgument(ODD),
        "any": GraphQLArgument(ANYTHING),
        "colour": GraphQLArgument(COLOUR, default=GraphQLDefaultInput("BLUE")),
        "colours": GraphQLArgument(
            GraphQLList(GraphQLNonNull(COLOUR)), default=GraphQLDefaultInput(["RED", "GREEN"])
        ),
        "outer": GraphQLArgument(_OUTER),
        "outers": GraphQLArgument(GraphQLList(GraphQLNonNull(_OUTER))),
        "one": GraphQLArgument(_ONE),
    }


_Values = tuple[Callable[[int], Any], ...]

_RIGHT: dict[str, _Values] = {
    "Int": (
        lambda seed: seed - 500,
        lambda seed: seed % 2 == 0,
        float,
        str,
        lambda seed: 2**31 - 1 - seed,
        lambda seed: seed - 2**31,
        Decimal,
    ),
    "Float": (
        lambda seed: seed / 8,
        lambda seed: seed,
        lambda seed: seed % 2 == 0,
        lambda seed: f"{seed}.5",
        lambda seed: Decimal(seed) / 4,
        lambda _seed: -0.0,
        lambda seed: 1e300 * seed,
    ),
    "String": (
        lambda seed: f"text {seed}",
        lambda _seed: "",
        lambda seed: seed,
        lambda seed: seed / 2,
        lambda seed: seed % 2 == 0,
        lambda seed: Text(f"sub {seed}"),
        lambda seed: Written(f"written {seed}"),
        lambda seed: f'"\u2028\u00e4\U0001f600\\{seed}',
    ),
    "Boolean": (
        lambda seed: seed % 2 == 0,
        lambda seed: seed % 3,
        lambda seed: seed / 2,
        Decimal,
    ),
    "ID": (
        lambda seed: f"id-{seed}",
        lambda seed: seed,
        float,
        lambda seed: Text(f"sub {seed}"),
        lambda seed: Written(f"written {seed}"),
    ),
    "Colour": (
        lambda _seed: _Colour.red,
        lambda _seed: _Colour.green,
        lambda _seed: _Colour.blue,
    ),
    "Odd": (lambda seed: seed * 2 + 1,),
    "Anything": (
        lambda seed: {"seed": seed, "list": [seed, None, {"a": "b"}], "empty": {}},
        lambda seed: [seed, [seed]],
        lambda seed: f"any {seed}",
        lambda seed: seed,
        lambda _seed: False,
        lambda _seed: float("nan"),
    ),
}
_WRONG: dict[str, _Values] = {
    "Int": (
        lambda seed: f"text {seed}",
        lambda _seed: "",
        lambda seed: 2**31 + seed,
        lambda seed: -(2**31) - 1 - seed,
        lambda seed: seed + 0.5,
        lambda _seed: float("nan"),
        lambda _seed: float("inf"),
        lambda seed: {"seed": seed},
        lambda seed: [seed],
        lambda _seed: 10**400,
    ),
    "Float": (
        lambda _seed: float("nan"),
        lambda _seed: float("-inf"),
        lambda seed: f"text {seed}",
        lambda seed: {"seed": seed},
        lambda _seed: 10**400,
        lambda _seed: "",
    ),
    "String": (
        lambda seed: {"seed": seed},
        lambda seed: [f"text {seed}"],
        lambda _seed: object(),
        lambda _seed: float("nan"),
        lambda _seed: b"bytes",
    ),
    "Boolean": (
        lambda _seed: "true",
        lambda _seed: float("nan"),
        lambda _seed: [],
        lambda seed: {"seed": seed},
    ),
    "ID": (
        lambda seed: seed + 0.5,
        lambda _seed: True,
        lambda seed: {"seed": seed},
        lambda _seed: object(),
    ),
    "Colour": (
        lambda _seed: "RED",
        lambda seed: seed + 10,
        lambda _seed: ["unhashable"],
        lambda _seed: {"un": "hashable"},
        lambda _seed: ("red", 2),
    ),
    "Odd": (lambda seed: seed * 2, lambda _seed: "none", lambda seed: f"text {seed}"),
    "Anything": (lambda seed: ValueError(f"value {seed}"),),
}
_NO_LISTS: _Values = (
    lambda seed: f"text {seed}",
    lambda seed: seed,
    lambda seed: {"a": seed},
    lambda _seed: b"bytes",
    lambda _seed: object(),
)
_NO_OBJECTS: _Values = (
    lambda seed: f"no object {seed}",
    lambda _seed: {},
    lambda seed: Source("Nobody", seed, 0),
    lambda seed: Source("Scalars", seed, 0),
)


def _pick(values: _Values, seed: int, *parts: object) -> Any:
    return values[mix(seed, *parts) % len(values)](seed)


class _Record(Mapping[str, Any]):
    """A mapping that is no dictionary."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class _Properties:
    """An object whose attributes are computed, and some of them fail."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def failing(self) -> str:
        raise ValueError("the property failed")

    @property
    def missing(self) -> str:
        raise AttributeError("no such thing")


@dataclass(frozen=True)
class Dog:
    name: str
    barks: int


@dataclass(frozen=True)
class Cat:
    name: str
    meows: int


@dataclass(frozen=True)
class Bird:
    name: str
    sings: str
    __typename: ClassVar[str] = "Bird"  # where graphql-core looks for it, mangled


class _Twin:
    """Makes the values of one twin.

    `lasting` values may be awaited more than once, or never: attributes hold them.
    """

    def __init__(self, mode: Mode, *, lasting: bool = False) -> None:
        self._mode = mode
        self._lasting = lasting
        self._attributes = self if lasting else _Twin(mode, lasting=True)

    def waits(self, *parts: object) -> bool:
        if self._mode == "mixed":
            return mix("waits", *parts) % 2 == 0
        return self._mode == "async"

    def lift(self, give: Callable[[], Any], *parts: object) -> Any:
        """What `give` gives or raises, now or later."""
        if not self.waits(*parts):
            return give()
        turns = mix("turns", *parts) % 4
        match 0 if self._lasting else mix("how", *parts) % 3:
            case 0:
                return Later(give, turns)
            case 1:
                return self._future(give)
            case _:
                return noted(self._coroutine(give, turns))

    async def _coroutine(self, give: Callable[[], Any], turns: int) -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        return give()

    def _future(self, give: Callable[[], Any]) -> Any:
        try:
            value = give()
        except Exception as error:  # noqa: BLE001  a future that nobody awaits must not hold it
            return Later(lambda error=error: _raise(error), 1)  # type: ignore[misc]
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        found.set_result(value)
        return found

    def value(self, type_: GraphQLOutputType, seed: int, faults: int) -> Any:
        """A value for a place of that type, or what goes wrong there."""
        nullable = not isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if _hits(_NULLS if nullable else faults / 5, seed, "null"):
            return Undefined if _hits(20, seed, "undefined") else None
        if _hits(faults / 2, seed, "raise"):
            error = _error(seed)
            if _hits(50, seed, "return"):
                return error
            raise error
        wrong = _hits(faults / 2, seed, "wrong")
        if isinstance(inner, GraphQLList):
            if wrong:
                return _pick(_NO_LISTS, seed, "no list")
            return self._list(inner.of_type, seed, faults)
        named = get_named_type(inner)
        if named.name in _RIGHT:
            return _pick((_WRONG if wrong else _RIGHT)[named.name], seed, named.name)
        return self._object(named, seed, faults, wrong=wrong)

    def _list(self, item: GraphQLOutputType, seed: int, faults: int) -> Any:
        length = _LENGTHS[mix(seed, "length") % len(_LENGTHS)]
        items = [self._item(item, mix(seed, index) % _MOST_SEED, faults) for index in range(length)]
        error = _error(seed) if _hits(faults / 4, seed, "breaks off") else None
        late = self._mode != "sync" and _hits(
            50 if self._mode == "async" else 25, seed, "late series"
        )
        series = LateSeries(items, error) if late else Series(items, error)
        if late or error is not None:
            return series if seed % 2 or self._lasting else _once(series)
        kinds = _LASTING_LISTS if self._lasting else _LISTS
        return kinds[mix(seed, "kind of list") % len(kinds)](items)

    def _item(self, type_: GraphQLOutputType, seed: int, faults: int) -> Any:
        def give() -> Any:
            return self.value(type_, seed, faults)

        if self._mode == "sync" or not self.waits(seed, "item"):
            try:
                return give()
            except Exception as error:  # noqa: BLE001  a plain item fails by being an exception
                return error
        return self.lift(give, seed, "item") if seed % 2 else Later(give, seed % 3)

    def _object(self, type_: GraphQLNamedType, seed: int, faults: int, *, wrong: bool) -> Any:
        if type_.name == "Loose":
            return _pick(_NO_OBJECTS[:2], seed, "no loose") if wrong else self.loose(seed, faults)
        if type_.name in {"Pet", "Zoo"}:
            return _pick(_NO_OBJECTS, seed, "no pet") if wrong else _pet(seed)
        if wrong and mix(seed, "kind of wrong") % 2:
            return _pick(_NO_OBJECTS, seed, "no object")
        kinds = _POSSIBLE.get(type_.name, (type_.name,))
        kind = kinds[mix(seed, "kind") % len(kinds)]
        return self.kept(seed, faults) if kind == "Kept" else Source(kind, seed, faults)

    def kept(self, seed: int, faults: int) -> Kept:
        """A source whose attributes, or keys, are missing now and then."""
        attributes = {
            name: self._attributes.plain(type_, seed, name, faults)
            for name, type_ in _KEPT_TYPES.items()
            if not _hits(faults / 8, seed, name, "missing")
        }
        record = {
            name: _STORING.plain(type_, seed, f"key {name}", faults)
            for name, type_ in _KEPT_TYPES.items()
            if not _hits(10 if name.endswith("V0") else faults / 8, seed, name, "missing key")
        }
        if not _hits(faults / 8, seed, "no record"):
            attributes["record"] = record
        return Kept(seed, faults, attributes)

    def loose(self, seed: int, faults: int) -> Any:
        """A source without resolvers: dictionaries, objects, and what is like them."""
        values: dict[str, Any] = {
            "text": self._attributes.plain(GraphQLString, seed, "text", faults),
            "must": self._attributes.plain(GraphQLNonNull(GraphQLString), seed, "must", faults),
            "number": self._attributes.plain(GraphQLInt, seed, "number", faults),
            "words": self._attributes.plain(GraphQLList(GraphQLString), seed, "words", faults),
            "method": lambda info, times=2, word=None: self.lift(
                lambda: f"{info.field_name} {word} {seed}" * times, seed, "method"
            ),
            "nested": lambda _info: self.loose(mix(seed, "nested") % _MOST_SEED, faults),
            "list": lambda _info: [
                self.loose(mix(seed, "list", index) % _MOST_SEED, faults)
                for index in range(mix(seed, "list") % 4)
            ],
        }
        kinds: tuple[Callable[[dict[str, Any]], Any], ...] = (
            dict,
            lambda values: SimpleNamespace(**values),
            _Record,
            _Properties,
        )
        return kinds[mix(seed, "kind of loose") % len(kinds)](values)

    def plain(self, type_: GraphQLOutputType, seed: int, name: str, faults: int) -> Any:
        own = mix(seed, name) % _MOST_SEED

        def give() -> Any:
            return self.value(type_, own, faults)

        if self.waits(own, "attribute"):
            return Later(give, own % 3)
        try:
            return give()
        except Exception as error:  # noqa: BLE001  an attribute fails by being an exception
            return error

    def resolver(self, key: str, type_: GraphQLOutputType) -> Callable[..., Any]:
        """The resolver of a field whose value follows from its source's seed and its name."""

        def resolve(source: Any, _info: Info, **arguments: Any) -> Any:
            if source is None:
                source = Source("Query", arguments["seed"], arguments["faults"])

            def give() -> Any:
                return self.value(type_, mix(source.seed, key) % _MOST_SEED, source.faults)

            return self.lift(give, getattr(source, "seed", 0), key)

        return resolve

    def computed(self, key: str, compute: Callable[..., Any]) -> Callable[..., Any]:
        """The resolver that computes its value from the source, the info and the arguments."""

        def resolve(source: Any, info: Info, **arguments: Any) -> Any:
            return self.lift(
                lambda: compute(source, info, **arguments), getattr(source, "seed", 0), key
            )

        return resolve

    def resolve_type(self, value: Any, _info: Info, type_: GraphQLNamedType) -> Any:
        if not isinstance(value, (Source, Kept)):
            return self.lift(lambda: None, str(value), type_.name)

        def give() -> Any:
            if not _hits(value.faults / 4, value.seed, "type"):
                return value.kind
            wrong: list[Any] = [None, "Nobody", "Query", "Node", "Colour", 5, GraphQLString]
            found = (*wrong, _error(value.seed))[mix(value.seed, "wrong type") % (len(wrong) + 1)]
            return _raise(found) if isinstance(found, Exception) else found

        return self.lift(give, value.seed, "type", type_.name)

    def is_type_of(self, kind: str) -> Callable[[Any, Info], Any]:
        def check(value: Any, _info: Info) -> Any:
            seed = value.seed if isinstance(value, Source) else 0

            def give() -> bool:
                if isinstance(value, Source) and _hits(value.faults / 8, seed, "check"):
                    raise _error(seed)
                return isinstance(value, Source) and value.kind == kind

            return self.lift(give, seed, kind, "check")

        return check

    def is_pet(self, kind: type) -> Callable[[Any, Info], Any]:
        def check(value: Any, _info: Info) -> Any:
            return self.lift(lambda: isinstance(value, kind), kind.__name__, "check")

        return check


# Nothing that is stored has to be awaited.
_STORING = _Twin("sync", lasting=True)


def _raise(error: Exception) -> Any:
    raise error


def _once(series: Series | LateSeries) -> Any:
    return aiter(series) if isinstance(series, LateSeries) else iter(series)


def _one_as_set(items: list[Any]) -> Collection[Any]:
    try:
        return set(items) if len(items) < 2 else items
    except TypeError:
        return items


def _pet(seed: int) -> Any:
    name = f"pet {seed}"
    match mix(seed, "pet") % 5:
        case 0:
            return Dog(name, seed)
        case 1:
            return Cat(name, seed)
        case 2:
            return Bird(name, f"song {seed}")
        case 3:
            return {"__typename": "Cat", "name": name, "meows": seed}
        case _:
            return {"__typename": "Nobody" if seed % 5 == 0 else "Dog", "name": name, "barks": 1}


def _about(_source: Any, info: Info, **arguments: Any) -> str:
    """Everything that a resolver is told, as text."""
    operation = info.operation.name.value if info.operation.name else None
    # Strawberry, and so the engine, hands over the coerced values themselves.
    variables = getattr(info.variable_values, "coerced", info.variable_values)
    names: list[str] = []
    path = info.path
    while path is not None:
        names.append(f"{path.key}@{path.typename}")
        path = cast("Any", path.prev)
    return (
        f"{info.field_name} {info.parent_type} {info.return_type} {len(info.field_nodes)} "
        f"{[node.alias.value if node.alias else None for node in info.field_nodes]} "
        f"{info.operation.operation.value} {operation} {sorted(info.fragments)} {info.root_value} "
        f"{sorted(variables.items())} "
        f"{names} {type(info.context).__name__} {type(info.schema).__name__} {arguments}"
    )


def _path(_source: Any, info: Info) -> str:
    return ".".join(map(str, info.path.as_list()))


def _echo(_source: Any, _info: Info, **arguments: Any) -> str:
    return repr(sorted(arguments.items()))


_LASTING_LISTS: tuple[Callable[[list[Any]], Any], ...] = (
    list,
    list,
    tuple,
    Series,
    deque,
    lambda items: dict(enumerate(items)).values(),
    _one_as_set,
)
_LISTS = (*_LASTING_LISTS, iter, lambda items: (item for item in items))
_POSSIBLE = {
    "Node": ("Scalars", "Lists", "Tree", "Strict", "Kept"),
    "Named": ("Tree", "Strict"),
    "Thing": ("Scalars", "Tree", "Strict"),
}
_LEAVES: tuple[GraphQLOutputType, ...] = (
    GraphQLInt,
    GraphQLFloat,
    GraphQLString,
    GraphQLBoolean,
    GraphQLID,
    COLOUR,
    ODD,
    ANYTHING,
)


def _wrappings() -> dict[str, Callable[[Any], Any]]:
    """Each way of wrapping a type, by a name: `L` is a list, `V` the value, 1 means not null."""
    found: dict[str, Callable[[Any], Any]] = {}
    for value in "01":
        found[f"V{value}"] = partial(_wrapped, value)
        for outer in "01":
            found[f"L{outer}V{value}"] = partial(_wrapped, value + outer)
            for inner in "01":
                found[f"L{outer}L{inner}V{value}"] = partial(_wrapped, value + inner + outer)
    return found


def _wrapped(flags: str, type_: Any) -> Any:
    """A type in lists; the flags say, from the inside, what may not be null."""
    found = GraphQLNonNull(type_) if flags[0] == "1" else type_
    for flag in flags[1:]:
        found = GraphQLNonNull(GraphQLList(found)) if flag == "1" else GraphQLList(found)
    return found


WRAPPINGS = _wrappings()
_KEPT_TYPES: dict[str, Any] = {
    f"{str(leaf).lower()}{name}": WRAPPINGS[name](leaf)
    for leaf in _LEAVES
    for name in ("V0", "V1", "L1V1")
}
_SOME_WRAPPINGS = ("V0", "V1", "L0V0", "L1V1", "L0V1", "L0L1V1")


def _root_arguments() -> dict[str, GraphQLArgument]:
    return {
        "seed": GraphQLArgument(GraphQLNonNull(GraphQLInt), default=GraphQLDefaultInput(1)),
        "faults": GraphQLArgument(GraphQLNonNull(FAULTS), default=GraphQLDefaultInput("FEW")),
    }


def _doubled(value: Any) -> Any:
    return value * 2


def _kind(value: Any) -> str:
    return type(value).__name__


_Conversion: TypeAlias = tuple[Callable[[Any], Any] | None, Any]
_CONVERSIONS: dict[str, tuple[_Conversion, ...]] = {
    "V": ((None, None), (_doubled, None), (None, 1), (_doubled, 0)),
    "text": ((None, "a default"), (_kind, ""), (_kind, None), (_doubled, None)),
    "L": ((None, None), (list, None), (None, ()), (tuple, []), (len, None)),
}


def _conversion(name: str) -> _Conversion:
    """How a stored value of that type is shown; at times in a way that can't be."""
    kind = "L" if "L" in name else "text" if name.startswith(("string", "id", "any")) else "V"
    found = _CONVERSIONS[kind]
    return found[mix(name, "conversion") % len(found)]


class _Builder:
    """Builds the types of one twin."""

    def __init__(self, mode: Mode) -> None:
        self.twin = _Twin(mode)
        twin = self.twin
        self.node = GraphQLInterfaceType("Node", self._node_fields, resolve_type=twin.resolve_type)
        self.named = GraphQLInterfaceType(
            "Named", self._named_fields, [self.node], resolve_type=twin.resolve_type
        )
        self.pet = GraphQLInterfaceType("Pet", {"name": GraphQLField(GraphQLString)})
        self.scalars = GraphQLObjectType("Scalars", self._scalars_fields, [self.node])
        self.lists = GraphQLObjectType("Lists", self._lists_fields, [self.node])
        self.tree = GraphQLObjectType("Tree", self._tree_fields, [self.node, self.named])
        self.kept = GraphQLObjectType("Kept", self._kept_fields, [self.node])
        self.strict = GraphQLObjectType(
            "Strict",
            self._strict_fields,
            [self.node, self.named],
            is_type_of=twin.is_type_of("Strict"),
        )
        self.thing = GraphQLUnionType(
            "Thing", [self.scalars, self.tree, self.strict], resolve_type=twin.resolve_type
        )
        self.loose = GraphQLObjectType("Loose", self._loose_fields)
        self.pets = [
            self._pet_type("Dog", "barks", GraphQLInt, Dog),
            self._pet_type("Cat", "meows", GraphQLInt, Cat),
            self._pet_type("Bird", "sings", GraphQLString, None),
        ]
        self.zoo = GraphQLUnionType("Zoo", self.pets)

    def schema(self) -> GraphQLSchema:
        return GraphQLSchema(
            GraphQLObjectType("Query", self._query_fields),
            GraphQLObjectType("Mutation", self._mutation_fields),
            types=[self.scalars, self.lists, self.tree, self.strict, self.kept, *self.pets],
        )

    def _pet_type(
        self, name: str, own: str, type_: GraphQLOutputType, kind: type | None
    ) -> GraphQLObjectType:
        return GraphQLObjectType(
            name,
            {"name": GraphQLField(GraphQLString), own: GraphQLField(type_)},
            [self.pet],
            is_type_of=self.twin.is_pet(kind) if kind else None,
        )

    def _field(self, owner: str, name: str, type_: GraphQLOutputType) -> GraphQLField:
        return GraphQLField(type_, resolve=self.twin.resolver(f"{owner}.{name}", type_))

    def _fields(
        self, owner: str, prefix: str, type_: Any, wrappings: Iterable[str] = WRAPPINGS
    ) -> dict[str, GraphQLField]:
        return {
            f"{prefix}{name}": self._field(owner, f"{prefix}{name}", WRAPPINGS[name](type_))
            for name in wrappings
        }

    def _node_fields(self) -> dict[str, GraphQLField]:
        return {
            "id": GraphQLField(GraphQLNonNull(GraphQLID)),
            "path": GraphQLField(GraphQLNonNull(GraphQLString)),
        }

    def _named_fields(self) -> dict[str, GraphQLField]:
        return {
            **self._node_fields(),
            "name": GraphQLField(GraphQLNonNull(GraphQLString)),
            "label": GraphQLField(GraphQLString),
            "friend": GraphQLField(self.named),
            "friends": GraphQLField(GraphQLList(GraphQLNonNull(self.named))),
            "node": GraphQLField(self.node),
            "echo": GraphQLField(GraphQLString, _echo_arguments()),
        }

    def _own_node_fields(self, owner: str) -> dict[str, GraphQLField]:
        return {
            "id": self._field(owner, "id", GraphQLNonNull(GraphQLID)),
            "path": GraphQLField(
                GraphQLNonNull(GraphQLString), resolve=self.twin.computed("path", _path)
            ),
        }

    def _own_named_fields(self, owner: str) -> dict[str, GraphQLField]:
        return {
            **self._own_node_fields(owner),
            "name": self._field(owner, "name", GraphQLNonNull(GraphQLString)),
            "label": self._field(owner, "label", GraphQLString),
            "friends": self._field(owner, "friends", GraphQLList(GraphQLNonNull(self.named))),
            "node": self._field(owner, "node", self.node),
            "echo": self._echo(),
            "about": self._about_field(),
        }

    def _echo(self) -> GraphQLField:
        return GraphQLField(
            GraphQLString, _echo_arguments(), resolve=self.twin.computed("echo", _echo)
        )

    def _about_field(self) -> GraphQLField:
        return GraphQLField(
            GraphQLNonNull(GraphQLString),
            {"number": GraphQLArgument(GraphQLInt)},
            resolve=self.twin.computed("about", _about),
        )

    def _scalars_fields(self) -> dict[str, GraphQLField]:
        fields = self._own_node_fields("Scalars")
        for leaf in _LEAVES:
            prefix = str(leaf).lower()
            fields |= self._fields("Scalars", prefix, leaf, ("V0", "V1"))
        return fields

    def _lists_fields(self) -> dict[str, GraphQLField]:
        fields = self._own_node_fields("Lists")
        for leaf in (GraphQLInt, GraphQLString, COLOUR):
            wrappings = [name for name in WRAPPINGS if name.startswith("L")]
            fields |= self._fields("Lists", str(leaf).lower(), leaf, wrappings)
        return fields

    def _kept_fields(self) -> dict[str, GraphQLField]:
        """Fields that a plan reads by itself; graphql-core calls what reads them."""
        fields = self._own_node_fields("Kept")
        for name, type_ in _KEPT_TYPES.items():
            stored = StoredRead(name, *_conversion(name))
            fields[f"read{name}"] = GraphQLField(type_, resolve=AttributeRead(name))
            fields[f"key{name}"] = GraphQLField(type_, resolve=stored)
        return fields

    def _tree_fields(self) -> dict[str, GraphQLField]:
        return {
            **self._own_named_fields("Tree"),
            "friend": self._field("Tree", "friend", GraphQLNonNull(self.tree)),  # narrower
            **self._fields("Tree", "tree", self.tree),
            **self._fields("Tree", "named", self.named, _SOME_WRAPPINGS),
            **self._fields("Tree", "thing", self.thing, _SOME_WRAPPINGS),
            **self._fields("Tree", "strict", self.strict, _SOME_WRAPPINGS),
            **self._fields("Tree", "scalars", self.scalars, ("V0", "V1", "L1V1")),
            **self._fields("Tree", "lists", self.lists, ("V0", "V1")),
            **self._fields("Tree", "kept", self.kept, ("V0", "L1V1")),
            **self._fields("Tree", "loose", self.loose, ("V0", "L1V1")),
            **self._fields("Tree", "pet", self.pet, ("V0", "L0V0")),
            "zoo": self._field("Tree", "zoo", GraphQLList(self.zoo)),
        }

    def _strict_fields(self) -> dict[str, GraphQLField]:
        return {
            **self._own_named_fields("Strict"),
            "friend": self._field("Strict", "friend", self.named),
            **self._fields("Strict", "strict", self.strict, ("V0", "V1", "L1V1")),
        }

    def _loose_fields(self) -> dict[str, GraphQLField]:
        return {
            "text": GraphQLField(GraphQLString),
            "must": GraphQLField(GraphQLNonNull(GraphQLString)),
            "number": GraphQLField(GraphQLInt),
            "words": GraphQLField(GraphQLList(GraphQLString)),
            "method": GraphQLField(
                GraphQLString,
                {
                    "times": GraphQLArgument(GraphQLInt, default=GraphQLDefaultInput(1)),
                    "word": GraphQLArgument(GraphQLString),
                },
            ),
            "nested": GraphQLField(self.loose),
            "list": GraphQLField(GraphQLList(GraphQLNonNull(self.loose))),
            "missing": GraphQLField(GraphQLInt),
            "failing": GraphQLField(GraphQLString),
        }

    def _query_fields(self) -> dict[str, GraphQLField]:
        fields = {
            **self._fields("Query", "scalars", self.scalars, ("V0", "V1", "L0V1")),
            **self._fields("Query", "lists", self.lists, ("V0", "V1", "L1V0")),
            **self._fields("Query", "kept", self.kept, _SOME_WRAPPINGS),
            **self._fields("Query", "tree", self.tree, ("V0", "V1", "L0V0", "L1V1")),
            **self._fields("Query", "node", self.node, _SOME_WRAPPINGS),
            **self._fields("Query", "named", self.named, ("V0", "L0V1")),
            **self._fields("Query", "thing", self.thing, _SOME_WRAPPINGS),
            **self._fields("Query", "strict", self.strict, ("V0", "V1", "L0V0")),
            **self._fields("Query", "loose", self.loose, ("V0", "L0V1")),
            **self._fields("Query", "pet", self.pet, ("V0", "L0V0")),
            **self._fields("Query", "zoo", self.zoo, ("L0V0",)),
        }
        for declared in fields.values():
            declared.args = _root_arguments()
        fields["echo"] = self._echo()
        fields["about"] = self._about_field()
        fields["path"] = GraphQLField(GraphQLString, resolve=self.twin.computed("path", _path))
        return fields

    def _mutation_fields(self) -> dict[str, GraphQLField]:
        counter = GraphQLObjectType(
            "Counter",
            {
                "total": GraphQLField(
                    GraphQLNonNull(GraphQLInt), resolve=self.twin.computed("total", _total)
                ),
                "log": GraphQLField(
                    GraphQLNonNull(GraphQLList(GraphQLNonNull(GraphQLString))),
                    resolve=self.twin.computed("log", _log),
                ),
                "tree": self._field("Counter", "tree", self.tree),
            },
        )
        amount = {"amount": GraphQLArgument(GraphQLInt, default=GraphQLDefaultInput(1))}
        return {
            "add": GraphQLField(counter, amount, resolve=self._adder("add")),
            "addMust": GraphQLField(
                GraphQLNonNull(counter), amount, resolve=self._adder("addMust")
            ),
            "adds": GraphQLField(GraphQLList(counter), amount, resolve=self._adder("adds", 2)),
            "fail": GraphQLField(counter, amount, resolve=self._adder("fail", fails=True)),
            "failMust": GraphQLField(
                GraphQLNonNull(counter), amount, resolve=self._adder("failMust", fails=True)
            ),
        }

    def _adder(self, name: str, times: int = 1, *, fails: bool = False) -> Callable[..., Any]:
        """A mutation that writes down when it begins and ends. A negative amount fails."""

        def begin(info: Info, amount: int | None) -> str:
            place = f"{info.path.key}:{amount}"
            info.context.log.append(f"{place} begins")
            return place

        def finish(info: Info, amount: int | None, place: str) -> Any:
            info.context.log.append(f"{place} ends")
            if fails or amount is None or amount < 0:
                raise ValueError(f"{name} can't add {amount}")
            info.context.total += amount * times
            source = Source("Counter", amount % _MOST_SEED, _FEW)
            return source if times == 1 else [source] * times

        async def later(info: Info, amount: int | None, place: str) -> Any:
            for _ in range(mix(name, amount) % 4):
                await asyncio.sleep(0)
            return finish(info, amount, place)

        def resolve(_source: Any, info: Info, amount: int | None = None) -> Any:
            place = begin(info, amount)
            if self.twin.waits(name, amount):
                return noted(later(info, amount, place))
            return finish(info, amount, place)

        return resolve


def _total(_source: Any, info: Info) -> int:
    total: int = info.context.total
    return total


def _log(_source: Any, info: Info) -> list[str]:
    return list(info.context.log)


def torture_schema(mode: Mode) -> GraphQLSchema:
    """One twin of the schema."""
    return _Builder(mode).schema()


def composite_kinds(schema: GraphQLSchema, type_: GraphQLNamedType) -> list[GraphQLObjectType]:
    """The object types that an object of this type can turn out to be."""
    if is_abstract_type(type_):
        return list(schema.get_possible_types(type_))
    return [cast("GraphQLObjectType", type_)]
