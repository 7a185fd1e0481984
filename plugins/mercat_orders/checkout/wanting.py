"""What completes a checkout, and what the buyer agrees to with it."""

import hashlib
from dataclasses import dataclass

import orjson

from mercat.context import Context
from mercat.storage.idempotency import checked_key
from mercat_orders.orders.changes.paying import NOTHING, Means


@dataclass(frozen=True, slots=True)
class Agreement:
    """To a quote, by its digest, or to pay at most so much, in minor units of that currency."""

    quote: str | None = None
    most: int | None = None
    currency: str | None = None

    @property
    def is_given(self) -> bool:
        return self.quote is not None or self.most is not None

    def holds(self, quote: str, total: int, currency: str) -> bool:
        if self.quote is not None and self.quote != quote:
            return False
        return self.most is None or (self.currency == currency and total <= self.most)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may come again: digests of its idempotency key, and of what it asks for."""

    key: str
    asked: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the buyer wants, and with what it is paid.

    With `takes_cheapest` a parcel for which no way is chosen goes in the cheapest. `on_behalf` says
    that staff order for somebody, who accepted the terms elsewhere.
    """

    agreement: Agreement
    method: str | None = None
    accepts_terms: bool = False
    takes_cheapest: bool = False
    on_behalf: bool = False
    return_url: str | None = None
    means: Means = NOTHING
    request: Request | None = None


def request_of(context: Context, cart: str, key: str, asked: object) -> Request:
    """The request with an idempotency key: keys of two buyers never meet. Raises InvalidError.

    `cart` says whose it is where nobody is known; `asked` is anything JSON.
    """
    key = checked_key(key)
    viewer = context.viewer
    scope = f"{viewer.user or ''}\0{viewer.guest or ''}\0"
    scope += "" if viewer.user or viewer.guest else cart
    return Request(
        _digest(f"{scope}\0{key}".encode(errors="surrogatepass")),
        _digest(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)),
    )


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
