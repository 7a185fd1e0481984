"""Where mails go: one that sends, and two for development."""

from typing import Protocol

from mercat.engine import Engine
from mercat.errors import BootError
from mercat_notifications.backends.console import ConsoleBackend
from mercat_notifications.backends.file import FileBackend
from mercat_notifications.backends.smtp import SmtpBackend
from mercat_notifications.making import Mail
from mercat_notifications.settings import NotificationSettings

_SECTION = "[plugins.notifications]"


class Backend(Protocol):
    """One way for mails to go."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises RefusedError for good, UnsentError for now."""

    async def close(self) -> None:
        """Let go of what is open."""


def backend_for(engine: Engine) -> Backend:
    """The backend of an engine's settings. Raises BootError."""
    settings = engine.plugin_settings(NotificationSettings)
    chosen = settings.backend or ("file" if settings.smtp is None else "smtp")
    if engine.settings.shop.production:
        _check_production(settings, chosen)
    if chosen == "console":
        return ConsoleBackend()
    if chosen == "file":
        return FileBackend(engine.storage.data_dir)
    if settings.smtp is None:
        raise BootError(
            f'{_SECTION} backend is "smtp"; say with [plugins.notifications.smtp] where'
        )
    if settings.sender is None:
        raise BootError(f"{_SECTION} sender is not set; say whom mails are from")
    return SmtpBackend(settings.smtp)


def _check_production(settings: NotificationSettings, chosen: str) -> None:
    if chosen != "smtp":
        raise BootError(
            f"{_SECTION} has no mail server; set host in [plugins.notifications.smtp], or take "
            "'notifications' out of [plugins] enabled"
        )
    if settings.public_url is None:
        raise BootError(
            f"{_SECTION} public_url is not set; set it to the engine's address as people know it, "
            "where links for unsubscribing lead"
        )
