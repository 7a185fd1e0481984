"""Messages of providers: verified, written down, answered; what they say comes afterwards."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.payments import Event, Unsupported, payment_events
from mercat.turns import turn
from mercat_payments.asking import check_events
from mercat_payments.ledger import note_events, payments
from mercat_payments.providers import providers_of

_LONGEST_REST = 0.05
_FORGED = "this is no message of the provider's"

_logger = logging.getLogger(__name__)


async def receive(context: Context, code: str, raw: bytes, headers: Mapping[str, str]) -> None:
    """Take a message of a provider's; what it tells is looked at once this is done.

    `headers` are by lower-case names. Raises NotFoundError where no provider of that code takes
    messages, InvalidError for one that it did not sign, which leaves nothing.
    """
    events = _told(context, code, raw, headers)
    if events:
        await context.engine.outbox.add(None, payment_events, context, code, list(events))


async def take(context: Context, code: str, events: Sequence[Event]) -> None:
    """Write what a provider told into the ledger; what is known already changes nothing.

    Raises ConflictError while a payment isn't known by its reference: the message may be faster
    than the answer to the call that began it.
    """
    async with context.engine.own(_Line).looking():
        for ref, told in _by_payment(events).items():
            await _take(context, code, ref, told)


class _Line:
    """Messages are looked at one by one, and no more than half of the time.

    So those that come meanwhile are answered soon: a company sends one again that isn't.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._rested = 0.0

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        async with self._turn:
            await asyncio.sleep(self._rested - time.monotonic())
            began = time.monotonic()
            try:
                yield
            finally:
                ended = time.monotonic()
                self._rested = ended + min(ended - began, _LONGEST_REST)


async def _take(context: Context, code: str, ref: str, told: Sequence[Event]) -> None:
    payment = await payments(context).find_one({"ref": ref, "provider": code})
    if payment is None:
        raise ConflictError(f"no payment of '{code}' has this reference yet")
    check_events(told, payment["currency"])
    async with turn(context, "payment", payment["_id"]):
        await note_events(context, payment, told)


def _told(context: Context, code: str, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
    provider = providers_of(context).find(code)
    if provider is None:
        raise NotFoundError("there is no such provider")
    try:
        events = provider.parse_webhook(raw, headers)
        for event in events:
            check_events([event], event.money.currency)
    except Unsupported:
        raise NotFoundError("this provider sends no messages") from None
    except InvalidError:
        raise InvalidError(_FORGED) from None
    except Exception as error:  # noqa: BLE001  whoever sent it, its words may hold a secret
        _logger.warning("%s, a message: %s", code, type(error).__name__)
        raise InvalidError(_FORGED) from None
    return events


def _by_payment(events: Sequence[Event]) -> Mapping[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.parent_ref or event.ref, []).append(event)
    return found
