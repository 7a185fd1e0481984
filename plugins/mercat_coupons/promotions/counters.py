"""The names of counters: of a promotion, of a coupon, and of what one customer has had of them.

A customer is known by an account, by an e-mail address, or by both; each of them counts.
"""

FIRST_ORDER = "first"


def of_promotion(promotion: str) -> str:
    return f"p:{promotion}"


def of_coupon(coupon: str) -> str:
    return f"c:{coupon}"


def of_customer(promotion: str, customer: str) -> str:
    return f"p:{promotion}:{customer}"


def of_coupon_and_customer(coupon: str, customer: str) -> str:
    return f"c:{coupon}:{customer}"


def of_first_order(customer: str) -> str:
    return f"{FIRST_ORDER}:{customer}"


def customers(user: str | None, email_digest: str | None) -> frozenset[str]:
    """By what a customer is known."""
    account = {f"u:{user}"} if user else set()
    return frozenset(account | ({f"e:{email_digest}"} if email_digest else set()))
