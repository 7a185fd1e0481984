"""The mutations of a profile."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat_auth.accounts.profile import service
from mercat_auth.errors import AuthError, attempted
from mercat_auth.schema import User, viewers

_ERRORS = "What the caller can mend."


@strawberry.input(description="What is to change of the viewer; what is left out stays.")
class ProfileUpdateInput:
    name: str | None = strawberry.field(default=UNSET, description="The name; null for none.")
    locale: str | None = strawberry.field(
        default=UNSET,
        description="The language of messages, one of the shop's locales; null for the shop's own.",
    )


@strawberry.type(description="The outcome of `profileUpdate`.")
class ProfileUpdatePayload:
    user: User | None = strawberry.field(description="The viewer; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="Another address for the viewer.")
class EmailChangeRequestInput:
    email: str = strawberry.field(description="The new address.")
    password: str | None = strawberry.field(
        default=None,
        description="The viewer's password; left out where there is none, and the viewer signed in"
        " a few minutes ago.",
    )


@strawberry.type(description="The outcome of `emailChangeRequest`.")
class EmailChangeRequestPayload:
    is_mail_sent: bool = strawberry.field(
        description="Whether messages are on their way, also where the address has an account."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="A link that confirms the change of an address.")
class EmailChangeConfirmInput:
    token: str = strawberry.field(description="What the link carries.")


@strawberry.type(description="The outcome of `emailChangeConfirm`.")
class EmailChangeConfirmPayload:
    is_changed: bool = strawberry.field(
        description="Whether the account has the new address; false until both links were followed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@extend(Mutation)
class ProfileMutation:
    @strawberry.field(description="Change the viewer's name or language.")
    @staticmethod
    async def profile_update(
        info: Info,
        input: Annotated[  # noqa: A002
            ProfileUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ProfileUpdatePayload:
        given = {"name": input.name, "locale": input.locale}
        values = {name: value for name, value in given.items() if value is not UNSET}
        found, errors = await attempted(lambda: service.update(info.context, values))
        return ProfileUpdatePayload(user=viewers(found), user_errors=errors)

    @strawberry.field(
        description="Ask for another address. Links go to the old one and to the new one; the"
        " address changes when both were followed."
    )
    @staticmethod
    @once
    async def email_change_request(
        info: Info,
        input: Annotated[  # noqa: A002
            EmailChangeRequestInput, strawberry.argument(description="The address.")
        ],
    ) -> EmailChangeRequestPayload:
        _, errors = await attempted(
            lambda: service.request_email(info.context, input.email, input.password)
        )
        return EmailChangeRequestPayload(is_mail_sent=not errors, user_errors=errors)

    @strawberry.field(description="Follow one of the two links of a change of an address, once.")
    @staticmethod
    @once
    async def email_change_confirm(
        info: Info,
        input: Annotated[  # noqa: A002
            EmailChangeConfirmInput, strawberry.argument(description="The link.")
        ],
    ) -> EmailChangeConfirmPayload:
        found, errors = await attempted(lambda: service.confirm_email(info.context, input.token))
        is_changed = found is not None and found[1]
        return EmailChangeConfirmPayload(is_changed=is_changed, user_errors=errors)
