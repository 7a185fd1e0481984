from pydantic import Field

from mercat.manifest import PluginSettings


class WebhookSettings(PluginSettings):
    """`[plugins.webhooks]`."""

    max_endpoints: int = Field(default=100, ge=1, le=1_000)
    """How many endpoints there may be."""

    disable_days: int = Field(default=5, ge=1, le=30)
    """After how many days of nothing but failures an endpoint is switched off."""

    keep_days: int = Field(default=30, ge=4, le=365)
    """How long it is kept what was sent, and what came back."""

    timeout_seconds: int = Field(default=15, ge=1, le=30)
    """How long an endpoint may take to answer."""

    allow_private: bool = False
    """Whether endpoints may be at addresses that aren't public; without TLS on one's own machine
    alone."""
