"""What the mutations of customer groups take."""

import strawberry

from mercat.errors import InvalidError
from mercat.ids import object_id
from mercat_coupons.groups.service import MOST_AT_ONCE


@strawberry.input(description="A customer group to be made.")
class CustomerGroupCreateInput:
    key: str = strawberry.field(
        description="What imports call it: up to 50 of a-z, 0-9, '-' and '_'; it stays."
    )
    name: str = strawberry.field(description="What the shop's staff call it.")


@strawberry.input(description="Another name for a customer group.")
class CustomerGroupUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="What the shop's staff call it.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )


@strawberry.input(description="A customer group to be removed.")
class CustomerGroupDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Users who are to be in a customer group.")
class CustomerGroupMembersAddInput:
    id: strawberry.ID = strawberry.field(description="The group's id.")
    customer_ids: list[strawberry.ID] = strawberry.field(description="1 to 250 ids of users.")


@strawberry.input(description="Users who are to be in a customer group no more.")
class CustomerGroupMembersRemoveInput:
    id: strawberry.ID = strawberry.field(description="The group's id.")
    customer_ids: list[strawberry.ID] = strawberry.field(description="1 to 250 ids of users.")


def user_keys(ids: list[strawberry.ID]) -> list[str]:
    """The keys of users. Raises InvalidError."""
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise InvalidError(f"name 1 to {MOST_AT_ONCE} users", field=("customerIds",))
    return [str(object_id(one, "User", ("customerIds", str(at)))) for at, one in enumerate(ids)]
