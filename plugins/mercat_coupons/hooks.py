from collections.abc import Sequence

from beanie import Document

from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat_coupons.documents import (
    CounterDocument,
    CouponDocument,
    CustomerGroupDocument,
    GroupMemberDocument,
    PromotionDocument,
    UseDocument,
)
from mercat_coupons.permissions import PERMISSIONS
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.promotions.schema import PromotionMutation, PromotionQuery


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        PromotionDocument,
        CouponDocument,
        CounterDocument,
        UseDocument,
        CustomerGroupDocument,
        GroupMemberDocument,
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [PromotionQuery, PromotionMutation]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
async def startup(context: Context) -> None:
    promotions_of(context).listen(context)
