"""Tables of settings, and what a model says of their keys."""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

_SECRETS = frozenset({SecretStr, SecretBytes})


def dotted(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Every key of a table, with those above it: `database.name`, `list.0.key`."""
    for name, value in table.items():
        yield f"{above}{name.lower()}"
        entries = dict(enumerate(value)) if isinstance(value, list) else {"": value}
        for index, entry in entries.items():
            if isinstance(entry, Mapping):
                place = f"{name.lower()}.{index}" if index != "" else name.lower()
                yield from dotted(entry, f"{above}{place}.")


def annotation_at(annotation: Any, path: Sequence[str]) -> Any:
    """What a model says of a key, however deep in its tables; None where it says nothing."""
    for key in path:
        annotation = next(
            (found for each in _choices(annotation) if (found := _below(each, key)) is not None),
            None,
        )
    return annotation


def _choices(annotation: Any) -> Sequence[Any]:
    """The types that a value may be of: those of a union, else the type itself."""
    if get_origin(annotation) in {Union, UnionType}:
        return [choice for each in get_args(annotation) for choice in _choices(each)]
    return [annotation]


def _below(annotation: Any, key: str) -> Any:
    """What a table of a type has at a key; the entries of a list have their indexes."""
    if get_origin(annotation) is Annotated:
        return _below(get_args(annotation)[0], key)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(key)
        return field.annotation if field is not None else None
    if is_container(annotation):
        return next((each for each in get_args(annotation)[::-1] if each is not Ellipsis), None)
    return None


def is_secret(annotation: Any) -> bool:
    """Whether a value, or one in it, is a secret."""
    return any(
        each in _SECRETS or not _SECRETS.isdisjoint(get_args(each)) for each in _choices(annotation)
    )


def table_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a value that is a table with keys of its own; None where it isn't one."""
    return next(
        (
            each
            for each in _choices(annotation)
            if isinstance(each, type) and issubclass(each, BaseModel)
        ),
        None,
    )


def is_container(annotation: Any) -> bool:
    """Whether a value is a list or a table of values of one type."""
    return getattr(annotation, "__origin__", None) in {tuple, list, dict, set, frozenset}
