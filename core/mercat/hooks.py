"""The hooks: plugins answer with facts, the caller's verb decides what happens with the answers.

    discounts = await hooks.collect(catalog.product_placements, context, rows)  # every answer
    viewer    = await hooks.first(auth.authenticate, context, credentials)  # the first answer
    await hooks.notify(lifecycle.startup, context)                          # tell everyone
    documents = hooks.gather(lifecycle.documents)                           # at boot, synchronous

pluggy registers and validates; the verbs call the implementations themselves, in plugin order,
because pluggy calls the last-registered first and knows nothing of coroutines.
"""

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import pluggy

from mercat.errors import BootError

P = ParamSpec("P")
T = TypeVar("T")

hookspec = pluggy.HookspecMarker("mercat")
hookimpl = pluggy.HookimplMarker("mercat")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's function for one hook; `function` takes the arguments named in `arguments`."""

    plugin: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def __call__(self, values: dict[str, Any]) -> Any:
        return self.function(*(values[name] for name in self.arguments))


@dataclass(frozen=True, slots=True)
class _Specification:
    function: Callable[..., Any]
    signature: inspect.Signature
    parameters: tuple[str, ...]
    is_async: bool


class Hooks:
    """The hooks of one engine: its specifications and the implementations of its plugins."""

    def __init__(self, domains: Iterable[ModuleType]) -> None:
        self._manager = pluggy.PluginManager("mercat")
        self._specifications: dict[str, _Specification] = {}
        self._implementations: dict[str, tuple[Implementation, ...]] = {}
        for domain in domains:
            self._manager.add_hookspecs(domain)
            for name, function in vars(domain).items():
                if hasattr(function, "mercat_spec"):
                    signature = inspect.signature(function)
                    self._specifications[name] = _Specification(
                        function,
                        signature,
                        tuple(signature.parameters),
                        inspect.iscoroutinefunction(function),
                    )

    @property
    def names(self) -> tuple[str, ...]:
        """Every hook's name, in the order of its domain's file."""
        return tuple(self._specifications)

    def specification(self, name: str) -> Callable[..., Any] | None:
        """The specification of that name, or None."""
        found = self._specifications.get(name)
        return found.function if found else None

    def register(self, plugin: str, module: ModuleType) -> None:
        """Add a plugin's hook implementations.

        Raises BootError where one has no specification, other arguments, options of pluggy that
        would change the order, or isn't async exactly where its specification is.
        """
        for name, function in vars(module).items():
            options = getattr(function, "mercat_impl", None)
            if options is not None:
                self._check(plugin, name, function, options)
        try:
            self._manager.register(module, name=plugin)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise BootError(f"plugin '{plugin}': {' '.join(str(error).split())}") from error
        self._implementations.clear()

    def _check(
        self, plugin: str, name: str, function: Callable[..., Any], options: dict[str, Any]
    ) -> None:
        where = f"plugin '{plugin}': {function.__module__}.{name}"
        specification = self._specifications.get(options["specname"] or name)
        if specification is None:
            guess = difflib.get_close_matches(name, self._specifications, 1)
            hint = f" (did you mean {guess[0]}?)" if guess else ""
            raise BootError(f"{where} implements no hook of this engine{hint}")
        if any(options[option] for option in ("tryfirst", "trylast", "wrapper", "hookwrapper")):
            raise BootError(f"{where} asks for another order; name the plugin in `after` instead")
        if inspect.iscoroutinefunction(function) is not specification.is_async:
            wanted = "an async def" if specification.is_async else "a def without async"
            raise BootError(f"{where} must be {wanted}, as its specification is")

    def implementations(self, name: str) -> tuple[Implementation, ...]:
        """Who implements the hook, in plugin order."""
        found = self._implementations.get(name)
        if found is None:
            caller = getattr(self._manager.hook, name)
            found = self._implementations[name] = tuple(
                Implementation(impl.plugin_name, impl.function, tuple(impl.argnames))
                for impl in caller.get_hookimpls()
            )
        return found

    def _bind(
        self, hook: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Implementation, ...], dict[str, Any]]:
        specification = self._specifications.get(hook.__name__)
        if specification is None or specification.function is not hook:
            raise TypeError(f"{hook.__module__}.{hook.__name__} is not a hook of this engine")
        if not kwargs and len(args) == len(specification.parameters):
            # As `bind` does it, in a tenth of the time: every request asks who sent it.
            values = dict(zip(specification.parameters, args, strict=True))
        else:
            values = specification.signature.bind(*args, **kwargs).arguments
        return self.implementations(hook.__name__), values

    async def collect(
        self, hook: Callable[P, Awaitable[T | None]], *args: P.args, **kwargs: P.kwargs
    ) -> list[T]:
        """Every answer that isn't None, in plugin order; the first exception ends it."""
        implementations, values = self._bind(hook, args, kwargs)
        answers = [await implementation(values) for implementation in implementations]
        return [answer for answer in answers if answer is not None]

    async def first(
        self, hook: Callable[P, Awaitable[T | None]], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """The first answer that isn't None; plugins after it are not asked."""
        implementations, values = self._bind(hook, args, kwargs)
        for implementation in implementations:
            answer: T | None = await implementation(values)
            if answer is not None:
                return answer
        return None

    async def notify(
        self, hook: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Tell everyone, in plugin order; one that fails is logged and the others still hear.

        What must not get lost rides on the outbox instead (`storage.outbox`).
        """
        implementations, values = self._bind(hook, args, kwargs)
        await _tell(hook.__name__, implementations, values)

    async def notify_reversed(
        self, hook: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Tell everyone as `notify` does, the last plugin first: for taking things down."""
        implementations, values = self._bind(hook, args, kwargs)
        await _tell(hook.__name__, implementations[::-1], values)

    def gather(
        self, hook: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> list[tuple[str, T]]:
        """Ask every plugin at boot: pairs of the plugin's name and its answer, in plugin order."""
        implementations, values = self._bind(hook, args, kwargs)
        return [
            (implementation.plugin, implementation(values)) for implementation in implementations
        ]


async def _tell(
    hook: str, implementations: Iterable[Implementation], values: dict[str, Any]
) -> None:
    for implementation in implementations:
        try:
            await implementation(values)
        except Exception:
            _logger.exception("plugin '%s' failed in %s", implementation.plugin, hook)
