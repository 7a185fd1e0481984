from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from mercat.manifest import PluginSettings


class CouponSettings(PluginSettings):
    """`[plugins.coupons]`."""

    choice: Literal["best", "priority"] = "best"
    """Which of several promotions that exclude each other holds."""

    time_zone: str = "UTC"
    """The IANA time zone of dates that come without one."""

    max_codes: int = Field(default=5, ge=1, le=20)
    """How many codes a cart has at most."""

    wrong_codes: int = Field(default=10, ge=1, le=1_000)
    """How many wrong codes one caller tries within ten minutes."""

    undiscounted_types: tuple[str, ...] = ("Gift card",)
    """The names of the product types whose products no promotion takes anything off."""

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("give a time zone of the IANA database, such as Europe/Vienna")
        return value
