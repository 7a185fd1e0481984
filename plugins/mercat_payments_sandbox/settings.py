from pydantic import Field, SecretStr

from mercat.manifest import PluginSettings


class SandboxSettings(PluginSettings):
    """`[plugins.payments_sandbox]`."""

    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#]+$")
    """Where buyers reach the simulated company's pages, such as `https://shop.example`."""

    account: str = Field(default="shop", min_length=1, max_length=100)
    """The shop's account at the company; messages about another one's payments are passed over."""

    webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """What messages are signed with."""

    expires_minutes: int = Field(default=30, ge=1, le=1440)
    """How long a buyer has for the page."""

    late_seconds: int = Field(default=10, ge=1, le=3600)
    """How late a message is that is to be late."""

    settle_seconds: int = Field(default=5, ge=1, le=3600)
    """How long a payment takes that has timed out."""
