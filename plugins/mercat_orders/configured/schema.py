"""What areas look like."""

import strawberry

from mercat.graphql.scalars import CountryCode
from mercat_orders import areas


@strawberry.type(description="Where something holds; everywhere where nothing is named.")
class Area:
    countries: list[CountryCode] = strawberry.field(description="Its countries; all where empty.")
    regions: list[str] = strawberry.field(
        description="Its regions, as addresses have them; all where empty."
    )
    postal_codes: list[str] = strawberry.field(
        description="What its postal codes begin with; anything where empty."
    )
    except_regions: list[str] = strawberry.field(description="Regions that are no part of it.")
    except_postal_codes: list[str] = strawberry.field(
        description="Beginnings of postal codes that are no part of it."
    )


def to_area(found: areas.Area) -> Area:
    return Area(
        countries=[CountryCode(code) for code in found.countries],
        regions=list(found.regions),
        postal_codes=list(found.postal_codes),
        except_regions=list(found.except_regions),
        except_postal_codes=list(found.except_postal_codes),
    )
