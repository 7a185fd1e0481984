"""Gift cards in carts, and what is on one."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.once import once
from mercat.graphql.schema import Money
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_gift_cards.cards.types import TYPE
from mercat_gift_cards.carts import putting
from mercat_gift_cards.carts.tenders import Used, used
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.schema import cart_key
from mercat_orders.carts.types import Cart, to_cart


@strawberry.type(description="A gift card that a cart is paid with.")
class CartGiftCard:
    id: strawberry.ID = strawberry.field(
        description="The id of the card; `cartGiftCardRemove` takes it."
    )
    last_characters: str = strawberry.field(description="The last four characters of its code.")
    balance: Money = strawberry.field(description="What is on it.")
    amount: Money = strawberry.field(description="How much of that pays for this cart.")
    expires_at: datetime | None = strawberry.field(
        description="When it can't be used any more, if ever."
    )
    message: str | None = strawberry.field(
        description="Why it can't be used now, for the buyer; null where it can."
    )


@strawberry.type(description="What is on a gift card, for who has its code.")
class GiftCardBalance:
    last_characters: str = strawberry.field(description="The last four characters of its code.")
    balance: Money = strawberry.field(description="What is on it.")
    expires_at: datetime | None = strawberry.field(
        description="When it can't be used any more, if ever."
    )


@strawberry.enum(description="What can be wrong with a gift card for a cart.")
class CartGiftCardErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such cart, or no such card in it."
    )
    NOT_USABLE = strawberry.enum_value(
        "NOT_USABLE", description="The card can't be used; the message says why."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="The cart would have too many cards.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The cart is an order already, or being changed elsewhere."
    )


@strawberry.type(description="What is wrong with a gift card for a cart.")
class CartGiftCardError(UserError):
    code: CartGiftCardErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of putting a gift card into a cart, or taking it out.")
class CartGiftCardPayload:
    user_errors: list[CartGiftCardError] = strawberry.field(description="What the caller can mend.")
    record: strawberry.Private[Record | None]

    @strawberry.field(description="The cart; null where it failed.")
    async def cart(self, info: Info) -> Cart | None:
        if self.record is None:
            return None
        return to_cart(await look_at(info.context, self.record))


@strawberry.input(description="A gift card to be put into a cart.")
class CartGiftCardApplyInput:
    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    code: str = strawberry.field(
        description="The code, as the buyer typed it: case, white space and dashes don't matter."
    )


@strawberry.input(description="A gift card to be taken out of a cart.")
class CartGiftCardRemoveInput:
    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    gift_card_id: strawberry.ID = strawberry.field(description="One of `Cart.giftCards`.")


@extend(Cart)
class CartGiftCards:
    @strawberry.field(description="The gift cards that it is paid with before anything else.")
    @staticmethod
    async def gift_cards(cart: strawberry.Parent[Cart], info: Info) -> list[CartGiftCard]:
        quote = cart.view.quote
        found = await used(
            info.context, quote.cart.plugin_data, quote.cart.currency, quote.totals.total
        )
        return list(map(_to_card, found))


@extend(Query)
class GiftCardBalanceQuery:
    @strawberry.field(
        description="What is on the gift card of a code; null where there is none. Wrong codes"
        " count: after too many the caller waits."
    )
    @staticmethod
    async def gift_card_balance(
        info: Info,
        code: Annotated[str, strawberry.argument(description="The code, as it was typed.")],
    ) -> GiftCardBalance | None:
        card = await putting.look_up(info.context, code)
        if card is None:
            return None
        return GiftCardBalance(
            last_characters=card["last"],
            balance=Money.of(card["balance"], card["currency"]),
            expires_at=card["expires_at"],
        )


@extend(Mutation)
class CartGiftCardMutation:
    @strawberry.field(
        description="Have a cart paid with a gift card, as far as that goes, before anything else."
    )
    @staticmethod
    @once
    async def cart_gift_card_apply(
        info: Info,
        input: Annotated[  # noqa: A002
            CartGiftCardApplyInput, strawberry.argument(description="Which one, and where.")
        ],
    ) -> CartGiftCardPayload:
        return await _answer(putting.apply(info.context, cart_key(input), input.code))

    @strawberry.field(description="Have a cart not paid with a gift card any more.")
    @staticmethod
    async def cart_gift_card_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            CartGiftCardRemoveInput, strawberry.argument(description="Which one.")
        ],
    ) -> CartGiftCardPayload:
        async def work() -> Record:
            key = key_of(input.gift_card_id, TYPE, ("giftCardId",))
            return await putting.remove(info.context, cart_key(input), key)

        return await _answer(work())


async def _answer(work: Awaitable[Record]) -> CartGiftCardPayload:
    try:
        return CartGiftCardPayload(user_errors=[], record=await work)
    except DomainError as error:
        code = CartGiftCardErrorCode(error.code)
        found = CartGiftCardError(field=input_path(error.field), message=str(error), code=code)
        return CartGiftCardPayload(user_errors=[found], record=None)


def _to_card(one: Used) -> CartGiftCard:
    card, currency = one.card, one.card["currency"]
    return CartGiftCard(
        id=strawberry.ID(encode_id(TYPE, card["_id"])),
        last_characters=card["last"],
        balance=Money.of(card["balance"], currency),
        amount=Money.of(one.amount, currency),
        expires_at=card["expires_at"],
        message=one.why,
    )
