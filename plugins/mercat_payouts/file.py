"""The payout file: what a bank, or an accountant, is given of a run. CSV (RFC 4180)."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from bson import ObjectId

from mercat.context import Context
from mercat.money import format_minor
from mercat.storage import Record
from mercat.texts import harmless
from mercat_auth.sellers.reading import sellers
from mercat_payouts.accounts import details_in

_SUMS = ("gross", "discount", "commission")
HEADER = (
    *("reference", "seller", "name", "account_holder", "iban", "amount", "currency"),
    *("from", "to", "sales", "discounts", "commission", "adjustments", "carried_over", "state"),
)
_STATES = {"PENDING": "open", "DONE": "paid", "FAILED": "failed"}


async def payouts_csv(context: Context, payouts: Sequence[Record]) -> str:
    """The payouts, one a row; sums are decimals of the row's currency.

    `amount` is `sales` and `discounts` less `commission`, with `adjustments` and what was
    `carried_over`: payouts that failed before, and what was owed to the shop.
    """
    names = await names_of(context, [payout["seller"] for payout in payouts])
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(HEADER)
    for payout in payouts:
        rows.writerow(await _cells(context, payout, names.get(payout["seller"], "")))
    return text.getvalue()


async def names_of(context: Context, keys: Sequence[str]) -> dict[str, str]:
    """What sellers are called, by their keys; whoever asks."""
    ids = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found = sellers(context).find({"_id": {"$in": ids}}, {"name": 1})
    return {str(one["_id"]): one["name"] async for one in found}


async def _cells(context: Context, payout: Record, name: str) -> Sequence[str]:
    details = await details_in(context, payout["details"])
    share, currency = payout["share"], payout["currency"]
    made_of = share["gross"] + share["discount"] - share["commission"] + payout["adjusted"]
    sums = (share["gross"], share["discount"], -share["commission"], payout["adjusted"])
    return [
        payout["reference"] or payout["_id"],
        harmless(payout["seller"]),
        harmless(name),
        harmless(details.holder) if details else "",
        details.iban if details else "",
        format_minor(payout["amount"], currency),
        currency,
        _day(payout["since"]),
        _day(payout["created_at"]),
        *(format_minor(amount, currency) for amount in sums),
        format_minor(payout["amount"] - made_of, currency),
        _STATES.get(payout["state"], "open"),
    ]


def _day(moment: datetime | None) -> str:
    return "" if moment is None else moment.date().isoformat()
