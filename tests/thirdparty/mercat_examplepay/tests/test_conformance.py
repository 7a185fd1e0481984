"""The conformance kit of Mercat, with the wallet as its company."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from wallet import API_KEY, MERCHANT, TOKEN, WEBHOOK_SECRET, Payment, Wallet

from mercat.payments import ActionRequired
from mercat.testing import served
from mercat.testing.payments import Act, Behaviour, Books, Company, Message, PaymentConformance


class Examplepay(Company):
    """The wallet, as the kit scripts it."""

    secrets = (API_KEY, WEBHOOK_SECRET, TOKEN)

    def __init__(self, wallet: Wallet, url: str) -> None:
        self.wallet = wallet
        self.settings = {
            "merchant": MERCHANT,
            "api_key": API_KEY,
            "webhook_secret": WEBHOOK_SECRET,
            "url": url,
            "timeout_seconds": 1,
        }

    async def client_data(self, behaviour: Behaviour) -> Mapping[str, str]:
        return {"token": f"{TOKEN}_{behaviour}"}

    async def act(self, action: ActionRequired, act: Act) -> Mapping[str, str]:
        with self.wallet.lock:
            payment = self.wallet.payments[action.ref]
            if act == "approve":
                payment.approve()
            elif act == "refuse":
                payment.end()
            else:
                payment.expires = datetime.now(UTC)
        return {}

    async def settle(self, ref: str) -> None:
        with self.wallet.lock:
            self.wallet.payments[ref].approve()

    async def lose_next(self) -> None:
        self.wallet.loses = True

    async def slow_next(self, seconds: float) -> None:
        self.wallet.slow_seconds = seconds

    async def refund(self, ref: str, minor: int) -> None:
        with self.wallet.lock:
            self.wallet.payments[ref].refunds_of(minor)

    async def fail_refund(self, ref: str) -> None:
        with self.wallet.lock:
            payment = self.wallet.payments[ref]
            last = [event for event in payment.events if event["kind"] == "given_back"][-1]
            minor, payment.refunded = payment.refunded, 0
            payment.note("give_back_failed", minor, last["about"])

    async def dispute(self, ref: str) -> None:
        with self.wallet.lock:
            payment = self.wallet.payments[ref]
            payment.disputed = payment.captured
            payment.note("disputed", payment.captured, f"dis_{ref}")

    async def books(self, ref: str | None = None) -> Books:
        with self.wallet.lock:
            found = [self.wallet.payments[ref]] if ref else [*self.wallet.payments.values()]
            return Books(
                authorized=sum(each.authorized for each in found),
                captured=sum(each.captured for each in found),
                refunded=sum(each.refunded for each in found),
                disputed=sum(each.disputed for each in found),
                payments=len(found),
            )

    async def messages(self) -> Sequence[Message]:
        return [Message(*each) for each in self.wallet.messages()]

    def sign(
        self, raw: bytes, *, secret: str | None = None, age: timedelta = timedelta()
    ) -> Message:
        seconds = age.total_seconds()
        return Message(raw, self.wallet.signed(raw, secret or WEBHOOK_SECRET, seconds))

    async def strange_messages(self) -> Sequence[Message]:
        payment = Payment(1000, "EUR", captures=True, return_url=None)
        taken = payment.note("taken", 1000, "cap_0")
        renamed = {**taken, "kind": "renamed"}
        return [
            Message(*self.wallet.message(payment, taken, "another-shop")),
            Message(*self.wallet.message(payment, renamed)),
        ]


class TestExamplepay(PaymentConformance):
    plugin = "mercat_examplepay"

    @classmethod
    @asynccontextmanager
    async def company(cls) -> AsyncIterator[Company]:
        wallet = Wallet()
        with served(wallet.app) as url:
            yield Examplepay(wallet, f"{url}/")
