"""One schema out of many plugins: `@extend(Product)` adds fields to a type of somebody else.

It works by a schema that answers `get_fields` with a type's own fields and its extensions', so the
type itself is never touched and two engines in one process don't see each other's plugins.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import strawberry
from graphql import GraphQLError, GraphQLObjectType
from strawberry.exceptions import StrawberryException
from strawberry.exceptions.duplicated_type_name import DuplicatedTypeName
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from mercat.errors import BootError
from mercat.graphql.executor import StreamingExecutor
from mercat.graphql.resolvers import AttributeRead, IsInstance, direct_call
from mercat.graphql.scalars import SCALARS

C = TypeVar("C", bound=type)

CORE = "mercat"
_TARGET = "__mercat_extends__"


@strawberry.type(description="Everything that can be asked.")
class Query:
    """The root of queries; plugins extend it."""


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """The root of mutations; plugins extend it."""


@strawberry.type(description="Everything that can be followed as it happens.")
class Subscription:
    """The root of subscriptions; plugins extend it."""


ROOTS = (Query, Mutation, Subscription)


def extend(target: type) -> Callable[[C], C]:
    """Declare that the decorated class's fields belong to `target`, an object type.

    Each field needs a resolver. Raises BootError for a target that is no object type, and for a
    field without a resolver.
    """

    def decorate(cls: C) -> C:
        definition = get_object_definition(target)
        if definition is None or definition.is_input or definition.is_interface:
            raise BootError(
                f"{_path(cls)} extends {_path(target)}, which is no object type; only object "
                "types can be extended"
            )
        extension: C = strawberry.type(cls)
        for field in get_object_definition(extension, strict=True).fields:
            if field.base_resolver is None and not field.is_subscription:
                raise BootError(
                    f"{_path(cls)}.{field.python_name} has no resolver; the fields of an "
                    "extension need one"
                )
        setattr(extension, _TARGET, target)
        return extension

    return decorate


@dataclass(frozen=True)
class Contribution:
    """What one plugin adds: the classes of its `schema` hook."""

    plugin: str
    classes: Sequence[type]


class MergedSchema(strawberry.Schema):
    """The schema of one engine. `owners` maps `Type` and `Type.field` to a plugin's name."""

    def __init__(
        self,
        contributions: Iterable[Contribution],
        packages: dict[str, str],
        *,
        suggestions: bool = True,
        extensions: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (),
    ) -> None:
        self.owners: dict[str, str] = {}
        self._packages = packages
        self._extensions: dict[type, list[StrawberryField]] = {}
        config = StrawberryConfig(
            scalar_map=SCALARS, disable_field_suggestions=not suggestions, relay_max_results=100
        )
        self._name = config.name_converter.get_graphql_name
        types = self._take(contributions)
        query, mutation, subscription = (root if self._has(root) else None for root in ROOTS)
        try:
            super().__init__(
                query=query or Query,
                mutation=mutation,
                subscription=subscription,
                types=types,
                config=config,
                extensions=extensions,
                execution_context_class=StreamingExecutor,
            )
        except DuplicatedTypeName as error:
            raise BootError(
                f"a type is declared twice under one name: by {_path(error.first_cls)} and by "
                f"{_path(error.second_cls)}; rename one"
            ) from None
        except (StrawberryException, TypeError) as error:
            message = getattr(error, "message", None) or str(error)
            raise BootError(f"the schema can't be made: {' '.join(message.split())}") from error
        self._note_owners()
        self._resolve_directly()

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        return [*type_definition.fields, *self._extensions.get(type_definition.origin, ())]

    def process_errors(self, errors: list[GraphQLError], *_: object, **__: object) -> None:
        """Log nothing: what is worth it is logged where errors are presented.

        Strawberry would log each invalid document of a client as an error of the server.
        """

    def _has(self, root: type) -> bool:
        definition = get_object_definition(root, strict=True)
        return bool(definition.fields or self._extensions.get(root))

    def _take(self, contributions: Iterable[Contribution]) -> list[type]:
        types = []
        declared: dict[tuple[type, str], type] = {}
        for contribution in contributions:
            for cls in contribution.classes:
                target = cls.__dict__.get(_TARGET)
                if target is None:
                    types.append(cls)
                else:
                    self._extend(target, cls, contribution.plugin, declared)
        return types

    def _extend(
        self, target: type, cls: type, plugin: str, declared: dict[tuple[type, str], type]
    ) -> None:
        known = get_object_definition(target, strict=True)
        for field in known.fields:
            declared.setdefault((target, self._name(field)), target)
        for field in get_object_definition(cls, strict=True).fields:
            name = self._name(field)
            other = declared.setdefault((target, name), cls)
            if other is not cls:
                raise BootError(
                    f"{known.name}.{name} is declared twice: by {_path(other)} and by "
                    f"{_path(cls)}; take one of the two plugins out of [plugins] enabled"
                )
            self._extensions.setdefault(target, []).append(field)
            self.owners[f"{known.name}.{name}"] = plugin

    def _note_owners(self) -> None:
        for name, definition in self.schema_converter.type_map.items():
            declared = definition.definition
            cls = getattr(declared, "origin", None) or getattr(declared, "wrapped_cls", None)
            module = f"{getattr(cls, '__module__', '')}."
            self.owners[name] = next(
                (
                    plugin
                    for package, plugin in self._packages.items()
                    if module.startswith(f"{package}.")
                ),
                CORE,
            )

    def owner(self, type_name: str, field_name: str | None = None) -> str:
        """The plugin that a type, or one of its fields, comes from; `mercat` for the core."""
        if field_name is not None and (found := self.owners.get(f"{type_name}.{field_name}")):
            return found
        return self.owners.get(type_name, CORE)

    def extended_fields(self, plugin: str) -> list[str]:
        """The fields that a plugin adds to types that are not its own, as `Type.field`."""
        return [
            name
            for name, owner in self.owners.items()
            if owner == plugin and "." in name and self.owner(name.split(".")[0]) != plugin
        ]

    def _resolve_directly(self) -> None:
        """Let fields without a resolver read their attribute, and others call their function."""
        scalars = self.schema_converter.scalar_registry
        for type_ in self._schema.type_map.values():
            if not isinstance(type_, GraphQLObjectType):
                continue
            known = type_.extensions.get("strawberry-definition")
            if type_.is_type_of and known is not None and known.is_type_of is None:
                type_.is_type_of = IsInstance(known.origin, type_.is_type_of)
            for field in type_.fields.values():
                declared = field.extensions.get("strawberry-definition")
                if not isinstance(declared, StrawberryField):
                    continue
                if declared.is_basic_field:
                    field.resolve = AttributeRead(declared.python_name)
                elif (call := direct_call(declared, self.config, scalars)) is not None:
                    field.resolve = call


def _path(cls: type | None) -> str:
    return f"{cls.__module__}.{cls.__qualname__}" if cls is not None else "an unknown class"
