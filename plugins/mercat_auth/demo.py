"""The people of the demo shop, with passwords that are made by chance and shown once."""

from datetime import UTC, datetime

import click
from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_auth.accounts import service as accounts
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.sealing import random_text
from mercat_auth.sellers.documents import COUNTER
from mercat_auth.sellers.reading import sellers
from mercat_auth.sellers.service import join

_PEOPLE: tuple[tuple[str, list[str]], ...] = (
    ("admin", ["ADMIN"]),
    ("support", ["SUPPORT"]),
    ("seller", []),
    ("customer", []),
)
_HOST = "demo.example.com"
_PASSWORD_BYTES = 12


async def add_people(context: Context) -> None:
    """Make those of an admin, a support agent, a seller and a customer that are not there yet."""
    made = []
    for name, roles in _PEOPLE:
        email = f"{name}@{_HOST}"
        if await accounts.find_by_email(context, email) is None:
            password = random_text(_PASSWORD_BYTES)
            await _add(context, email, password, name, roles)
            made.append((email, password))
    if made:
        click.echo("The demo's people; their passwords are shown this once:")
    for email, password in made:
        click.echo(f"  {email:<28} {password}")


async def _add(context: Context, email: str, password: str, name: str, roles: list[str]) -> None:
    digest = await hashing_of(context).hash(password)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)

    async def work(session: Session) -> None:
        user = await accounts.create(
            context,
            session,
            email=email,
            name=name.capitalize(),
            password_hash=digest,
            verified=True,
            roles=roles,
        )
        if name == "seller":
            seller = _seller(user["_id"], number)
            await sellers(context).insert_one(seller, session=session)
            await join(context, session, user["_id"], seller)

    await context.storage.transaction(work)


def _seller(owner: ObjectId, number: int) -> Record:
    now = datetime.now(UTC)
    return {
        "_id": ObjectId(),
        "number": number,
        "slug": "demo-seller",
        "name": "Demo Seller",
        "about": "Somebody who sells in the demo shop.",
        "status": "approved",
        "members": [{"user": owner, "rank": "owner", "since": now}],
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
