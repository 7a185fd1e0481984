from collections.abc import Mapping, Sequence
from typing import Any

from beanie import Document

from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, Operation, SealedFields
from mercat_orders.carts.documents import CartDocument
from mercat_orders.carts.leaving import JOBS, remove_of_user, told_of
from mercat_orders.carts.merging import merge_guest
from mercat_orders.carts.personal import FIELDS
from mercat_orders.carts.schema import CartMutation, CartQuery
from mercat_orders.checkout import reconciling
from mercat_orders.delivery.documents import ShippingMethodDocument
from mercat_orders.delivery.memory import kept_methods
from mercat_orders.delivery.schema import ShippingMethodMutation, ShippingMethodQuery
from mercat_orders.operations import OPERATIONS
from mercat_orders.orders.documents import OrderDocument
from mercat_orders.permissions import PERMISSIONS
from mercat_orders.taxation.documents import TaxZoneDocument
from mercat_orders.taxation.memory import kept_zones
from mercat_orders.taxation.schema import TaxZoneMutation, TaxZoneQuery


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [CartDocument, OrderDocument, ShippingMethodDocument, TaxZoneDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(CartDocument, FIELDS), SealedFields(OrderDocument, FIELDS)]


@hookimpl
def schema() -> Sequence[type]:
    return [
        CartQuery,
        CartMutation,
        ShippingMethodQuery,
        ShippingMethodMutation,
        TaxZoneQuery,
        TaxZoneMutation,
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
async def startup(context: Context) -> None:
    kept_methods(context).listen(context)
    kept_zones(context).listen(context)


@hookimpl
def ready_operations() -> Sequence[Operation]:
    return OPERATIONS


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return (*JOBS, *reconciling.JOBS)


@hookimpl
async def payment_changed(context: Context, key: str) -> None:
    await reconciling.follow_payment(context, key)


@hookimpl
async def signed_in(context: Context, user_id: str, guest: str | None) -> None:
    if guest is not None:
        await merge_guest(context, user_id, guest)


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await remove_of_user(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    found = await told_of(context, user_id)
    return {"carts": found} if found else None
