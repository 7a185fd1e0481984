from collections.abc import Sequence

from beanie import Document

from mercat.auth import Credentials
from mercat.context import Context, Viewer
from mercat.hooks import hookimpl
from mercat_auth.documents import (
    LinkDocument,
    RevocationDocument,
    SessionDocument,
    SigningKeyDocument,
    UserDocument,
)
from mercat_auth.sealing import sealer_of
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.revoking import revocations_of
from mercat_auth.tokens.service import identified


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [UserDocument, SessionDocument, RevocationDocument, SigningKeyDocument, LinkDocument]


@hookimpl
async def startup(context: Context) -> None:
    sealer_of(context)
    keys_of(context).listen()
    await revocations_of(context).listen()


@hookimpl
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    return await identified(context, credentials)
