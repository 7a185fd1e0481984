"""Importing customers: accounts without a password, whose owners ask for one by e-mail.

Nobody is told, and nobody can sign in, before somebody has proved that the address is theirs: by a
link that resets the password, or by registering. What somebody has made theirs stays as they left
it, but for what the import calls them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, StringConstraints
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.emails import email_of, key_of
from mercat.errors import DomainError, InvalidError
from mercat.importing import Format, Importer, Rejected, Row, Tally
from mercat.reading.lines import has_key, json_lines, lines, opening, opens_with
from mercat.reading.tables import headings, plain, read_table
from mercat.reading.values import clipped, validated
from mercat.storage import Record, Session, stored_now
from mercat.storage.lookups import find_by
from mercat_auth.accounts.service import create, users
from mercat_auth.accounts.texts import locale_of, name_of

COLUMNS = ("email", "external_id", "name", "locale")

_ATTEMPTS = 3
_SHOWN = 60
_NEEDED = dict.fromkeys(
    (
        *("email_key", "external_id", "state", "email_verified_at", "password", "identities"),
        *("name", "locale", "version"),
    ),
    1,
)


class CustomerRecord(BaseModel):
    """A customer, known again by the address; `external_id` is what other files may call them."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    email: str
    external_id: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^@]*$"
            ),
        ]
        | None
    ) = None
    name: str | None = None
    locale: str | None = None


class _JsonLines:
    """`{"email": "ada@example.com", "external_id": "77", "name": "Ada"}`."""

    name = "jsonl"
    title = "Mercat JSON Lines"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "{") and has_key(head, "email")

    def read(self, stream: BinaryIO) -> Iterator[Row[CustomerRecord] | Rejected]:
        for row in json_lines(stream, opening(stream)):
            if isinstance(row, Rejected):
                yield row
            else:
                yield validated(CustomerRecord, row.where, row.value)


class _Csv:
    """The same as a table; an empty cell is as if it weren't there."""

    name = "csv"
    title = "Mercat CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return "email" in headings(head)

    def read(self, stream: BinaryIO) -> Iterator[Row[CustomerRecord] | Rejected]:
        source, columns = lines(stream, opening(stream)), plain(*COLUMNS)
        for row in read_table(source, columns, required=("email",), further=_unknown):
            if isinstance(row, Rejected):
                yield row
            else:
                cells = {name: text for name, text in row.value.items() if text or name == "email"}
                yield validated(CustomerRecord, row.where, cells)


FORMATS: tuple[Format[CustomerRecord], ...] = (_JsonLines(), _Csv())


