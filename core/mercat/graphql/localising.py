"""The argument `locale` of a root field: all that is selected below it is in that locale too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import strawberry
from graphql import FieldNode

from mercat.context import Context
from mercat.errors import InvalidError

ARGUMENT = "locale"

Locale = Annotated[
    str | None,
    strawberry.argument(
        description="The shop's locale of its texts; what Accept-Language prefers where left out."
    ),
]


def names_locale(node: FieldNode) -> bool:
    """Whether a field of an operation is given a locale."""
    return any(argument.name.value == ARGUMENT for argument in node.arguments or ())


def context_in(context: Any, arguments: Mapping[str, Any]) -> Any:
    """The context for a field with these arguments and for what lies below it.

    It has loaders of its own, so that nothing is loaded together in two locales. A locale that the
    shop doesn't have changes nothing: the field's resolver refuses it by `check_locale`.
    """
    locale = arguments.get(ARGUMENT)
    if not isinstance(context, Context) or locale not in context.shop.all_locales:
        return context
    return replace(context, languages=locale, loaders={})


def check_locale(context: Context, locale: str | None) -> None:
    """Refuse a locale that the shop doesn't have. Raises InvalidError."""
    if locale is not None and locale not in context.shop.all_locales:
        known = ", ".join(context.shop.all_locales)
        raise InvalidError(f"the shop has no locale '{locale[:20]}'; it has {known}")
