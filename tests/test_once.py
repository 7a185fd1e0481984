"""Mutations that a document has once: every one that guesses, and the checkout."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLSchema, get_named_type

from mercat.engine import Engine
from mercat.graphql.documents import InvalidDocument
from mercat.graphql.once import once_fields
from mercat.settings import load_settings

_GUESSED = re.compile(r"(?i)(?<!postal)(?<!bar)(password|code|token|proof|challenge|passkey)$")
# What they take is nobody's proof: whoever is signed out gains nothing.
_NO_GUESS = {"logout"}


@pytest.fixture(scope="module", name="engine")
def made() -> Engine:
    return Engine(load_settings(Path(__file__).parents[1] / "engine.toml"))


def names(type_: GraphQLInputType, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Those of all fields inside of an input type."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType) and named.name not in seen:
        for name, field in named.fields.items():
            yield name
            yield from names(field.type, (*seen, named.name))


def guessing(schema: GraphQLSchema) -> set[str]:
    """The mutations that take something which only its owner knows."""
    root = schema.mutation_type
    assert root is not None
    return {
        name
        for name, field in root.fields.items()
        for argument in field.args.values()
        if any(_GUESSED.search(each) for each in names(argument.type))
    }


def test_whatever_takes_a_proof_is_asked_once_a_document(engine: Engine) -> None:
    schema = engine.schema._schema
    found = guessing(schema)
    assert {"login", "loginConfirm", "passwordReset", "mfaConfirm", "refreshToken"} <= found
    assert found - _NO_GUESS <= once_fields(schema)


@pytest.mark.parametrize(
    "name", ["register", "passwordResetRequest", "checkoutComplete", "paymentStart"]
)
def test_messages_and_orders_are_asked_for_once_a_document(engine: Engine, name: str) -> None:
    kind = name[0].upper() + name[1:]
    document = (
        f"mutation ($i: {kind}Input!) {{ {name}(input: $i) {{ __typename }} ...F }}"
        f" fragment F on Mutation {{ again: {name}(input: $i) {{ __typename }} }}"
    )
    with pytest.raises(InvalidDocument, match=f"has `{name}` more than once"):
        engine.documents.get(document)
    once = f"mutation ($i: {kind}Input!) {{ {name}(input: $i) {{ __typename }} }}"
    assert engine.documents.get(once).operations
