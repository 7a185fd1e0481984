from datetime import datetime
from typing import Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel
from pymongo import IndexModel

COUNTER = "sellers"

Status = Literal["applied", "approved", "suspended", "closed"]
Rank = Literal["owner", "manager", "staff"]


class Member(BaseModel):
    """Somebody of a seller's staff."""

    user: PydanticObjectId
    rank: Rank
    since: datetime


class SellerDocument(Document):
    """Who sells; `number` gives the order in which they applied."""

    number: int
    slug: str
    name: str
    about: str = ""
    status: Status = "applied"
    members: list[Member]
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "sellers"
        indexes = [
            IndexModel([("slug", 1)], unique=True),
            IndexModel([("number", 1)], unique=True),
            IndexModel([("status", 1), ("number", 1)]),
        ]
