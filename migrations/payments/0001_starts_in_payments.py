"""Have each payment say itself who began it, instead of an operation beside it."""

from mercat import Context

_AT_ONCE = 200
_STARTS = {"kind": "START"}


async def up(context: Context) -> None:
    database = context.storage.database
    operations, payments = database["payment_operations"], database["payments"]
    while found := await operations.find(_STARTS).limit(_AT_ONCE).to_list():
        for start in found:
            added = {"who": start["who"], "is_asked": False}  # all there were are by hand
            await payments.update_one({"_id": start["payment"]}, {"$set": added})
            await operations.delete_one({"_id": start["_id"]})


async def pending(context: Context) -> int:
    return await context.storage.database["payment_operations"].count_documents(_STARTS)
