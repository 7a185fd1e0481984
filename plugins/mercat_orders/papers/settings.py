import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mercat_orders.papers.series import PLACES

_CONFIG = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _number_format(value: str) -> str:
    rest = PLACES.sub("", value)
    if "{" in rest or "}" in rest:
        raise ValueError("a number is made of {seller}, {year}, {month} and {number:06d}")
    if len(re.findall(r"\{number", value)) != 1:
        raise ValueError("a number needs {number} once, such as {number:06d}")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no time zone such as Europe/Berlin") from None
    return value


def _folder(value: Path) -> Path:
    found = value.expanduser().absolute()
    if not found.is_dir():
        raise ValueError(f"'{value}' is no folder")
    return found


Line = Annotated[str, Field(min_length=1, max_length=200)]
NumberFormat = Annotated[str, Field(max_length=60), AfterValidator(_number_format)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]


class IssuerSettings(BaseModel):
    """Who issues invoices: `[plugins.orders.invoices.issuer]`, or `.sellers.<key>`."""

    model_config = _CONFIG

    name: Line | None = None
    """Who it is; the shop's name where left out."""

    lines: tuple[Line, ...] = ()
    """The address, line by line."""

    tax_number: str = Field(default="", max_length=100)
    """What the tax office knows it by, such as `DE123456789`."""

    registration: str = Field(default="", max_length=200)
    """Where it is registered, such as `Amtsgericht Berlin, HRB 12345`."""

    email: str = Field(default="", max_length=200)
    """Where questions go."""

    phone: str = Field(default="", max_length=50)
    """Where one can call."""

    bank: tuple[Line, ...] = ()
    """Where money goes, line by line, such as `IBAN DE02 1203 0000 0000 2020 51`."""

    notes: tuple[Annotated[str, Field(max_length=2_000)], ...] = ()
    """What stands below the sums."""

    untaxed_note: str = Field(default="", max_length=2_000)
    """What stands there where no tax is due, such as `Reverse charge`."""

    code: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,30}$")
    """What `{seller}` stands for in numbers; the seller's key, or `shop`, where left out."""

    number: NumberFormat | None = None
    """How the numbers of invoices are written, where it differs."""


class InvoiceSettings(BaseModel):
    """`[plugins.orders.invoices]`."""

    model_config = _CONFIG

    issue: Literal["placed", "fulfilled", "on_request"] = "on_request"
    """When: once an order is confirmed, once it is sent, or when somebody first asks for it."""

    number: NumberFormat = "{seller}-{year}-{number:06d}"
    """How numbers are written; what differs in more than `{number}` is counted from 1."""

    time_zone: TimeZone = "UTC"
    """Whose days and years hold, such as `Europe/Berlin`."""

    issuer: IssuerSettings = IssuerSettings()
    """Who issues them: the shop."""

    sellers: dict[str, IssuerSettings] = Field(default_factory=dict)
    """Who issues them for single sellers, by their keys."""

    fonts: Annotated[Path, AfterValidator(_folder)] | None = None
    """A folder of fonts for characters that those that are installed don't have."""

    jobs: int = Field(default=1, ge=1, le=16)
    """How many papers are printed at once in each process."""

    max_waiting: int = Field(default=50, ge=0, le=1_000)
    """How many more may wait for that."""

    max_seconds: int = Field(default=20, ge=1, le=300)
    """How long one may take."""

    max_memory_bytes: int = Field(default=1_500_000_000, ge=500_000_000)
    """How much memory one may take."""

    def issuer_of(self, seller: str | None) -> IssuerSettings:
        """Who issues for a seller: the shop where nothing else is set."""
        return self.issuer if seller is None else self.sellers.get(seller, self.issuer)

    def format_of(self, seller: str | None) -> str:
        """How the numbers for a seller are written."""
        return self.issuer_of(seller).number or self.number

    def code_of(self, seller: str | None) -> str:
        """What `{seller}` stands for in their numbers."""
        named = self.issuer if seller is None else self.sellers.get(seller)
        return (named.code if named else None) or seller or "shop"
