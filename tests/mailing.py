"""Mails as tests read them, and a mail server of their own."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CODE = re.compile(r"[\w-]{22}\.[\w-]{43}(?![\w-])")


def mails_in(folder: Path) -> list[EmailMessage]:
    """The mails that were written to a folder, the first one first."""
    return [read(file.read_bytes()) for file in sorted(folder.glob("*.eml"))]


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """One of a mail's two parts: `plain` or `html`."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def code_in(mail: EmailMessage) -> str:
    """What the link of a mail carries."""
    found = _CODE.search(text_of(mail))
    assert found is not None, text_of(mail)
    return found[0]


@dataclass
class Mailbox:
    """What came to a mail server; `answers` are what it says to an address, `after` to its mail.

    `slow` are addresses for which it takes `slow_seconds` before it takes a mail; `reached` those
    that it was asked for, refused or not.
    """

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    slow_seconds: float = 60.0
    reached: list[str] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    was_encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.reached.append(address)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (to,) = envelope.rcpt_tos
        if to in self.slow:
            await asyncio.sleep(self.slow_seconds)
        if to in self.after:
            return self.after[to]
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.mails.append(read(content))
        self.sessions.add(id(session))
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


@dataclass
class MailServer:
    """A real mail server on the loopback; `port` is where."""

    port: int
    box: Mailbox


@asynccontextmanager
async def mail_server(
    port: int = 0, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    """Run a mail server in this loop."""
    box = Mailbox()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(SMTP(box, hostname="localhost", tls_context=tls, **options))
        return made[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port)
    try:
        yield MailServer(server.sockets[0].getsockname()[1], box)
    finally:
        server.close()
        for each in made:
            if each.transport is not None:
                each.transport.close()
        await asyncio.sleep(0)


def smtp_toml(port: int, more: str = "", **settings: object) -> str:
    """The tables of engine.toml that send mails to a server."""
    given = {"host": "127.0.0.1", "port": port, "security": "none", **settings}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
    return (
        '[plugins.notifications]\nsender = "The Shop <shop@shop.example>"\n'
        f"{more}\n[plugins.notifications.smtp]\n{lines}\n"
    )


def self_signed(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file
