from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mercat.errors import InvalidError
from mercat.manifest import PluginSettings
from mercat.money import parse_amount
from mercat_orders.areas import Area
from mercat_orders.delivery.methods import Band, ShippingMethod
from mercat_orders.papers.settings import InvoiceSettings
from mercat_orders.taxation.zones import TaxZone

_HUNDRED = 100
_NO_TABLE = 'amounts are a table by currency, such as { EUR = "4.90" }'


def _minor(prices: Any) -> Any:
    """Amounts by currency, such as `{EUR = "4.90"}`, in minor units."""
    if not isinstance(prices, dict):
        raise ValueError(_NO_TABLE)  # noqa: TRY004  pydantic reads ValueError alone
    codes = {str(code).upper(): str(text) for code, text in prices.items()}
    return {code: _amount(text, code) for code, text in codes.items()}


def _amount(text: str, currency: str) -> int:
    try:
        found = parse_amount(text, currency).minor
    except InvalidError as error:
        raise ValueError(str(error)) from None
    if found < 0:
        raise ValueError(f"'{text}' is below zero")
    return found


def _percent(rates: dict[str, Decimal]) -> dict[str, Decimal]:
    for name, rate in rates.items():
        if not rate.is_finite() or not 0 <= rate <= _HUNDRED:
            raise ValueError(f"the rate of '{name}' is from 0 to 100 per cent")
    return rates


def _days(value: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= value[0] <= value[1]:
        raise ValueError("the least number of days comes first, such as [2, 4]")
    return value


Prices = Annotated[dict[str, int], BeforeValidator(_minor)]
Rates = Annotated[dict[str, Decimal], AfterValidator(_percent)]
Days = Annotated[tuple[int, int], AfterValidator(_days)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Key = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,49}$")]


class AreaSettings(BaseModel):
    """Where something holds; everywhere where nothing is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    countries: tuple[Country, ...] = ()
    """ISO 3166-1 countries."""

    regions: tuple[str, ...] = ()
    """Regions of addresses, such as `CA`."""

    postal_codes: tuple[str, ...] = ()
    """Beginnings of postal codes."""

    except_regions: tuple[str, ...] = ()
    """Regions that are left out."""

    except_postal_codes: tuple[str, ...] = ()
    """Beginnings of postal codes that are left out."""

    @property
    def area(self) -> Area:
        return Area(
            self.countries,
            self.regions,
            self.postal_codes,
            self.except_regions,
            self.except_postal_codes,
        )


class TaxZoneSettings(AreaSettings):
    """`[plugins.orders.tax_zones.<id>]`."""

    rates: Rates
    """Per cent by tax class, such as `{ standard = "19", reduced = "7" }`."""

    label: str = Field(default="VAT", min_length=1, max_length=50)
    """What receipts call it."""

    included: bool = True
    """Whether prices have the tax in them."""

    def zone(self, key: str) -> TaxZone:
        rates = {name: rate / _HUNDRED for name, rate in self.rates.items()}
        return TaxZone(key, self.area, self.label, self.included, rates)


class BandSettings(BaseModel):
    """One of `bands`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    prices: Prices
    """What it costs, by currency."""

    up_to_weight: int | None = Field(default=None, ge=0)
    """The most that parcels weigh, in grams."""

    up_to_value: Prices | None = None
    """The most that is in them, by currency."""

    @property
    def band(self) -> Band:
        return Band(self.prices, self.up_to_weight, self.up_to_value)


class ShippingMethodSettings(AreaSettings):
    """`[plugins.orders.shipping_methods.<id>]`."""

    name: str = Field(min_length=1, max_length=100)
    """What customers choose."""

    prices: Prices = Field(default_factory=dict)
    """What it costs where no band holds, by currency."""

    bands: tuple[BandSettings, ...] = ()
    """What it costs by weight and value; the first one that holds counts."""

    free_from: Prices = Field(default_factory=dict)
    """From what value on it costs nothing, by currency."""

    days: Days | None = None
    """How long it takes: the least and the most days."""

    tax_class: str | None = None
    """Its class of tax."""

    seller: str | None = None
    """The key of the seller whose it is; left out, it is for all who have none of their own."""

    def method(self, key: str, position: int) -> ShippingMethod:
        last = (Band(self.prices),) if self.prices else ()
        return ShippingMethod(
            id=key,
            name=self.name,
            area=self.area,
            bands=(*(each.band for each in self.bands), *last),
            free_from=self.free_from,
            days=self.days,
            tax_class=self.tax_class,
            seller=self.seller,
            position=position,
        )


class OrderSettings(PluginSettings):
    """`[plugins.orders]`."""

    cart_days: int = Field(default=30, ge=1, le=365)
    """How long a cart that nobody touches is kept."""

    abandoned_hours: int = Field(default=24, ge=1, le=720)
    """After how long without a change a cart counts as abandoned, and `cart_abandoned` is told."""

    max_lines: int = Field(default=100, ge=1, le=500)
    """How many lines a cart may have."""

    max_quantity: int = Field(default=1_000_000, ge=1, le=1_000_000_000)
    """How many of a variant one line may have."""

    require_terms: bool = True
    """Whether a checkout needs the buyer to accept the shop's terms."""

    commission: Decimal = Field(default=Decimal(0), ge=0, le=100)
    """What the shop keeps of a seller's sales, in per cent, such as `"12.5"`."""

    commissions: dict[str, Annotated[Decimal, Field(ge=0, le=100)]] = Field(default_factory=dict)
    """The same for single sellers, by their keys."""

    return_days: int = Field(default=30, ge=0, le=3_650)
    """For how long after it was delivered a thing can be sent back; 0 for not at all."""

    complete_days: int = Field(default=14, ge=0, le=3_650)
    """How long after it was delivered an order is completed."""

    payment_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where the storefront has a draft order paid: `{cart}` stands for the cart's id."""

    status_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where the storefront shows an order: `{number}` and `{secret}` stand for the order's."""

    cart_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where the storefront shows a cart that is reminded of: `{cart}` stands for the cart's id."""

    tax_zones: dict[Key, TaxZoneSettings] = Field(default_factory=dict)
    """Tables `[plugins.orders.tax_zones.<id>]`: which tax is due where."""

    shipping_methods: dict[Key, ShippingMethodSettings] = Field(default_factory=dict)
    """Tables `[plugins.orders.shipping_methods.<id>]`: in which ways parcels can go."""

    invoices: InvoiceSettings | None = None
    """`[plugins.orders.invoices]`: who issues invoices, when, and with which numbers."""

    def commission_of(self, seller: str | None) -> int:
        """What the shop keeps of that seller's sales, in basis points; nothing of its own."""
        if seller is None:
            return 0
        return round(self.commissions.get(seller, self.commission) * _HUNDRED)
