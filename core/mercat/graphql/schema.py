"""What the core itself shows: nodes, the shop, the viewer, money."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Protocol, Self, cast

import strawberry
from graphql import GraphQLObjectType

from mercat.caching import cacheable
from mercat.errors import InvalidError
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.scalars import CountryCode, CurrencyCode, DecimalString
from mercat.ids import decode_id
from mercat.money import format_minor

MOST_NODES = 100


@strawberry.type(description="An exact sum of money.")
class Money:
    amount: DecimalString = strawberry.field(
        description="The sum in the currency's own digits: `12.50` EUR, `1250` JPY, `1.250` KWD."
    )
    currency: CurrencyCode = strawberry.field(description="The currency.")

    @staticmethod
    @lru_cache(maxsize=10_000)  # shops have few prices, and lists show many
    def of(minor: int, currency: str) -> "Money":
        """The sum of so many minor units."""
        return Money(
            amount=DecimalString(format_minor(minor, currency)), currency=CurrencyCode(currency)
        )


@strawberry.interface(description="Anything with an id of its own.")
class Node:
    """An object that `node(id:)` finds; a type that implements it has `load_nodes`."""

    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        """Load the objects of those keys, in order; None where the viewer finds none."""
        raise NotImplementedError


@strawberry.type(description="A country that the shop serves.")
class Country:
    code: CountryCode = strawberry.field(description="Its ISO 3166-1 alpha-2 code.")


@strawberry.type(description="An enabled plugin.")
class PluginInfo:
    name: str = strawberry.field(description="Its short name.")
    version: str = strawberry.field(description="Its version.")


@strawberry.type(description="What the shop is.")
class Shop:
    name: str = strawberry.field(description="Its name.")
    currencies: list[CurrencyCode] = strawberry.field(
        description="What it sells in, its own currency first."
    )
    countries: list[Country] = strawberry.field(description="Where it sells to.")
    locales: list[str] = strawberry.field(description="Its languages, its own first.")

    @strawberry.field(description="The enabled plugins in order; null except for admins.")
    @cacheable()
    def plugins(self, info: Info) -> list[PluginInfo] | None:
        if info.context.viewer.role != "ADMIN":
            return None
        return [
            PluginInfo(name=plugin.name, version=plugin.manifest.version)
            for plugin in info.context.engine.plugins
        ]


@strawberry.type(description="Who is asking.")
class Viewer:
    role: str = strawberry.field(description="Such as `ANONYMOUS` or `ADMIN`.")
    permissions: list[str] = strawberry.field(description="What the viewer may do.")


class _NodeType(Protocol):
    async def load_nodes(self, info: Info, keys: Sequence[str]) -> list[Any]: ...


@extend(Query)
class CoreQuery:
    @strawberry.field(description="The object of an id, or null where the viewer finds none.")
    @staticmethod
    async def node(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> Node | None:
        return (await _load(info, [id]))[0]

    @strawberry.field(description="The objects of up to 100 ids, in order.")
    @staticmethod
    async def nodes(
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")],
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise InvalidError(f"`ids` may have at most {MOST_NODES} entries")
        return await _load(info, ids)

    @strawberry.field(description="What the shop is.")
    @staticmethod
    @cacheable()
    def shop(info: Info) -> Shop:
        shop = info.context.shop
        return Shop(
            name=shop.name,
            currencies=[CurrencyCode(code) for code in shop.all_currencies],
            countries=[Country(code=CountryCode(code)) for code in shop.countries],
            locales=list(shop.all_locales),
        )

    @strawberry.field(description="Who is asking.")
    @staticmethod
    def viewer(info: Info) -> Viewer:
        viewer = info.context.viewer
        return Viewer(role=viewer.role, permissions=sorted(viewer.permissions))


async def _load(info: Info, ids: Sequence[str]) -> list[Node | None]:
    wanted: dict[str, list[tuple[int, str]]] = {}
    for index, global_id in enumerate(ids):
        type_name, key = decode_id(global_id)
        wanted.setdefault(type_name, []).append((index, key))
    found: list[Node | None] = [None] * len(ids)

    async def load(type_name: str, places: list[tuple[int, str]]) -> None:
        nodes = await _node_type(info, type_name).load_nodes(info, [key for _, key in places])
        for (index, _), node in zip(places, nodes, strict=True):
            found[index] = node

    await asyncio.gather(*(load(type_name, places) for type_name, places in wanted.items()))
    return found


def _node_type(info: Info, type_name: str) -> _NodeType:
    graphql_type = info.schema._schema.get_type(type_name)  # noqa: SLF001  Strawberry's own handle
    if isinstance(graphql_type, GraphQLObjectType):
        definition = graphql_type.extensions.get("strawberry-definition")
        origin = getattr(definition, "origin", None)
        if origin is not None and issubclass(origin, Node):
            return cast("_NodeType", origin)
    raise InvalidError("this is not an id that the shop gave out")


SCHEMA: tuple[type, ...] = (CoreQuery,)
