"""Other people's accounts, in the hands of those who run the shop."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated

import strawberry
from bson import ObjectId

from mercat.emails import email_of
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import reads
from mercat.ids import object_id
from mercat.storage import Record
from mercat_auth.errors import AuthError, attempted
from mercat_auth.mfa import resetting
from mercat_auth.roles import users
from mercat_auth.schema import User, to_user
from mercat_auth.sellers.schema import Seller

CURSOR = "users"


@strawberry.enum(description="Whether an account can be used.")
class UserState(Enum):
    ACTIVE = strawberry.enum_value("active", description="It can.")
    SUSPENDED = strawberry.enum_value("suspended", description="Not at present.")
    ERASED = strawberry.enum_value("erased", description="It is gone; nothing says whose it was.")


@strawberry.input(description="Which accounts are looked for; all of it has to hold.")
class UserFilter:
    role: str | None = strawberry.field(default=None, description="Those with this role.")
    state: UserState | None = strawberry.field(default=None, description="Those in this state.")
    email: str | None = strawberry.field(
        default=None, description="The one with this address, however it is written."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="The staff of the seller with this id."
    )


@reads("seller")
async def _sellers(users: Sequence[User], info: Info) -> list[Seller | None]:
    keys = [user.record.get("seller") or "" for user in users]
    return await Seller.load_nodes(info, keys)


@extend(User)
class UserStanding:
    @strawberry.field(description="Whether the account can be used.")
    @staticmethod
    @reads("state")
    def state(user: strawberry.Parent[User]) -> UserState:
        return UserState(user.record["state"])

    seller = batched("The seller on whose staff it is; null for none.", _sellers)

    @strawberry.field(description="Grows with each change of its roles or its state.")
    @staticmethod
    @reads("version")
    def version(user: strawberry.Parent[User]) -> int:
        found: int = user.record["version"]
        return found


@extend(Query)
class UserQuery:
    @strawberry.field(
        description="One account; null where there is none, or none that the viewer may see."
    )
    @staticmethod
    async def user(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> User | None:
        return (await User.load_nodes(info, [str(object_id(id, "User"))]))[0]

    @strawberry.field(description="The accounts, the newest first; needs `auth.read_users`.")
    @staticmethod
    async def users(
        info: Info,
        filter: Annotated[  # noqa: A002
            UserFilter | None, strawberry.argument(description="Which accounts.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[User]:
        context, wanted = info.context, _wanted(filter)
        request = page_request(CURSOR, first, after, last, before)
        page = await users.user_page(context, wanted, request)

        async def count() -> int:
            return await users.count_users(context, wanted)

        return connection(CURSOR, page, [to_user(one) for one in page.records], count)


def _wanted(given: UserFilter | None) -> users.Wanted:
    if given is None:
        return users.Wanted()
    return users.Wanted(
        role=given.role,
        state=None if given.state is None else str(given.state.value),
        seller=None if given.seller_id is None else str(object_id(given.seller_id, "Seller")),
        email_key=None if given.email is None else email_of(given.email).key,
    )


@strawberry.input(description="The roles that somebody is to have.")
class UserRolesSetInput:
    user_id: strawberry.ID = strawberry.field(description="The user's id.")
    roles: list[str] = strawberry.field(
        description="All of them; `SELLER` comes with being on a seller's staff."
    )
    version: int | None = strawberry.field(
        default=None, description="The version of the account that was read."
    )


@strawberry.input(description="Somebody to be shut out.")
class UserSuspendInput:
    user_id: strawberry.ID = strawberry.field(description="The user's id.")
    reason: str = strawberry.field(default="", description="Why; for the audit log.")


@strawberry.input(description="Somebody to be let in again.")
class UserRestoreInput:
    user_id: strawberry.ID = strawberry.field(description="The user's id.")


@strawberry.input(description="Somebody who has lost all second factors.")
class UserFactorsResetInput:
    user_id: strawberry.ID = strawberry.field(description="The user's id.")
    reason: str = strawberry.field(description="Why; for the audit log.")


@strawberry.type(description="The outcome of a change of somebody's account.")
class UserPayload:
    user: User | None = strawberry.field(description="The account; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class UserMutation:
    @strawberry.field(
        description="Give somebody these roles and take the others, at once on all devices; needs "
        "`auth.manage_users`, and each permission of what the user has or gets."
    )
    @staticmethod
    async def user_roles_set(
        info: Info,
        input: Annotated[  # noqa: A002
            UserRolesSetInput, strawberry.argument(description="Who gets what.")
        ],
    ) -> UserPayload:
        return await _attempt(
            lambda: users.set_roles(info.context, _key(input.user_id), input.roles, input.version)
        )

    @strawberry.field(
        description="Shut somebody out, at once on all devices; needs `auth.manage_users`."
    )
    @staticmethod
    async def user_suspend(
        info: Info,
        input: Annotated[  # noqa: A002
            UserSuspendInput, strawberry.argument(description="Whom, and why.")
        ],
    ) -> UserPayload:
        return await _attempt(
            lambda: users.suspend_user(info.context, _key(input.user_id), input.reason)
        )

    @strawberry.field(description="Let somebody in again; needs `auth.manage_users`.")
    @staticmethod
    async def user_restore(
        info: Info,
        input: Annotated[  # noqa: A002
            UserRestoreInput, strawberry.argument(description="Whom.")
        ],
    ) -> UserPayload:
        return await _attempt(lambda: users.restore_user(info.context, _key(input.user_id)))

    @strawberry.field(
        description="Take away all second factors of somebody else, who is signed out everywhere "
        "and told; needs `auth.manage_users`, and each permission of what the user has."
    )
    @staticmethod
    async def user_factors_reset(
        info: Info,
        input: Annotated[  # noqa: A002
            UserFactorsResetInput, strawberry.argument(description="Whose, and why.")
        ],
    ) -> UserPayload:
        return await _attempt(
            lambda: resetting.reset_factors(info.context, _key(input.user_id), input.reason)
        )


async def _attempt(work: Callable[[], Awaitable[Record]]) -> UserPayload:
    changed, errors = await attempted(work)
    return UserPayload(user=None if changed is None else to_user(changed), user_errors=errors)


def _key(global_id: str) -> ObjectId:
    return object_id(global_id, "User", ("userId",))
