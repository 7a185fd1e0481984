"""Signing in by a provider, as a frontend asks for it."""

from datetime import datetime
from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.once import once
from mercat.graphql.records import reads
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn
from mercat_auth.errors import AuthError, attempted
from mercat_auth.mfa.service import Challenge
from mercat_auth.oauth import identities, signing_in
from mercat_auth.oauth.providers import providers_of
from mercat_auth.permissions import READ_USERS
from mercat_auth.schema import (
    AuthTokens,
    LoginChallenge,
    Transport,
    User,
    to_challenge,
    to_tokens,
    to_user,
)


@strawberry.type(description="Somebody else whose accounts one can sign in with.")
class IdentityProvider:
    id: strawberry.ID = strawberry.field(description="Its name in the shop, such as `google`.")
    name: str = strawberry.field(description="What people read on the button.")
    start_url: str = strawberry.field(
        description="Where to send the browser, with `redirect`, an address that the settings name,"
        " and `code_challenge`, the S256 of a verifier (RFC 7636, 4.2). It comes back to `redirect`"
        " with `code` for `loginWithProvider`, or with `error`. With `purpose=link` the code is for"
        " `identityLink`; `state` comes back as it is."
    )


@strawberry.type(description="An account elsewhere that one can sign in with.")
class Identity:
    id: strawberry.ID = strawberry.field(description="Its id.")
    provider: strawberry.ID = strawberry.field(description="The id of the provider.")
    email: str | None = strawberry.field(
        description="The address that the provider had verified when it was linked."
    )
    linked_at: datetime = strawberry.field(description="When it was linked.")


@strawberry.input(description="What a frontend has after a sign-in by a provider.")
class LoginWithProviderInput:
    code: str = strawberry.field(description="The code of the address; good once, for a minute.")
    code_verifier: str = strawberry.field(
        description="What the `code_challenge` of the start was made of (RFC 7636, 4.1)."
    )
    transport: Transport = strawberry.field(
        default=Transport.BEARER, description="How the client keeps its tokens."
    )


@strawberry.type(description="The outcome of `loginWithProvider`.")
class LoginWithProviderPayload:
    user: User | None = strawberry.field(description="Who has signed in.")
    tokens: AuthTokens | None = strawberry.field(
        description="The tokens; null where they went into cookies."
    )
    csrf_token: str | None = strawberry.field(
        description="For the header `X-CSRF-Token`, where the tokens went into cookies."
    )
    challenge: LoginChallenge | None = strawberry.field(
        description="Where the account has a second factor that the provider did not ask for."
    )
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@strawberry.input(description="What a frontend has after a sign-in with `purpose=link`.")
class IdentityLinkInput:
    code: str = strawberry.field(description="The code of the address; good once, for a minute.")
    code_verifier: str = strawberry.field(
        description="What the `code_challenge` of the start was made of (RFC 7636, 4.1)."
    )


@strawberry.type(description="The outcome of `identityLink`.")
class IdentityLinkPayload:
    user: User | None = strawberry.field(description="The viewer's account.")
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@strawberry.input(description="What to sign in with no more.")
class IdentityUnlinkInput:
    id: strawberry.ID = strawberry.field(description="The identity's id.")


@strawberry.type(description="The outcome of `identityUnlink`.")
class IdentityUnlinkPayload:
    user: User | None = strawberry.field(description="The viewer's account.")
    user_errors: list[AuthError] = strawberry.field(description="What is wrong.")


@extend(Query)
class IdentityQuery:
    @strawberry.field(description="Whose accounts one can sign in with.")
    @staticmethod
    def identity_providers(info: Info) -> list[IdentityProvider]:
        providers = providers_of(info.context)
        return [
            IdentityProvider(
                id=strawberry.ID(each.id), name=each.name, start_url=providers.start(each)
            )
            for each in providers.all()
        ]


@extend(User)
class UserIdentities:
    @strawberry.field(
        description="The accounts elsewhere that one can sign in with; null except for the owner"
        " and those who may see accounts."
    )
    @staticmethod
    @reads("identities")
    def identities(user: strawberry.Parent[User], info: Info) -> list[Identity] | None:
        viewer = info.context.viewer
        is_own = user.is_own or viewer.user == str(user.key)
        if not is_own and READ_USERS not in viewer.permissions:
            return None
        return [_to_identity(each) for each in user.record["identities"]]


@extend(Mutation)
class IdentityMutation:
    @strawberry.field(
        description="Sign in with what a provider said; makes an account where the provider has"
        " verified an address that has none."
    )
    @staticmethod
    @once
    async def login_with_provider(
        info: Info,
        input: Annotated[  # noqa: A002
            LoginWithProviderInput, strawberry.argument(description="What came back.")
        ],
    ) -> LoginWithProviderPayload:
        transport = str(input.transport.value)
        done, errors = await attempted(
            lambda: signing_in.sign_in(info.context, input.code, input.code_verifier, transport)
        )
        signed_in = done if isinstance(done, SignIn) else None
        return LoginWithProviderPayload(
            user=None if signed_in is None else to_user(signed_in.user, is_own=True),
            tokens=to_tokens(signed_in),
            csrf_token=None if signed_in is None else signed_in.csrf,
            challenge=to_challenge(done) if isinstance(done, Challenge) else None,
            user_errors=errors,
        )

    @strawberry.field(
        description="Sign in to the viewer's account by a provider too, from now on; within ten"
        " minutes of signing in."
    )
    @staticmethod
    @once
    async def identity_link(
        info: Info,
        input: Annotated[  # noqa: A002
            IdentityLinkInput, strawberry.argument(description="What came back.")
        ],
    ) -> IdentityLinkPayload:
        account, errors = await attempted(
            lambda: signing_in.link(info.context, input.code, input.code_verifier)
        )
        return IdentityLinkPayload(user=_own(account), user_errors=errors)

    @strawberry.field(
        description="Sign in by an identity no more; within ten minutes of signing in, and only"
        " where there is another way to. All other sessions end."
    )
    @staticmethod
    async def identity_unlink(
        info: Info,
        input: Annotated[  # noqa: A002
            IdentityUnlinkInput, strawberry.argument(description="Which.")
        ],
    ) -> IdentityUnlinkPayload:
        account, errors = await attempted(
            lambda: identities.unlink(info.context, key_of(input.id, "Identity", ("id",)))
        )
        return IdentityUnlinkPayload(user=_own(account), user_errors=errors)


def _own(account: Record | None) -> User | None:
    return None if account is None else to_user(account, is_own=True)


def _to_identity(stored: Record) -> Identity:
    return Identity(
        id=strawberry.ID(encode_id("Identity", identities.key_of(stored))),
        provider=strawberry.ID(stored["provider"]),
        email=stored["email"],
        linked_at=stored["linked_at"],
    )
