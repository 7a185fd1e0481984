"""Telling people something: that somebody is to be told, and the kinds of messages there are.

A plugin says through the outbox that somebody is to be told something, in the transaction of what
it is about; a plugin that sends messages asks the message's kind for everything else when it makes
the message. Between the two lies hardly anything personal.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mercat.context import Context
from mercat.hooks import hookspec
from mercat.storage import Session


@dataclass(frozen=True, slots=True)
class Message:
    """Somebody is to be told something: each recipient once for each `key`.

    `kind` is the name of a MessageKind. `subject` is the key of what it is about, of which its kind
    reads who is told and what. `to` and `locale` are given where nobody can read them any more by
    then.
    """

    key: str
    kind: str
    subject: str
    to: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told, in which locale; `user` is the key of their account, where they have one."""

    to: str
    locale: str
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class MessageKind:
    """What people can be told; `name` is its plugin's name, a dot and what: `orders.shipped`.

    `title` says it in a few words. The folder `templates` has `<locale>/<name>.txt`, whose first
    line is its subject, and `<locale>/<name>.html`; those of `en` at least. `recipients` are read
    when the message comes out of the outbox, nobody being no fault. `facts` are what the templates
    are given, in a locale, each time that one is made: texts, numbers, datetimes, Amounts, and
    lists and mappings of these; None where there is nothing to be told any more. They may hold
    secrets, as they are stored nowhere; `reply_to` is the address that answers go to. `sample` are
    facts as they might be.

    One that isn't transactional is sent to nobody who doesn't want it (RFC 8058).
    """

    name: str
    title: str
    templates: Path
    recipients: Callable[[Context, Message], Awaitable[Sequence[Recipient]]]
    facts: Callable[[Context, Message, str], Awaitable[Mapping[str, Any] | None]]
    sample: Callable[[str], Mapping[str, Any]]
    is_transactional: bool = True


@hookspec
def message_kinds() -> Sequence[MessageKind]:  # type: ignore[empty-body]
    """The kinds of messages that the plugin has people told."""


@hookspec
async def message_due(context: Context, message: Message) -> None:
    """Tell somebody something. Told through the outbox, at least once."""


@hookspec
async def seller_recipients(context: Context, seller: str) -> Sequence[Recipient] | None:
    """Who is told what concerns a seller, by its key."""


async def tell(context: Context, within: Session | None, message: Message) -> None:
    """Have somebody told something, in the transaction of what it is about."""
    await context.engine.outbox.add(within, message_due, context, message)


async def recipients_of(context: Context, seller: str) -> list[Recipient]:
    """Everybody who is told what concerns a seller."""
    found = await context.hooks.collect(seller_recipients, context, seller)
    return [one for some in found for one in some]


async def addressee(context: Context, message: Message) -> Sequence[Recipient]:
    """The `recipients` of a kind whose messages have the address with them."""
    if message.to is None:
        return ()
    return (Recipient(message.to, message.locale or context.shop.locale),)
