"""Pay on delivery, and bank transfer."""

from typing import Any

import pytest

from mercat.checkout import (
    Cart,
    Destination,
    PaymentStatus,
    PaymentWanted,
    payment_end,
    payment_methods,
    payment_start,
    payment_status,
)
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.iban import checked_iban, shown_iban
from mercat.money import Amount
from mercat.payments import Declined, Operation, Resume, Start, Unsupported
from mercat_payments_manual.provider import ManualProvider
from mercat_payments_manual.settings import ManualSettings

from . import asking
from .banking import events, refunded, stored
from .conftest import EngineFor
from .test_payments_api import STAFF, node

BOTH = """
[plugins.payments_manual.on_delivery]
countries = ["DE", "AT"]
currencies = ["EUR"]
at_most = { EUR = "500" }

[plugins.payments_manual.bank_transfer]
name = "Transfer"
description = "Goods go once your money came."
account_holder = "Mercat GmbH"
iban = "de89 3704 0044 0532 0130 00"
bic = "COBADEFFXXX"
instructions = ["Mercat Bank, Berlin"]
"""
EMPTY = "[plugins.payments_manual.on_delivery]\n[plugins.payments_manual.bank_transfer]\n"


def toml_of(more: str) -> str:
    enabled = '"media", "products", "orders", "payments", "payments_manual"'
    return f"[plugins]\nenabled = [{enabled}]\n{more}"


async def offered(
    engine: Engine, amount: int = 1000, currency: str = "EUR", country: str | None = None
) -> list[str]:
    """The names of the ways to pay."""
    cart = Cart("x", currency, (), Destination(country) if country else None)
    (found,) = await engine.hooks.collect(payment_methods, engine.context(), cart, amount)
    return [method.name for method in found]


async def started(engine: Engine, key: str, way: str, **more: Any) -> PaymentStatus:
    given = {"amount": 1250, "currency": "EUR", "order_number": "R-1001", **more}
    wanted = PaymentWanted(key, f"manual:{way}", **given)
    found = await engine.hooks.first(payment_start, engine.context(), wanted)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("toml", "names"),
    [
        ("", []),
        (EMPTY, ["Pay on delivery", "Bank transfer"]),
        ("[plugins.payments_manual.bank_transfer]\n", ["Bank transfer"]),
        (BOTH, ["Pay on delivery", "Transfer"]),
    ],
)
async def test_what_has_a_table_is_offered(
    engine_for: EngineFor, toml: str, names: list[str]
) -> None:
    assert await offered(await engine_for(toml_of(toml))) == names


@pytest.mark.parametrize(
    ("asked", "is_offered"),
    [
        ({"country": "DE"}, True),
        ({"country": None}, True),
        ({"country": "FR"}, False),
        ({"currency": "JPY"}, False),
        ({"amount": 50_000}, True),
        ({"amount": 50_001}, False),
    ],
)
async def test_a_way_is_offered_where_its_table_says(
    engine_for: EngineFor, asked: dict[str, Any], is_offered: bool
) -> None:
    names = await offered(await engine_for(toml_of(BOTH)), **asked)
    assert names == (["Pay on delivery"] if is_offered else []) + ["Transfer"]


async def test_the_limits_hold_when_it_starts_too(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(BOTH))
    assert (await started(engine, "a", "on_delivery", amount=50_001)).state == "declined"
    assert (await started(engine, "b", "on_delivery", currency="JPY")).state == "declined"
    assert (await started(engine, "c", "cheque")).state == "declined"
    without = await engine_for(toml_of(""))
    assert (await started(without, "d", "on_delivery")).state == "declined"


async def test_on_delivery_the_goods_go_first(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(BOTH))
    found = await started(engine, "o", "on_delivery")
    assert found == PaymentStatus(
        "on_delivery", "Pay 12.50 EUR on delivery.", captured=0, refunded=0, is_by_hand=True
    )
    assert await engine.hooks.first(payment_status, engine.context(), "o") == found


async def test_a_transfer_is_awaited_and_says_where_to(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(BOTH))
    found = await started(engine, "o", "bank_transfer")
    assert found.state == "awaited"
    assert found.message.splitlines() == [
        "Transfer 12.50 EUR with the reference R-1001.",
        "Account holder: Mercat GmbH",
        "IBAN: DE89 3704 0044 0532 0130 00",
        "BIC: COBADEFFXXX",
        "Mercat Bank, Berlin",
    ]
    assert found.data == {
        "reference": "R-1001",
        "amount": "12.50",
        "currency": "EUR",
        "accountHolder": "Mercat GmbH",
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
        "instructions": "Mercat Bank, Berlin",
    }
    assert await engine.hooks.first(payment_status, engine.context(), "o") == found


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "1250 JPY"), ("KWD", "1.250 KWD"), ("EUR", "12.50 EUR")]
)
async def test_sums_have_the_digits_of_their_currency(
    engine_for: EngineFor, currency: str, shown: str
) -> None:
    engine = await engine_for(toml_of(EMPTY))
    found = await started(engine, "o", "bank_transfer", currency=currency)
    assert found.message == f"Transfer {shown} with the reference R-1001."


