"""The suite that a provider's author subclasses."""

from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from mercat.testing.payments.amounts import AmountClauses, LimitClauses
from mercat.testing.payments.buyers import ActionClauses, TruthClauses
from mercat.testing.payments.capabilities import CapabilityClauses
from mercat.testing.payments.company import Company
from mercat.testing.payments.discretion import DiscretionClauses
from mercat.testing.payments.keys import ConcurrencyClauses, KeyClauses, LostAnswerClauses
from mercat.testing.payments.ledger import NewsClauses, OrderClauses, RaceClauses
from mercat.testing.payments.messages import MessageClauses


class PaymentConformance(
    DiscretionClauses,  # pytest collects the last one first
    NewsClauses,
    RaceClauses,
    OrderClauses,
    MessageClauses,
    ActionClauses,
    TruthClauses,
    LimitClauses,
    AmountClauses,
    LostAnswerClauses,
    ConcurrencyClauses,
    KeyClauses,
    CapabilityClauses,
):
    """All clauses for one provider: name its plugin, and give it a company.

    The engine is made as a shop's is, with the plugin and what it requires, and the provider is the
    one that its hook gives; `provider` is its code, where the plugin brings several.
    """

    plugin: ClassVar[str]
    """As `[plugins] enabled` names it."""

    provider: ClassVar[str | None] = None

    @classmethod
    def company(cls) -> AbstractAsyncContextManager[Company]:
        """A new company, for as long as the class's tests run; an `asynccontextmanager`."""
        raise NotImplementedError(f"{cls.__name__} has no `company`")
