"""Clause 9: messages are believed where the company signed them just now, and in no other case."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from mercat.errors import InvalidError
from mercat.payments import Event
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Message
from mercat.testing.payments.desk import ConformanceError, Desk, check, fail

_LONG_AGO = timedelta(days=1)
_OTHER_SECRET = "k9mQ2vX7pL4rT8wZ1nB6cD3fG5hJ0sYa"  # noqa: S105  it is nobody's


def _with_another_digit(raw: bytes) -> bytes:
    return re.sub(rb"[1-8]", b"9", raw, count=1)


def _facts(events: Iterable[Event]) -> Mapping[tuple[str, str], str]:
    return {(event.kind, event.ref): event.id for event in events}


async def _messages(desk: Desk) -> tuple[str, list[Message]]:
    """The reference of a new payment, and what the company sends about it."""
    await desk.company.messages()
    ref = await desk.paid()
    found = list(await desk.company.messages())
    check(bool(found), "the company's stand-in sends no message about a payment")
    return ref, found


def _refuses(desk: Desk, message: Message, what: str, fix: str) -> None:
    try:
        events = desk.parse(message)
    except InvalidError:
        return
    except Exception as error:
        said = f"{what} has `parse_webhook` raise {type(error).__name__}"
        raise ConformanceError(f"{said}: raise InvalidError") from error
    fail(
        f"{what} is taken, with {len(events)} events: {fix}, or raise InvalidError",
    )


@clause(9)
class MessageClauses:
    async def test_what_the_company_signs_is_understood(self, desk: Desk) -> None:
        ref, found = await _messages(desk)
        events = [event for each in found for event in desk.parse(each)]
        check(
            any(event.kind == "captured" for event in events),
            "no message tells that a payment was captured",
        )
        check(
            {event.parent_ref or event.ref for event in events} == {ref},
            "a message's events don't name the payment as `parent_ref` (or `ref`), so that the "
            "shop can't find it",
        )

    async def test_event_ids_stay_the_same(self, desk: Desk) -> None:
        ref, found = await _messages(desk)
        first, again = [[event for each in found for event in desk.parse(each)] for _ in range(2)]
        check(
            [event.id for event in first] == [event.id for event in again],
            "the same message has other event ids each time: derive them from what it is about",
        )
        fetched = [await desk.fetch(ref) for _ in range(2)]
        check(
            _facts(fetched[0]) == _facts(fetched[1]),
            "`fetch` tells the same with other event ids each time",
        )
        told, known = _facts(first), _facts(fetched[0])
        wrong = sorted(kind for kind, _ in told if told.get((kind, _)) != known.get((kind, _)))
        check(
            not wrong,
            f"a message and `fetch` tell {', '.join(wrong)} with different ids or refs: what is "
            "told twice has to be the same",
        )

    async def test_a_changed_body_is_refused(self, desk: Desk) -> None:
        _, (message, *_) = await _messages(desk)
        for raw in (_with_another_digit(message.raw), message.raw + b" ", message.raw[:-1]):
            changed = Message(raw, message.headers)
            _refuses(
                desk, changed, "a message whose body was changed", "sign the bytes as they are"
            )

    async def test_another_secret_is_refused(self, desk: Desk) -> None:
        _, (message, *_) = await _messages(desk)
        check(bool(desk.parse(desk.company.sign(message.raw))), "a message signed anew is refused")
        forged = desk.company.sign(message.raw, secret=_OTHER_SECRET)
        _refuses(desk, forged, "a message signed with another secret", "check the signature")

    async def test_an_old_message_is_refused(self, desk: Desk) -> None:
        _, (message, *_) = await _messages(desk)
        old = desk.company.sign(message.raw, age=_LONG_AGO)
        _refuses(desk, old, "a message of yesterday", "check the signed time, such as 5 minutes")

    async def test_a_message_without_its_header_is_refused(self, desk: Desk) -> None:
        _, (message, *_) = await _messages(desk)
        _refuses(desk, Message(message.raw, {}), "an unsigned message", "check the signature")
        for name in message.headers:
            empty = Message(message.raw, {**message.headers, name: ""})
            if name != "content-type":
                _refuses(desk, empty, f"a message with an empty '{name}'", "check the header")

    async def test_what_is_not_this_shop_s_tells_nothing(self, desk: Desk) -> None:
        for message in await desk.company.strange_messages():
            try:
                events = list(desk.parse(message))
            except Exception as error:
                raise ConformanceError(
                    "a signed message of no interest has `parse_webhook` raise "
                    f"{type(error).__name__}: answer with an empty list"
                ) from error
            check(
                events == [],
                "a message of an unknown kind or about a foreign payment tells "
                f"{[event.kind for event in events]}: answer with an empty list",
            )
