from collections.abc import Sequence

import click
from beanie import Document

from mercat.auth import Permission
from mercat.catalog import StockFigures
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.ids import encode_id
from mercat.lifecycle import Job, SealedFields
from mercat_webhooks.commands import webhooks
from mercat_webhooks.documents import WebhookDeliveryDocument, WebhookEndpointDocument
from mercat_webhooks.permissions import PERMISSIONS
from mercat_webhooks.replaying import JOBS
from mercat_webhooks.schema import WebhookMutation, WebhookQuery
from mercat_webhooks.sending import queue_of
from mercat_webhooks.taking import take


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [WebhookEndpointDocument, WebhookDeliveryDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(WebhookEndpointDocument, ("secret", "old_secret"))]


@hookimpl
def schema() -> Sequence[type]:
    return [WebhookQuery, WebhookMutation]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def commands() -> Sequence[click.Command]:
    return [webhooks]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return JOBS


@hookimpl
async def startup(context: Context) -> None:
    queue_of(context).start()


@hookimpl
async def shutdown(context: Context) -> None:
    await queue_of(context).stop()


@hookimpl
async def order_placed(context: Context, order_id: str) -> None:
    await take(context, "order.placed", {"order": encode_id("Order", order_id)})


@hookimpl
async def order_changed(context: Context, order_id: str, kind: str) -> None:
    data = {"order": encode_id("Order", order_id), "kind": kind}
    await take(context, "order.changed", data)


@hookimpl
async def payment_changed(context: Context, key: str) -> None:
    await take(context, "payment.changed", {"payment": encode_id("Payment", key)})


@hookimpl
async def cart_abandoned(context: Context, cart_id: str) -> None:
    await take(context, "cart.abandoned", {"cart": encode_id("Cart", cart_id)})


@hookimpl
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    ids = [encode_id("Product", key) for key in product_ids]
    await take(context, "product.saved", {"products": ids})


@hookimpl
async def products_removed(context: Context, product_ids: Sequence[str]) -> None:
    ids = [encode_id("Product", key) for key in product_ids]
    await take(context, "product.removed", {"products": ids})


@hookimpl
async def stock_changed(context: Context, changes: Sequence[StockFigures]) -> None:
    await take(context, "stock.changed", {"stocks": [_stock(one) for one in changes]})


@hookimpl
async def stock_low(context: Context, stock: StockFigures, threshold: int) -> None:
    await take(context, "stock.low", {**_stock(stock), "threshold": threshold})


@hookimpl
async def user_registered(context: Context, user_id: str) -> None:
    await take(context, "user.registered", {"user": encode_id("User", user_id)})


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await take(context, "user.erased", {"user": encode_id("User", user_id)})


@hookimpl
async def seller_state_changed(context: Context, seller: str) -> None:
    await take(context, "seller.changed", {"seller": encode_id("Seller", seller)})


@hookimpl
async def ticket_opened(context: Context, ticket_id: str) -> None:
    await take(context, "ticket.opened", {"ticket": encode_id("Ticket", ticket_id)})


@hookimpl
async def ticket_replied(context: Context, ticket_id: str, number: int) -> None:
    data = {"ticket": encode_id("Ticket", ticket_id), "number": number}
    await take(context, "ticket.replied", data)


@hookimpl
async def ticket_closed(context: Context, ticket_id: str) -> None:
    await take(context, "ticket.closed", {"ticket": encode_id("Ticket", ticket_id)})


def _stock(figures: StockFigures) -> dict[str, object]:
    return {
        "variant": encode_id("ProductVariant", figures.variant_id),
        "sku": figures.sku,
        "available": figures.available,
        "inStock": figures.in_stock,
    }
