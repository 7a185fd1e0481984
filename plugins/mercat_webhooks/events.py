"""The events that there are, by their types."""

from collections.abc import Mapping

TEST = "webhook.test"
ALL = "*"

TYPES: Mapping[str, str] = {
    "order.placed": "A checkout became an order.",
    "order.changed": "Something happened to an order; `kind` is that of its timeline.",
    "payment.changed": "A payment stands elsewhere, or more or less was taken of it.",
    "cart.abandoned": "A cart with something in it was left.",
    "product.saved": "Products were created or changed.",
    "product.removed": "Products were removed for good.",
    "stock.changed": "Stocks changed, or went out of stock or came back.",
    "stock.low": "What is available of a variant fell to its threshold.",
    "user.registered": "Somebody has an account now.",
    "user.erased": "An account is gone, with what is personal.",
    "seller.changed": "A seller was approved, suspended, reinstated or closed.",
    "ticket.opened": "A ticket was opened.",
    "ticket.replied": "A ticket has another message; `number` is its place in the history.",
    "ticket.closed": "A ticket takes no more replies.",
    TEST: "Somebody tried an endpoint; sent to that one alone.",
}
