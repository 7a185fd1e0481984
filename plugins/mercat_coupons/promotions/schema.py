"""How promotions are asked for, made and changed."""

from typing import Annotated

import strawberry

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
from mercat.graphql.records import wanted_keys
from mercat.ids import key_of, object_id
from mercat.storage import Record
from mercat_coupons.promotions import reading, service
from mercat_coupons.promotions.checking import NULLABLE
from mercat_coupons.promotions.inputs import (
    PromotionArchiveInput,
    PromotionCreateInput,
    PromotionFilter,
    PromotionUpdateInput,
)
from mercat_coupons.promotions.outcomes import PromotionError, attempted
from mercat_coupons.promotions.reading import Wanted
from mercat_coupons.promotions.types import TYPE, Promotion
from mercat_orders.configured.inputs import created, updated

_CURSOR = "promotions"


@strawberry.type(description="The outcome of making, changing or archiving a promotion.")
class PromotionPayload:
    promotion: Promotion | None = strawberry.field(
        description="The promotion; null where it failed."
    )
    user_errors: list[PromotionError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class PromotionQuery:
    @strawberry.field(
        description="Promotions, the newest first: all for who has `coupons.manage`, their own "
        "seller's for a seller's staff with `coupons.own`."
    )
    @staticmethod
    async def promotions(
        info: Info,
        filter: Annotated[  # noqa: A002
            PromotionFilter | None, strawberry.argument(description="Which ones.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Promotion]:
        context, wanted = info.context, _wanted(filter)
        request = page_request(_CURSOR, first, after, last, before)
        page = await reading.page(context, wanted, request, wanted_keys(info, Promotion))

        async def count() -> int:
            return await reading.count(context, wanted)

        return connection(_CURSOR, page, [Promotion(record=one) for one in page.records], count)

    @strawberry.field(
        description="A promotion, as `promotions` has it; null where there is none that the viewer "
        "may see."
    )
    @staticmethod
    async def promotion(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> Promotion | None:
        found = await reading.find(info.context, object_id(id, TYPE))
        return None if found is None else Promotion(record=found)


@extend(Mutation)
class PromotionMutation:
    @strawberry.field(
        description="Make a promotion, which holds within a second; needs `coupons.manage`, or "
        "`coupons.own` for one of one's own seller."
    )
    @staticmethod
    async def promotion_create(
        info: Info,
        input: Annotated[  # noqa: A002
            PromotionCreateInput, strawberry.argument(description="What to make.")
        ],
    ) -> PromotionPayload:
        async def work() -> Record:
            return await service.create_promotion(info.context, created(input))

        return _payload(*await attempted(work))

    @strawberry.field(
        description="Change a promotion, within a second for all carts, and for no order that was "
        "placed; needs `coupons.manage`, or `coupons.own` for what one's own seller pays for."
    )
    @staticmethod
    async def promotion_update(
        info: Info,
        input: Annotated[  # noqa: A002
            PromotionUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> PromotionPayload:
        async def work() -> Record:
            key, values = object_id(input.id, TYPE, ("id",)), updated(input, NULLABLE)
            return await service.update_promotion(info.context, key, input.version, values)

        return _payload(*await attempted(work))

    @strawberry.field(
        description="Have a promotion hold no more, for good; one that is archived stays so. Needs "
        "`coupons.manage`, or `coupons.own` for what one's own seller pays for."
    )
    @staticmethod
    async def promotion_archive(
        info: Info,
        input: Annotated[  # noqa: A002
            PromotionArchiveInput, strawberry.argument(description="Which one.")
        ],
    ) -> PromotionPayload:
        async def work() -> Record:
            key = object_id(input.id, TYPE, ("id",))
            return await service.archive_promotion(info.context, key)

        return _payload(*await attempted(work))


def _wanted(given: PromotionFilter | None) -> Wanted:
    if given is None:
        return Wanted()
    seller = given.seller_id
    return Wanted(
        status=None if given.status is None else str(given.status.value),
        is_automatic=given.is_automatic,
        seller=None if seller is None else key_of(seller, "Seller", ("filter", "sellerId")),
        text=given.text,
    )


def _payload(found: Record | None, errors: list[PromotionError]) -> PromotionPayload:
    shown = None if found is None else Promotion(record=found)
    return PromotionPayload(promotion=shown, user_errors=errors)
