"""Mails to a mail server (RFC 5321), over a few connections that are used again."""

import asyncio
import ssl
import time
from dataclasses import dataclass

import aiosmtplib

from mercat.errors import BootError
from mercat_notifications.errors import RefusedError, UnsentError
from mercat_notifications.making import Mail
from mercat_notifications.settings import SmtpSettings

_MOST_MAILS = 100  # of a connection: servers end long ones
_IDLE_SECONDS = 15.0
_PERMANENT = 500


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    mails: int = 0
    used_at: float = 0.0

    @property
    def is_fresh(self) -> bool:
        idle = time.monotonic() - self.used_at
        return self.client.is_connected and self.mails < _MOST_MAILS and idle < _IDLE_SECONDS


class SmtpBackend:
    """One engine's: as many connections as its queue sends mails at once."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._tls = _tls_of(settings)
        self._idle: list[_Connection] = []

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises RefusedError, UnsentError."""
        connection = await self._connection()
        try:
            await _hand_over(connection.client, mail)
        except aiosmtplib.SMTPException as error:
            await self._done(connection, is_good=isinstance(error, _ANSWERS))
            raise _what(error) from None
        except BaseException as error:
            connection.client.close()
            if isinstance(error, OSError | TimeoutError):
                raise UnsentError(type(error).__name__) from None
            raise
        await self._done(connection, is_good=True)

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_quit(one) for one in idle))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh and await self._answers(connection):
                return connection
            await _quit(connection)
        return _Connection(await self._connected())

    async def _answers(self, connection: _Connection) -> bool:
        """Whether the server is still there: that a mail wasn't sent twice could not be told."""
        try:
            await connection.client.rset()
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True

    async def _connected(self) -> aiosmtplib.SMTP:
        given = self._settings
        client = aiosmtplib.SMTP(
            hostname=given.host,
            port=given.known_port,
            timeout=given.timeout_seconds,
            use_tls=given.security == "tls",
            start_tls=given.security == "starttls",
            tls_context=self._tls,
        )
        try:
            await client.connect()
            if given.user is not None and given.password is not None:
                await client.login(given.user, given.password.get_secret_value())
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise UnsentError(_answer(error)) from None
        except BaseException:
            client.close()
            raise
        return client

    async def _done(self, connection: _Connection, *, is_good: bool) -> None:
        connection.mails += 1
        connection.used_at = time.monotonic()
        if is_good and connection.is_fresh:
            self._idle.append(connection)
        else:
            await _quit(connection)


async def _hand_over(client: aiosmtplib.SMTP, mail: Mail) -> None:
    options = ["SMTPUTF8"] if mail.needs_utf8 else []
    # Not `send_message`, which folds headers by a policy of its own.
    await client.sendmail(mail.sender, [mail.to], mail.raw, mail_options=options)


_ANSWERS = (
    aiosmtplib.SMTPRecipientsRefused,
    aiosmtplib.SMTPDataError,
    aiosmtplib.SMTPSenderRefused,
)


def _what(error: aiosmtplib.SMTPException) -> RefusedError | UnsentError:
    """What the server's answer to a mail means: about its address, for good; or else for now.

    A refused sender is nothing that the address can help.
    """
    refusal: object = error
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refusal = error.recipients[0]
    if isinstance(refusal, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        words = f"{refusal.code} {refusal.message}"
        return RefusedError(words) if refusal.code >= _PERMANENT else UnsentError(words)
    return UnsentError(_answer(error))


def _answer(error: BaseException) -> str:
    """What the server said; of other errors their type alone, as they may quote what was sent."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"{error.code}: the mail server takes neither user nor password"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return type(error).__name__


async def _quit(connection: _Connection) -> None:
    try:
        await connection.client.quit()
    except (aiosmtplib.SMTPException, OSError):
        connection.client.close()


def _tls_of(settings: SmtpSettings) -> ssl.SSLContext | None:
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError:
        raise BootError(
            f"[plugins.notifications.smtp] ca_file: {settings.ca_file} has no certificates that "
            "can be read"
        ) from None
