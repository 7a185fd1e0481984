"""The company behind a provider, as the kit asks its stand-in."""

# ruff: noqa: ARG002  the defaults can't do anything

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from _pytest.outcomes import Skipped

from mercat.payments import ActionRequired

if TYPE_CHECKING:
    from mercat.engine import Engine

Behaviour = Literal["approve", "decline", "three_d_secure", "pending", "lost"]
"""How a payment begins: taken, refused, asking the buyer, to be settled later, or taken while the
answer gets lost."""

Act = Literal["approve", "refuse", "abandon"]
"""What a buyer does with an action; who abandons it comes back once it has expired."""


class NotScriptable(Skipped):
    """A stand-in can't be made to do this; what needs it is shown as n/a, with this reason."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not scripted: {what}")


class Message(NamedTuple):
    """What the company sends to the shop's webhook; headers by lower-case names."""

    raw: bytes
    headers: Mapping[str, str]


class Books(NamedTuple):
    """What the company says, in minor units, of one payment or of all together.

    `authorized` is reserved, and neither captured nor let go of; `refunded` is what has gone back
    and stayed there; `disputed` is what buyers want back. `payments` is how many were begun.
    """

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    payments: int = 0


class Company(Protocol):
    """A stand-in for the provider's company, which the kit scripts; subclass it.

    It keeps books of its own, and has the company's API behind the address in `settings`. What a
    method's default can't do is n/a; a stand-in of all methods leaves nothing out.
    """

    settings: Mapping[str, Any] = {}
    """The plugin's table in engine.toml, secrets too, with a time-out of about a second."""

    secrets: Sequence[str] = ()
    """What may stand in no log, error or repr: keys, card numbers, tokens."""

    currencies: Sequence[str] = ("EUR", "JPY", "KWD")
    """What it takes, of these."""

    shop: "Engine | None" = None
    """The shop that it works for, once that has opened; one that lives inside of it needs that."""

    # What buyers do

    async def client_data(self, behaviour: Behaviour) -> Mapping[str, str]:
        """The `data` of a Start that comes to this, such as a token of a test card."""
        raise NotScriptable(f"'{behaviour}'")

    async def act(self, action: ActionRequired, act: Act) -> Mapping[str, str]:
        """What the buyer does with an action; returns the `data` of the Resume after it."""
        raise NotScriptable(f"a buyer's '{act}'")

    async def claim(self, ref: str) -> Mapping[str, str]:
        """`data` of a client that lies: the payment `ref` were its own, and paid."""
        names = ("ref", "id", "payment", "payment_id", "payment_intent", "token")
        return dict.fromkeys(names, ref)

    # What the company does

    async def settle(self, ref: str) -> None:
        """Take the money of a payment that was pending."""
        raise NotScriptable("settling a pending payment")

    async def lose_next(self) -> None:
        """Do what the next call wants, and never answer it."""
        raise NotScriptable("a lost answer of a later call")

    async def slow_next(self, seconds: float) -> None:
        """Answer the next call so much later."""
        raise NotScriptable("a slow company")

    async def refund(self, ref: str, minor: int) -> None:
        """Somebody gives back so much in the company's own dashboard."""
        raise NotScriptable("a refund in the dashboard")

    async def fail_refund(self, ref: str) -> None:
        """The last refund of a payment, which was accepted, doesn't arrive."""
        raise NotScriptable("a refund that fails later")

    async def dispute(self, ref: str) -> None:
        """The buyer's bank wants all of a payment back."""
        raise NotScriptable("a dispute")

    # What it says

    async def books(self, ref: str | None = None) -> Books:
        """The books of a payment; of all payments together without `ref`."""
        raise NotScriptable("the company's books")

    async def messages(self) -> Sequence[Message]:
        """What it has sent since this was asked last, signed now, the oldest first."""
        raise NotScriptable("messages")

    def sign(
        self, raw: bytes, *, secret: str | None = None, age: timedelta = timedelta()
    ) -> Message:
        """A body as the company signs it, by another secret, or as long ago as `age`."""
        raise NotScriptable("signed messages")

    async def strange_messages(self) -> Sequence[Message]:
        """Signed ones that tell this shop nothing: of an unknown kind, of a foreign payment."""
        raise NotScriptable("strange messages")
