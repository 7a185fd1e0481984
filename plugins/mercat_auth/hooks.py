from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Credentials, Permission
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.hooks import hookimpl
from mercat.importing import Importer
from mercat.lifecycle import Job
from mercat.notifications import MessageKind, Recipient
from mercat.support import TicketFact, TicketSubject
from mercat_auth import links
from mercat_auth.accounts.book.schema import AddressMutation
from mercat_auth.accounts.importing import CUSTOMERS
from mercat_auth.accounts.importing import users_named as found_by_name
from mercat_auth.accounts.kinds import KINDS
from mercat_auth.accounts.leaving.personal import data_of
from mercat_auth.accounts.leaving.schema import LeavingMutation
from mercat_auth.accounts.messages import warn_of_silence
from mercat_auth.accounts.profile.schema import ProfileMutation
from mercat_auth.accounts.schema import AccountMutation
from mercat_auth.api_keys.documents import ApiKeyDocument, ServiceAccountDocument
from mercat_auth.api_keys.knowing import api_keys_of
from mercat_auth.api_keys.schema import ApiKeyMutation, ApiKeyQuery
from mercat_auth.audit.documents import AuditDocument
from mercat_auth.audit.forgetting import forget_addresses
from mercat_auth.audit.schema import AuditQuery
from mercat_auth.commands_keys import keys
from mercat_auth.commands_users import user
from mercat_auth.demo import add_people
from mercat_auth.documents import (
    AnsweredChallengeDocument,
    LinkDocument,
    RevocationDocument,
    SessionDocument,
    SigningKeyDocument,
    UserDocument,
)
from mercat_auth.mfa import challenges
from mercat_auth.mfa.schema import (
    MfaMutation,
    PasskeyMutation,
    SigningInMutation,
    UserMfa,
    ViewerMfa,
)
from mercat_auth.mfa.starting import warn_of_unknown_roles
from mercat_auth.oauth.documents import HandoverDocument, SpentFlowDocument
from mercat_auth.oauth.routes import identity_routes
from mercat_auth.oauth.schema import IdentityMutation, IdentityQuery, UserIdentities
from mercat_auth.oauth.signing_in import forget_old
from mercat_auth.passwords.schema import PasswordMutation
from mercat_auth.permissions import PERMISSIONS
from mercat_auth.roles.documents import RoleDocument
from mercat_auth.roles.schema import RoleMutation, RoleQuery
from mercat_auth.roles.service import roles_of
from mercat_auth.roles.user_schema import UserMutation, UserQuery, UserStanding
from mercat_auth.routes import jwks
from mercat_auth.schema import ViewerUser
from mercat_auth.sealing import sealer_of
from mercat_auth.sellers import tickets
from mercat_auth.sellers.documents import SellerDocument
from mercat_auth.sellers.members import told_staff
from mercat_auth.sellers.reading import suspended
from mercat_auth.sellers.schema import SellerMutation, SellerQuery
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.renewing import sweep
from mercat_auth.tokens.revoking import revocations_of
from mercat_auth.tokens.schema import TokenMutation, UserSessions, ViewerSession
from mercat_auth.tokens.service import identified


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        UserDocument,
        SessionDocument,
        RevocationDocument,
        SigningKeyDocument,
        LinkDocument,
        AuditDocument,
        RoleDocument,
        SellerDocument,
        ServiceAccountDocument,
        ApiKeyDocument,
        AnsweredChallengeDocument,
        SpentFlowDocument,
        HandoverDocument,
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [
        ViewerUser,
        AccountMutation,
        PasswordMutation,
        ProfileMutation,
        AddressMutation,
        LeavingMutation,
        RoleQuery,
        RoleMutation,
        UserQuery,
        UserMutation,
        UserStanding,
        SellerQuery,
        SellerMutation,
        AuditQuery,
        ApiKeyQuery,
        ApiKeyMutation,
        UserMfa,
        ViewerMfa,
        SigningInMutation,
        MfaMutation,
        PasskeyMutation,
        UserSessions,
        ViewerSession,
        TokenMutation,
        IdentityQuery,
        IdentityMutation,
        UserIdentities,
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
async def suspended_sellers(context: Context, sellers: Sequence[str]) -> Sequence[str] | None:
    return await suspended(context, sellers)


@hookimpl
def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
    return [jwks(engine), *identity_routes(engine)]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return [
        Job(name="auth-sweep-tokens", every=timedelta(hours=1), run=sweep),
        Job(name="auth-sweep-links", every=timedelta(hours=1), run=links.sweep),
        Job(name="auth-sweep-flows", every=timedelta(hours=1), run=forget_old),
        Job(name="auth-sweep-challenges", every=timedelta(hours=1), run=challenges.sweep),
        Job(name="auth-forget-addresses", every=timedelta(days=1), run=forget_addresses),
    ]


@hookimpl
def commands() -> Sequence[click.Command]:
    return [keys, user]


@hookimpl
async def startup(context: Context) -> None:
    sealer_of(context)
    keys_of(context).listen()
    await revocations_of(context).listen()
    await roles_of(context).listen()
    await warn_of_unknown_roles(context)
    api_keys_of(context).listen()
    warn_of_silence(context)


@hookimpl
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    return await identified(context, credentials)


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return [CUSTOMERS]


@hookimpl
async def users_named(context: Context, names: Sequence[str]) -> Mapping[str, str] | None:
    return await found_by_name(context, names)


@hookimpl
def message_kinds() -> Sequence[MessageKind]:
    return KINDS


@hookimpl
async def seller_recipients(context: Context, seller: str) -> Sequence[Recipient] | None:
    return await told_staff(context, seller)


@hookimpl
async def demo_requested(context: Context) -> None:
    await add_people(context)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    return await data_of(context, user_id)


@hookimpl
async def ticket_subjects(context: Context, ids: Sequence[str]) -> Sequence[TicketSubject] | None:
    return await tickets.subjects(context, ids)


@hookimpl
async def ticket_facts(context: Context, ids: Sequence[str]) -> Sequence[TicketFact] | None:
    return await tickets.facts(context, ids)
