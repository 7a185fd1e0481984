"""Keys that nobody guesses."""

import secrets

_BYTES = 16


def random_key() -> str:
    """128 random bits as 22 characters that URLs take."""
    return secrets.token_urlsafe(_BYTES)
