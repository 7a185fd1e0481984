"""How fields get their values; what an executor can see of it, a compiled plan does directly.

`Executor`s of graphql-core call these as any other resolver. A plan looks at their class instead:
it reads attributes and stored keys in place, and calls a batch function once for a whole level.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition

Scalars = Mapping[object, ScalarDefinition]
Load = Callable[..., Awaitable[Sequence[Any]] | Sequence[Any]]

_PLAIN = (bool, int, str, float)


class AttributeRead:
    """Reads an attribute of the source."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, source: Any, _info: Any) -> Any:
        return getattr(source, self.name)


class IsInstance:
    """Strawberry's check that an object is of a type; `knows` tells by its class alone."""

    def __init__(self, origin: type, check: Callable[[Any, Any], Any]) -> None:
        self._origin = origin
        self._check = check

    def __call__(self, source: Any, info: Any) -> Any:
        return self._check(source, info)

    def knows(self, kind: type) -> bool:
        return issubclass(kind, self._origin)


class StoredRead:
    """Reads a key of the source's `record`: `default` where it is missing, else converted."""

    def __init__(self, key: str, convert: Callable[[Any], Any] | None, default: Any) -> None:
        self.key = key
        self.convert = convert
        self.default = default

    def __call__(self, source: Any, _info: Any) -> Any:
        value = source.record.get(self.key)
        if value is None:
            return self.default
        return value if self.convert is None else self.convert(value)


class FunctionCall:
    """Calls a field's function with its arguments by their Python names."""

    def __init__(self, field: StrawberryField, config: StrawberryConfig, scalars: Any) -> None:
        resolver = field.base_resolver
        if resolver is None:
            raise TypeError(f"{field.python_name} has no resolver")
        source = resolver.root_parameter or resolver.parent_parameter
        self.field = field
        self.function = cast("Callable[..., Any]", resolver.wrapped_func)
        self.takes_self = resolver.self_parameter is not None
        self.source_name = source.name if source else None
        self.info_name = resolver.info_parameter.name if resolver.info_parameter else None
        self._config = config
        self._scalars = scalars
        self._names = {
            config.name_converter.from_argument(argument): argument.python_name
            for argument in field.arguments
        }
        self._is_plain = all(_is_plain(argument) for argument in field.arguments)

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        made = self._config.info_class(_raw_info=info, _field=self.field)
        return self.call(source, made, self.python_arguments(arguments))

    def call(self, source: Any, info: Any, values: Mapping[str, Any]) -> Any:
        """Call the function; `values` are its own arguments."""
        named = dict(values)
        if self.info_name is not None:
            named[self.info_name] = info
        if self.source_name is not None:
            named[self.source_name] = source
        return self.function(source, **named) if self.takes_self else self.function(**named)

    def python_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them, enums and inputs as Python's values."""
        if self._is_plain:
            return {self._names[name]: value for name, value in arguments.items()}
        return convert_arguments(dict(arguments), self.field.arguments, self._scalars, self._config)


class BatchCall(FunctionCall):
    """Calls `load(parents, info, **arguments)` of a batched field, for all parents at once."""

    def __init__(self, field: StrawberryField, config: StrawberryConfig, scalars: Any) -> None:
        super().__init__(field, config, scalars)
        self.load: Load = self.function.batch_load  # type: ignore[attr-defined]


def direct_call(
    field: StrawberryField, config: StrawberryConfig, scalars: Any
) -> FunctionCall | StoredRead | None:
    """The field's call without Strawberry in between; None where Strawberry adds something."""
    resolver = field.base_resolver
    if resolver is None or field.is_subscription or field.extensions or field.permission_classes:
        return None
    read = getattr(resolver.wrapped_func, "stored_read", None)
    if read is not None:
        return cast("StoredRead", read)
    if hasattr(resolver.wrapped_func, "batch_load"):
        return BatchCall(field, config, scalars)
    return FunctionCall(field, config, scalars)


def _is_plain(argument: StrawberryArgument) -> bool:
    type_ = argument.type
    if isinstance(type_, StrawberryOptional):
        type_ = type_.of_type
    return type_ in _PLAIN or isinstance(type_, ScalarDefinition) or _is_scalar(type_)


def _is_scalar(type_: object) -> bool:
    return getattr(type_, "__supertype__", None) is str
