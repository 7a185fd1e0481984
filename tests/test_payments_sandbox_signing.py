"""The simulated company's messages are signed, and nobody else's are taken."""

import json
import time
from typing import Any

import pytest

from mercat.errors import InvalidError
from mercat.money import Amount
from mercat.payments import Event
from mercat_payments_sandbox.signing import HEADER, OwnSecret, read, signed

from .simulating import SECRET

KEY = SECRET.encode()


TOLD = {
    "account": "shop",
    "type": "payment.captured",
    "payment": "sandbox_1",
    "event": {
        "id": "sandbox_1_event_1",
        "ref": "sandbox_1_1",
        "amount": 1250,
        "currency": "EUR",
        "at": "2027-01-01T00:00:00+00:00",
    },
}


def body(**more: Any) -> bytes:
    return json.dumps({**TOLD, **more}).encode()


def parsed(raw: bytes, headers: dict[str, str]) -> list[Event]:
    return list(read(KEY, raw, headers, "shop"))


def test_a_message_tells_its_event() -> None:
    (event,) = parsed(body(), signed(KEY, body()))
    assert (event.id, event.kind, event.ref) == ("sandbox_1_event_1", "captured", "sandbox_1_1")
    assert (event.parent_ref, event.money) == ("sandbox_1", Amount(1250, "EUR"))


@pytest.mark.parametrize("more", [{"account": "another"}, {"type": "payout.paid"}])
def test_strangers_and_what_is_unknown_tell_nothing(more: dict[str, str]) -> None:
    assert parsed(body(**more), signed(KEY, body(**more))) == []


@pytest.mark.parametrize("age", [-299, 0, 299])
def test_a_message_may_be_five_minutes_old(age: int) -> None:
    at = int(time.time()) - age
    assert len(parsed(body(), signed(KEY, body(), at))) == 1


@pytest.mark.parametrize("age", [-310, 301, 10**9])
def test_a_message_that_is_older_or_of_the_future_is_refused(age: int) -> None:
    with pytest.raises(InvalidError):
        parsed(body(), signed(KEY, body(), int(time.time()) - age))


def _restamped(value: str) -> str:
    return f"t={int(time.time()) + 1},{value.partition(',')[2]}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:0],
        lambda value: value[:-1],
        lambda value: value.replace("v1=", "v0="),
        lambda value: value.replace("t=", ""),
        lambda value: value.replace("t=", "t=-"),
        lambda value: value.replace("t=", "t=٣"),
        lambda value: f"t={'9' * 5000},{value.partition(',')[2]}",
        lambda value: f"{value},v1={'0' * 64}",
        lambda value: value.partition(",")[0] + ",v1=é",
        _restamped,
    ],
)
def test_a_signature_that_is_not_the_companys_is_refused(spoil: Any) -> None:
    header = spoil(signed(KEY, body())[HEADER])
    with pytest.raises(InvalidError):
        parsed(body(), {HEADER: header})


def test_a_message_that_is_changed_by_one_bit_or_unsigned_is_refused() -> None:
    raw = body()
    headers = signed(KEY, raw)
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(InvalidError):
            parsed(bytes(changed), headers)
    for other in ({}, signed(b"another secret", raw), signed(OwnSecret().value, raw)):
        with pytest.raises(InvalidError):
            parsed(raw, other)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"1", b"null", b"{}", body(event={})])
def test_what_is_signed_and_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidError):
        parsed(raw, signed(KEY, raw))
