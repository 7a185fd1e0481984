"""Which payouts go into a file, and who gets it."""

from collections.abc import Sequence

from mercat.auth import Subject
from mercat.context import Context
from mercat.storage import Record
from mercat_auth.audit.service import record
from mercat_payouts.entries import payouts
from mercat_payouts.file import payouts_csv
from mercat_payouts.runs import found_run
from mercat_payouts.sight import check_manages


async def exported(context: Context, run: str | None) -> str:
    """The payout file of a run, or of all payouts by file that are open; the audit log has it.

    Raises UnauthenticatedError, ForbiddenError, and InvalidError for a run that isn't there.
    """
    await check_manages(context)
    found = await wanted(context, run)
    text = await payouts_csv(context, found)
    subject = Subject("PayoutRun", run)
    await record(context, None, "payouts.exported", subject, payouts=str(len(found)))
    return text


async def wanted(context: Context, run: str | None) -> Sequence[Record]:
    """The payouts of a run, or those that are open, the first one first."""
    if run is not None:
        return (await found_run(context, run)).payouts
    is_open = {"state": "PENDING", "run": {"$ne": None}}
    return await payouts(context).find(is_open).sort("number", 1).to_list()
