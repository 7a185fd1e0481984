"""What a discount's `source` says: which promotion took it off, and which coupon opened that."""

from collections.abc import Mapping
from dataclasses import dataclass

from bson import ObjectId

_PLUGIN = "coupons"
_MOST_KEYS = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A promotion and the coupon that opened it, by their hexadecimal keys."""

    promotion: str
    coupon: str | None = None

    def __str__(self) -> str:
        return ":".join([_PLUGIN, self.promotion, *([self.coupon] if self.coupon else [])])


def source_of(text: str) -> Source | None:
    """The promotion and the coupon of a source; None for another plugin's."""
    plugin, *keys = text.split(":")
    if (
        plugin != _PLUGIN
        or not 1 <= len(keys) <= _MOST_KEYS
        or not all(map(ObjectId.is_valid, keys))
    ):
        return None
    return Source(*keys)


def amounts_by_source(discounts: Mapping[str, int]) -> dict[Source, int]:
    """What this plugin's promotions take off, in the order of their keys."""
    found = {source_of(text): amount for text, amount in discounts.items()}
    mine = {source: amount for source, amount in found.items() if source is not None}
    return dict(sorted(mine.items(), key=lambda pair: pair[0].promotion))
