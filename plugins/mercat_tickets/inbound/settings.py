from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from mercat.emails import key_of
from mercat_tickets.inbound.signatures import secret_of


def _mailbox(value: str) -> str:
    local = value.partition("@")[0]
    if key_of(value) is None or "+" in local or len(local) > _LONGEST_LOCAL:
        raise ValueError("it must be an address of up to 28 characters before the @, without a +")
    return value


def _secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for one in value:
        secret_of(one.get_secret_value())
    return value


_LONGEST_LOCAL = 28  # a number of 18 digits and a code of 16 letters go behind it (RFC 5321: 64)


class InboundSettings(BaseModel):
    """`[plugins.tickets.inbound]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    mailbox: Annotated[str, AfterValidator(_mailbox)]
    """Where people write to; mails to it, also with a + and more before the @, come in."""

    secrets: Annotated[
        tuple[SecretStr, ...], Field(min_length=1, max_length=5), AfterValidator(_secrets)
    ]
    """What the mail provider signs with (`whsec_...`, Standard Webhooks); several while one is
    replaced."""

    max_bytes: int = Field(default=10_000_000, ge=1_000, le=25 * 1024 * 1024)
    """The largest mail that is taken."""
