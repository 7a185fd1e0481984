from pydantic import Field, SecretStr

from mercat.manifest import PluginSettings


class StripeSettings(PluginSettings):
    """`[plugins.payments_stripe]`."""

    secret_key: SecretStr | None = None
    """The account's secret or restricted key, `sk_...` or `rk_...`."""

    publishable_key: str | None = Field(default=None, pattern=r"^pk_[a-z]+_\S+$")
    """What the client's Stripe.js is started with; handed to it with each payment."""

    webhook_secrets: tuple[SecretStr, ...] = ()
    """What messages are signed with, `whsec_...`: several while one takes another's place."""

    tolerance_seconds: int = Field(default=300, ge=1, le=3600)
    """How old a message may be."""

    timeout_seconds: int = Field(default=8, ge=1, le=9)
    """How long one request may take; what the shop asks takes two at most, and has 20 s."""

    expires_minutes: int = Field(default=60, ge=5, le=1440)
    """How long a buyer has to pay what was begun."""

    shop: str = Field(default="mercat", min_length=1, max_length=100)
    """What the shop's payments are marked with; of shops that share an account each has its own."""

    name: str = Field(default="Card", min_length=1, max_length=100)
    """What the buyer reads."""

    description: str = Field(default="", max_length=500)

    payment_method_types: tuple[str, ...] = ()
    """Stripe's names of the ways to pay, such as `card`; left out, those of its dashboard."""

    currencies: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    api_url: str = Field(default="https://api.stripe.com", pattern=r"^https?://[^\s/?#]+$")
    """Another one is for tests against a simulated Stripe."""
