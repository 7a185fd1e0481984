"""What the simulated company keeps for buyers: cards that there aren't."""

import secrets
from collections.abc import Sequence

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.payments import Customer, SavedMethod
from mercat.storage import Record
from mercat_payments_sandbox.documents import SandboxCustomerDocument

METHOD = "card"
_NAME = "Visa •••• 4242 (simulated)"
_REF_BYTES = 12


async def enrolled(context: Context, customer: Customer) -> str:
    """The reference of a customer, the same for the same key."""
    ref = f"customer_{secrets.token_hex(_REF_BYTES)}"
    made: Record = {"_id": customer.key, "ref": ref, "cards": []}
    try:
        await _customers(context).insert_one(made)
    except DuplicateKeyError:
        made = await _customers(context).find_one({"_id": customer.key}) or made
    return str(made["ref"])


async def kept_for(context: Context, customer: str) -> Sequence[SavedMethod]:
    """The cards of a customer; none of a stranger."""
    found = await _customers(context).find_one({"ref": customer})
    return [SavedMethod(ref, _NAME, METHOD) for ref in (found["cards"] if found else ())]


async def keep(context: Context, customer: str, ref: str) -> None:
    """Keep a card for a customer, once for each reference."""
    await _customers(context).update_one({"ref": customer}, {"$addToSet": {"cards": ref}})


async def drop(context: Context, customer: str, ref: str) -> None:
    await _customers(context).update_one({"ref": customer}, {"$pull": {"cards": ref}})


async def forget(context: Context, customer: str) -> None:
    await _customers(context).delete_one({"ref": customer})


def _customers(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(SandboxCustomerDocument)
