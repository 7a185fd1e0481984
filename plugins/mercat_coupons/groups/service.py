"""Who is in which customer group."""

from mercat.context import Context
from mercat_coupons.documents import GroupMemberDocument


async def groups_of(context: Context, user: str) -> frozenset[str]:
    """The hexadecimal keys of the groups that a user is in."""
    members = context.storage.collection(GroupMemberDocument)
    return frozenset([str(one["group"]) async for one in members.find({"user": user})])
