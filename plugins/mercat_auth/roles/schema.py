"""Roles and permissions, and other people's accounts as those who run the shop see them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import strawberry

from mercat.auth import Permission
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.storage import Record
from mercat_auth.errors import AuthError, attempted
from mercat_auth.roles import editing

_DESCRIPTIONS = {
    "ADMIN": "Runs the shop, and may do everything.",
    "SUPPORT": "Helps customers.",
    "SELLER": "Is on a seller's staff.",
    "CUSTOMER": "Has an account; everybody who has signed in is one.",
}


@strawberry.type(description="Something that somebody may be allowed to do.")
class PermissionInfo:
    name: str = strawberry.field(description="Its name, such as `products.manage`.")
    description: str = strawberry.field(description="What it allows.")
    roles: list[str] = strawberry.field(description="The built-in roles that have it.")


@strawberry.type(description="What several people may do, by one name.")
class Role:
    name: str = stored("_id", "Its name, such as `SUPPORT`.")
    permissions: list[str] = stored("permissions", "The names of what it allows.", default=())
    is_built_in: bool = stored("built_in", "Whether it is the shop's own.", default=False)
    version: int = stored("version", "Grows with each change.", default=1)
    record: strawberry.Private[Record]

    @strawberry.field(description="What it is for.")
    def description(self) -> str:
        found: str = self.record.get("description", "")
        return found or _DESCRIPTIONS.get(self.record["_id"], "")


@extend(Query)
class RoleQuery:
    @strawberry.field(
        description="What somebody may be allowed to do here; needs `auth.manage_roles`."
    )
    @staticmethod
    async def permissions(info: Info) -> list[PermissionInfo]:
        return list(map(_to_info, await editing.all_permissions(info.context)))

    @strawberry.field(description="The roles that people may have; needs `auth.manage_roles`.")
    @staticmethod
    async def roles(info: Info) -> list[Role]:
        return _to_roles(await editing.all_roles(info.context))


def _to_info(found: Permission) -> PermissionInfo:
    return PermissionInfo(
        name=found.name, description=found.description, roles=[str(role) for role in found.roles]
    )


def _to_roles(records: Sequence[Record]) -> list[Role]:
    return [Role(record=record) for record in records]


@strawberry.input(description="A role to be made.")
class RoleCreateInput:
    name: str = strawberry.field(description="Its name: capital letters, digits and `_`.")
    description: str = strawberry.field(default="", description="What it is for.")
    permissions: list[str] = strawberry.field(description="What it allows.")


@strawberry.input(description="What is to change of a role; what is left out stays.")
class RoleUpdateInput:
    name: str = strawberry.field(description="Its name.")
    version: int | None = strawberry.field(default=None, description="The version that was read.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    permissions: list[str] | None = strawberry.field(default=None, description="What it allows.")


@strawberry.input(description="A role to be removed.")
class RoleDeleteInput:
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="The outcome of a change of a role.")
class RolePayload:
    role: Role | None = strawberry.field(
        description="The role; null where it failed or was removed."
    )
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class RoleMutation:
    @strawberry.field(
        description="Make a role; needs `auth.manage_roles`, and each permission that it gets."
    )
    @staticmethod
    async def role_create(
        info: Info,
        input: Annotated[  # noqa: A002
            RoleCreateInput, strawberry.argument(description="What to make.")
        ],
    ) -> RolePayload:
        return await _attempt(
            lambda: editing.create_role(
                info.context, input.name, input.description, input.permissions
            )
        )

    @strawberry.field(
        description="Change a role, within a second for all who have it; needs "
        "`auth.manage_roles`, and each permission that it has or gets."
    )
    @staticmethod
    async def role_update(
        info: Info,
        input: Annotated[  # noqa: A002
            RoleUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> RolePayload:
        return await _attempt(
            lambda: editing.update_role(
                info.context,
                input.name,
                input.version,
                description=input.description,
                permissions=input.permissions,
            )
        )

    @strawberry.field(description="Remove a role that nobody has; needs `auth.manage_roles`.")
    @staticmethod
    async def role_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            RoleDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> RolePayload:
        return await _attempt(lambda: editing.delete_role(info.context, input.name))


async def _attempt(work: Callable[[], Awaitable[Record | None]]) -> RolePayload:
    found, errors = await attempted(work)
    return RolePayload(role=None if found is None else Role(record=found), user_errors=errors)
