"""What the mutations of shipping methods and of tax zones take."""

from collections.abc import Collection
from typing import Any

import strawberry
from strawberry import UNSET

from mercat.errors import InvalidError
from mercat.graphql.scalars import CountryCode, CurrencyCode, DecimalString
from mercat_products.values import input_name

_NOT_VALUES = {"id", "version"}


@strawberry.input(description="A sum in one currency.")
class MoneyInput:
    amount: DecimalString = strawberry.field(description="The sum, such as `4.90`.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="The shop's own where left out."
    )


@strawberry.input(description="Where something holds; everywhere where nothing is named.")
class AreaInput:
    countries: list[CountryCode] = strawberry.field(
        default_factory=list, description="Countries; all where left out."
    )
    regions: list[str] = strawberry.field(
        default_factory=list, description="Regions of addresses, such as `CA`; all where left out."
    )
    postal_codes: list[str] = strawberry.field(
        default_factory=list, description="Beginnings of postal codes; all where left out."
    )
    except_regions: list[str] = strawberry.field(
        default_factory=list, description="Regions that are no part of it."
    )
    except_postal_codes: list[str] = strawberry.field(
        default_factory=list, description="Beginnings of postal codes that are no part of it."
    )


def created(found: Any) -> dict[str, Any]:
    """What is given of something new, by the service's names; null is as if left out."""
    return {name: value for name, value in _values(found).items() if value is not None}


def updated(found: Any, nullable: Collection[str] = ()) -> dict[str, Any]:
    """What is given of a change. Raises InvalidError for null that says nothing."""
    values = _values(found)
    for name, value in values.items():
        if value is None and name not in nullable:
            raise InvalidError("this can't be null", field=(input_name(name),))
    return values


def _values(found: Any) -> dict[str, Any]:
    values: dict[str, Any] = strawberry.asdict(found)
    return {
        name: value
        for name, value in values.items()
        if value is not UNSET and name not in _NOT_VALUES
    }
