"""The argument `locale` of a root field: all that is selected below it is in that locale too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphql import FieldNode

from mercat.context import Context

ARGUMENT = "locale"


def names_locale(node: FieldNode) -> bool:
    """Whether a field of an operation is given a locale."""
    return any(argument.name.value == ARGUMENT for argument in node.arguments or ())


def context_in(context: Any, arguments: Mapping[str, Any]) -> Any:
    """The context for a field with these arguments and for what lies below it.

    It has loaders of its own, so that nothing is loaded together in two locales. A locale that the
    shop doesn't have changes nothing: the field's resolver refuses it.
    """
    locale = arguments.get(ARGUMENT)
    if not isinstance(context, Context) or locale not in context.shop.all_locales:
        return context
    return replace(context, languages=locale, loaders={})
