from collections.abc import Sequence

from mercat import hookimpl
from mercat.payouts import PayoutProvider

from .company import COMPANY


@hookimpl
def payout_providers() -> Sequence[PayoutProvider]:
    return [COMPANY]
