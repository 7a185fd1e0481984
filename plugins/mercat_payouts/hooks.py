from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from beanie import Document
from bson import ObjectId
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, SealedFields
from mercat.notifications import MessageKind
from mercat_payouts import accounts, looking, transferring
from mercat_payouts.commands import payouts
from mercat_payouts.documents import (
    PayoutAccountDocument,
    PayoutBalanceDocument,
    PayoutDocument,
    PayoutEntryDocument,
    PayoutReversalDocument,
    PayoutRunDocument,
    PayoutSweepDocument,
    SplitDocument,
)
from mercat_payouts.messages import KINDS
from mercat_payouts.mutations import PayoutMutation
from mercat_payouts.permissions import PERMISSIONS
from mercat_payouts.providers import providers_of
from mercat_payouts.routes import payouts_route
from mercat_payouts.schema import PayoutQuery, SellerOrderPayout, SellerPayouts

if TYPE_CHECKING:
    from mercat.engine import Engine


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        SplitDocument,
        PayoutBalanceDocument,
        PayoutEntryDocument,
        PayoutRunDocument,
        PayoutDocument,
        PayoutReversalDocument,
        PayoutAccountDocument,
        PayoutSweepDocument,
    ]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [
        SealedFields(PayoutAccountDocument, accounts.FIELDS),
        SealedFields(PayoutDocument, ("details",)),
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [PayoutQuery, PayoutMutation, SellerPayouts, SellerOrderPayout]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    providers_of(engine.context())  # what is wrong with them stops the boot
    return [payouts_route(engine)]


@hookimpl
def commands() -> Sequence[click.Command]:
    return [payouts]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return (
        *looking.JOBS,
        Job(name="payouts-ask-again", every=timedelta(seconds=10), run=transferring.ask_again),
        Job(name="payouts-accounts", every=timedelta(minutes=5), run=accounts.ask_for_news),
    )


@hookimpl
def message_kinds() -> Sequence[MessageKind]:
    return KINDS


@hookimpl
async def order_changed(context: Context, order_id: str) -> None:
    await looking.look_at(context, ObjectId(order_id))
