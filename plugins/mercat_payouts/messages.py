"""A seller is told that money has been paid out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mercat import notifications
from mercat.context import Context
from mercat.money import Amount
from mercat.notifications import Message, MessageKind, Recipient, recipients_of
from mercat.storage import Record, Session
from mercat_payouts.entries import payouts

_TEMPLATES = Path(__file__).with_name("templates")


async def tell_seller(context: Context, session: Session, payout: Record) -> None:
    """Have a seller told of a payout that was paid, in the transaction that says so."""
    await notifications.tell(
        context, session, Message(payout["_id"], "payouts.paid", payout["_id"])
    )


async def _seller(context: Context, message: Message) -> Sequence[Recipient]:
    payout = await _payout(context, message)
    return () if payout is None else await recipients_of(context, payout["seller"])


async def _facts(context: Context, message: Message, _locale: str) -> Mapping[str, Any] | None:
    payout = await _payout(context, message)
    if payout is None or payout["state"] != "DONE":
        return None
    return {
        "amount": Amount(payout["amount"], payout["currency"]),
        "reference": payout["reference"],
        "order": payout["order_number"],
        "paid_at": payout["settled_at"],
    }


async def _payout(context: Context, message: Message) -> Record | None:
    found: Record | None = await payouts(context).find_one({"_id": message.subject})
    return found


def _sample(_locale: str) -> Mapping[str, Any]:
    return {
        "amount": Amount(104_250, "EUR"),
        "reference": "P17",
        "order": "",
        "paid_at": datetime(2030, 5, 17, 9, 30, tzinfo=UTC),
    }


KINDS = (
    MessageKind(
        name="payouts.paid",
        title="A payout was paid",
        templates=_TEMPLATES,
        recipients=_seller,
        facts=_facts,
        sample=_sample,
    ),
)
