"""Sellers as shoppers, their staff and admins see them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from bson import ObjectId

from mercat.errors import InvalidError
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
from mercat.graphql.once import once
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id, id_encoder, object_id
from mercat.storage import Record
from mercat_auth.errors import AuthError, attempted
from mercat_auth.sellers import closing, members, reading, service
from mercat_auth.sellers.inputs import (
    SellerApplyInput,
    SellerApproveInput,
    SellerCloseInput,
    SellerInvitationAcceptInput,
    SellerMemberInviteInput,
    SellerMemberRemoveInput,
    SellerRank,
    SellerReinstateInput,
    SellerRejectInput,
    SellerSuspendInput,
    SellerUpdateInput,
)

CURSOR = "sellers"


@strawberry.enum(description="Where a seller stands.")
class SellerStatus(Enum):
    APPLIED = strawberry.enum_value("applied", description="It waits for an admin's decision.")
    APPROVED = strawberry.enum_value("approved", description="It sells.")
    SUSPENDED = strawberry.enum_value(
        "suspended", description="It doesn't sell for now; what it offers is hidden."
    )
    CLOSED = strawberry.enum_value(
        "closed",
        description="It was rejected, or has closed for good; its offers are hidden.",
    )


@strawberry.type(description="Somebody of a seller's staff.")
class SellerMember:
    user_id: strawberry.ID = strawberry.field(description="The id of the user.")
    name: str | None = strawberry.field(description="The user's name.")
    rank: SellerRank = strawberry.field(description="What the user is on the staff.")
    since: datetime = strawberry.field(description="Since when.")


@reads("members", "status")
async def _staff(sellers: "Sequence[Seller]", info: Info) -> list[list[SellerMember] | None]:
    found = await members.staff_of(info.context, [seller.record for seller in sellers])
    return [None if staff is None else list(map(_to_member, staff)) for staff in found]


def _to_member(record: Record) -> SellerMember:
    return SellerMember(
        user_id=strawberry.ID(encode_id("User", record["user"])),
        name=record["name"],
        rank=SellerRank(record["rank"]),
        since=record["since"],
    )


@strawberry.type(description="Somebody who sells in the shop beside the shop itself.")
class Seller(Node):
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=id_encoder("Seller")
    )
    slug: str = stored("slug", "Its name in URLs; unique among sellers.")
    name: str = stored("name", "Its name.")
    about: str = stored("about", "What it says of itself.", default="")
    status: SellerStatus = stored("status", "Where it stands.", convert=SellerStatus)
    created_at: datetime = stored("created_at", "When it applied.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    staff = batched("Its staff; null for others than these and admins.", _staff)

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        found = await reading.sellers_by_id(info.context, [key for key in ids if key])
        return [cls(record=found[key]) if key in found else None for key in ids]


@extend(Query)
class SellerQuery:
    @strawberry.field(description="One seller, by its id or its slug; null where there is none.")
    @staticmethod
    async def seller(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        slug: Annotated[str | None, strawberry.argument(description="Its slug.")] = None,
    ) -> Seller | None:
        if (id is None) == (slug is None):
            raise InvalidError("give either `id` or `slug`")
        if id is not None:
            return (await Seller.load_nodes(info, [str(object_id(id, "Seller"))]))[0]
        found = await reading.seller_by_slug(info.context, slug or "")
        return None if found is None else Seller(record=found)

    @strawberry.field(
        description="Those who sell in the shop, in the order in which they applied; with "
        "`auth.manage_sellers` the others too."
    )
    @staticmethod
    async def sellers(
        info: Info,
        status: Annotated[
            SellerStatus | None, strawberry.argument(description="Those that stand so.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Seller]:
        context, wanted = info.context, None if status is None else str(status.value)
        request = page_request(CURSOR, first, after, last, before)
        page = await reading.seller_page(context, wanted, request)

        async def count() -> int:
            return await reading.count_sellers(context, wanted)

        return connection(CURSOR, page, [Seller(record=one) for one in page.records], count)


@strawberry.type(description="The outcome of a change of a seller.")
class SellerPayload:
    seller: Seller | None = strawberry.field(description="The seller; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `sellerMemberInvite`.")
class SellerMemberInvitePayload:
    is_sent: bool = strawberry.field(description="Whether the invitation is on its way.")
    user_errors: list[AuthError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class SellerMutation:
    @strawberry.field(
        description="Apply to sell in the shop, as the owner; needs a verified address."
    )
    @staticmethod
    async def seller_apply(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerApplyInput, strawberry.argument(description="Who applies.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: service.apply(info.context, _texts(input)))

    @strawberry.field(
        description="Change how a seller is shown; for its owners and managers, and for "
        "`auth.manage_sellers`."
    )
    @staticmethod
    async def seller_update(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerUpdateInput, strawberry.argument(description="What changes.")
        ],
    ) -> SellerPayload:
        return await _attempt(
            lambda: service.update(info.context, _key(input.id), input.version, _texts(input))
        )

    @strawberry.field(description="Let a seller that applied sell; needs `auth.manage_sellers`.")
    @staticmethod
    async def seller_approve(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerApproveInput, strawberry.argument(description="Which seller.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: service.approve(info.context, _key(input.id)))

    @strawberry.field(description="Refuse an application; needs `auth.manage_sellers`.")
    @staticmethod
    async def seller_reject(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerRejectInput, strawberry.argument(description="Which seller, and why.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: service.reject(info.context, _key(input.id), input.reason))

    @strawberry.field(
        description="Take a seller out of the shop for now: within moments what it sells is not "
        "shown any more, its staff can't change it, its orders stay. Needs "
        "`auth.manage_sellers`."
    )
    @staticmethod
    async def seller_suspend(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerSuspendInput, strawberry.argument(description="Which seller, and why.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: service.suspend(info.context, _key(input.id), input.reason))

    @strawberry.field(
        description="Let a seller that was suspended sell again; needs `auth.manage_sellers`."
    )
    @staticmethod
    async def seller_reinstate(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerReinstateInput, strawberry.argument(description="Which seller.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: service.reinstate(info.context, _key(input.id)))

    @strawberry.field(
        description="Take a seller out of the shop for good: what it sells vanishes, its staff is "
        "free to go, its orders stay. For its owners, and for `auth.manage_sellers`."
    )
    @staticmethod
    async def seller_close(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerCloseInput, strawberry.argument(description="Which seller, and why.")
        ],
    ) -> SellerPayload:
        return await _attempt(
            lambda: closing.close(info.context, _key(input.seller_id, ("sellerId",)), input.reason)
        )

    @strawberry.field(
        description="Ask somebody onto a seller's staff by e-mail; for its owners. The answer "
        "doesn't tell whether the address has an account."
    )
    @staticmethod
    async def seller_member_invite(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerMemberInviteInput, strawberry.argument(description="Whom.")
        ],
    ) -> SellerMemberInvitePayload:
        rank = str(input.rank.value)
        _, errors = await attempted(
            lambda: members.invite(info.context, _key(input.id), input.email, rank)
        )
        return SellerMemberInvitePayload(is_sent=not errors, user_errors=errors)

    @strawberry.field(description="Join a seller's staff, by the link that was sent to the viewer.")
    @staticmethod
    @once
    async def seller_invitation_accept(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerInvitationAcceptInput, strawberry.argument(description="Which invitation.")
        ],
    ) -> SellerPayload:
        return await _attempt(lambda: members.accept(info.context, input.token))

    @strawberry.field(
        description="Take somebody off a seller's staff; for its owners, and for oneself."
    )
    @staticmethod
    async def seller_member_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            SellerMemberRemoveInput, strawberry.argument(description="Whom.")
        ],
    ) -> SellerPayload:
        return await _attempt(
            lambda: members.remove(info.context, _key(input.id), _user_key(input.user_id))
        )


async def _attempt(work: Callable[[], Awaitable[Record]]) -> SellerPayload:
    found, errors = await attempted(work)
    seller = None if found is None else Seller(record=found)
    return SellerPayload(seller=seller, user_errors=errors)


def _texts(given: SellerApplyInput | SellerUpdateInput) -> dict[str, str]:
    values: dict[str, Any] = {"name": given.name, "slug": given.slug, "about": given.about}
    return {name: value for name, value in values.items() if value is not None}


def _key(global_id: str, field: tuple[str, ...] = ("id",)) -> ObjectId:
    return object_id(global_id, "Seller", field)


def _user_key(global_id: str) -> ObjectId:
    return object_id(global_id, "User", ("userId",))
