"""`savedPaymentMethods`, and the mutations that change what they are."""

# mypy: allow-untyped-decorators

from datetime import date
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.once import once
from mercat.ids import encode_id, key_of
from mercat.payments import ActionRequired, Declined, Done, Outcome
from mercat_orders.checkout.inputs import SAVED, PaymentDatumInput, payment_data, return_url
from mercat_orders.checkout.outcomes import PaymentActionKind, PaymentDatum
from mercat_payments import vault
from mercat_payments.errors import DeclinedError
from mercat_payments.mutations import PaymentError, to_error
from mercat_payments.vault import Kept


@strawberry.type(description="Something that is kept at a payment's provider to pay with.")
class SavedPaymentMethod:
    id: strawberry.ID = strawberry.field(
        description="Goes into `savedPaymentMethodId` of whatever pays something."
    )
    name: str = strawberry.field(description="What it is, such as `Visa •••• 4242`.")
    payment_method_id: str = strawberry.field(
        description="Which of `Cart.paymentMethods` it pays as."
    )
    expires: date | None = strawberry.field(description="The last day of a card.")


@strawberry.type(description="What has to happen before something is kept.")
class SavedMethodAction:
    kind: PaymentActionKind = strawberry.field(description="What to do.")
    message: str = strawberry.field(description="A sentence for the buyer; it may be empty.")
    url: str | None = strawberry.field(description="Where the buyer goes.")
    data: list[PaymentDatum] = strawberry.field(description="What the client needs for it.")


@strawberry.input(description="A way to pay that is kept without paying now.")
class SavedMethodCreateInput:
    payment_method_id: str = strawberry.field(
        description="Which of `Cart.paymentMethods` it is to pay as."
    )
    payment_data: list[PaymentDatumInput] = strawberry.field(
        default_factory=list, description="What the payment's provider gave the client."
    )
    return_url: str | None = strawberry.field(
        default=None, description="Where the payment's provider sends the buyer back to."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too. "
        "One of them is needed.",
    )


@strawberry.input(description="Something that is not to be kept any more.")
class SavedMethodDeleteInput:
    id: strawberry.ID = strawberry.field(description="One of `savedPaymentMethods`.")


@strawberry.type(description="The outcome of `savedMethodCreate`.")
class SavedMethodCreatePayload:
    saved_payment_methods: list[SavedPaymentMethod] | None = strawberry.field(
        description="What is kept now; null where it failed, or something has to happen first."
    )
    action: SavedMethodAction | None = strawberry.field(
        description="What has to happen first; then it is one of `savedPaymentMethods`."
    )
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `savedMethodDelete`.")
class SavedMethodDeletePayload:
    saved_payment_methods: list[SavedPaymentMethod] | None = strawberry.field(
        description="What is kept now; null where it failed."
    )
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class SavedMethodQuery:
    @strawberry.field(
        description="What the viewer has kept at payments' providers; nothing for guests."
    )
    @staticmethod
    async def saved_payment_methods(info: Info) -> list[SavedPaymentMethod]:
        return await _kept(info)


@extend(Mutation)
class SavedMethodMutation:
    @strawberry.field(description="Keep a way to pay without paying now, once for each key.")
    @staticmethod
    @once
    async def saved_method_create(
        info: Info,
        input: Annotated[  # noqa: A002
            SavedMethodCreateInput, strawberry.argument(description="What is kept.")
        ],
    ) -> SavedMethodCreatePayload:
        try:
            outcome = await vault.save(
                info.context,
                input.payment_method_id,
                data=payment_data(input.payment_data),
                return_url=return_url(input.return_url),
                key=idempotency_key(info, input.idempotency_key),
            )
            if isinstance(outcome, Declined):
                raise DeclinedError(outcome.message)
        except DomainError as error:
            return SavedMethodCreatePayload(
                saved_payment_methods=None, action=None, user_errors=[to_error(error)]
            )
        is_kept = isinstance(outcome, Done)
        return SavedMethodCreatePayload(
            saved_payment_methods=await _kept(info) if is_kept else None,
            action=None if is_kept else _action(outcome),
            user_errors=[],
        )

    @strawberry.field(description="Keep something no longer that the viewer has kept.")
    @staticmethod
    async def saved_method_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            SavedMethodDeleteInput, strawberry.argument(description="What.")
        ],
    ) -> SavedMethodDeletePayload:
        try:
            await vault.delete(info.context, key_of(input.id, SAVED, ("id",)))
        except DomainError as error:
            return SavedMethodDeletePayload(
                saved_payment_methods=None, user_errors=[to_error(error)]
            )
        return SavedMethodDeletePayload(saved_payment_methods=await _kept(info), user_errors=[])


async def _kept(info: Info) -> list[SavedPaymentMethod]:
    return [_shown(each) for each in await vault.kept_by(info.context)]


def _shown(kept: Kept) -> SavedPaymentMethod:
    return SavedPaymentMethod(
        id=strawberry.ID(encode_id(SAVED, kept.key)),
        name=kept.method.name,
        payment_method_id=kept.payment_method,
        expires=kept.method.expires,
    )


def _action(outcome: Outcome | None) -> SavedMethodAction:
    """What is to be done; nothing but to ask again where the provider doesn't know yet."""
    if not isinstance(outcome, ActionRequired):
        return SavedMethodAction(kind=PaymentActionKind.WAIT, message="", url=None, data=[])
    kind = PaymentActionKind.REDIRECT if outcome.url else PaymentActionKind.CLIENT
    data = [PaymentDatum(name=name, value=value) for name, value in outcome.client_data.items()]
    return SavedMethodAction(kind=kind, message=outcome.message, url=outcome.url, data=data)
