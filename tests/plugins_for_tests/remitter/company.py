"""The company: it outlives engines, and keeps its word about keys."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.money import Amount
from mercat.payouts import (
    Account,
    Declined,
    Done,
    InformationNeeded,
    Onboard,
    PayoutCapabilities,
    PayoutOutcome,
    Pending,
    Refused,
    Reversal,
    Transfer,
    Unsupported,
)

SECRET = "acct_secret_hush"
Trouble = BaseException | Callable[[], Awaitable[Any]]


@dataclass
class Company:
    """`moved` and `back` are what it did, by the keys that it was asked with.

    `troubles` are what happens to calls once each, after they had their effect.
    """

    code: str = "remitter"
    capabilities: PayoutCapabilities = field(
        default_factory=lambda: PayoutCapabilities(reversals=True)
    )
    accounts: dict[str, Account] = field(default_factory=dict)
    moved: dict[str, tuple[str, Amount]] = field(default_factory=dict)
    back: dict[str, tuple[str, Amount]] = field(default_factory=dict)
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    declines: set[str] = field(default_factory=set)
    is_slow: bool = False

    def forget(self) -> None:
        """Be as if nothing had ever happened."""
        fresh = Company()
        for one in fields(fresh):
            setattr(self, one.name, getattr(fresh, one.name))

    def trouble(self, what: str, *troubles: Trouble) -> None:
        self.troubles.setdefault(what, []).extend(troubles)

    def has(self, account: str) -> int:
        """What an account has got, less what was taken back."""
        own = {f"t-{key}": one[1].minor for key, one in self.moved.items() if one[0] == account}
        back = [money.minor for transfer, money in self.back.values() if transfer in own]
        return sum(own.values()) - sum(back)

    async def onboard(self, request: Onboard) -> Account:
        ref = f"acct-{request.seller}"
        await self._called("onboard", request)
        if request.name == "Crook":
            return Refused("fraud", "We can't pay this company.", ref)
        later = datetime.now(UTC) + timedelta(hours=1)
        needed = InformationNeeded(
            ref, f"https://remit.example/{SECRET}", later, ("identity", "iban")
        )
        return self.accounts.setdefault(ref, needed)

    async def account(self, ref: str) -> Account:
        await self._called("account", ref)
        return self.accounts[ref]

    async def transfer(self, request: Transfer) -> PayoutOutcome:
        if "transfer" in self.declines:
            await self._called("transfer", request)
            return Declined("closed", "the account was closed")
        known = self.moved.setdefault(request.key, (request.account, request.money))
        assert known == (request.account, request.money), "another request under the same key"
        await self._called("transfer", request)
        ref = f"t-{request.key}"
        return Pending(ref) if self.is_slow else Done(ref)

    async def reverse(self, request: Reversal) -> PayoutOutcome:
        if not self.capabilities.reversals:
            raise Unsupported("reverse")
        if "reverse" in self.declines:
            await self._called("reverse", request)
            return Declined("empty", "there is nothing left on the account")
        known = self.back.setdefault(request.key, (request.transfer, request.money))
        assert known == (request.transfer, request.money), "another request under the same key"
        await self._called("reverse", request)
        return Done(f"r-{request.key}")

    async def fetch(self, ref: str) -> PayoutOutcome:
        await self._called("fetch", ref)
        return Pending(ref) if self.is_slow else Done(ref)

    async def _called(self, what: str, request: Any) -> None:
        self.calls.append((what, request))
        await asyncio.sleep(0)
        waiting = self.troubles.get(what)
        if not waiting:
            return
        trouble = waiting.pop(0)
        if isinstance(trouble, BaseException):
            raise trouble
        await trouble()


COMPANY = Company()