async def test_what_nobody_can_be_asked_for_is_unsupported() -> None:
    provider = ManualProvider(ManualSettings())
    money = Amount(1, "EUR")
    with pytest.raises(Unsupported):
        await provider.resume(Resume("k", "r", money))
    with pytest.raises(Unsupported):
        await provider.capture(Operation("k", "r", money))
    with pytest.raises(Unsupported):
        await provider.fetch("r")
    with pytest.raises(Unsupported):
        provider.parse_webhook(b"", {})
    gone = await provider.start(Start("k", money, "on_delivery", "R-1"))
    assert isinstance(gone, Declined), "its table was taken out after it was written down"


@pytest.mark.parametrize("way", ["on_delivery", "bank_transfer"])
async def test_it_is_paid_once_somebody_says_so_and_goes_back_by_hand(
    engine_for: EngineFor, way: str
) -> None:
    engine = await engine_for(toml_of(EMPTY))
    await started(engine, "o", way)
    document = """mutation ($id: ID!) { paymentMarkPaid(input: {paymentId: $id,
      idempotencyKey: "k"}) { payment { state } userErrors { message } } }"""
    found = await asking.told(engine, document, {"id": node("o")}, viewer=STAFF)
    assert found["paymentMarkPaid"] == {"payment": {"state": "PAID"}, "userErrors": []}
    assert (await started(engine, "o", way)).state == "paid"
    assert await refunded(engine, "r", "o", 250) == "pending"
    end = await engine.hooks.first(payment_end, engine.context(), "o", "cancelled")
    assert end is not None
    assert end.state == "ended", "what was paid goes back, by somebody's hand"
    record = await stored(engine, "o")
    assert (record["captured"], record["refunding"], record["refundable"]) == (1250, 1250, 0)
    assert await events(engine, "o") == ["captured"]


@pytest.mark.parametrize(
    "iban",
    [
        "DE89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
        "fr1420041010050500013m02606",
    ],
)
def test_the_registrys_own_examples_are_ibans(iban: str) -> None:
    assert checked_iban(iban) == "".join(iban.split()).upper()


@pytest.mark.parametrize(
    "text", ["", "DE", "DE89370400440532013001", "DE98370400440532013000", "1234", "DE89-3704"]
)
def test_a_typo_is_no_iban(text: str) -> None:
    with pytest.raises(ValueError, match="not an IBAN"):
        checked_iban(text)


def test_every_single_wrong_digit_and_every_swap_of_neighbours_is_found() -> None:
    good = "DE89370400440532013000"
    wrong = {
        good[:at] + digit + good[at + 1 :]
        for at in range(2, len(good))
        for digit in "0123456789"
        if digit != good[at]
    }
    wrong |= {
        good[:at] + good[at + 1] + good[at] + good[at + 2 :]
        for at in range(2, len(good) - 1)
        if good[at] != good[at + 1]
    }
    for text in wrong:
        with pytest.raises(ValueError, match="check digits"):
            checked_iban(text)
    assert len(wrong) > 180
    assert shown_iban(good) == "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("bank_transfer", 'iban = "DE89370400440532013001"', "look for a typo"),
        ("bank_transfer", 'bic = "x"', "bic"),
        ("bank_transfer", 'currencies = ["EURO"]', "ISO 4217"),
        ("bank_transfer", 'ibn = "x"', "bank_transfer.ibn"),
        ("on_delivery", 'countries = ["Germany"]', "countries"),
        ("on_delivery", 'at_most = { EUR = "-1" }', "above zero"),
        ("on_delivery", 'at_most = { EUR = "1.001" }', "2 digits"),
        ("on_delivery", 'at_most = "500"', "a table by currency"),
    ],
)
async def test_what_cant_be_so_stops_the_boot(
    engine_for: EngineFor, table: str, line: str, words: str
) -> None:
    with pytest.raises(BootError, match=words):
        await engine_for(toml_of(f"[plugins.payments_manual.{table}]\n{line}\n"))
