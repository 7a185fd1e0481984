"""What holds for every plugin, whoever wrote it: checks that take a plugin's package.

`tests/contracts/test_plugins.py` runs them over the first-party plugins, `tests/test_docs.py` over
the plugin that the documentation builds.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import ModuleType

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)
from packaging.requirements import Requirement

from mercat.engine import DOMAINS
from mercat.manifest import Manifest
from mercat.settings import FIRST_PARTY

_LAYERS = ("hooks", "schema", "service", "documents")


def package_of(plugin: str) -> str:
    """The package of a plugin's short name; others than first-party ones are packages already."""
    return f"mercat_{plugin}" if plugin in FIRST_PARTY else plugin


def manifest_of(package: str) -> Manifest:
    """The manifest of a plugin's package."""
    manifest = importlib.import_module(package).manifest
    assert isinstance(manifest, Manifest)
    return manifest


def folder_of(package: str) -> Path:
    """Where a package's files are."""
    file = importlib.import_module(package).__file__
    assert file is not None
    return Path(file).parent


def modules_of(package: str) -> dict[str, Path]:
    """A package's modules by their full name; without migrations and scripts, never imported."""
    folder = folder_of(package)
    found = {}
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if "migrations" in parts or '__name__ == "__main__"' in file.read_text():
            continue
        names = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join([package, *names])] = file
    return found


def imports_of(file: Path, module: str) -> Iterator[str]:
    """Every module that a file imports, and every `module.name` that may be one."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            base = ".".join(filter(None, [above if node.level else "", node.module or ""]))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def engine_distributions() -> frozenset[str]:
    """The top-level names of the distributions that Mercat, or an extra of its, depends on."""
    wanted = {
        _plain(requirement.name)
        for requirement in map(Requirement, requires("mercat") or ())
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ("s3", "stripe"))
    }
    return frozenset(
        name
        for name, distributions in packages_distributions().items()
        if any(_plain(distribution) in wanted for distribution in distributions)
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def stray_imports(package: str, required: Mapping[str, str] | None = None) -> list[str]:
    """Imports of other things than the standard library, Mercat, its dependencies and `requires`.

    `required` maps the short names of required plugins to their packages, where these don't follow
    from the name.
    """
    names = manifest_of(package).requires
    allowed = {"mercat", package.split(".", maxsplit=1)[0]}
    allowed |= {(required or {}).get(name, package_of(name)).split(".")[0] for name in names}
    allowed |= sys.stdlib_module_names | engine_distributions()
    return sorted(
        f"{module} imports {name}"
        for module, file in modules_of(package).items()
        for name in imports_of(file, module)
        if name.split(".")[0] not in allowed
    )


def wrong_way_imports(package: str) -> list[str]:
    """Imports inside a package against hooks -> schema -> service -> documents, whatever their way.

    Also an import of any plugin's hooks, and cycles.
    """
    modules = modules_of(package)
    graph = {
        module: {name for name in imports_of(file, module) if name in modules and name != module}
        for module, file in modules.items()
    }
    for module, needs in graph.items():  # a package is not its modules' concern
        graph[module] = {name for name in needs if not module.startswith(f"{name}.")}
    wrong = [
        f"{module} imports {name}"
        for module, file in modules.items()
        for name in imports_of(file, module)
        if name.endswith(".hooks") and name != "mercat.hooks"
    ]
    for index, layer in enumerate(_LAYERS):
        reached = _reached(graph, f"{package}.{layer}")
        wrong += [
            f"{package}.{layer} reaches {package}.{above}"
            for above in _LAYERS[:index]
            if f"{package}.{above}" in reached
        ]
    wrong += [f"{module} reaches itself" for module in graph if module in _reached(graph, module)]
    return sorted(set(wrong))


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += graph[module]
    return reached


def specifications() -> dict[str, tuple[ModuleType, object]]:
    """Every hook of Mercat's domains: its domain and its specification, by name."""
    return {
        name: (domain, function)
        for domain in DOMAINS
        for name, function in vars(domain).items()
        if hasattr(function, "mercat_spec")
    }


def wrong_colours(package: str) -> list[str]:
    """Implementations that are async where their specification isn't, or the other way round."""
    known = specifications()
    return [
        f"{package}.hooks.{name}"
        for name, function in vars(importlib.import_module(f"{package}.hooks")).items()
        if hasattr(function, "mercat_impl")
        and inspect.iscoroutinefunction(function) is not inspect.iscoroutinefunction(known[name][1])
    ]


def undescribed(schema: GraphQLSchema) -> list[str]:
    """Types, fields, arguments, enum values and input fields that say nothing of themselves."""
    return sorted(name for name, description in _described(schema) if not description)


def _described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name}:)", argument.description
        elif isinstance(type_, GraphQLInputObjectType):
            for field_name, input_field in type_.fields.items():
                yield f"{name}.{field_name}", input_field.description
        elif isinstance(type_, GraphQLEnumType):
            for value_name, value in type_.values.items():
                yield f"{name}.{value_name}", value.description
