"""What pays a shop's sellers: the protocol that a provider keeps, and the values that pass.

A provider says how to pay at one company; the plugin `payouts` owns everything that must not go
wrong with it. See docs/payouts.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from mercat.context import Context
from mercat.hooks import hookspec
from mercat.money import Amount
from mercat.payments import Declined, Done, OutcomeUnknown, Pending, Unsupported

__all__ = [
    "Account",
    "Declined",
    "Done",
    "InformationNeeded",
    "Onboard",
    "OutcomeUnknown",
    "PayoutCapabilities",
    "PayoutOutcome",
    "PayoutProvider",
    "Pending",
    "Ready",
    "Refused",
    "Reversal",
    "Transfer",
    "Unsupported",
    "payout_providers",
]


@dataclass(frozen=True, slots=True)
class PayoutCapabilities:
    """What a provider can do; whatever isn't declared raises Unsupported.

    `by_hand`: it asks nobody; payouts go into a file, and people say what was paid. `reversals`: it
    takes money back of what it transferred. For `key_hours` it takes the same key for the same
    request.
    """

    by_hand: bool = False
    reversals: bool = False
    key_hours: int = 24


@dataclass(frozen=True, slots=True)
class Onboard:
    """A seller is to get paid, once for each `key`; `seller` is what the shop calls them.

    The seller comes back to `return_url`. `account` is the provider's, where there is one already:
    then a new address is wanted, or a look at what is missing.
    """

    key: str
    seller: str
    name: str
    country: str | None = None
    return_url: str | None = None
    account: str | None = None
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Ready:
    """The account with that reference can be paid."""

    ref: str


@dataclass(frozen=True, slots=True)
class InformationNeeded:
    """The account can't be paid yet: the seller has to go to `url`, until `expires`.

    `missing` names what the provider waits for; without a `url` it looks at what it has.
    """

    ref: str
    url: str | None = field(default=None, repr=False)
    expires: datetime | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider won't pay this seller. `code` is for programs, `message` for the seller."""

    code: str
    message: str
    ref: str | None = None


Account: TypeAlias = Ready | InformationNeeded | Refused


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money for a seller's part of an order, once for each `key`; `account` is the provider's."""

    key: str
    account: str
    money: Amount
    order_number: str


@dataclass(frozen=True, slots=True)
class Reversal:
    """Some of a transfer that comes back, once for each `key`; `transfer` is the provider's."""

    key: str
    transfer: str
    money: Amount


PayoutOutcome: TypeAlias = Done | Pending | Declined
"""What became of a transfer or a reversal; `ref` is the provider's name for it."""


class PayoutProvider(Protocol):
    """One way to pay sellers, such as a company's API; written by whoever knows that.

    Every call has 20 s. A call that may have had its effect all the same raises OutcomeUnknown, and
    is made again with the same key. No call is made inside a transaction.
    """

    @property
    def code(self) -> str:
        """What it is known by: small letters, digits and underscores, the same for ever."""

    @property
    def capabilities(self) -> PayoutCapabilities:
        """What it can do."""

    async def onboard(self, request: Onboard) -> Account:
        """Open an account for a seller, or go on with it."""

    async def account(self, ref: str) -> Account:
        """Where an account stands now."""

    async def transfer(self, request: Transfer) -> PayoutOutcome:
        """Pay a seller."""

    async def reverse(self, request: Reversal) -> PayoutOutcome:
        """Take back some of a transfer."""

    async def fetch(self, ref: str) -> PayoutOutcome:
        """Where a transfer or a reversal stands now."""


@hookspec
def payout_providers(context: Context) -> Sequence[PayoutProvider]:  # type: ignore[empty-body]
    """Who can pay sellers, beside `ledger`, which moves no money.

    Asked once, when the engine is made; the context has the plugin's settings, and no stores yet.
    """
