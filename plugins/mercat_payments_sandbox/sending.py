"""Sending the company's messages: signed, by the way that the shop's webhook takes them."""

import logging
from collections.abc import Callable
from datetime import timedelta

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_payments import inbox
from mercat_payments_sandbox import company
from mercat_payments_sandbox.books import Clock
from mercat_payments_sandbox.settings import SandboxSettings
from mercat_payments_sandbox.signing import OwnSecret, signed, written

CODE = "sandbox"
_MOST = 100

_logger = logging.getLogger(__name__)


def secret_of(context: Context) -> bytes:
    """What messages are signed with: the settings' secret, or one of this process's own."""
    given = context.settings(SandboxSettings).webhook_secret
    if given is None:
        return context.engine.own(OwnSecret).value
    return given.get_secret_value().encode()


async def send_due(context: Context, record: Record) -> None:
    """Send the messages of a payment that are due; what isn't taken waits for the job."""
    now = company.clock_of(context).now
    try:
        for message in record["messages"]:
            if message["due_at"] <= now:
                await _send(context, record, message["event"])
                await company.changed(context, record["_id"], _without(message["id"]))
    except Exception as error:  # noqa: BLE001  the payment is what it is all the same
        _logger.warning("%s: its messages wait: %s", record["ref"], type(error).__name__)


async def come_due(context: Context) -> None:
    """Have happen what is due: payments that expire or are settled, and messages.

    Safe to repeat, as a message that comes twice counts once.
    """
    for record in await company.due(context, _MOST):
        await send_due(context, await company.now(context, record))


async def _send(context: Context, record: Record, event: str) -> None:
    found = next(each for each in record["events"] if each["id"] == event)
    raw = written(record, found, context.settings(SandboxSettings).account)
    await inbox.receive(context, CODE, raw, signed(secret_of(context), raw))


def _without(message: str) -> Callable[[Record, Clock], None]:
    def work(record: Record, _: Clock) -> None:
        record["messages"] = [each for each in record["messages"] if each["id"] != message]

    return work


JOBS = (Job(name="sandbox-payments", every=timedelta(seconds=2), run=come_due),)
