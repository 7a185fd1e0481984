from collections.abc import Sequence

from beanie import Document

from mercat.auth import Permission
from mercat.hooks import hookimpl
from mercat_coupons.documents import (
    CounterDocument,
    CouponBatchDocument,
    CouponDocument,
    CustomerGroupDocument,
    GroupMemberDocument,
    PromotionDocument,
    UseDocument,
)
from mercat_coupons.permissions import PERMISSIONS


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        PromotionDocument,
        CouponDocument,
        CouponBatchDocument,
        CounterDocument,
        UseDocument,
        CustomerGroupDocument,
        GroupMemberDocument,
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS
