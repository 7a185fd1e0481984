from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, SealedFields
from mercat.notifications import Message
from mercat_notifications import taking
from mercat_notifications.commands import notifications
from mercat_notifications.delivering import queue_of
from mercat_notifications.documents import (
    BouncedAddressDocument,
    NotificationChoiceDocument,
    NotificationDocument,
)
from mercat_notifications.permissions import PERMISSIONS
from mercat_notifications.rendering import templates_of
from mercat_notifications.routes import preview_routes, unsubscribe_routes
from mercat_notifications.schema import NotificationMutation, NotificationQuery

if TYPE_CHECKING:
    from mercat.engine import Engine


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [NotificationDocument, BouncedAddressDocument, NotificationChoiceDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(NotificationDocument, ("to",))]


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    context = engine.context()
    queue_of(context)  # what is wrong with the settings and the templates stops the boot
    templates_of(context)
    return [*unsubscribe_routes(engine), *preview_routes(engine)]


@hookimpl
def schema() -> Sequence[type]:
    return [NotificationQuery, NotificationMutation]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def commands() -> Sequence[click.Command]:
    return [notifications]


@hookimpl
async def startup(context: Context) -> None:
    queue_of(context).start()


@hookimpl
async def shutdown(context: Context) -> None:
    await queue_of(context).stop()


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return [Job(name="notifications-forget", every=timedelta(hours=1), run=taking.forget_old)]


@hookimpl
async def message_due(context: Context, message: Message) -> None:
    if await taking.take(context, message):
        queue_of(context).wake()


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await taking.forget_user(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    found = await taking.told_of(context, user_id)
    return {"notifications": list(found)} if found else None
