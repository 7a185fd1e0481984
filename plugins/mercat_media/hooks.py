import asyncio
from collections.abc import Sequence
from datetime import timedelta

from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.context import Context
from mercat.engine import Engine
from mercat.hooks import hookimpl
from mercat.lifecycle import Job
from mercat_media import contents
from mercat_media.documents import ContentDocument, MediaDocument
from mercat_media.owners import PERMISSIONS
from mercat_media.receiving import receiving
from mercat_media.schema import MediaMutation, MediaQuery
from mercat_media.serving import serving
from mercat_media.workshop import workshop_of


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [ContentDocument, MediaDocument]


@hookimpl
def schema() -> Sequence[type]:
    return [MediaQuery, MediaMutation]


@hookimpl
def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
    return [receiving(engine), serving(workshop_of(engine.context()).store)]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return [Job(name="media-sweep", every=timedelta(hours=6), run=contents.sweep)]


@hookimpl
async def startup(context: Context) -> None:
    await asyncio.to_thread(workshop_of(context).forget_stale)
