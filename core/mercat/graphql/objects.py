"""Completing objects, of one type or of the types of an interface or a union."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLAbstractType, GraphQLError, GraphQLObjectType
from graphql.execution.executor import default_type_resolver, invalid_return_type_error
from graphql.pyutils.is_awaitable import is_awaitable

from mercat.graphql.completion import Column, Completer, Pending, caught, put, put_later, together
from mercat.graphql.places import ChosenPlaces, Place, Places
from mercat.graphql.resolvers import IsInstance
from mercat.graphql.rows import FromColumn, Nested, Part, Read, can_be_nested

if TYPE_CHECKING:
    from mercat.graphql.plans import ObjectPlan
    from mercat.graphql.runs import Position, Run


class Objects(Completer):
    """Objects of one type."""

    __slots__ = ("_plan", "_type")

    def __init__(
        self,
        position: "Position",
        type_: GraphQLObjectType,
        plan: "ObjectPlan",
        *,
        nullable: bool,
    ) -> None:
        super().__init__(position, nullable=nullable)
        self._type = type_
        self._plan = plan

    def part(self, key: str, read: Read) -> Part:
        check, parts = self._type.is_type_of, self._plan.parts
        if (check is None or isinstance(check, IsInstance)) and can_be_nested(parts):
            return Nested(key, read, parts, self.regular, self.nullable)
        return FromColumn(key)

    def convert_regular(self, values: Column, places: Places, run: "Run") -> Pending:
        return self._plan.run(values, places, run)

    def _may_learn(self, kind: type) -> bool:
        check = self._type.is_type_of
        if check is not None and not (isinstance(check, IsInstance) and check.knows(kind)):
            return False
        return super()._may_learn(kind)

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        if self._type.is_type_of is None:
            return self._plan.run(values, places, run)
        verdicts = [self._judge(value, places, index, run) for index, value in enumerate(values)]
        if any(map(is_awaitable, verdicts)):
            return self._convert_later(values, verdicts, places, run)
        return self._convert_judged(values, verdicts, places, run)

    def _judge(self, value: Any, places: Places, index: int, run: "Run") -> Any:
        check = self._type.is_type_of
        try:
            return check(value, run.raw_info(self.position, places[index])) if check else True
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return error

    async def _convert_later(
        self, values: Column, verdicts: Column, places: Places, run: "Run"
    ) -> Column:
        waiting = [index for index, verdict in enumerate(verdicts) if is_awaitable(verdict)]
        found = await together([caught(verdicts[index]) for index in waiting])
        done = self._convert_judged(values, put(verdicts, waiting, found), places, run)
        return done if isinstance(done, list) else await done

    def _convert_judged(
        self, values: Column, verdicts: Column, places: Places, run: "Run"
    ) -> Pending:
        done: Column = list(values)
        kept: list[int] = []
        for index, verdict in enumerate(verdicts):
            if isinstance(verdict, Exception):
                done[index] = self.fail(verdict, places, index, run)
            elif verdict:
                kept.append(index)
            else:
                error = invalid_return_type_error(self._type, values[index], self.position.details)
                done[index] = self.fail(error, places, index, run)
        if len(kept) == len(values):
            return self._plan.run(values, places, run)
        chosen = ChosenPlaces(places, kept)
        found = self._plan.run([values[index] for index in kept], chosen, run)
        if isinstance(found, list):
            return put(done, kept, found)
        return put_later(done, kept, found)


class Abstract(Completer):
    """Objects of an interface or a union: each is completed as the type that it turns out to be."""

    __slots__ = ("_completers", "_type")

    def __init__(
        self,
        position: "Position",
        type_: GraphQLAbstractType,
        completers: dict[str, Objects],
        *,
        nullable: bool,
    ) -> None:
        super().__init__(position, nullable=nullable)
        self._type = type_
        self._completers = completers

    def convert(self, values: Column, places: Places, run: "Run") -> Pending:
        names = [self._name(value, places, index, run) for index, value in enumerate(values)]
        if any(map(is_awaitable, names)):
            return self._convert_later(values, names, places, run)
        return self._convert_named(values, names, places, run)

    def _name(self, value: Any, places: Places, index: int, run: "Run") -> Any:
        resolve = self._type.resolve_type or default_type_resolver
        try:
            return resolve(value, run.raw_info(self.position, places[index]), self._type)
        except Exception as error:  # noqa: BLE001  it becomes the field's error
            return error

    async def _convert_later(
        self, values: Column, names: Column, places: Places, run: "Run"
    ) -> Column:
        waiting = [index for index, name in enumerate(names) if is_awaitable(name)]
        found = await together([caught(names[index]) for index in waiting])
        done = self._convert_named(values, put(names, waiting, found), places, run)
        return done if isinstance(done, list) else await done

    def _convert_named(self, values: Column, names: Column, places: Places, run: "Run") -> Pending:
        done: Column = list(values)
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            error = name
            if not isinstance(name, Exception):
                error = self._refusal(name, values[index], places[index], run)
            if error is None:
                groups.setdefault(name, []).append(index)
            else:
                done[index] = self.fail(error, places, index, run)
        pending: dict[str, Awaitable[Column]] = {}
        for name, kept in groups.items():
            found = self._completers[name].complete(
                [values[index] for index in kept], ChosenPlaces(places, kept), run
            )
            if isinstance(found, list):
                put(done, kept, found)
            else:
                pending[name] = found
        return self._put_together(done, groups, pending) if pending else done

    def _refusal(self, name: Any, value: Any, place: Place, run: "Run") -> Exception | None:
        if isinstance(name, str) and name in self._completers:
            return None
        position = self.position
        try:
            run.core.ensure_valid_runtime_type(
                name, self._type, position.details, run.raw_info(position, place), value
            )
        except GraphQLError as error:
            return error
        return TypeError(f"'{name}' can't be the type of '{self._type}'")

    async def _put_together(
        self, done: Column, groups: dict[str, list[int]], pending: dict[str, Awaitable[Column]]
    ) -> Column:
        found = await together(list(pending.values()))
        for name, column in zip(pending, found, strict=True):
            put(done, groups[name], column)
        return done
