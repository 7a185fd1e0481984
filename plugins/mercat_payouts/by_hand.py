"""The built-in provider `ledger`: it moves no money, and people pay by a file."""

from mercat.iban import checked_iban
from mercat.payouts import (
    Account,
    InformationNeeded,
    Onboard,
    PayoutCapabilities,
    PayoutOutcome,
    Ready,
    Reversal,
    Transfer,
    Unsupported,
)

CODE = "ledger"


class LedgerProvider:
    """An account is ready once its holder and IBAN are known; nothing is ever transferred."""

    code = CODE
    capabilities = PayoutCapabilities(by_hand=True)

    async def onboard(self, request: Onboard) -> Account:
        """Ready where `data` has `holder` and `iban`."""
        given = {name: request.data.get(name, "") for name in ("holder", "iban")}
        missing = tuple(name for name, value in given.items() if not value)
        if missing:
            return InformationNeeded(request.seller, missing=missing)
        checked_iban(given["iban"])
        return Ready(request.seller)

    async def account(self, ref: str) -> Account:
        raise Unsupported(ref)

    async def transfer(self, request: Transfer) -> PayoutOutcome:
        raise Unsupported(request.key)

    async def reverse(self, request: Reversal) -> PayoutOutcome:
        raise Unsupported(request.key)

    async def fetch(self, ref: str) -> PayoutOutcome:
        raise Unsupported(ref)
