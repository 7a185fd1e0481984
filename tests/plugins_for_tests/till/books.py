"""What the service knows: it outlives engines, as it is somebody else's."""

from dataclasses import dataclass, field

from mercat.checkout import PaymentState, PaymentWanted


@dataclass
class Payment:
    """`state` is what it answers; `started` counts how often it was asked to take it."""

    wanted: PaymentWanted
    state: PaymentState
    started: int = 1
    charged: int = 0
    refunded: dict[str, int] = field(default_factory=dict)
    ended: int = 0


BOOKS: dict[str, Payment] = {}
"""By the key; the keys of all tests differ."""


def charges(state: PaymentState, amount: int) -> int:
    return amount if state in ("paid", "authorized") else 0


def settle(key: str, state: PaymentState) -> None:
    """What happens at the service, such as that the buyer comes through 3-D Secure."""
    payment = BOOKS[key]
    payment.state = state
    payment.charged = charges(state, payment.wanted.amount)
