"""Mails in the terminal, for development."""

import sys

from mercat_notifications.making import Mail


class ConsoleBackend:
    """Writes the head of each mail and its text."""

    async def send(self, mail: Mail) -> None:
        message = mail.message
        body = message.get_body(("plain",))
        lines = [f"{name}: {message[name]}" for name in ("To", "From", "Subject", "Message-ID")]
        text = "" if body is None else body.get_content()
        sys.stdout.write("\n".join([*lines, "", text, ""]))
        sys.stdout.flush()

    async def close(self) -> None:
        pass
