from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel


class Address(BaseModel):
    """An entry of an address book; what a country needs is the checkout's business."""

    id: PydanticObjectId
    name: str
    company: str = ""
    lines: list[str]
    city: str
    region: str = ""
    postal_code: str = ""
    country: str
    phone: str = ""
    is_default: bool = False


class Identity(BaseModel):
    """An account elsewhere; `key` is its issuer and its subject there."""

    key: str
    provider: str
    email: str | None = None
    linked_at: datetime


class UserDocument(Document):
    """An account. `email_key` is what its address is found by; see `mercat.emails`.

    `token_version` goes up when all access tokens so far must end. Somebody who was erased has
    nothing that says who it was. `external_id` is what an import calls them.
    """

    email: str | None
    email_key: str | None
    email_verified_at: datetime | None = None
    external_id: str | None = None
    name: str | None = None
    locale: str | None = None
    roles: list[str] = Field(default_factory=list)
    seller: str | None = None
    password: str | None = None
    password_changed_at: datetime | None = None
    addresses: list[Address] = Field(default_factory=list)
    identities: list[Identity] = Field(default_factory=list)
    mfa: dict[str, Any] | None = None
    passkeys: list[dict[str, Any]] = Field(default_factory=list)
    token_version: int = 1
    state: Literal["active", "suspended", "erased"] = "active"
    number: int
    signed_in_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "users"
        indexes = [
            IndexModel(
                [("email_key", 1)],
                unique=True,
                partialFilterExpression={"email_key": {"$gt": ""}},
            ),
            IndexModel(
                [("identities.key", 1)],
                unique=True,
                partialFilterExpression={"identities.key": {"$gt": ""}},
            ),
            IndexModel(
                [("passkeys.id", 1)],
                unique=True,
                # Of `$type` the planner doesn't know that a string looked for has it.
                partialFilterExpression={"passkeys.id": {"$gt": ""}},
            ),
            IndexModel(
                [("external_id", 1)],
                unique=True,
                partialFilterExpression={"external_id": {"$gt": ""}},
            ),
            IndexModel([("number", 1)], unique=True),
            IndexModel([("seller", 1), ("number", 1)]),
            IndexModel([("roles", 1), ("number", 1)]),
            IndexModel([("state", 1), ("number", 1)]),
        ]


class SessionDocument(Document):
    """One device that somebody is signed in with, and the family of its refresh tokens.

    `refresh` is the digest of the only one that is good; `generation` counts those so far.
    """

    id: str  # type: ignore[assignment]
    user: PydanticObjectId
    refresh: str
    generation: int = 1
    methods: list[str]
    device: str = ""
    address: str | None = None
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    class Settings:
        name = "sessions"
        indexes = [IndexModel([("user", 1), ("created_at", -1)]), IndexModel([("expires_at", 1)])]


class RevocationDocument(Document):
    """Access tokens that end early: `session:<id>`, or `user:<id>:<token version>` and older ones.

    All that it says is in its id, so that who follows the changes needs to read nothing.
    """

    id: str  # type: ignore[assignment]
    until: datetime

    class Settings:
        name = "revocations"
        indexes = [IndexModel([("until", 1)])]


class SigningKeyDocument(Document):
    """A key that access tokens are signed with: its private part sealed, its public one a JWK."""

    id: str  # type: ignore[assignment]
    algorithm: str
    private: bytes
    public: dict[str, str]
    signs_from: datetime
    created_at: datetime

    class Settings:
        name = "signing_keys"


class LinkDocument(Document):
    """A link that was sent to somebody and can be followed once."""

    id: str  # type: ignore[assignment]
    purpose: str
    user: PydanticObjectId
    email_key: str
    data: dict[str, Any] = Field(default_factory=dict)
    expires_at: datetime
    used_at: datetime | None = None

    class Settings:
        name = "links"
        indexes = [IndexModel([("user", 1), ("purpose", 1)]), IndexModel([("expires_at", 1)])]


class AnsweredChallengeDocument(Document):
    """A challenge that was answered, by its digest, so that nobody answers it again."""

    id: str  # type: ignore[assignment]
    expires_at: datetime

    class Settings:
        name = "answered_challenges"
        indexes = [IndexModel([("expires_at", 1)])]
