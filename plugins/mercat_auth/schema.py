"""What accounts look like; the mutations stand in the packages beside."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from bson import ObjectId

from mercat.graphql.context import Info
from mercat.graphql.extend import extend
from mercat.graphql.records import reads, stored
from mercat.graphql.scalars import CountryCode
from mercat.graphql.schema import Node, Viewer
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn, user_by_id
from mercat_auth.mfa.service import Challenge
from mercat_auth.permissions import READ_USERS
from mercat_auth.roles.service import CUSTOMER
from mercat_auth.roles.users import visible_users


@strawberry.enum(description="How a client keeps its tokens.")
class Transport(Enum):
    BEARER = strawberry.enum_value(
        "BEARER", description="In the payload, for the header `Authorization`."
    )
    COOKIE = strawberry.enum_value(
        "COOKIE", description="In cookies that scripts can't read, for browsers."
    )


@strawberry.enum(description="What proves who somebody is, beside the password.")
class SecondFactor(Enum):
    CODE = strawberry.enum_value("CODE", description="A code by time, of an authenticator app.")
    RECOVERY_CODE = strawberry.enum_value(
        "RECOVERY_CODE", description="One of the codes that were given out for emergencies."
    )
    PASSKEY = strawberry.enum_value("PASSKEY", description="A passkey (WebAuthn).")


@strawberry.type(description="What is left to be proved before somebody has signed in.")
class LoginChallenge:
    token: str = strawberry.field(description="For `loginConfirm`, once, within five minutes.")
    kinds: list[SecondFactor] = strawberry.field(description="What will do.")
    passkey_options: str | None = strawberry.field(
        description="The JSON that `navigator.credentials.get` takes; null without a passkey."
    )
    expires_at: datetime = strawberry.field(description="When the token ends.")


@strawberry.type(description="An entry of an address book.")
class Address:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Whom it goes to.")
    company: str = strawberry.field(description="The company; may be empty.")
    lines: list[str] = strawberry.field(description="Street, house, floor: one to four lines.")
    city: str = strawberry.field(description="The town.")
    region: str = strawberry.field(description="State, province or the like; may be empty.")
    postal_code: str = strawberry.field(description="The postal code; may be empty.")
    country: CountryCode = strawberry.field(description="The country.")
    phone: str = strawberry.field(description="For the carrier; may be empty.")
    is_default: bool = strawberry.field(description="Whether it is taken where none is chosen.")


def _roles(roles: Sequence[str]) -> list[str]:
    return [*roles, CUSTOMER]


@strawberry.type(description="Somebody's account, as they and the shop's staff see it.")
class User(Node):
    """A stored account; whoever makes one has checked that the viewer may see it."""

    record: strawberry.Private[Record]
    is_own: strawberry.Private[bool] = False

    email: str | None = stored("email", "The address; null once the account is erased.")
    name: str | None = stored("name", "The name, where one is known.")
    locale: str | None = stored("locale", "The language of messages; the shop's where null.")
    roles: list[str] = stored("roles", "The roles, `CUSTOMER` among them.", convert=_roles)
    created_at: datetime = stored("created_at", "When the account was made.")

    @strawberry.field(description="Whether a link to the address was followed.")
    @reads("email_verified_at")
    def email_verified(self) -> bool:
        return self.record["email_verified_at"] is not None

    @strawberry.field(
        description="The address book; null except for its owner and those who may see accounts."
    )
    @reads("addresses")
    def addresses(self, info: Info) -> list[Address] | None:
        viewer = info.context.viewer
        is_own = self.is_own or viewer.user == str(self.key)
        if not is_own and READ_USERS not in viewer.permissions:
            return None
        return [to_address(each) for each in self.record["addresses"]]

    @strawberry.field(description="Whether one can sign in with a password.")
    @reads("password")
    def has_password(self) -> bool:
        return self.record["password"] is not None

    @property
    def key(self) -> ObjectId:
        key: ObjectId = self.record["_id"]
        return key

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list["User | None"]:
        wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
        found = await visible_users(info.context, wanted)
        records = [found.get(ObjectId(key)) if ObjectId.is_valid(key) else None for key in keys]
        return [None if record is None else to_user(record) for record in records]


@strawberry.type(description="What somebody who has signed in proves that with.")
class AuthTokens:
    access_token: str = strawberry.field(
        description="For the header `Authorization: Bearer`; a secret."
    )
    refresh_token: str = strawberry.field(description="For `refreshToken`, once; a secret.")
    expires_in: int = strawberry.field(description="Seconds that the access token is good for.")


@extend(Viewer)
class ViewerUser:
    @strawberry.field(description="The viewer's account; null where nobody has signed in.")
    @staticmethod
    async def user(info: Info) -> User | None:
        record = await user_by_id(info.context, info.context.viewer.user)
        return None if record is None else to_user(record)


def to_user(record: Record, *, is_own: bool = False) -> User:
    """A stored account that the viewer may see; `is_own` for who has just proved to own it."""
    return User(id=strawberry.ID(encode_id("User", record["_id"])), record=record, is_own=is_own)


def viewers(record: Record | None) -> User | None:
    """The account of somebody who changes their own; None where that failed."""
    return None if record is None else to_user(record, is_own=True)


def to_address(record: Record) -> Address:
    """A stored entry of an address book."""
    values: dict[str, Any] = {name: each for name, each in record.items() if name != "id"}
    values["country"] = CountryCode(values["country"])
    return Address(id=strawberry.ID(encode_id("Address", record["id"])), **values)


def to_tokens(done: SignIn | None) -> AuthTokens | None:
    """The tokens of a payload; None where they went into cookies."""
    if done is None or done.transport == "COOKIE":
        return None
    tokens = done.tokens
    return AuthTokens(
        access_token=tokens.access, refresh_token=tokens.refresh, expires_in=tokens.expires_in
    )


def to_challenge(challenge: Challenge) -> LoginChallenge:
    """A question for a second factor."""
    return LoginChallenge(
        token=challenge.token,
        kinds=[SecondFactor(kind) for kind in challenge.kinds],
        passkey_options=challenge.passkey_options,
        expires_at=challenge.expires_at,
    )
