from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.hooks import hookimpl
from mercat.lifecycle import Job
from mercat_coupons.coupons import generating
from mercat_coupons.coupons.commands import coupons
from mercat_coupons.coupons.routes import batch_route
from mercat_coupons.coupons.schema import CouponMutation, CouponQuery
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

if TYPE_CHECKING:
    from mercat.engine import Engine


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


@hookimpl
def schema() -> Sequence[type]:
    return [CouponQuery, CouponMutation]


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    return [batch_route(engine)]


@hookimpl
def commands() -> Sequence[click.Command]:
    return [coupons]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return generating.JOBS
