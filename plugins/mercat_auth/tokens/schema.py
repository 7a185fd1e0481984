"""Sessions, and the tokens that prove them."""

from datetime import datetime
from typing import Annotated, TypeVar

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat.graphql.schema import Viewer
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_auth.errors import AuthError, attempted
from mercat_auth.schema import AuthTokens, Transport, User, to_tokens, to_user
from mercat_auth.tokens import renewing
from mercat_auth.tokens.cookies import csrf_token

T = TypeVar("T")


@strawberry.type(description="A device that somebody has signed in with.")
class Session:
    id: strawberry.ID = strawberry.field(description="Its id.")
    device: str = strawberry.field(
        description="What the device said it is: its User-Agent, which may be empty."
    )
    address: str | None = strawberry.field(description="The IP address that it signed in from.")
    methods: list[str] = strawberry.field(
        description="How one signed in, in the words of RFC 8176: `pwd`, `otp`, `fed` and others."
    )
    created_at: datetime = strawberry.field(description="When one signed in.")
    used_at: datetime = strawberry.field(description="When its tokens were last refreshed.")
    expires_at: datetime = strawberry.field(
        description="When it ends if nobody uses it until then."
    )
    current: bool = strawberry.field(description="Whether it is the one that asks.")


@strawberry.input(description="What to go on with.")
class RefreshTokenInput:
    refresh_token: str | None = strawberry.field(
        default=None,
        description="The newest refresh token; null for the one in a cookie, which is replaced.",
    )


@strawberry.type(description="The tokens that follow.")
class RefreshTokenPayload:
    tokens: AuthTokens | None = strawberry.field(
        description="The tokens; null where they went into cookies."
    )
    csrf_token: str | None = strawberry.field(
        description="For the header `X-CSRF-Token`, where the tokens went into cookies."
    )
    user: User | None = strawberry.field(description="Whose they are.")
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@strawberry.input(description="Which session to end.")
class SessionRevokeInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="What is left.")
class SessionRevokePayload:
    sessions: list[Session] | None = strawberry.field(
        description="The sessions that go on; null where none was ended."
    )
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@strawberry.input(description="Which sessions to end.")
class LogoutEverywhereInput:
    keep_current: bool = strawberry.field(
        default=False, description="Whether the session that asks goes on."
    )


@strawberry.type(description="What has ended.")
class LogoutEverywherePayload:
    count: int | None = strawberry.field(description="How many sessions have ended.")
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@strawberry.input(description="How to be remembered.")
class GuestIdentityCreateInput:
    transport: Transport = strawberry.field(
        default=Transport.BEARER, description="Where the identity goes."
    )


@strawberry.type(description="An identity for somebody without an account.")
class GuestIdentityCreatePayload:
    token: str | None = strawberry.field(
        description="For the header `X-Mercat-Guest`; null where it went into a cookie. A secret."
    )
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@extend(User)
class UserSessions:
    @strawberry.field(
        description="The devices that are signed in, up to 100, the last used first; null except"
        " for the owner."
    )
    @staticmethod
    async def sessions(user: strawberry.Parent[User], info: Info) -> list[Session] | None:
        return _shown(info, await renewing.own_sessions(info.context, user.record))


@extend(Viewer)
class ViewerSession:
    @strawberry.field(
        description="The key of a guest that `guestIdentityCreate` made; null for others."
    )
    @staticmethod
    def guest(info: Info) -> str | None:
        return info.context.viewer.guest

    @strawberry.field(
        description="For the header `X-CSRF-Token` of requests with the session's cookies; null"
        " where nobody has signed in."
    )
    @staticmethod
    def csrf_token(info: Info) -> str | None:
        session = info.context.viewer.session
        return None if session is None else csrf_token(info.context, session)


@extend(Mutation)
class TokenMutation:
    @strawberry.mutation(
        description="Other tokens for a refresh token, which is good once: who comes with one that"
        " was used before ends the session. With cookies it needs the header `X-CSRF-Token`."
    )
    @staticmethod
    @once
    async def refresh_token(
        info: Info,
        input: Annotated[  # noqa: A002
            RefreshTokenInput, strawberry.argument(description="What to go on with.")
        ],
    ) -> RefreshTokenPayload:
        done, errors = await attempted(lambda: renewing.renew(info.context, input.refresh_token))
        return RefreshTokenPayload(
            tokens=to_tokens(done),
            csrf_token=None if done is None else done.csrf,
            user=None if done is None else to_user(done.user, is_own=True),
            user_errors=errors,
        )

    @strawberry.mutation(description="End one of the viewer's sessions, on whatever device.")
    @staticmethod
    async def session_revoke(
        info: Info,
        input: Annotated[  # noqa: A002
            SessionRevokeInput, strawberry.argument(description="Which one.")
        ],
    ) -> SessionRevokePayload:
        async def work() -> list[Session]:
            await renewing.revoke(info.context, key_of(input.id, "Session", ("id",)))
            return _shown(info, await renewing.sessions_left(info.context)) or []

        found, errors = await attempted(work)
        return SessionRevokePayload(sessions=found, user_errors=errors)

    @strawberry.mutation(description="End the viewer's sessions on all devices.")
    @staticmethod
    async def logout_everywhere(
        info: Info,
        input: Annotated[  # noqa: A002
            LogoutEverywhereInput, strawberry.argument(description="Which ones.")
        ],
    ) -> LogoutEverywherePayload:
        count, errors = await attempted(
            lambda: renewing.revoke_all(info.context, keep_current=input.keep_current)
        )
        return LogoutEverywherePayload(count=count, user_errors=errors)

    @strawberry.mutation(
        description="An identity for a guest, who may have a cart; the same again for who has one."
    )
    @staticmethod
    async def guest_identity_create(
        info: Info,
        input: Annotated[  # noqa: A002
            GuestIdentityCreateInput, strawberry.argument(description="How to be remembered.")
        ],
    ) -> GuestIdentityCreatePayload:
        async def work() -> str | None:
            return renewing.guest_identity(info.context, input.transport.name)

        token, errors = await attempted(work)
        return GuestIdentityCreatePayload(token=token, user_errors=errors)


def _shown(info: Info, records: list[Record] | None) -> list[Session] | None:
    if records is None:
        return None
    names = ("device", "address", "methods", "created_at", "used_at", "expires_at")
    return [
        Session(
            id=strawberry.ID(encode_id("Session", record["_id"])),
            current=record["_id"] == info.context.viewer.session,
            **{name: record[name] for name in names},
        )
        for record in records
    ]
