"""`mercat user`: the first admin, and who else there is."""

import sys
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import click

from mercat.auth import Subject
from mercat.cli.settings import with_engine
from mercat.context import Context
from mercat.emails import email_of
from mercat.errors import DomainError, MercatError, NotFoundError
from mercat.storage import Record, Session
from mercat.storage.pages import PageRequest
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts import service as accounts
from mercat_auth.audit.service import record
from mercat_auth.errors import EmailTakenError
from mercat_auth.mfa.resetting import reset_factors
from mercat_auth.passwords import rules
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.roles import users
from mercat_auth.roles.editing import touch_roles
from mercat_auth.tokens import sessions

_PAGE = 100
_MOST_FILE_BYTES = 10_000


def _with_context(config: Path | None, work: Callable[[Context], Awaitable[None]]) -> None:
    with_engine(config, lambda engine: work(engine.context()))


_password_file = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Read the password from there, and not from a terminal; - is the standard input.",
)


@click.group()
def user() -> None:
    """The accounts of people."""


@user.command()
@click.option("--role", "roles", multiple=True, help="Such as admin; may be given several times.")
@click.option("--email", help="The address; asked for if left out.")
@click.option("--name", help="The person's name.")
@_password_file
@click.pass_obj
def create(
    config: Path | None,
    *,
    roles: tuple[str, ...],
    email: str | None,
    name: str | None,
    password_file: Path | None,
) -> None:
    """Add an account; its password is asked for, twice, and never has a default."""
    if not sys.stdin.isatty() and (email is None or password_file is None):
        raise click.UsageError("there is no terminal to ask at; give --email and --password-file")
    to = email or click.prompt("E-mail address")
    password = _password(password_file)

    async def add(context: Context) -> None:
        made = await create_user(context, to, password, name=name, roles=_names(roles))
        shown = ", ".join(made["roles"]) or "no role but that of a customer"
        click.echo(f"{made['email']} has an account, with {shown}.")

    _with_context(config, add)


@user.command("list")
@click.option("--role", help="Only those with this role.")
@click.pass_obj
def list_users(config: Path | None, *, role: str | None) -> None:
    """List the accounts, the newest first."""
    wanted = users.Wanted(role=None if role is None else role.upper())

    async def show(context: Context) -> None:
        request: PageRequest | None = PageRequest(_PAGE)
        while request is not None:
            page = await users.user_page(context, wanted, request)
            for found in page.records:
                click.echo(_line(found))
            last = page.records[-1]["number"] if page.has_next else None
            request = None if last is None else PageRequest(_PAGE, last)

    _with_context(config, show)


@user.command("roles")
@click.argument("email")
@click.argument("roles", nargs=-1)
@click.option("--none", "nothing", is_flag=True, help="Take all roles away.")
@click.pass_obj
def set_roles(config: Path | None, *, email: str, roles: tuple[str, ...], nothing: bool) -> None:
    """Give the account of EMAIL these ROLES and take the others; show them if none are named."""
    if nothing and roles:
        raise click.UsageError("name roles, or give --none")

    async def change(context: Context) -> None:
        found = await _account(context, email)
        if roles or nothing:
            found = await users.set_roles(context, found["_id"], _names(roles))
        click.echo(_line(found))

    _with_context(config, change)


@user.command("password")
@click.argument("email")
@_password_file
@click.pass_obj
def set_password(config: Path | None, *, email: str, password_file: Path | None) -> None:
    """Give the account of EMAIL another password, which is asked for, twice; all sessions end."""
    if not sys.stdin.isatty() and password_file is None:
        raise click.UsageError("there is no terminal to ask at; give --password-file")
    password = _password(password_file)

    async def change(context: Context) -> None:
        found = await replace_password(context, email, password)
        click.echo(f"{found['email']} has another password, and is signed out everywhere.")

    _with_context(config, change)


@user.command("reset-factors")
@click.argument("email")
@click.option("--reason", default="mercat user reset-factors", help="Why; for the audit log.")
@click.pass_obj
def reset(config: Path | None, *, email: str, reason: str) -> None:
    """Take away all second factors of EMAIL, who has lost them; all sessions end."""

    async def change(context: Context) -> None:
        found = await _account(context, email)
        await reset_factors(context, found["_id"], reason)
        click.echo(f"{found['email']} has no second factor, and is signed out everywhere.")

    _with_context(config, change)


async def replace_password(context: Context, email: str, password: str) -> Record:
    """Set the password of an address' account. Raises NotFoundError, WeakPasswordError."""
    found = await _account(context, email)
    checked = rules.check(context, password, [found["email"], found["name"]], ("password",))
    digest = await hashing_of(context).hash(checked)
    key, values = found["_id"], {"password": digest, "password_changed_at": datetime.now(UTC)}

    async def work(session: Session) -> Record:
        stored = await users.stored_user(context, session, key)
        changed = await users.change_user(context, session, stored, {"$set": values})
        await sessions.end_all(context, key, session)
        await links.end_all(context, session, key)
        await messages.send(context, session, "password_changed", changed["email"], changed)
        await users.log_deed(context, session, "user.password_changed", key)
        return changed

    return await context.storage.transaction(work)


async def create_user(
    context: Context, email: str, password: str, *, name: str | None, roles: Collection[str]
) -> Record:
    """An account whose address counts as verified. Raises MercatError, whose text says why not."""
    to = email_of(email)
    checked = rules.check(context, password, [to.shown, name], ("password",))
    digest = await hashing_of(context).hash(checked)
    wanted = users.checked_roles(roles)

    async def work(session: Session) -> Record:
        await touch_roles(context, session, wanted)
        made = await accounts.create(
            context,
            session,
            email=to.shown,
            name=name,
            password_hash=digest,
            verified=True,
            roles=sorted(wanted),
        )
        about = Subject("User", str(made["_id"]))
        await record(context, session, "user.created", about, roles=" ".join(sorted(wanted)))
        return made

    try:
        return await context.storage.transaction(work)
    except EmailTakenError:
        raise MercatError(
            f"{to.shown} has an account already; mercat user roles changes what it may"
        ) from None
    except DomainError as error:
        raise MercatError(str(error)) from None


async def _account(context: Context, email: str) -> Record:
    found = await accounts.find_by_email(context, email)
    if found is None:
        raise NotFoundError(f"nobody has the address {email}; see mercat user list")
    return found


def _password(file: Path | None) -> str:
    if file is None:
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    with click.open_file(str(file), "rb") as opened:
        content: bytes = opened.read(_MOST_FILE_BYTES)
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("the password file is no UTF-8 text") from None


def _names(roles: Collection[str]) -> list[str]:
    return [role.upper() for role in roles]


def _line(found: Record) -> str:
    shown = found["email"] or "(erased)"
    roles = " ".join(found["roles"]) or "-"
    made = f"{found['created_at']:%Y-%m-%d}"
    return f"{found['_id']}  {made}  {found['state']:<9}  {shown:<40}  {roles}"
