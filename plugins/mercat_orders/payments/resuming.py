"""Going on with a payment: of a checkout, or of an order that is placed."""

from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat_orders.checkout.completing import Progress, proceed
from mercat_orders.orders import money
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.paying import Means, order_key
from mercat_orders.orders.sight import is_bought_by, manages, opens
from mercat_orders.payments.starting import go_on


async def resume(context: Context, payment: str, secret: str | None, means: Means) -> Progress:
    """Bring a payment as far as it goes, with what its buyer brought back; the buyer, or staff.

    The one path that `checkoutComplete` goes, too: twice is as once. Raises NotFoundError,
    DeclinedError and the other FailedErrors, OutOfStockError, ConflictError.
    """
    record = await orders(context).find_one({"_id": order_key(payment)})
    found = None if record is None else money.payment_of(record, payment)
    if record is None or found is None or not await pays(context, record, secret):
        raise NotFoundError("there is no such payment", field=("paymentId",))
    if found is record["payment"] or record["placed_at"] is None:
        return await proceed(context, record, means)
    return await go_on(context, record, found, means)


async def pays(context: Context, record: Record, secret: str | None) -> bool:
    """Whether the viewer is the buyer of an order, or of what is to be one, or does it for them."""
    if is_bought_by(context.viewer, record) or opens(context, record, secret):
        return True
    return await manages(context, record)
