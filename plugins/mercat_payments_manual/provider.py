"""Ways to pay that nobody can be asked about: people say what came in and what went out."""

from collections.abc import Mapping, Sequence

from mercat.iban import shown_iban
from mercat.money import Amount
from mercat.payments import (
    Capabilities,
    Declined,
    Done,
    Event,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    Pending,
    Resume,
    Start,
    Unsupported,
)
from mercat_payments_manual.settings import BankTransferSettings, ManualSettings

ON_DELIVERY = "on_delivery"
BANK_TRANSFER = "bank_transfer"


class ManualProvider:
    """Pay on delivery, and bank transfer, as far as the settings have them."""

    code = "manual"
    capabilities = Capabilities(partial_refund=True, by_hand=True)

    def __init__(self, settings: ManualSettings) -> None:
        self._settings = settings

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:
        found: list[Method] = []
        delivery, transfer = self._settings.on_delivery, self._settings.bank_transfer
        if delivery is not None and delivery.offers(question.money, question.country):
            found.append(Method(ON_DELIVERY, delivery.name, delivery.description, "on_delivery"))
        if transfer is not None and transfer.offers(question.money, question.country):
            found.append(Method(BANK_TRANSFER, transfer.name, transfer.description))
        return found

    async def start(self, request: Start) -> Outcome:
        if request.saved_method is not None or request.saves:
            raise Unsupported("nothing is kept of a buyer")
        if request.method == ON_DELIVERY and self._settings.on_delivery is not None:
            return Pending(request.key, message=f"Pay {_shown(request.money)} on delivery.")
        if request.method == BANK_TRANSFER and self._settings.bank_transfer is not None:
            return _to_transfer(self._settings.bank_transfer, request)
        return Declined("method", "this can't be paid in that way any more")

    async def resume(self, request: Resume) -> Outcome:  # noqa: ARG002
        raise Unsupported("a buyer has nothing to do here")

    async def capture(self, request: Operation) -> Outcome:  # noqa: ARG002
        raise Unsupported("what came in is written down by hand")

    async def void(self, request: Operation) -> Outcome:
        return Done(request.ref)

    async def refund(self, request: Operation) -> Outcome:
        """Pending, until somebody says that they gave it back."""
        return Pending(request.key)

    async def fetch(self, ref: str) -> Sequence[Event]:  # noqa: ARG002
        raise Unsupported("there is nobody to be asked")

    def parse_webhook(
        self,
        raw: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> Sequence[Event]:
        raise Unsupported("nobody sends messages")


def _to_transfer(settings: BankTransferSettings, request: Start) -> Pending:
    data = {
        "reference": request.order_number,
        "amount": request.money.decimal,
        "currency": request.money.currency,
    }
    given = {
        "accountHolder": settings.account_holder,
        "iban": settings.iban,
        "bic": settings.bic,
        "instructions": "\n".join(settings.instructions),
    }
    data |= {name: value for name, value in given.items() if value}
    return Pending(request.key, message="\n".join(_lines(settings, request)), data=data)


def _lines(settings: BankTransferSettings, request: Start) -> Sequence[str]:
    iban = shown_iban(settings.iban) if settings.iban else None
    named = {"Account holder": settings.account_holder, "IBAN": iban, "BIC": settings.bic}
    return [
        f"Transfer {_shown(request.money)} with the reference {request.order_number}.",
        *(f"{name}: {value}" for name, value in named.items() if value),
        *settings.instructions,
    ]


def _shown(money: Amount) -> str:
    return f"{money.decimal} {money.currency}"
