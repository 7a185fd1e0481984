"""Mutations that a document has once, so that one request is one guess, and one message."""

from mercat.context import Context
from mercat.errors import InvalidError


def check_once(context: Context, mutation: str) -> None:
    """Raise InvalidError where the operation has asked for this mutation before."""
    key = ("once", mutation)
    if key in context.loaders:  # one operation's
        raise InvalidError(f"an operation has `{mutation}` once")
    context.loaders[key] = True
