"""Relations loaded by a batch function: one call for all parents of a level, never one a row."""

import asyncio
import inspect
from collections.abc import Awaitable, Sequence
from types import SimpleNamespace
from typing import Any, cast, get_args, get_origin, get_type_hints

import strawberry
from strawberry.types.field import StrawberryField

from mercat.graphql.context import Info
from mercat.graphql.resolvers import Load


def batched(description: str, load: Load) -> Any:
    """A field whose `load(parents, info, **arguments)` answers for all parents at once.

    `load` is annotated to return `list[X]`, one X for each parent in order; X is the field's type.
    A plan calls it once for a whole level. Under graphql-core, parents that ask with the same
    arguments in one turn of the event loop are loaded together; a `load` that is not async is
    called for each.
    """
    signature = inspect.signature(load)
    parents, info, *arguments = signature.parameters.values()
    hints = _hints(load, but=(parents.name, info.name))
    answer = hints.pop("return")
    if get_origin(answer) is not list:
        raise TypeError(f"{load.__qualname__} must be annotated to return a list, one a parent")

    def resolve(root: Any, info: Info, **values: Any) -> Any:
        if not inspect.iscoroutinefunction(load):
            return checked(load, load([root], info, **values), 1)[0]
        key = (load, repr(sorted(values.items())))
        batch = info.context.loaders.get(key)
        if batch is None:
            batch = info.context.loaders[key] = _Batch(load, info, values)
            asyncio.get_running_loop().call_soon(batch.start, info.context.loaders, key)
        return batch.join(root)

    resolve.__name__ = load.__name__
    resolve.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
            *(
                argument.replace(
                    kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[argument.name]
                )
                for argument in arguments
            ),
        ],
        return_annotation=get_args(answer)[0],
    )
    resolve.batch_load = load  # type: ignore[attr-defined]
    field: StrawberryField = strawberry.field(resolver=resolve, description=description)
    return field


def _hints(load: Load, but: Sequence[str]) -> dict[str, Any]:
    """The annotations of the arguments and the answer; the parents' type may not exist yet."""
    annotations = {
        name: annotation
        for name, annotation in inspect.get_annotations(load).items()
        if name not in but
    }
    namespace = SimpleNamespace(__annotations__=annotations)
    return get_type_hints(namespace, inspect.unwrap(load).__globals__, include_extras=True)


class _Batch:
    """The parents gathered for one call of a batch function."""

    def __init__(self, load: Load, info: Info, arguments: dict[str, Any]) -> None:
        self._load = load
        self._info = info
        self._arguments = arguments
        self._parents: list[Any] = []
        self._answers: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()

    def join(self, parent: Any) -> Awaitable[Any]:
        self._parents.append(parent)
        return self._answer(len(self._parents) - 1)

    async def _answer(self, index: int) -> Any:
        return (await asyncio.shield(self._answers))[index]

    def start(self, loaders: dict[Any, Any], key: Any) -> None:
        loaders.pop(key, None)
        task = asyncio.ensure_future(
            cast(
                "Awaitable[Sequence[Any]]",
                self._load(self._parents, self._info, **self._arguments),
            )
        )
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Future[Sequence[Any]]) -> None:
        if task.cancelled():
            self._answers.cancel()
        elif error := task.exception():
            self._answers.set_exception(error)
        else:
            self._answers.set_result(checked(self._load, task.result(), len(self._parents)))


def checked(load: Load, answers: Any, count: int) -> list[Any]:
    """The answers of a batch function; an error for each where they are not one a parent."""
    if len(answers) == count:
        return list(answers)
    error = RuntimeError(f"{load.__qualname__} did not answer once for each parent")
    return [error] * count
