from collections.abc import Sequence

from beanie import Document

from mercat.auth import Permission
from mercat.checkout import Cart, Tender
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import SealedFields
from mercat.payments import PaymentProvider
from mercat_gift_cards.cards.schema import GiftCardMutation, GiftCardQuery
from mercat_gift_cards.carts.schema import (
    CartGiftCardMutation,
    CartGiftCards,
    GiftCardBalanceQuery,
)
from mercat_gift_cards.carts.tenders import tenders
from mercat_gift_cards.documents import GiftCardDocument, GiftCardEntryDocument
from mercat_gift_cards.permissions import PERMISSIONS
from mercat_gift_cards.provider import GiftCardProvider


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [GiftCardDocument, GiftCardEntryDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(GiftCardDocument, ("code",))]


@hookimpl
def schema() -> Sequence[type]:
    return [
        GiftCardQuery,
        GiftCardMutation,
        GiftCardBalanceQuery,
        CartGiftCards,
        CartGiftCardMutation,
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    return [GiftCardProvider(context)]


@hookimpl
async def cart_tenders(context: Context, cart: Cart, total: int) -> Sequence[Tender]:
    return await tenders(context, cart, total)
