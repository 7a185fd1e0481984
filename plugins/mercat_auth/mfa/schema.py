"""The mutations of second factors, and what an account and the viewer say of them."""

from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat.graphql.records import reads
from mercat.graphql.schema import Viewer
from mercat.ids import key_of
from mercat_auth.accounts.service import user_by_id
from mercat_auth.errors import attempted
from mercat_auth.mfa import enrolling, service
from mercat_auth.mfa.inputs import (
    LoginConfirmInput,
    MfaConfirmInput,
    MfaDisableInput,
    MfaEnableInput,
    PasskeyLoginStartInput,
    PasskeyRegisterFinishInput,
    PasskeyRegisterStartInput,
    PasskeyRemoveInput,
    PasskeyRenameInput,
    RecoveryCodesRenewInput,
    proof,
)
from mercat_auth.mfa.outcomes import (
    LoginConfirmPayload,
    MfaConfirmPayload,
    MfaDisablePayload,
    MfaEnablePayload,
    MfaEnrolment,
    PasskeyLoginStartPayload,
    PasskeyRegisterFinishPayload,
    PasskeyRegisterStartPayload,
    PasskeyRegistration,
    PasskeyRemovePayload,
    PasskeyRenamePayload,
    RecoveryCodesRenewPayload,
)
from mercat_auth.mfa.service import Answer
from mercat_auth.mfa.states import (
    MfaState,
    MfaStatus,
    to_passkey,
    to_state,
    viewers_status,
)
from mercat_auth.schema import User, to_challenge, to_tokens, to_user


@extend(User)
class UserMfa:
    @strawberry.field(description="Its second factors.")
    @staticmethod
    @reads("mfa", "passkeys", "roles")
    def mfa(user: strawberry.Parent[User], info: Info) -> MfaState:
        is_own = user.is_own or info.context.viewer.user == str(user.key)
        return to_state(info.context, user.record, is_own=is_own)


@extend(Viewer)
class ViewerMfa:
    @strawberry.field(
        description="Whether the viewer still needs a second factor; null where nobody has signed"
        " in. Once there is one, `refreshToken` gives tokens with all permissions."
    )
    @staticmethod
    async def mfa(info: Info) -> MfaStatus | None:
        user = await user_by_id(info.context, info.context.viewer.user)
        return None if user is None else await viewers_status(info.context, user)


@extend(Mutation)
class SigningInMutation:
    @strawberry.field(
        description="Sign in by answering the challenge of `login`, or of `passkeyLoginStart`."
    )
    @staticmethod
    @once
    async def login_confirm(
        info: Info,
        input: Annotated[  # noqa: A002
            LoginConfirmInput, strawberry.argument(description="The answer.")
        ],
    ) -> LoginConfirmPayload:
        answer = Answer(input.code, input.recovery_code, input.passkey)
        done, errors = await attempted(
            lambda: service.confirm(info.context, input.challenge, answer)
        )
        return LoginConfirmPayload(
            user=None if done is None else to_user(done.user, is_own=True),
            tokens=to_tokens(done),
            csrf_token=None if done is None else done.csrf,
            user_errors=errors,
        )

    @strawberry.field(description="Begin to sign in with a passkey alone; end by `loginConfirm`.")
    @staticmethod
    @once
    async def passkey_login_start(
        info: Info,
        input: Annotated[  # noqa: A002
            PasskeyLoginStartInput, strawberry.argument(description="How.")
        ],
    ) -> PasskeyLoginStartPayload:
        transport = str(input.transport.value)
        found, errors = await attempted(lambda: service.passkey_challenge(info.context, transport))
        challenge = None if found is None else to_challenge(found)
        return PasskeyLoginStartPayload(challenge=challenge, user_errors=errors)


