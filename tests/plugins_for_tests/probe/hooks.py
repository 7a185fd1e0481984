"""Its fields. `runs` counts the resolvers that ran."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import Enum
from typing import Annotated, cast

import strawberry
from graphql import GraphQLError
from litestar.datastructures import UploadFile
from strawberry.file_uploads import Upload

from mercat.auth import Credentials
from mercat.context import Context, Viewer
from mercat.errors import StoreError
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, Subscription, extend
from mercat.graphql.once import once
from mercat.hooks import hookimpl

SECRET = "the password is hunter2"


class Runs:
    """How many resolvers ran."""

    count = 0


@strawberry.enum(description="A colour.")
class ProbeColour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.input(description="Something nested.")
class ProbeInput:
    text: str = strawberry.field(description="A text.")
    inner: list["ProbeInput"] | None = strawberry.field(description="More.", default=None)


@strawberry.type(description="A node of an endless tree.")
class Probe:
    @strawberry.field(description="The next one.")
    @staticmethod
    def next() -> "Probe":
        Runs.count += 1
        return Probe()

    @strawberry.field(description="A word with its arguments.")
    @staticmethod
    def word(
        text: Annotated[str, strawberry.argument(description="A text.")] = "word",
        number: Annotated[int, strawberry.argument(description="A number.")] = 1,
        ids: Annotated[list[strawberry.ID] | None, strawberry.argument(description="Ids.")] = None,
        colour: Annotated[ProbeColour | None, strawberry.argument(description="One.")] = None,
        input: Annotated[ProbeInput | None, strawberry.argument(description="More.")] = None,  # noqa: A002
    ) -> str:
        Runs.count += 1
        return f"{text} {number} {ids} {colour} {input}"[:100]


@extend(Query)
class ProbeQuery:
    @strawberry.field(description="The tree.")
    @staticmethod
    def probe() -> Probe:
        Runs.count += 1
        return Probe()

    @strawberry.field(description="Fails without warning.")
    @staticmethod
    def breaks() -> str:
        raise RuntimeError(SECRET)

    @strawberry.field(description="Gives what no Int is.")
    @staticmethod
    def gives_nonsense() -> int:
        return SECRET  # type: ignore[return-value]

    @strawberry.field(description="Is refused on purpose.")
    @staticmethod
    def refuses() -> str:
        raise GraphQLError("the moon is full", extensions={"code": "CONFLICT"})

    @strawberry.field(description="Its store is down.")
    @staticmethod
    def store_is_down() -> str:
        raise StoreError(SECRET)

    @strawberry.field(description="The viewer's role.")
    @staticmethod
    def who(info: Info) -> str:
        return info.context.viewer.role

    @strawberry.field(description="Takes its time.")
    @staticmethod
    async def takes_time(
        seconds: Annotated[float, strawberry.argument(description="How much.")],
    ) -> float:
        await asyncio.sleep(seconds)
        return seconds


@extend(Mutation)
class ProbeMutation:
    @strawberry.mutation(description="Takes its time to change nothing.")
    @staticmethod
    async def probe_wait(
        seconds: Annotated[float, strawberry.argument(description="How much.")],
    ) -> float:
        await asyncio.sleep(seconds)
        return seconds

    @strawberry.mutation(description="Counts.")
    @staticmethod
    def probe_write() -> int:
        Runs.count += 1
        return Runs.count

    @strawberry.mutation(description="Guesses, which a document does once.")
    @staticmethod
    @once
    def probe_guess() -> int:
        Runs.count += 1
        return Runs.count

    @strawberry.mutation(description="Guesses otherwise.")
    @staticmethod
    @once
    def probe_guess_otherwise() -> int:
        Runs.count += 1
        return Runs.count

    @strawberry.mutation(description="The names and sizes of files.")
    @staticmethod
    async def probe_upload(
        files: Annotated[list[Upload], strawberry.argument(description="The files.")],
    ) -> list[str]:
        Runs.count += 1
        return [
            f"{file.filename} {len(await file.read())}"
            for file in cast("list[object]", files)
            if isinstance(file, UploadFile)
        ]


@extend(Subscription)
class ProbeSubscription:
    @strawberry.subscription(description="Counts up.")
    @staticmethod
    async def probe_count(
        to: Annotated[int, strawberry.argument(description="The last number.")],
    ) -> AsyncIterator[int]:
        Runs.count += 1
        for number in range(1, to + 1):
            yield number
            await asyncio.sleep(0)

    @strawberry.subscription(description="Says one word, then fails.")
    @staticmethod
    async def probe_breaks() -> AsyncIterator[str]:
        yield "one"
        raise RuntimeError(SECRET)

    @strawberry.subscription(description="Never says a word.")
    @staticmethod
    async def probe_silence() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"

    @strawberry.subscription(description="The tree, once.")
    @staticmethod
    async def probe_tree() -> AsyncIterator[Probe]:
        yield Probe()


@hookimpl
def schema() -> Sequence[type]:
    return [ProbeQuery, ProbeMutation, ProbeSubscription]


@hookimpl
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    match credentials.headers.get("authorization"):
        case "admin":
            return Viewer(role="ADMIN", user="admin")
        case "broken":
            raise RuntimeError(SECRET)
        case "unknown":
            raise GraphQLError("sign in again", extensions={"code": "UNAUTHENTICATED"})
    return None
