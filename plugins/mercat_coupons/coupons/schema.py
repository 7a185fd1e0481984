"""Coupons and batches for those who make them."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.once import once
from mercat.ids import object_id
from mercat.storage import Record
from mercat_coupons.coupons import batches, listing, service
from mercat_coupons.coupons.generating import begun
from mercat_coupons.coupons.inputs import (
    CouponArchiveInput,
    CouponCodesGenerateInput,
    CouponCreateInput,
    CouponFilter,
    CouponUpdateInput,
    changed,
    made,
    wanted_of,
)
from mercat_coupons.coupons.outcomes import CouponError, attempted
from mercat_coupons.coupons.types import BATCH, COUPON, Coupon, CouponBatch

_COUPONS = "coupons"
_BATCHES = "couponBatches"


@strawberry.type(description="The outcome of making or changing a coupon.")
class CouponPayload:
    coupon: Coupon | None = strawberry.field(description="The coupon; null where it failed.")
    user_errors: list[CouponError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `couponCodesGenerate`.")
class CouponCodesGeneratePayload:
    batch: CouponBatch | None = strawberry.field(description="The batch; null where it failed.")
    user_errors: list[CouponError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class CouponQuery:
    @strawberry.field(
        description="Coupons, the newest first: all for who has `coupons.manage`, their own for a "
        "seller's staff with `coupons.own`."
    )
    @staticmethod
    async def coupons(
        info: Info,
        filter: Annotated[  # noqa: A002
            CouponFilter | None, strawberry.argument(description="Which; all where left out.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Coupon]:
        context, wanted = info.context, wanted_of(filter)
        request = page_request(_COUPONS, first, after, last, before)
        page = await listing.page(context, request, wanted)

        async def count() -> int:
            return await listing.count(context, wanted)

        return connection(_COUPONS, page, [Coupon(record=one) for one in page.records], count)

    @strawberry.field(
        description="A coupon by its id or by its code, in which case, white space and dashes "
        "don't count; null where the viewer finds none. Needs `coupons.manage` or `coupons.own`."
    )
    @staticmethod
    async def coupon(
        info: Info,
        id: Annotated[  # noqa: A002
            strawberry.ID | None, strawberry.argument(description="Its id.")
        ] = None,
        code: Annotated[str | None, strawberry.argument(description="Its code.")] = None,
    ) -> Coupon | None:
        if (id is None) == (code is None):
            raise InvalidError("give either `id` or `code`")
        if code is not None:
            found = await listing.coupon_with_code(info.context, code)
        else:
            key = object_id(id or "", COUPON, ("id",))
            found = await listing.coupon_by_key(info.context, key)
        return None if found is None else Coupon(record=found)

    @strawberry.field(
        description="Batches of codes, the newest first, for those who see their coupons."
    )
    @staticmethod
    async def coupon_batches(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CouponBatch]:
        context = info.context
        request = page_request(_BATCHES, first, after, last, before)
        page = await batches.page(context, request)

        async def count() -> int:
            return await batches.count(context)

        return connection(_BATCHES, page, [CouponBatch(record=one) for one in page.records], count)

    @strawberry.field(description="A batch of codes; null where the viewer finds none.")
    @staticmethod
    async def coupon_batch(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> CouponBatch | None:
        found = await batches.batch_by_key(info.context, object_id(id, BATCH, ("id",)))
        return None if found is None else CouponBatch(record=found)


@extend(Mutation)
class CouponMutation:
    @strawberry.field(
        description="Make a coupon for promotions that are active and not automatic. Needs "
        "`coupons.manage`, or `coupons.own` for one's own seller's promotions."
    )
    @staticmethod
    @once
    async def coupon_create(
        info: Info,
        input: Annotated[  # noqa: A002
            CouponCreateInput, strawberry.argument(description="The coupon.")
        ],
    ) -> CouponPayload:
        async def work() -> Record:
            return await service.create(info.context, made(input))

        return await _coupon(work)

    @strawberry.field(
        description="Change a coupon that isn't archived, but for its code; for those who may make "
        "such a one."
    )
    @staticmethod
    async def coupon_update(
        info: Info,
        input: Annotated[  # noqa: A002
            CouponUpdateInput, strawberry.argument(description="Which coupon, and what of it.")
        ],
    ) -> CouponPayload:
        async def work() -> Record:
            key = object_id(input.id, COUPON, ("id",))
            return await service.update(info.context, key, input.version, changed(input))

        return await _coupon(work)

    @strawberry.field(
        description="Have a coupon open nothing any more, for good; repeating changes nothing. For "
        "those who may make such a one."
    )
    @staticmethod
    async def coupon_archive(
        info: Info,
        input: Annotated[  # noqa: A002
            CouponArchiveInput, strawberry.argument(description="Which coupon.")
        ],
    ) -> CouponPayload:
        async def work() -> Record:
            key = object_id(input.id, COUPON, ("id",))
            return await service.archive(info.context, key, input.version)

        return await _coupon(work)

    @strawberry.field(
        description="Make many codes that nobody guesses, for those who may make such coupons. It "
        "answers before a large batch is done: `couponBatch` says how far it is."
    )
    @staticmethod
    async def coupon_codes_generate(
        info: Info,
        input: Annotated[  # noqa: A002
            CouponCodesGenerateInput, strawberry.argument(description="How many, and for what.")
        ],
    ) -> CouponCodesGeneratePayload:
        async def work() -> Record:
            key = idempotency_key(info, input.idempotency_key)
            return await begun(info.context, made(input), key)

        found, errors = await attempted(work)
        batch = None if found is None else CouponBatch(record=found)
        return CouponCodesGeneratePayload(batch=batch, user_errors=errors)


async def _coupon(work: Callable[[], Awaitable[Record]]) -> CouponPayload:
    found, errors = await attempted(work)
    coupon = None if found is None else Coupon(record=found)
    return CouponPayload(coupon=coupon, user_errors=errors)
