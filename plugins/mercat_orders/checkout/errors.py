from collections.abc import Sequence

from mercat.errors import DomainError
from mercat_orders.carts.views import CartView, Problem


class ProblemsError(DomainError):
    """The cart can't be bought as it is; `problems` are all the reasons."""

    code = "PROBLEMS"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class TermsError(DomainError):
    """The buyer did not accept the shop's terms."""

    code = "TERMS"


class AgreementError(DomainError):
    """It isn't said what the buyer agrees to pay."""

    code = "AGREEMENT"


class QuoteChangedError(DomainError):
    """It costs something else, or more, than the buyer agreed to; `view` is the cart as it is."""

    code = "QUOTE_CHANGED"

    def __init__(self, view: CartView) -> None:
        super().__init__("the cart has changed since; look at it again, and order that")
        self.view = view


class PaymentMethodError(DomainError):
    """It can't be paid in that way, or the way isn't chosen."""

    code = "PAYMENT_METHOD"


class FailedError(DomainError):
    """The checkout came to nothing; its cart is open again."""

    code = "FAILED"


class DeclinedError(FailedError):
    """The payment was declined, or ended."""

    code = "DECLINED"


class ExpiredError(FailedError):
    """The payment took too long."""

    code = "EXPIRED"


class AbandonedError(FailedError):
    """The buyer changed the cart, or ordered it in another way, before it was paid."""

    code = "ABANDONED"


class SoldOutError(FailedError):
    """There is no longer enough of something."""

    code = "OUT_OF_STOCK"


_KINDS: dict[str, type[FailedError]] = {
    kind.code: kind for kind in (DeclinedError, ExpiredError, AbandonedError, SoldOutError)
}


def failure(code: str, message: str) -> FailedError:
    """The error of a stored failure."""
    return _KINDS.get(code, FailedError)(message)
