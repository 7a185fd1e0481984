"""The kit over the provider with the fault that the environment names."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import test_conformance as examplepay
from wallet import Wallet

from mercat.testing import served
from mercat.testing.payments import Company, PaymentConformance


class TestBroken(PaymentConformance):
    plugin = "tests.plugins_for_tests.brokenpay"

    @classmethod
    @asynccontextmanager
    async def company(cls) -> AsyncIterator[Company]:
        wallet = Wallet()
        with served(wallet.app) as url:
            found = examplepay.Examplepay(wallet, f"{url}/")
            found.settings = {**found.settings, "fault": os.environ["FAULT"]}
            yield found
