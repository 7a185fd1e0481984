"""The conformance kit for pay on delivery and bank transfer: there is no company to be asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from mercat.testing.payments import Behaviour, Company, NotScriptable, PaymentConformance


class _Nobody(Company):
    settings = {"bank_transfer": {"iban": "DE89 3704 0044 0532 0130 00"}}

    async def client_data(self, behaviour: Behaviour) -> Mapping[str, str]:
        if behaviour == "pending":
            return {}
        raise NotScriptable(f"'{behaviour}'")


class TestManual(PaymentConformance):
    plugin = "payments_manual"

    @classmethod
    @asynccontextmanager
    async def company(cls) -> AsyncIterator[Company]:
        yield _Nobody()
