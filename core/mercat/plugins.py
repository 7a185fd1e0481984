"""Finding the enabled plugins, checking that they fit together, and putting them in order."""

import difflib
import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from mercat.errors import BootError
from mercat.manifest import Manifest
from mercat.settings import DEMO_ONLY, FIRST_PARTY

ENTRY_POINT_GROUP = "mercat.plugins"


@dataclass(frozen=True)
class Plugin:
    """An enabled plugin: its manifest, its package, its hooks' module and where it came from."""

    manifest: Manifest
    package: ModuleType
    hooks: ModuleType
    origin: str

    @property
    def name(self) -> str:
        return self.manifest.name


def load_plugins(
    enabled: Sequence[str], engine_version: str, file: Path, *, demo: bool = False
) -> list[Plugin]:
    """Import the plugins that `[plugins] enabled` lists, in the order in which they boot.

    With `demo` also those of the demo shop whose requirements are enabled.
    An entry is a built-in's short name, the name of an entry point in the group `mercat.plugins`,
    or a dotted path to a package. Raises BootError naming who is at fault and what to change.
    """
    repeated = sorted({name for name in enabled if enabled.count(name) > 1})
    if repeated:
        raise BootError(f"{file}: [plugins] enabled lists '{repeated[0]}' twice; remove one")
    installed = _installed()
    plugins = [_load(entry, installed, file) for entry in enabled]
    if demo:
        plugins += _for_demo(plugins, installed, file)
    _check_names(plugins, file)
    _check_versions(plugins, engine_version, file)
    return in_order(plugins)


def find_plugin(entry: str, file: Path) -> Plugin:
    """Import one plugin, as `[plugins] enabled` of `file` names it. Raises BootError."""
    return _load(entry, _installed(), file)


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _for_demo(
    plugins: Sequence[Plugin], installed: dict[str, EntryPoint], file: Path
) -> list[Plugin]:
    names = {plugin.name for plugin in plugins}
    more = [_load(entry, installed, file) for entry in DEMO_ONLY if entry not in names]
    return [plugin for plugin in more if names.issuperset(plugin.manifest.requires)]


def _load(entry: str, installed: dict[str, EntryPoint], file: Path) -> Plugin:
    if entry in FIRST_PARTY:
        return _import(entry, f"mercat_{entry}", "built in", file)
    if entry in installed:
        point = installed[entry]
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "an entry point"
        return _import(entry, point.module, distribution, file)
    if "." in entry or _is_package(entry):
        return _import(entry, entry, "a dotted path", file)
    known = sorted({*FIRST_PARTY, *installed})
    guess = difflib.get_close_matches(entry, known, 1)
    hint = f"did you mean '{guess[0]}'?" if guess else f"known are {', '.join(known)}"
    raise BootError(
        f"{file}: [plugins] enabled lists '{entry}', which is neither built in, nor installed "
        f"under the entry-point group {ENTRY_POINT_GROUP}, nor a dotted path ({hint})"
    )


def _is_package(name: str) -> bool:
    return name.isidentifier() and importlib.util.find_spec(name) is not None


def _import(entry: str, module: str, origin: str, file: Path) -> Plugin:
    try:
        package = importlib.import_module(module)
        hooks = importlib.import_module(f"{module}.hooks")
    except BootError as error:
        raise BootError(f"{file}: plugin '{entry}': {error}") from None
    except ModuleNotFoundError as error:
        raise BootError(
            f"{file}: plugin '{entry}' needs the module '{error.name}', which is not installed; "
            "install it, or take the plugin out of [plugins] enabled"
        ) from None
    except Exception as error:
        raise BootError(
            f"{file}: plugin '{entry}' fails when imported: {type(error).__name__}: {error}"
        ) from error
    manifest = getattr(package, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise BootError(
            f"{file}: plugin '{entry}': {module}/__init__.py has no `manifest = Manifest(...)`"
        )
    return Plugin(manifest, package, hooks, origin)


def _check_names(plugins: Iterable[Plugin], file: Path) -> None:
    seen: dict[str, Plugin] = {}
    for plugin in plugins:
        other = seen.setdefault(plugin.name, plugin)
        if other is not plugin:
            raise BootError(
                f"{file}: both {other.package.__name__} and {plugin.package.__name__} call "
                f"themselves '{plugin.name}'; enable one of them"
            )


def _check_versions(plugins: Sequence[Plugin], engine_version: str, file: Path) -> None:
    by_name = {plugin.name: plugin for plugin in plugins}
    for plugin in plugins:
        if not _fits(engine_version, plugin.manifest.engine, plugin):
            raise BootError(
                f"{file}: plugin '{plugin.name}' {plugin.manifest.version} needs mercat "
                f"{plugin.manifest.engine}, but this is {engine_version}; install a version that "
                "fits"
            )
        for name, wanted in plugin.manifest.requires.items():
            required = by_name.get(name)
            if required is None:
                raise BootError(
                    f"{file}: plugin '{plugin.name}' requires '{name}', which is not enabled; "
                    "add it to [plugins] enabled"
                )
            if not _fits(required.manifest.version, wanted, plugin):
                raise BootError(
                    f"{file}: plugin '{plugin.name}' requires '{name}' {wanted}, but "
                    f"{required.manifest.version} is installed; install a version that fits"
                )


def _fits(version: str, wanted: str, plugin: Plugin) -> bool:
    try:
        return SpecifierSet(wanted, prereleases=True).contains(Version(version))
    except (InvalidSpecifier, InvalidVersion) as error:
        raise BootError(f"plugin '{plugin.name}': its manifest is wrong: {error}") from None


def in_order(plugins: Sequence[Plugin]) -> list[Plugin]:
    """A stable topological order: each plugin after those it requires and those it comes after.

    Among plugins free to go the one listed first in engine.toml goes first. Raises BootError
    naming the plugins of a cycle.
    """
    names = {plugin.name for plugin in plugins}
    waiting = {
        plugin.name: names & {*plugin.manifest.requires, *plugin.manifest.after}
        for plugin in plugins
    }
    ordered: list[Plugin] = []
    while waiting:
        ready = next((p for p in plugins if p.name in waiting and not waiting[p.name]), None)
        if ready is None:
            cycle = _cycle(waiting)
            raise BootError(
                f"the plugins {' -> '.join(cycle)} wait for each other; "
                "take one `requires` or `after` out of a manifest"
            )
        ordered.append(ready)
        del waiting[ready.name]
        for needs in waiting.values():
            needs.discard(ready.name)
    return ordered


def _cycle(waiting: dict[str, set[str]]) -> list[str]:
    path = [next(iter(waiting))]
    while path.count(path[-1]) == 1:
        path.append(min(waiting[path[-1]]))
    return path[path.index(path[-1]) :]
