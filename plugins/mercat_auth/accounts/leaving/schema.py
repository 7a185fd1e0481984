"""The mutations of leaving."""

from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat_auth.accounts.leaving import service
from mercat_auth.errors import AuthError, attempted

_ERRORS = "What the caller can mend."
_PROOF = (
    "The viewer's password; left out where there is none, and the viewer signed in a few minutes"
    " ago."
)


@strawberry.input(description="Who asks for a copy of what is stored about them.")
class AccountExportInput:
    password: str | None = strawberry.field(default=None, description=_PROOF)


@strawberry.type(description="The outcome of `accountExport`.")
class AccountExportPayload:
    json: str | None = strawberry.field(
        description="What the shop stores about the viewer, by plugin, as a text of JSON; null"
        " where it failed."
    )
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.input(description="Who wants to be forgotten.")
class AccountEraseInput:
    password: str | None = strawberry.field(default=None, description=_PROOF)


@strawberry.type(description="The outcome of `accountErase`.")
class AccountErasePayload:
    is_erased: bool = strawberry.field(description="Whether the account is gone.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@extend(Mutation)
class LeavingMutation:
    @strawberry.field(description="A copy of everything that the shop stores about the viewer.")
    @staticmethod
    @once
    async def account_export(
        info: Info,
        input: Annotated[  # noqa: A002
            AccountExportInput, strawberry.argument(description="Who asks.")
        ],
    ) -> AccountExportPayload:
        found, errors = await attempted(lambda: service.export(info.context, input.password))
        return AccountExportPayload(json=found, user_errors=errors)

    @strawberry.field(
        description="Erase the viewer's account, for good and on all devices. What the law wants"
        " kept, such as orders, stays without a name."
    )
    @staticmethod
    @once
    async def account_erase(
        info: Info,
        input: Annotated[  # noqa: A002
            AccountEraseInput, strawberry.argument(description="Who asks.")
        ],
    ) -> AccountErasePayload:
        _, errors = await attempted(lambda: service.erase(info.context, input.password))
        return AccountErasePayload(is_erased=not errors, user_errors=errors)
