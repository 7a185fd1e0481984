from mercat.errors import DomainError


class LastAdminError(DomainError):
    """The shop would have nobody left who may do everything."""

    code = "LAST_ADMIN"


class NotYoursToGiveError(DomainError):
    """Somebody would get, or has, more permissions than who asks."""

    code = "NOT_YOURS_TO_GIVE"


class NameTakenError(DomainError):
    """There is one with that name."""

    code = "NAME_TAKEN"


class InUseError(DomainError):
    """Something goes by it still."""

    code = "IN_USE"
