"""What goes wrong when a mail is made or sent."""

from mercat.errors import MercatError


class TemplateFaultError(MercatError):
    """A template can't be used; the message names its file and line."""


class RefusedError(MercatError):
    """The mail server won't ever take a mail for this address (RFC 5321, 4.2.1: 5yz)."""


class UnsentError(MercatError):
    """The mail wasn't taken, and may be the next time."""
