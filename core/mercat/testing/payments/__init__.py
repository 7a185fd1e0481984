"""The conformance kit of payment providers: a suite that a provider's author subclasses.

    class TestPaybank(PaymentConformance):
        plugin = "paybank"

        @classmethod
        @asynccontextmanager
        async def company(cls) -> AsyncIterator[Company]:
            with served(paybank_app()) as url:
                yield FakePaybank(url)

`mercat payments check paybank` runs it and prints clause by clause what holds. The clauses, and how
to write a company, are in docs/payment-conformance.md.
"""

from mercat.testing.payments.clauses import CLAUSES
from mercat.testing.payments.company import Act, Behaviour, Books, Company, Message, NotScriptable
from mercat.testing.payments.suite import PaymentConformance

__all__ = [
    "CLAUSES",
    "Act",
    "Behaviour",
    "Books",
    "Company",
    "Message",
    "NotScriptable",
    "PaymentConformance",
]
