"""The kinds of messages about orders and carts."""

from pathlib import Path

from mercat.notifications import MessageKind
from mercat_orders.messages import facts, samples

TEMPLATES = Path(__file__).with_name("templates")

_BUYERS = {
    "placed": "An order was placed",
    "paid": "A payment has arrived",
    "shipped": "A parcel is on its way",
    "delivered": "A parcel was delivered",
    "cancelled": "Something was cancelled",
    "refunded": "Money goes back",
    "return_requested": "A return was asked for",
    "return_approved": "A return was approved",
    "return_refused": "A return was refused",
    "return_received": "A return has arrived",
}

KINDS = (
    *(
        MessageKind(
            name=f"orders.{name}",
            title=title,
            templates=TEMPLATES,
            recipients=facts.buyer,
            facts=facts.of_order,
            sample=samples.order_sample,
        )
        for name, title in _BUYERS.items()
    ),
    MessageKind(
        name="orders.sold",
        title="Something of a seller's was bought",
        templates=TEMPLATES,
        recipients=facts.seller,
        facts=facts.of_part,
        sample=samples.part_sample,
    ),
    MessageKind(
        name="orders.cart_abandoned",
        title="Something is in the cart still",
        templates=TEMPLATES,
        recipients=facts.cart_owner,
        facts=facts.of_cart,
        sample=samples.cart_sample,
        is_transactional=False,
    ),
)
