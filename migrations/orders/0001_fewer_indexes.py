"""Drop the indexes of carts and orders that nothing needs any more."""

from mercat import Context

_GONE = {
    "carts": (
        "user_1_state_1_updated_at_-1",
        "guest_1_state_1_updated_at_-1",
        "expires_at_1",
    ),
    "orders": (
        "settle_at_1",
        "delivered_at_1",
        "seller_orders.seller_1_placed_at_1",
        "user_1_number_-1",
        "guest_1_number_-1",
    ),
}


async def up(context: Context) -> None:
    for name, gone in _GONE.items():
        collection = context.storage.database[name]
        known = await collection.index_information()
        for index in gone:
            if index in known:
                await collection.drop_index(index)