class CustomerLoad:
    """One import; new accounts of a batch are written in one transaction."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: set[int] = set()

    async def batch(self, rows: Sequence[Row[CustomerRecord]]) -> Tally:
        tally = Tally()
        waiting = [row for row in rows if self._is_good(row, tally)]
        for remaining in range(_ATTEMPTS - 1, -1, -1):
            new = await self._known(waiting, tally)
            try:
                await self._create(new)
            except (DomainError, DuplicateKeyError):
                if not remaining:
                    raise
                waiting = new  # somebody registered meanwhile
                continue
            tally.created += len(new)
            break
        return tally

    async def finish(self) -> Tally:
        return Tally()

    def _is_good(self, row: Row[CustomerRecord], tally: Tally) -> bool:
        """Whether it can be an account, and none that the file had before."""
        try:
            email = email_of(row.value.email)
            name_of(row.value.name)
            locale_of(self._context, row.value.locale)
            self._check_first("email", email.key)
            if row.value.external_id is not None:
                self._check_first("external_id", row.value.external_id)
        except InvalidError as error:
            tally.rejected.append(Rejected(row.where, _sentence(error)))
            return False
        return True

    def _check_first(self, field: str, value: str) -> None:
        mark = hash((field, value))
        if mark in self._seen:
            raise InvalidError("it stands earlier in this file", field=(field,))
        self._seen.add(mark)

    async def _known(
        self, rows: Sequence[Row[CustomerRecord]], tally: Tally
    ) -> list[Row[CustomerRecord]]:
        """Bring those up to date who have an account; the others are given back."""
        keys = {row.where: key_of(row.value.email) or "" for row in rows}
        by_email = await _found(self._context, "email_key", list(keys.values()))
        called = [row.value.external_id for row in rows if row.value.external_id is not None]
        by_name = await _found(self._context, "external_id", called)
        new = []
        for row in rows:
            account = by_email.get(keys[row.where])
            other = by_name.get(row.value.external_id or "")
            try:
                _check_same(account, other)
                if account is None:
                    new.append(row)
                elif await self._change(row.value, account):
                    tally.updated += 1
                else:
                    tally.unchanged += 1
            except InvalidError as error:
                tally.rejected.append(Rejected(row.where, _sentence(error)))
        return new

    async def _change(self, row: CustomerRecord, account: Record) -> bool:
        """Whether an account had to be changed. Raises InvalidError."""
        if not _is_trusted(account):
            raise InvalidError(
                "somebody has registered with it, and not proved that it is theirs",
                field=("email",),
            )
        wanted: Record = {"external_id": row.external_id}
        if account["email_verified_at"] is None:  # nobody's own yet
            wanted |= {"name": name_of(row.name), "locale": row.locale}
        changes = {
            name: value
            for name, value in wanted.items()
            if name in row.model_fields_set and account.get(name) != value
        }
        if not changes:
            return False
        result = await users(self._context).update_one(
            {"_id": account["_id"], "version": account["version"]},
            {"$set": {**changes, "updated_at": stored_now()}, "$inc": {"version": 1}},
        )
        if not result.matched_count:
            raise InvalidError("its owner is changing the account", field=("email",))
        return True

    async def _create(self, rows: Sequence[Row[CustomerRecord]]) -> None:
        async def work(session: Session) -> None:
            for row in rows:
                await create(
                    self._context,
                    session,
                    email=row.value.email,
                    name=name_of(row.value.name),
                    password_hash=None,
                    verified=False,
                    locale=row.value.locale,
                    external_id=row.value.external_id,
                )

        if rows:
            await self._context.storage.transaction(work)


async def users_named(context: Context, names: Sequence[str]) -> dict[str, str]:
    """The keys of users by e-mail address, or by what their own import calls them.

    Of an address that somebody has merely said is theirs nobody is found.
    """
    addresses = {name: key_of(name) for name in names if "@" in name}
    keys = [key for key in addresses.values() if key is not None]
    by_email = await _found(context, "email_key", keys)
    by_name = await _found(context, "external_id", [name for name in names if "@" not in name])
    found = {name: str(one["_id"]) for name, one in by_name.items()}
    for name, key in addresses.items():
        account = by_email.get(key or "")
        if account is not None and _is_trusted(account):
            found[name] = str(account["_id"])
    return found


async def _found(context: Context, field: str, values: Sequence[str]) -> Mapping[str, Record]:
    cursor = find_by(users(context), field, values, _NEEDED)
    return {one[field]: one async for one in cursor if one["state"] != "erased"}


def _is_trusted(account: Record) -> bool:
    """Whether nobody but the address' owner gets into it."""
    is_unclaimed = account["password"] is None and not account["identities"]
    return account["email_verified_at"] is not None or is_unclaimed


def _check_same(account: Record | None, other: Record | None) -> None:
    """Refuse an external id that another account has than the address."""
    if other is not None and (account is None or other["_id"] != account["_id"]):
        raise InvalidError("another account is called so", field=("external_id",))


def _unknown(heading: str) -> str | None:
    raise InvalidError(f"there is no column '{clipped(heading, _SHOWN)}'")


def _sentence(error: DomainError) -> str:
    return f"{'.'.join(error.field or ())}: {error}"


async def _open(context: Context) -> CustomerLoad:
    return CustomerLoad(context)


CUSTOMERS = Importer(
    noun="customers",
    description="Import customers; they ask for a password when they first sign in.",
    formats=FORMATS,
    open=_open,
    batch_size=100,
)
