"""Whatever is asked of a payment and told of it, the ledger is the company's books."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercat.checkout import CaptureWanted, payment_capture
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat_payments import settling
from mercat_payments.inbox import receive
from mercat_payments.providers import providers_of

from .banking import Bank, ended, lost, refunded, started, stored
from .conftest import EngineFor
from .test_hooks import Plugins
from .test_payments import toml_of
from .test_payments_captures import MANY

pytestmark = pytest.mark.gate

KINDS = ("authorized", "captured", "voided", "refunded")
OPERATIONS = st.one_of(
    st.tuples(st.just("capture"), st.integers(1, 1200), st.booleans()),
    st.tuples(st.just("refund"), st.integers(1, 1200)),
    st.tuples(st.just("void")),
    st.tuples(st.just("message"), st.permutations(KINDS)),
    st.tuples(st.just("trouble"), st.sampled_from(["capture", "refund", "void"])),
    st.tuples(st.just("job")),
)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank("bank", **MANY)


@pytest.fixture(scope="module")
async def shop(bank: Bank, shared_engine_for: EngineFor) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield await shared_engine_for(toml_of(Plugins(patch), bank))


async def done(shop: Engine, bank: Bank, key: str, step: tuple[Any, ...], number: int) -> None:
    """Do one step; what is refused changes nothing."""
    name, *more = step
    try:
        if name == "capture":
            most = more[0] if more[1] else 1000
            wanted = CaptureWanted(key, more[0], most)
            await shop.hooks.first(payment_capture, shop.context(), wanted)
        elif name == "refund":
            await refunded(shop, f"{key}-{number}", key, more[0])
        elif name == "void":
            await ended(shop, key)
        elif name == "message":
            for kind in (*more[0], more[0][0]):
                await receive(shop.context(), "bank", *bank.message(key, kind))
            await shop.outbox.deliver_due()
        elif name == "trouble":
            bank.trouble(more[0], lost())
        else:
            payment = await stored(shop, key)
            provider = providers_of(shop.context()).find("bank")
            assert provider is not None
            await settling.settled(shop.context(), provider, payment)
    except DomainError:
        return


def books(bank: Bank, key: str) -> tuple[int, int, int]:
    """What the company says is authorized, captured and refunded."""
    account = bank.accounts[f"start:{key}"]
    captured = sum(account.captures.values())
    held = 0 if account.let_go else account.money.minor - account.released - captured
    return held, captured, sum(account.back.values())


COUNT = iter(range(10**6))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(OPERATIONS, max_size=8))
async def test_the_ledger_is_the_companys_books_whatever_happens(
    shop: Engine, bank: Bank, steps: list[tuple[Any, ...]]
) -> None:
    key = f"o{next(COUNT)}"
    bank.troubles.clear()
    await started(shop, key, "hold")
    for number, step in enumerate(steps):
        await done(shop, bank, key, step, number)
        found = await stored(shop, key)
        held, captured, back = books(bank, key)
        assert 0 <= back <= captured
        assert held + captured <= 1000
        assert 0 <= found["refunded"] + found["refunding"] <= found["captured"] <= 1000
        assert found["capturable"] >= 0
        assert found["refundable"] >= 0
    bank.troubles.clear()
    for _ in range(3):
        await done(shop, bank, key, ("job",), 0)
    found = await stored(shop, key)
    assert (found["authorized"], found["captured"], found["refunded"]) == books(bank, key)
    assert (found["capturing"], found["refunding"], found["left"]) == (0, 0, None)
