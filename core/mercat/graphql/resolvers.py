"""Resolvers without Strawberry in between, where what it does between adds nothing."""

from collections.abc import Callable
from typing import Any, cast

from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition

Resolver = Callable[..., Any]

_PLAIN = (bool, int, str, float)


def attribute_reader(name: str) -> Resolver:
    """A resolver that reads one attribute; `attribute` on it tells an executor which."""

    def read(source: Any, _info: Any) -> Any:
        return getattr(source, name)

    read.attribute = name  # type: ignore[attr-defined]
    return read


def can_call_directly(field: StrawberryField) -> bool:
    """Whether the field is a plain method: no permissions, no extensions, only plain arguments.

    Enums and inputs need Strawberry, which makes Python's values of them.
    """
    resolver = field.base_resolver
    return (
        resolver is not None
        and not field.is_subscription
        and not field.is_async
        and not field.extensions
        and not field.permission_classes
        and resolver.self_parameter is not None
        and resolver.root_parameter is None
        and resolver.parent_parameter is None
        and all(_is_plain(argument) for argument in field.arguments)
    )


def direct_call(field: StrawberryField, config: StrawberryConfig) -> Resolver:
    """A resolver that calls the field's method with its arguments by their Python names."""
    resolver = field.base_resolver
    if resolver is None:
        raise TypeError(f"{field.python_name} has no resolver")
    method = cast("Resolver", resolver.wrapped_func)
    names = {
        config.name_converter.from_argument(argument): argument.python_name
        for argument in field.arguments
    }
    info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def call(source: Any, info: Any, **arguments: Any) -> Any:
        values = {names[name]: value for name, value in arguments.items()}
        if info_name is not None:
            values[info_name] = config.info_class(_raw_info=info, _field=field)
        return method(source, **values)

    return call


def _is_plain(argument: StrawberryArgument) -> bool:
    type_ = argument.type
    if isinstance(type_, StrawberryOptional):
        type_ = type_.of_type
    return type_ in _PLAIN or isinstance(type_, ScalarDefinition) or _is_scalar(type_)


def _is_scalar(type_: object) -> bool:
    return getattr(type_, "__supertype__", None) is str
