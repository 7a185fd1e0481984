"""The mutations of the address book."""

from typing import Annotated, Any

import strawberry
from bson import ObjectId
from strawberry import UNSET

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.scalars import CountryCode
from mercat.ids import object_id
from mercat.storage import Record
from mercat_auth.accounts.book import service
from mercat_auth.errors import AuthError, attempted
from mercat_auth.schema import Address, User, to_address, viewers

_ERRORS = "What the caller can mend."
_LINES = "Street, house, floor: one to four lines."


@strawberry.input(description="An entry for the viewer's address book.")
class AddressCreateInput:
    name: str = strawberry.field(description="Whom it goes to.")
    lines: list[str] = strawberry.field(description=_LINES)
    city: str = strawberry.field(description="The town.")
    country: CountryCode = strawberry.field(description="The country, by ISO 3166-1.")
    company: str = strawberry.field(default="", description="The company.")
    region: str = strawberry.field(default="", description="State, province or the like.")
    postal_code: str = strawberry.field(default="", description="The postal code.")
    phone: str = strawberry.field(default="", description="For the carrier.")
    is_default: bool = strawberry.field(
        default=False, description="Whether it is taken where none is chosen; the first one is."
    )


@strawberry.input(description="What is to change of an entry; what is left out stays.")
class AddressUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str | None = strawberry.field(default=UNSET, description="Whom it goes to.")
    lines: list[str] | None = strawberry.field(default=UNSET, description=_LINES)
    city: str | None = strawberry.field(default=UNSET, description="The town.")
    country: CountryCode | None = strawberry.field(
        default=UNSET, description="The country, by ISO 3166-1."
    )
    company: str | None = strawberry.field(default=UNSET, description="The company.")
    region: str | None = strawberry.field(default=UNSET, description="State, province or the like.")
    postal_code: str | None = strawberry.field(default=UNSET, description="The postal code.")
    phone: str | None = strawberry.field(default=UNSET, description="For the carrier.")
    is_default: bool | None = strawberry.field(
        default=UNSET, description="Whether it is taken where none is chosen."
    )


@strawberry.input(description="An entry that is to go.")
class AddressDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="The outcome of `addressCreate`.")
class AddressCreatePayload:
    address: Address | None = strawberry.field(description="The entry; null where it failed.")
    user: User | None = strawberry.field(description="The viewer; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `addressUpdate`.")
class AddressUpdatePayload:
    address: Address | None = strawberry.field(description="The entry; null where it failed.")
    user: User | None = strawberry.field(description="The viewer; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The outcome of `addressDelete`.")
class AddressDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id that it had; null where it failed."
    )
    user: User | None = strawberry.field(description="The viewer; null where it failed.")
    user_errors: list[AuthError] = strawberry.field(description=_ERRORS)


@extend(Mutation)
class AddressMutation:
    @strawberry.field(description="Add an entry to the viewer's address book, which has up to 50.")
    @staticmethod
    async def address_create(
        info: Info,
        input: Annotated[  # noqa: A002
            AddressCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> AddressCreatePayload:
        found, errors = await attempted(lambda: service.add(info.context, vars(input)))
        user, address = _shown(found)
        return AddressCreatePayload(address=address, user=user, user_errors=errors)

    @strawberry.field(description="Change an entry of the viewer's address book.")
    @staticmethod
    async def address_update(
        info: Info,
        input: Annotated[  # noqa: A002
            AddressUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> AddressUpdatePayload:
        found, errors = await attempted(
            lambda: service.update(info.context, _key(input.id), _given(input))
        )
        user, address = _shown(found)
        return AddressUpdatePayload(address=address, user=user, user_errors=errors)

    @strawberry.field(description="Remove an entry of the viewer's address book.")
    @staticmethod
    async def address_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            AddressDeleteInput, strawberry.argument(description="Which one.")
        ],
    ) -> AddressDeletePayload:
        found, errors = await attempted(lambda: service.remove(info.context, _key(input.id)))
        return AddressDeletePayload(
            deleted_id=input.id if found else None,
            user=viewers(found),
            user_errors=errors,
        )


def _given(values: AddressUpdateInput) -> dict[str, Any]:
    """What is to change, by name; null takes away what may be missing."""
    return {
        name: value for name, value in vars(values).items() if value is not UNSET and name != "id"
    }


def _key(global_id: strawberry.ID) -> ObjectId:
    return object_id(global_id, "Address", ("id",))


def _shown(found: tuple[Record, Record] | None) -> tuple[User | None, Address | None]:
    if found is None:
        return None, None
    return viewers(found[0]), to_address(found[1])
