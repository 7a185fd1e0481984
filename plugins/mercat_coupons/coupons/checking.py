"""What people give of coupons and of batches alike."""

from collections.abc import Mapping
from typing import Any

from mercat.errors import InvalidError

_LIMITS = {"usage_limit": "usageLimit", "usage_limit_per_customer": "usageLimitPerCustomer"}


def check_limits(given: Mapping[str, Any]) -> None:
    """Raise InvalidError for a limit that lets nobody use a coupon."""
    for name, field in _LIMITS.items():
        limit = given.get(name)
        if limit is not None and limit < 1:
            raise InvalidError("this is 1 at least; null stands for no limit", field=(field,))
