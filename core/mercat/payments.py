"""What a payment provider is to the shop: the protocol that it keeps, and the values that pass.

A provider says how to pay at one company or in one way; the plugin `payments` owns everything that
must not go wrong with it. See docs/payments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol, TypeAlias

from mercat.context import Context
from mercat.errors import MercatError
from mercat.hooks import hookspec
from mercat.money import Amount

EventKind = Literal[
    "authorized",
    "authorization_expired",
    "voided",
    "captured",
    "capture_failed",
    "refund_pending",
    "refunded",
    "refund_failed",
    "refund_reversed",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
    "failed",
]


class OutcomeUnknown(MercatError):  # noqa: N818  not what went wrong, but what isn't known
    """It can't be known whether the provider did it, such as after a time-out."""


class Unsupported(MercatError):  # noqa: N818  the protocol's own word
    """The provider has no such operation, as its capabilities say."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; whatever isn't declared raises Unsupported.

    `manual_capture`: it authorizes first, and captures when told to; in parts with
    `partial_capture`, several times with `multiple_captures`. `partial_refund`: it gives back less
    than all. `redirect`: the buyer may have to go elsewhere. `async_result`: a payment may be
    settled long after it began. `saved_methods`: it is a `Vault` too, and `start` takes what is
    kept there. `by_hand`: it asks nobody, and people say what came in and what went out. `tender`:
    it pays by what buyers put with their carts, as its plugin's `cart_tenders` says, and offers no
    methods. For `key_hours` it takes the same key for the same request.
    """

    manual_capture: bool = False
    partial_capture: bool = False
    multiple_captures: bool = False
    partial_refund: bool = False
    redirect: bool = False
    async_result: bool = False
    saved_methods: bool = False
    by_hand: bool = False
    tender: bool = False
    key_hours: int = 24


@dataclass(frozen=True, slots=True)
class MethodQuestion:
    """What is to be paid, and where: an ISO 3166-1 country, None where it isn't known."""

    money: Amount
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay; `id` names it among the provider's, and is empty where there is only one.

    `paid` says when the goods may go: once they are paid, or before, to be paid on delivery.
    """

    id: str
    name: str
    description: str = ""
    paid: Literal["first", "on_delivery"] = "first"


@dataclass(frozen=True, slots=True)
class Start:
    """A payment to be made, once for each `key`: the same again is the same request.

    `method` is the id of a Method. `data` is what the client has from the provider, such as a
    token. The buyer comes back to `return_url`. Without `captures` the money is only reserved,
    where the provider can (`manual_capture`). `customer` is the reference that its Vault gave for
    the buyer, `saved_method` one of that customer's; with `saves` what it is paid with is kept.
    """

    key: str
    money: Amount
    method: str
    order_number: str
    return_url: str | None = None
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    captures: bool = True
    customer: str | None = None
    saved_method: str | None = None
    saves: bool = False


@dataclass(frozen=True, slots=True)
class Resume:
    """The buyer is back, or the client has done what ActionRequired asked for.

    `key` is that of the Start, `ref` the provider's payment; nothing in `data` is to be believed.
    """

    key: str
    ref: str
    money: Amount
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to be done with the payment `ref`, once for each `key`.

    Where a capture `is_last`, what it leaves of the authorization is not wanted any more.
    """

    key: str
    ref: str
    money: Amount
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to money, as the provider tells it; `id` is the same each time.

    `ref` is what it happened to: the authorization, the capture or the refund; of two events of one
    kind with one `ref` only one counts. `parent_ref` is the payment, where that is another.
    """

    id: str
    kind: EventKind
    money: Amount
    ref: str
    at: datetime
    parent_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """It is done. `ref` is the provider's payment, or refund; its events say what was done."""

    ref: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """It is begun, and will be settled later. `message` and `data` are for the buyer."""

    ref: str
    events: tuple[Event, ...] = ()
    message: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The buyer has to go to `url`, or the client to do something with `client_data`.

    Until `expires`; then `resume` is called.
    """

    ref: str
    expires: datetime
    url: str | None = None
    client_data: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: tuple[Event, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """It is not done, for good. `code` is for programs, `message` for the buyer.

    `ref` is the provider's payment, where one was begun all the same: its messages are known by it.
    """

    code: str
    message: str
    events: tuple[Event, ...] = ()
    ref: str | None = None


Outcome: TypeAlias = Done | Pending | ActionRequired | Declined


class PaymentProvider(Protocol):
    """One way of getting money, such as a company's API; written by whoever knows that.

    Every call has 20 s. A call that may have had its effect all the same raises OutcomeUnknown, and
    is made again with the same key, or answered by `fetch`. No call is made inside a transaction.
    """

    @property
    def code(self) -> str:
        """What it is known by: small letters, digits and underscores, the same for ever."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:
        """The ways to pay that it offers for this; none where it doesn't."""

    async def start(self, request: Start) -> Outcome:
        """Have the buyer pay."""

    async def resume(self, request: Resume) -> Outcome:
        """Go on after ActionRequired; may be called twice."""

    async def capture(self, request: Operation) -> Outcome:
        """Take money that was authorized."""

    async def void(self, request: Operation) -> Outcome:
        """Let go of what was authorized, or of a payment that waits for its buyer."""

    async def refund(self, request: Operation) -> Outcome:
        """Give money back."""

    async def fetch(self, ref: str) -> Sequence[Event]:
        """All events of a payment, as the provider knows them now."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        """The events of a message, by lower-case headers; of a stranger's payment none.

        Raises InvalidError for one that the provider did not sign, or that is too old. No I/O.
        """


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer who wants something kept, once for each `key`; `id` is what the shop calls them."""

    key: str
    id: str
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SaveMethod:
    """A way to pay that a customer wants kept, without paying now; once for each `key`.

    `data` is what the client has from the provider, such as a token.
    """

    key: str
    customer: str
    return_url: str | None = None
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """What is kept for a customer: `name` is shown, such as `Visa •••• 4242`.

    It pays as the Method with the id `method` does. `expires` is the last day of a card.
    """

    ref: str
    name: str
    method: str = ""
    expires: date | None = None


class Vault(Protocol):
    """What a PaymentProvider with `saved_methods` is too: it keeps ways to pay for its buyers.

    The shop knows them by references alone; card numbers stay with the provider. Each call has
    20 s, and raises OutcomeUnknown where it can't be known what happened.
    """

    async def enrol(self, customer: Customer) -> str:
        """The provider's reference for a buyer; the same for the same key."""

    async def saved_methods(self, customer: str) -> Sequence[SavedMethod]:
        """What is kept for a customer now."""

    async def save_method(self, request: SaveMethod) -> Outcome:
        """Keep a way to pay. `ref` of Done is the SavedMethod's; ActionRequired as in `start`."""

    async def delete_method(self, customer: str, ref: str) -> None:
        """Keep it no longer; what isn't this customer's, or is gone, stays as it is."""

    async def forget(self, customer: str) -> None:
        """Keep nothing of a customer who is erased; may be called twice."""


@hookspec
def payment_providers(context: Context) -> Sequence[PaymentProvider]:  # type: ignore[empty-body]
    """Who can take payments.

    Asked once, when the engine is made; the context has the plugin's settings, and no stores yet.
    """


@hookspec
async def payment_events(context: Context, provider: str, events: Sequence[Event]) -> None:
    """A provider, by its code, sent events, and they were verified; told through the outbox.

    Delivered at least once, and in any order.
    """
