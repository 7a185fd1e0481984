"""The mutations of passwords."""

from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat_auth.errors import AuthError, attempted
from mercat_auth.passwords import changing
from mercat_auth.schema import User, viewers

_ERRORS = "What the caller can mend."
_NEW = "The new password: long enough, and none that many have."


@strawberry.input(description="Another password for the viewer.")
class PasswordChangeInput:
    current_password: str = strawberry.field(
        default="", description="The password so far; left out where there is none."
    )
    new_password: str = strawberry.field(description=_NEW)


@strawberry.type(description="The outcome of `passwordChange`.")
class PasswordChangePayload:
    user: User | None = strawberry.field(description="The viewer; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="Whose password is forgotten.")
class PasswordResetRequestInput:
    email: str = strawberry.field(description="The address of the account.")


@strawberry.type(description="The outcome of `passwordResetRequest`.")
class PasswordResetRequestPayload:
    is_mail_sent: bool = strawberry.field(
        description="Whether a message is on its way, should the address have an account."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="A new password, with the link that was sent.")
class PasswordResetInput:
    token: str = strawberry.field(description="What the link carries.")
    password: str = strawberry.field(description=_NEW)


@strawberry.type(description="The outcome of `passwordReset`.")
class PasswordResetPayload:
    is_reset: bool = strawberry.field(description="Whether one can sign in with it now.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@extend(Mutation)
class PasswordMutation:
    @strawberry.field(
        description="Change the viewer's password. All other devices are signed out, and access"
        " tokens so far end: this device refreshes its own."
    )
    @staticmethod
    @once
    async def password_change(
        info: Info,
        input: Annotated[  # noqa: A002
            PasswordChangeInput, strawberry.argument(description="The passwords.")
        ],
    ) -> PasswordChangePayload:
        found, errors = await attempted(
            lambda: changing.change(info.context, input.current_password, input.new_password)
        )
        return PasswordChangePayload(user=viewers(found), user_errors=errors)

    @strawberry.field(
        description="Have a link sent that sets a new password. The answer is the same whether the"
        " address has an account or not."
    )
    @staticmethod
    @once
    async def password_reset_request(
        info: Info,
        input: Annotated[  # noqa: A002
            PasswordResetRequestInput, strawberry.argument(description="Whose it is.")
        ],
    ) -> PasswordResetRequestPayload:
        _, errors = await attempted(lambda: changing.request_reset(info.context, input.email))
        return PasswordResetRequestPayload(is_mail_sent=not errors, user_errors=errors)

    @strawberry.field(
        description="Set a new password with a link, once. All devices are signed out."
    )
    @staticmethod
    @once
    async def password_reset(
        info: Info,
        input: Annotated[  # noqa: A002
            PasswordResetInput, strawberry.argument(description="The link and the password.")
        ],
    ) -> PasswordResetPayload:
        _, errors = await attempted(
            lambda: changing.reset(info.context, input.token, input.password)
        )
        return PasswordResetPayload(is_reset=not errors, user_errors=errors)
