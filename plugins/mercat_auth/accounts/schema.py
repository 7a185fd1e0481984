"""The mutations of registering, and of signing in and out."""

from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat_auth.accounts import registering, signing_in
from mercat_auth.accounts.service import SignIn
from mercat_auth.errors import AuthError, attempted
from mercat_auth.schema import (
    AuthTokens,
    LoginChallenge,
    Transport,
    User,
    to_challenge,
    to_tokens,
    viewers,
)

_ERRORS = "What the caller can mend."


@strawberry.input(description="An account to be made.")
class RegisterInput:
    email: str = strawberry.field(description="The address; a link is sent to it.")
    password: str = strawberry.field(
        description="The password: long enough, and none that many have."
    )
    name: str | None = strawberry.field(default=None, description="The person's name.")
    locale: str | None = strawberry.field(
        default=None, description="The language of messages, one of the shop's locales."
    )


@strawberry.type(description="The outcome of `register`.")
class RegisterPayload:
    is_mail_sent: bool = strawberry.field(
        description="Whether a message is on its way; true for an address with an account too."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="A link that proves an address.")
class EmailVerifyInput:
    token: str = strawberry.field(description="What the link carries.")


@strawberry.type(description="The outcome of `emailVerify`.")
class EmailVerifyPayload:
    is_verified: bool = strawberry.field(description="Whether one can sign in now.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="Who wants to sign in.")
class LoginInput:
    email: str = strawberry.field(description="The address.")
    password: str = strawberry.field(description="The password.")
    transport: Transport = strawberry.field(
        default=Transport.BEARER, description="How the client keeps its tokens."
    )


@strawberry.type(description="The outcome of `login`: tokens, a challenge, or errors.")
class LoginPayload:
    tokens: AuthTokens | None = strawberry.field(
        description="The tokens; null where they are in cookies, or where it is not done."
    )
    csrf_token: str | None = strawberry.field(
        description="For the header `X-CSRF-Token`, where the tokens are in cookies."
    )
    user: User | None = strawberry.field(description="Who has signed in.")
    challenge: LoginChallenge | None = strawberry.field(
        description="Answer it by `loginConfirm`; null where nothing is left to prove."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="Which session is to end.")
class LogoutInput:
    refresh_token: str | None = strawberry.field(
        default=None,
        description="Names the session where the request brings no access token that is good.",
    )


@strawberry.type(description="The outcome of `logout`.")
class LogoutPayload:
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@extend(Mutation)
class AccountMutation:
    @strawberry.field(
        description="Make an account. The answer is the same whether the address has one or not;"
        " a link to the address makes the new one usable."
    )
    @staticmethod
    @once
    async def register(
        info: Info,
        input: Annotated[  # noqa: A002
            RegisterInput, strawberry.argument(description="Who wants an account.")
        ],
    ) -> RegisterPayload:
        _, errors = await attempted(
            lambda: registering.register(
                info.context,
                email=input.email,
                password=input.password,
                name=input.name,
                locale=input.locale,
            )
        )
        return RegisterPayload(is_mail_sent=not errors, user_errors=errors)

    @strawberry.field(description="Follow the link that was sent to an address, once.")
    @staticmethod
    @once
    async def email_verify(
        info: Info,
        input: Annotated[  # noqa: A002
            EmailVerifyInput, strawberry.argument(description="The link.")
        ],
    ) -> EmailVerifyPayload:
        _, errors = await attempted(lambda: registering.verify(info.context, input.token))
        return EmailVerifyPayload(is_verified=not errors, user_errors=errors)

    @strawberry.field(
        description="Sign in with a password. A wrong one and an unknown address answer alike."
    )
    @staticmethod
    @once
    async def login(
        info: Info,
        input: Annotated[  # noqa: A002
            LoginInput, strawberry.argument(description="Who signs in.")
        ],
    ) -> LoginPayload:
        found, errors = await attempted(
            lambda: signing_in.login(
                info.context,
                email=input.email,
                password=input.password,
                transport=str(input.transport.value),
            )
        )
        done = found if isinstance(found, SignIn) else None
        asked = None if found is None or isinstance(found, SignIn) else to_challenge(found)
        return LoginPayload(
            tokens=to_tokens(done),
            csrf_token=done.csrf if done else None,
            user=viewers(done.user if done else None),
            challenge=asked,
            user_errors=errors,
        )

    @strawberry.field(
        description="Sign out on this device. It is no error where nobody has signed in;"
        " `logoutEverywhere` ends all sessions."
    )
    @staticmethod
    async def logout(
        info: Info,
        input: Annotated[  # noqa: A002
            LogoutInput | None, strawberry.argument(description="Which session.")
        ] = None,
    ) -> LogoutPayload:
        token = input.refresh_token if input else None
        _, errors = await attempted(lambda: signing_in.logout(info.context, token))
        return LogoutPayload(user_errors=errors)
