"""Have payments say what captures take that aren't settled, and what is disputed."""

from typing import Any

from mercat import Context

_OLD: dict[str, Any] = {"number": {"$gt": 0}, "capturable": None}
_NEW: dict[str, Any] = {
    "captures": True,
    "disputed": 0,
    "capturing": 0,
    "capturable": "$authorized",
    "is_closing": False,
}


async def up(context: Context) -> None:
    database = context.storage.database
    await database["payment_operations"].update_many(
        {"is_last": None}, {"$set": {"is_last": False}}
    )
    await database["payments"].update_many(_OLD, [{"$set": _NEW}])


async def pending(context: Context) -> int:
    database = context.storage.database
    found = await database["payments"].count_documents(_OLD)
    return found + await database["payment_operations"].count_documents({"is_last": None})
