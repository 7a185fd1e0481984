"""The cart's query and mutations."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import strawberry
from bson import ObjectId
from strawberry import UNSET

from mercat.errors import InvalidError
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.ids import key_of, object_id
from mercat.money import parse_amount
from mercat.storage import Record
from mercat_orders.carts import buyers, editing
from mercat_orders.carts.access import find_carts, latest_cart
from mercat_orders.carts.editing import LineChange
from mercat_orders.carts.inputs import (
    CartAddressSetInput,
    CartBuyerSetInput,
    CartClearInput,
    CartCreateInput,
    CartLineInput,
    CartLinesAddInput,
    CartLinesRemoveInput,
    CartLinesUpdateInput,
    CartMarketSetInput,
    CartShippingSelectInput,
)
from mercat_orders.carts.lines import NewLine
from mercat_orders.carts.outcomes import CartError, attempted
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.shelves import Shelf
from mercat_orders.carts.types import Cart, to_cart

P = TypeVar("P")

_CART = "The cart; null where it failed."
_ERRORS = "What the caller can mend."


@strawberry.type(description="The outcome of a change of a cart.")
class CartPayload:
    user_errors: list[CartError] = strawberry.field(description=_ERRORS)
    record: strawberry.Private[Record | None]
    shelf: strawberry.Private[Shelf]

    @strawberry.field(description=_CART)
    async def cart(self, info: Info) -> Cart | None:
        if self.record is None:
            return None
        return to_cart(await look_at(info.context, self.record, self.shelf))


@strawberry.type(description="The outcome of `cartCreate`.")
class CartCreatePayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartLinesAdd`.")
class CartLinesAddPayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartLinesUpdate`.")
class CartLinesUpdatePayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartLinesRemove`.")
class CartLinesRemovePayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartClear`.")
class CartClearPayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartMarketSet`.")
class CartMarketSetPayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartBuyerSet`.")
class CartBuyerSetPayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartAddressSet`.")
class CartAddressSetPayload(CartPayload):
    pass


@strawberry.type(description="The outcome of `cartShippingSelect`.")
class CartShippingSelectPayload(CartPayload):
    pass


@extend(Query)
class CartQuery:
    @strawberry.field(
        description="A cart of the viewer: that with the id, else the open one that was changed"
        " last; null where there is none."
    )
    @staticmethod
    async def cart(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
    ) -> Cart | None:
        if id is None:
            record = await latest_cart(info.context)
        else:
            (record,) = await find_carts(info.context, [key_of(id, "Cart")])
        return None if record is None else to_cart(await look_at(info.context, record))


@extend(Mutation)
class CartMutation:
    @strawberry.field(
        description="Begin a cart: of the user who is signed in, of the guest whose identity"
        " `guestIdentityCreate` gave, or of whoever knows its id."
    )
    @staticmethod
    async def cart_create(
        info: Info,
        input: Annotated[  # noqa: A002
            CartCreateInput, strawberry.argument(description="What to begin with.")
        ],
    ) -> CartCreatePayload:
        return await answer(
            CartCreatePayload,
            lambda shelf: editing.create(
                info.context, input.currency, input.country, new_lines(input.lines), shelf
            ),
        )

    @strawberry.field(description="Put things into a cart, all of them or nothing.")
    @staticmethod
    async def cart_lines_add(
        info: Info,
        input: Annotated[  # noqa: A002
            CartLinesAddInput, strawberry.argument(description="What goes where.")
        ],
    ) -> CartLinesAddPayload:
        return await answer(
            CartLinesAddPayload,
            lambda shelf: editing.add_lines(
                info.context, cart_key(input), new_lines(input.lines), shelf
            ),
        )

    @strawberry.field(
        description="Change quantities and notes, and take note of changed prices; all or none."
    )
    @staticmethod
    async def cart_lines_update(
        info: Info,
        input: Annotated[  # noqa: A002
            CartLinesUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> CartLinesUpdatePayload:
        def changes() -> list[LineChange]:
            return [
                LineChange(_line(one.id, "lines", str(at), "id"), one.quantity, one.note)
                for at, one in enumerate(input.lines)
            ]

        return await answer(
            CartLinesUpdatePayload,
            lambda shelf: editing.update_lines(info.context, cart_key(input), changes(), shelf),
        )

    @strawberry.field(description="Take lines out of a cart, all or none.")
    @staticmethod
    async def cart_lines_remove(
        info: Info,
        input: Annotated[  # noqa: A002
            CartLinesRemoveInput, strawberry.argument(description="Which ones.")
        ],
    ) -> CartLinesRemovePayload:
        def keys() -> list[ObjectId]:
            return [_line(one, "lineIds", str(at)) for at, one in enumerate(input.line_ids)]

        return await answer(
            CartLinesRemovePayload,
            lambda _: editing.remove_lines(info.context, cart_key(input), keys()),
        )

    @strawberry.field(description="Take everything out of a cart.")
    @staticmethod
    async def cart_clear(
        info: Info,
        input: Annotated[  # noqa: A002
            CartClearInput, strawberry.argument(description="Which cart.")
        ],
    ) -> CartClearPayload:
        return await answer(
            CartClearPayload, lambda _: editing.clear(info.context, cart_key(input))
        )

    @strawberry.field(description="Have a cart in another currency, or go to another country.")
    @staticmethod
    async def cart_market_set(
        info: Info,
        input: Annotated[  # noqa: A002
            CartMarketSetInput, strawberry.argument(description="What to change.")
        ],
    ) -> CartMarketSetPayload:
        return await answer(
            CartMarketSetPayload,
            lambda shelf: editing.set_market(
                info.context, cart_key(input), input.currency, input.country, shelf
            ),
        )

    @strawberry.field(description="Say who buys.")
    @staticmethod
    async def cart_buyer_set(
        info: Info,
        input: Annotated[  # noqa: A002
            CartBuyerSetInput, strawberry.argument(description="Who it is.")
        ],
    ) -> CartBuyerSetPayload:
        return await answer(
            CartBuyerSetPayload,
            lambda _: buyers.set_buyer(info.context, cart_key(input), _given(input)),
        )

    @strawberry.field(description="Say where a cart goes, and whom the invoice is for.")
    @staticmethod
    async def cart_address_set(
        info: Info,
        input: Annotated[  # noqa: A002
            CartAddressSetInput, strawberry.argument(description="The addresses.")
        ],
    ) -> CartAddressSetPayload:
        given = {name: value and vars(value) for name, value in _given(input).items()}
        return await answer(
            CartAddressSetPayload,
            lambda _: buyers.set_addresses(info.context, cart_key(input), given),
        )

    @strawberry.field(description="Choose how parcels go.")
    @staticmethod
    async def cart_shipping_select(
        info: Info,
        input: Annotated[  # noqa: A002
            CartShippingSelectInput, strawberry.argument(description="The choice.")
        ],
    ) -> CartShippingSelectPayload:
        def ways() -> dict[str | None, tuple[str, tuple[str, ...]]]:
            return {
                _seller(one.seller_id, at): (
                    one.option_id,
                    ("selections", str(at), "optionId"),
                )
                for at, one in enumerate(input.selections)
            }

        return await answer(
            CartShippingSelectPayload,
            lambda shelf: editing.select_ways(info.context, cart_key(input), ways(), shelf),
        )


async def answer(payload: Callable[..., P], work: Callable[[Shelf], Awaitable[Record]]) -> P:
    """The payload of a change: the cart as it is then, or what the caller can mend."""
    shelf = Shelf()
    record, errors = await attempted(lambda: work(shelf))
    return payload(record=record, shelf=shelf, user_errors=errors)


def cart_key(given: Any) -> str:
    """The key in an input's `cart_id`. Raises InvalidError."""
    return key_of(given.cart_id, "Cart", ("cartId",))


def _line(given: strawberry.ID, *field: str) -> ObjectId:
    return object_id(given, "CartLine", field)


def _seller(given: strawberry.ID | None, at: int) -> str | None:
    if given is None:
        return None
    return key_of(given, "Seller", ("selections", str(at), "sellerId"))


def _given(values: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(values).items()
        if value is not UNSET and name != "cart_id"
    }


def price_of(text: str, currency: str, *field: str) -> int:
    """An amount in minor units. Raises InvalidError, also for one below zero."""
    found = parse_amount(text, currency, field).minor
    if found < 0:
        raise InvalidError("an amount is not below zero", field=field)
    return found


def new_lines(given: Sequence[CartLineInput], name: str = "lines") -> list[NewLine]:
    """What an input puts in, that is called so in it. Raises InvalidError."""
    return [
        NewLine(
            object_id(one.variant_id, "ProductVariant", (name, str(at), "variantId")),
            one.quantity,
            tuple((option.name, option.value) for option in one.options),
            one.note,
            (name, str(at)),
        )
        for at, one in enumerate(given)
    ]
