from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mercat.errors import InvalidError
from mercat.iban import checked_iban
from mercat.manifest import PluginSettings
from mercat.money import CURRENCIES, Amount, parse_amount

_NO_TABLE = 'amounts are a table by currency, such as { EUR = "500" }'


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"'{code}' is not an ISO 4217 currency code")
    return code


def _minor(amounts: Any) -> Any:
    """Amounts by currency, such as `{EUR = "500"}`, in minor units."""
    if not isinstance(amounts, dict):
        raise ValueError(_NO_TABLE)  # noqa: TRY004  pydantic reads ValueError alone
    codes = {str(code).upper(): str(text) for code, text in amounts.items()}
    return {code: _amount(text, code) for code, text in codes.items()}


def _amount(text: str, currency: str) -> int:
    try:
        found = parse_amount(text, currency).minor
    except InvalidError as error:
        raise ValueError(str(error)) from None
    if found <= 0:
        raise ValueError(f"'{text}' is not above zero")
    return found


Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Currency = Annotated[str, AfterValidator(_currency)]
Amounts = Annotated[dict[str, int], BeforeValidator(_minor)]
Iban = Annotated[str, AfterValidator(checked_iban)]
Line = Annotated[str, Field(max_length=200)]


class WaySettings(BaseModel):
    """Where a way to pay is offered; everywhere where nothing is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    description: str = Field(default="", max_length=500)
    """What buyers read below its name."""

    countries: tuple[Country, ...] = ()
    """ISO 3166-1 countries that it is offered in."""

    currencies: tuple[Currency, ...] = ()
    """ISO 4217 currencies that it is offered in."""

    at_most: Amounts = Field(default_factory=dict)
    """The most that can be paid so, by currency; without an entry there is no limit."""

    def offers(self, money: Amount, country: str | None) -> bool:
        """Whether it is offered for a sum, in a country where that is known."""
        if self.countries and country is not None and country not in self.countries:
            return False
        if self.currencies and money.currency not in self.currencies:
            return False
        most = self.at_most.get(money.currency)
        return most is None or money.minor <= most


class OnDeliverySettings(WaySettings):
    """`[plugins.payments_manual.on_delivery]`."""

    name: str = Field(default="Pay on delivery", min_length=1, max_length=100)
    """What buyers choose."""


class BankTransferSettings(WaySettings):
    """`[plugins.payments_manual.bank_transfer]`."""

    name: str = Field(default="Bank transfer", min_length=1, max_length=100)
    """What buyers choose."""

    account_holder: Line | None = None
    """Whose account it is."""

    iban: Iban | None = None
    """The account, by its IBAN (ISO 13616)."""

    bic: Annotated[str, Field(pattern="^[A-Z0-9]{8}([A-Z0-9]{3})?$")] | None = None
    """Its bank, by its BIC (ISO 9362)."""

    instructions: tuple[Line, ...] = ()
    """More lines for the buyer, such as a bank's name, or an account that has no IBAN."""


class ManualSettings(PluginSettings):
    """`[plugins.payments_manual]`."""

    on_delivery: OnDeliverySettings | None = None
    """Table `[plugins.payments_manual.on_delivery]`: paying when the goods come."""

    bank_transfer: BankTransferSettings | None = None
    """Table `[plugins.payments_manual.bank_transfer]`: paying into the shop's account first."""
