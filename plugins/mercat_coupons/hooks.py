from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.checkout import Cart, Discount, OrderBegun
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.importing import Importer
from mercat.lifecycle import Job
from mercat.storage import Session
from mercat_coupons.carts.discounting import discounts
from mercat_coupons.carts.schema import (
    CartCouponMutation,
    CartCoupons,
    CouponValidateQuery,
    OrderDiscounts,
)
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
from mercat_coupons.groups import service as groups
from mercat_coupons.groups.schema import CustomerGroupMutation, CustomerGroupQuery
from mercat_coupons.importing.loads import IMPORTERS
from mercat_coupons.permissions import PERMISSIONS
from mercat_coupons.promotions.memory import promotions_of
from mercat_coupons.promotions.schema import PromotionMutation, PromotionQuery
from mercat_coupons.uses.claiming import claim, release

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
def schema() -> Sequence[type]:
    return [
        PromotionQuery,
        PromotionMutation,
        CouponQuery,
        CouponMutation,
        CustomerGroupQuery,
        CustomerGroupMutation,
        CouponValidateQuery,
        CartCouponMutation,
        CartCoupons,
        OrderDiscounts,
    ]


@hookimpl
async def cart_discounts(context: Context, cart: Cart) -> Sequence[Discount]:
    return await discounts(context, cart)


@hookimpl
async def order_begun(context: Context, session: Session, order: OrderBegun) -> None:
    await claim(context, session, order)


@hookimpl
async def order_undone(context: Context, session: Session, order_id: str) -> None:
    await release(context, session, order_id)


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
async def startup(context: Context) -> None:
    promotions_of(context).listen(context)


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await groups.forget(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    names = await groups.told_of(context, user_id)
    return {"customer_groups": names} if names else None


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return IMPORTERS


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    return [batch_route(engine)]


@hookimpl
def commands() -> Sequence[click.Command]:
    return [coupons]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return generating.JOBS
