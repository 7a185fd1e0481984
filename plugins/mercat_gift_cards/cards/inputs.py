"""What the mutations of gift cards take."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from mercat.context import Context
from mercat.graphql.scalars import CurrencyCode, DecimalString
from mercat.money import Amount, parse_amount

_ID = "The id of the gift card."
_NOTE = "A word for staff, 500 characters at most."
_EXPIRES = "When it can't be used any more; never where it is null."
_KEY = (
    "The same key has its effect once; the header `Idempotency-Key` says it too. One of them is"
    " needed."
)


@strawberry.input(description="A sum that is put on a gift card, or taken off it.")
class GiftCardAmountInput:
    amount: DecimalString = strawberry.field(description="The sum, such as `25`.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="The shop's own where left out."
    )


@strawberry.input(description="A gift card to be issued.")
class GiftCardIssueInput:
    amount: GiftCardAmountInput = strawberry.field(description="What is on it.")
    expires_at: datetime | None = strawberry.field(default=None, description=_EXPIRES)
    note: str = strawberry.field(default="", description=_NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="What is to be changed of a gift card; what is left out stays.")
class GiftCardUpdateInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    expires_at: datetime | None = strawberry.field(default=UNSET, description=_EXPIRES)
    note: str | None = strawberry.field(default=UNSET, description=_NOTE)
    version: int | None = strawberry.field(
        default=None, description="Refused where it is another by now."
    )

    @property
    def given(self) -> dict[str, Any]:
        found = {"expires_at": self.expires_at, "note": self.note}
        return {name: value for name, value in found.items() if value is not UNSET}


@strawberry.input(description="A gift card to be switched off.")
class GiftCardDisableInput:
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="A gift card to be switched on.")
class GiftCardEnableInput:
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="What is put on a gift card, or taken off it, by staff.")
class GiftCardAdjustInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    amount: GiftCardAmountInput = strawberry.field(
        description="How much; below zero where it is taken off."
    )
    reason: str = strawberry.field(description="Why; it is kept with it.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


def money(context: Context, given: GiftCardAmountInput) -> Amount:
    """The sum that was given. Raises InvalidError."""
    currency = given.currency or context.engine.settings.shop.currency
    return parse_amount(given.amount, currency, ("amount",))