@extend(Mutation)
class MfaMutation:
    @strawberry.field(description="Begin to use codes of an app; end by `mfaConfirm`.")
    @staticmethod
    @once
    async def mfa_enable(
        info: Info,
        input: Annotated[MfaEnableInput, strawberry.argument(description="Who one is.")],  # noqa: A002
    ) -> MfaEnablePayload:
        found, errors = await attempted(lambda: enrolling.enable(info.context, proof(input.proof)))
        enrolment = None
        if found is not None:
            enrolment = MfaEnrolment(
                challenge=found.challenge,
                secret=found.secret,
                uri=found.uri,
                qr_code=found.picture,
                expires_at=found.expires_at,
            )
        return MfaEnablePayload(enrolment=enrolment, user_errors=errors)

    @strawberry.field(description="Use codes of an app from now on.")
    @staticmethod
    @once
    async def mfa_confirm(
        info: Info,
        input: Annotated[MfaConfirmInput, strawberry.argument(description="A first code.")],  # noqa: A002
    ) -> MfaConfirmPayload:
        done, errors = await attempted(
            lambda: enrolling.confirm(info.context, input.challenge, input.code)
        )
        user, codes = done or (None, None)
        shown = None if user is None else to_user(user)
        return MfaConfirmPayload(user=shown, recovery_codes=codes, user_errors=errors)

    @strawberry.field(description="Use codes of an app no more.")
    @staticmethod
    @once
    async def mfa_disable(
        info: Info,
        input: Annotated[MfaDisableInput, strawberry.argument(description="Who one is.")],  # noqa: A002
    ) -> MfaDisablePayload:
        user, errors = await attempted(lambda: enrolling.disable(info.context, proof(input.proof)))
        return MfaDisablePayload(user=None if user is None else to_user(user), user_errors=errors)

    @strawberry.field(description="Make other recovery codes; those so far are good no more.")
    @staticmethod
    @once
    async def recovery_codes_renew(
        info: Info,
        input: Annotated[  # noqa: A002
            RecoveryCodesRenewInput, strawberry.argument(description="Who one is.")
        ],
    ) -> RecoveryCodesRenewPayload:
        codes, errors = await attempted(
            lambda: enrolling.renew_codes(info.context, proof(input.proof))
        )
        return RecoveryCodesRenewPayload(recovery_codes=codes, user_errors=errors)


@extend(Mutation)
class PasskeyMutation:
    @strawberry.field(
        description="Begin to register a passkey, which is a second factor and also signs in alone;"
        " end by `passkeyRegisterFinish`."
    )
    @staticmethod
    @once
    async def passkey_register_start(
        info: Info,
        input: Annotated[  # noqa: A002
            PasskeyRegisterStartInput, strawberry.argument(description="Who one is.")
        ],
    ) -> PasskeyRegisterStartPayload:
        found, errors = await attempted(
            lambda: enrolling.start_passkey(info.context, proof(input.proof))
        )
        registration = None
        if found is not None:
            registration = PasskeyRegistration(
                challenge=found.challenge, options=found.options, expires_at=found.expires_at
            )
        return PasskeyRegisterStartPayload(registration=registration, user_errors=errors)

    @strawberry.field(description="Keep a passkey.")
    @staticmethod
    @once
    async def passkey_register_finish(
        info: Info,
        input: Annotated[  # noqa: A002
            PasskeyRegisterFinishInput, strawberry.argument(description="The passkey.")
        ],
    ) -> PasskeyRegisterFinishPayload:
        done, errors = await attempted(
            lambda: enrolling.finish_passkey(
                info.context, input.challenge, input.credential, input.name
            )
        )
        passkey, codes = done or (None, None)
        return PasskeyRegisterFinishPayload(
            passkey=None if passkey is None else to_passkey(passkey),
            recovery_codes=codes,
            user_errors=errors,
        )

    @strawberry.field(description="Call a passkey otherwise.")
    @staticmethod
    async def passkey_rename(
        info: Info,
        input: Annotated[PasskeyRenameInput, strawberry.argument(description="How.")],  # noqa: A002
    ) -> PasskeyRenamePayload:
        passkey, errors = await attempted(
            lambda: enrolling.rename_passkey(
                info.context, key_of(input.id, "Passkey", ("id",)), input.name
            )
        )
        shown = None if passkey is None else to_passkey(passkey)
        return PasskeyRenamePayload(passkey=shown, user_errors=errors)

    @strawberry.field(description="Remove a passkey.")
    @staticmethod
    @once
    async def passkey_remove(
        info: Info,
        input: Annotated[PasskeyRemoveInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> PasskeyRemovePayload:
        async def work() -> strawberry.ID:
            key = key_of(input.id, "Passkey", ("id",))
            await enrolling.remove_passkey(info.context, key, proof(input.proof))
            return input.id

        removed, errors = await attempted(work)
        return PasskeyRemovePayload(removed_id=removed, user_errors=errors)
