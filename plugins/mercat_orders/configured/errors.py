from mercat.errors import DomainError


class InSettingsError(DomainError):
    """It stands in engine.toml, where the API changes nothing."""

    code = "IN_SETTINGS"


class KeyTakenError(DomainError):
    """Another one has the key."""

    code = "KEY_TAKEN"


class TooManyKeptError(DomainError):
    """There are as many as there may be."""

    code = "TOO_MANY"
