"""How customer groups look, and how they are made and changed."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry

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
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id, key_of, object_id
from mercat.storage import Record
from mercat_coupons.groups import reading, service
from mercat_coupons.groups.inputs import (
    CustomerGroupCreateInput,
    CustomerGroupDeleteInput,
    CustomerGroupMembersAddInput,
    CustomerGroupMembersRemoveInput,
    CustomerGroupUpdateInput,
    user_keys,
)
from mercat_coupons.groups.outcomes import CustomerGroupError, attempted

TYPE = "CustomerGroup"
_CURSOR = "customerGroups"


@reads("_id")
async def _counts(found: list["CustomerGroup"], info: Info) -> list[int]:
    keys = [one.record["_id"] for one in found]
    counts = await reading.member_counts(info.context, keys)
    return [counts.get(key, 0) for key in keys]


@strawberry.type(description="Customers who have something in common, for who sets up promotions.")
class CustomerGroup(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    key: str = stored("key", "What imports call it.")
    name: str = stored("name", "What the shop's staff call it.")
    created_at: datetime = stored("created_at", "When it was made.")
    updated_at: datetime = stored("updated_at", "When it, or who is in it, was last changed.")
    version: int = stored("version", "Grows with each change of its name.")
    member_count: int = batched("How many users are in it.", _counts)
    record: strawberry.Private[Record]

    @strawberry.field(description="Ids of users who are in it, in the order of the ids.")
    async def customer_ids(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many: 1 to 250.")] = 100,
        after: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The last id of the part before; the first without."),
        ] = None,
    ) -> list[strawberry.ID]:
        last = None if after is None else key_of(after, "User")
        found = await reading.member_keys(info.context, self.record["_id"], first, last)
        return [strawberry.ID(encode_id("User", key)) for key in found]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.groups_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


@strawberry.type(description="The outcome of making or changing a customer group.")
class CustomerGroupPayload:
    customer_group: CustomerGroup | None = strawberry.field(
        description="The group; null where it failed."
    )
    user_errors: list[CustomerGroupError] = strawberry.field(
        description="What the caller can mend."
    )


@strawberry.type(description="The outcome of removing a customer group.")
class CustomerGroupDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of what was removed; null where it failed."
    )
    user_errors: list[CustomerGroupError] = strawberry.field(
        description="What the caller can mend."
    )


@extend(Query)
class CustomerGroupQuery:
    @strawberry.field(description="All customer groups, the newest first; needs `coupons.manage`.")
    @staticmethod
    async def customer_groups(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CustomerGroup]:
        request = page_request(_CURSOR, first, after, last, before)
        page = await reading.page(info.context, request)

        async def count() -> int:
            return await reading.count(info.context)

        nodes = [CustomerGroup(record=one) for one in page.records]
        return connection(_CURSOR, page, nodes, count)


@extend(Mutation)
class CustomerGroupMutation:
    @strawberry.field(description="Make a customer group without members; needs `coupons.manage`.")
    @staticmethod
    async def customer_group_create(
        info: Info,
        input: Annotated[  # noqa: A002
            CustomerGroupCreateInput, strawberry.argument(description="What to make.")
        ],
    ) -> CustomerGroupPayload:
        async def work() -> Record:
            return await service.create_group(info.context, input.key, input.name)

        return await _payload(work)

    @strawberry.field(description="Give a customer group another name; needs `coupons.manage`.")
    @staticmethod
    async def customer_group_update(
        info: Info,
        input: Annotated[  # noqa: A002
            CustomerGroupUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> CustomerGroupPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            return await service.rename_group(info.context, key, input.version, input.name)

        return await _payload(work)

    @strawberry.field(
        description="Remove a customer group that no promotion is for; needs `coupons.manage`."
    )
    @staticmethod
    async def customer_group_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            CustomerGroupDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> CustomerGroupDeletePayload:
        async def work() -> strawberry.ID:
            await service.delete_group(info.context, object_id(input.id, TYPE, ("id",)))
            return input.id

        deleted, errors = await attempted(work)
        return CustomerGroupDeletePayload(deleted_id=deleted, user_errors=errors)

    @strawberry.field(
        description="Put users into a customer group, 250 at once at most; those who are in it "
        "stay. Needs `coupons.manage`."
    )
    @staticmethod
    async def customer_group_members_add(
        info: Info,
        input: Annotated[  # noqa: A002
            CustomerGroupMembersAddInput, strawberry.argument(description="Who, and into which.")
        ],
    ) -> CustomerGroupPayload:
        async def work() -> Record:
            key, users = object_id(input.id, TYPE, ("id",)), user_keys(input.customer_ids)
            return await service.add_members(info.context, key, users)

        return await _payload(work)

    @strawberry.field(
        description="Take users out of a customer group, 250 at once at most; those who aren't in "
        "it aren't missed. Needs `coupons.manage`."
    )
    @staticmethod
    async def customer_group_members_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            CustomerGroupMembersRemoveInput,
            strawberry.argument(description="Who, and out of which."),
        ],
    ) -> CustomerGroupPayload:
        async def work() -> Record:
            key, users = object_id(input.id, TYPE, ("id",)), user_keys(input.customer_ids)
            return await service.remove_members(info.context, key, users)

        return await _payload(work)


async def _payload(work: Callable[[], Awaitable[Record]]) -> CustomerGroupPayload:
    found, errors = await attempted(work)
    shown = None if found is None else CustomerGroup(record=found)
    return CustomerGroupPayload(customer_group=shown, user_errors=errors)
