"""Interfaces and unions: which type an object turns out to be, and what happens if none."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLSchema

from .torture.executing import Executor, both, brief, giving, giving_later, made

pytestmark = both

SDL = """
type Query { pet: Pet pets: [Pet] must: [Pet!]! one: One ones: [One] deep: [Pet] dog: Dog }
interface Named { name: String }
interface Pet implements Named { name: String friends: [Pet!] }
type Dog implements Pet & Named { name: String barks: Boolean friends: [Pet!] }
type Cat implements Pet & Named { name: String meows: Boolean friends: [Pet!] }
type Stone { weight: Int }
union One = Dog | Cat | Stone
"""


@dataclass
class Dog:
    name: str
    barks: bool = True
    friends: Any = None


@dataclass
class Cat:
    name: str
    meows: bool = False
    friends: Any = None


@dataclass
class Stone:
    weight: int


PETS = [Dog("Odie"), Cat("Garfield"), None, Dog("Rex", barks=False)]
PETS_ASKED = "{ pets { __typename name ... on Dog { barks } ... on Cat { meows } } }"
PETS_FOUND = [
    {"__typename": "Dog", "name": "Odie", "barks": True},
    {"__typename": "Cat", "name": "Garfield", "meows": False},
    None,
    {"__typename": "Dog", "name": "Rex", "barks": False},
]


def class_name(value: Any, _info: Any, _type: Any) -> str:
    return type(value).__name__


async def class_name_later(value: Any, _info: Any, _type: Any) -> str:
    await asyncio.sleep(0)
    return type(value).__name__


def class_name_at_times_later(value: Any, _info: Any, _type: Any) -> Any:
    return class_name_later(value, None, None) if isinstance(value, Dog) else "Cat"


def is_a(kind: type) -> Callable[[Any, Any], bool]:
    return lambda value, _info: isinstance(value, kind)


def is_a_later(kind: type) -> Callable[[Any, Any], Any]:
    async def check(value: Any, _info: Any) -> bool:
        await asyncio.sleep(0)
        return isinstance(value, kind)

    return check


def schema_of(**resolvers: Any) -> GraphQLSchema:
    types = {name: found for name, found in resolvers.items() if name[0].isupper()}
    fields = {f"Query.{name}": found for name, found in resolvers.items() if name[0].islower()}
    return made(SDL, {**types, **fields})


TELLING: dict[str, dict[str, Any]] = {
    "resolve_type": {"Pet": class_name},
    "resolve_type, later": {"Pet": class_name_later},
    "resolve_type, at times later": {"Pet": class_name_at_times_later},
    "is_type_of": {"Dog": is_a(Dog), "Cat": is_a(Cat)},
    "is_type_of, later": {"Dog": is_a_later(Dog), "Cat": is_a_later(Cat)},
    "is_type_of, at times later": {"Dog": is_a_later(Dog), "Cat": is_a(Cat)},
    "both": {"Pet": class_name, "Dog": is_a(Dog), "Cat": is_a_later(Cat)},
}


@pytest.mark.parametrize("telling", TELLING.values(), ids=TELLING)
@pytest.mark.parametrize("give", [giving, giving_later], ids=["now", "later"])
async def test_each_object_is_of_its_own_type(
    execute: Executor, telling: dict[str, Any], give: Any
) -> None:
    result = await execute(schema_of(pets=give(PETS), **telling), PETS_ASKED)
    assert result.errors is None
    assert result.data == {"pets": PETS_FOUND}


@pytest.mark.parametrize("telling", TELLING.values(), ids=TELLING)
async def test_a_single_object_is_of_its_own_type(
    execute: Executor, telling: dict[str, Any]
) -> None:
    schema = schema_of(pet=giving(Cat("Tom")), **telling)
    result = await execute(
        schema, "{ pet { __typename ... on Dog { barks } ... on Cat { meows } } }"
    )
    assert result.errors is None
    assert result.data == {"pet": {"__typename": "Cat", "meows": False}}


async def test_a_union_has_fields_only_through_fragments(execute: Executor) -> None:
    schema = schema_of(ones=giving([Stone(5), Dog("Odie"), None]), One=class_name)
    text = """{ ones { ...Weight ... on Pet { name } __typename ... on Named { again: name } } }
              fragment Weight on Stone { weight }"""
    result = await execute(schema, text)
    assert result.errors is None
    assert result.data == {
        "ones": [
            {"weight": 5, "__typename": "Stone"},
            {"name": "Odie", "__typename": "Dog", "again": "Odie"},
            None,
        ]
    }


async def test_keys_come_in_the_order_of_each_types_own_selections(execute: Executor) -> None:
    schema = schema_of(pets=giving(PETS[:2]), Pet=class_name)
    text = "{ pets { ... on Cat { meows } name ... on Dog { barks name } ... on Cat { name } } }"
    result = await execute(schema, text)
    assert result.data is not None
    assert [list(pet) for pet in result.data["pets"]] == [["name", "barks"], ["meows", "name"]]


async def test_fragments_on_other_interfaces_apply(execute: Executor) -> None:
    schema = schema_of(pet=giving(Dog("Odie")), Pet=class_name)
    text = (
        "{ pet { ... on Named { ... on Cat { meows } ... on Pet { name } } ... { barks: name } } }"
    )
    assert (await execute(schema, text)).data == {"pet": {"name": "Odie", "barks": "Odie"}}


async def test_abstract_objects_nest(execute: Executor) -> None:
    rex = Dog("Rex", friends=[Cat("Tom", friends=[Dog("Odie")]), Dog("Lassie", friends=[])])
    schema = schema_of(pets=giving([rex, Cat("Alone")]), Pet=class_name_at_times_later)
    text = """{ pets { name friends { __typename name friends { name ... on Dog { barks } } } } }"""
    result = await execute(schema, text)
    assert result.errors is None
    tom = {"__typename": "Cat", "name": "Tom", "friends": [{"name": "Odie", "barks": True}]}
    lassie = {"__typename": "Dog", "name": "Lassie", "friends": []}
    assert result.data == {
        "pets": [{"name": "Rex", "friends": [tom, lassie]}, {"name": "Alone", "friends": None}]
    }


async def test_a_dictionary_names_its_own_type(execute: Executor) -> None:
    pets = [{"__typename": "Cat", "name": "Tom"}, {"__typename": "Dog", "name": "Rex"}]
    result = await execute(schema_of(pets=giving(pets)), "{ pets { name __typename } }")
    assert result.data == {
        "pets": [{"name": "Tom", "__typename": "Cat"}, {"name": "Rex", "__typename": "Dog"}]
    }


async def test_an_object_names_its_own_type_in_a_private_attribute(execute: Executor) -> None:
    class Hound:
        __typename = "Dog"
        name = "Rex"

    class Puppy(Hound):
        name = "Pup"

    schema = schema_of(pets=giving([Hound(), Puppy()]))
    assert (await execute(schema, "{ pets { __typename name } }")).data == {
        "pets": [{"__typename": "Dog", "name": "Rex"}, {"__typename": "Dog", "name": "Pup"}]
    }


MUST = "Abstract type 'Pet' must resolve to an Object type at runtime for field 'Query.pets'"
WRONG: dict[str, tuple[Any, str]] = {
    "none": (
        None,
        (
            f"{MUST}. Either the 'Pet' type should provide a 'resolve_type' function or each "
            "possible type should provide an 'is_type_of' function."
        ),
    ),
    "no name": (
        5,
        f"{MUST} with value <Dog instance>, received '5', which is not a valid Object type name.",
    ),
    "unknown": (
        "Unicorn",
        (
            "Abstract type 'Pet' was resolved to a type 'Unicorn' that does not exist inside the "
            "schema."
        ),
    ),
    "no object type": ("Named", "Abstract type 'Pet' was resolved to a non-object type 'Named'."),
    "a scalar": ("Int", "Abstract type 'Pet' was resolved to a non-object type 'Int'."),
    "not possible": ("Stone", "Runtime Object type 'Stone' is not a possible type for 'Pet'."),
    "an error": (ValueError("who knows"), "who knows"),
}


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize(("answer", "message"), WRONG.values(), ids=WRONG)
async def test_an_object_without_a_possible_type_is_an_error(
    execute: Executor, answer: Any, message: str, *, later: bool
) -> None:
    def now(value: Any, _info: Any, _type: Any) -> Any:
        if isinstance(value, Cat):
            return "Cat"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def then(value: Any, _info: Any, _type: Any) -> Any:
        return now(value, _info, _type)

    schema = schema_of(pets=giving([Cat("Tom"), Dog("Rex")]), Pet=then if later else now)
    result = await execute(schema, "{ pets { name } }")
    assert result.data == {"pets": [{"name": "Tom"}, None]}
    assert brief(result) == [(message, ["pets", 1])]
    assert result.errors is not None
    assert [tuple(place) for place in result.errors[0].locations or ()] == [(1, 3)]


async def test_no_type_that_knows_the_object_is_an_error(execute: Executor) -> None:
    schema = schema_of(pet=giving(Stone(1)), Dog=is_a(Dog), Cat=is_a_later(Cat))
    result = await execute(schema, "{ pet { name } }")
    assert result.data == {"pet": None}
    assert brief(result)[0][1] == ["pet"]
    assert "must resolve to an Object type" in brief(result)[0][0]


@pytest.mark.parametrize("check", [is_a(Dog), is_a_later(Dog)], ids=["now", "later"])
async def test_an_object_that_is_not_of_its_fields_type_is_an_error(
    execute: Executor, check: Any
) -> None:
    schema = schema_of(dog=giving(Cat("Tom")), Dog=check)
    result = await execute(schema, "{ dog { name } }")
    assert result.data == {"dog": None}
    assert brief(result) == [("Expected value of type 'Dog' but got: <Cat instance>.", ["dog"])]


@pytest.mark.parametrize("check", [is_a(Dog), is_a_later(Dog)], ids=["now", "later"])
async def test_the_type_that_is_told_is_checked(execute: Executor, check: Any) -> None:
    schema = schema_of(pets=giving([Dog("Rex"), Cat("Tom")]), Pet=lambda *_: "Dog", Dog=check)
    result = await execute(schema, "{ pets { name } }")
    assert result.data == {"pets": [{"name": "Rex"}, None]}
    assert brief(result) == [("Expected value of type 'Dog' but got: <Cat instance>.", ["pets", 1])]


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
async def test_a_check_that_raises_fails_its_own_object(execute: Executor, *, later: bool) -> None:
    def now(value: Any, _info: Any) -> bool:
        if value.name == "Rex":
            raise ValueError("can't tell")
        return isinstance(value, Dog)

    async def then(value: Any, info: Any) -> bool:
        return now(value, info)

    schema = schema_of(
        pets=giving([Dog("Rex"), Dog("Odie"), Cat("Tom")]),
        Dog=then if later else now,
        Cat=is_a(Cat),
    )
    result = await execute(schema, "{ pets { name } }")
    assert result.data == {"pets": [None, {"name": "Odie"}, {"name": "Tom"}]}
    assert brief(result) == [("can't tell", ["pets", 0])]


async def test_a_failing_object_falls_as_far_as_its_list(execute: Executor) -> None:
    schema = schema_of(must=giving([Dog("Rex"), Stone(1)]), Pet=class_name)
    result = await execute(schema, "{ must { name } pets { name } }")
    assert result.data is None
    assert brief(result) == [
        ("Runtime Object type 'Stone' is not a possible type for 'Pet'.", ["must", 1])
    ]


async def test_resolve_type_is_told_what_a_resolver_is_told(execute: Executor) -> None:
    told = []

    def telling(value: Any, info: Any, type_: Any) -> str:
        told.append((info.field_name, str(info.return_type), str(type_), info.context))
        assert info.parent_type.name == "Query"
        assert info.path.key in {"pets", "found"}
        return type(value).__name__

    schema = schema_of(pets=giving(PETS), Pet=telling)
    await execute(schema, "{ found: pets { name } }", context="told")
    assert told == [("pets", "[Pet]", "Pet", "told")] * 3


async def test_an_interface_whose_type_nobody_tells_is_an_error(execute: Executor) -> None:
    result = await execute(schema_of(pet=giving(Dog("Rex"))), "{ pet { name } }")
    assert result.data == {"pet": None}
    assert "must resolve to an Object type at runtime" in brief(result)[0][0]


async def test_typename_needs_no_other_field(execute: Executor) -> None:
    schema = schema_of(ones=giving([Stone(1), Dog("Rex")]), One=class_name)
    result = await execute(schema, "{ ones { __typename } }")
    assert result.data == {"ones": [{"__typename": "Stone"}, {"__typename": "Dog"}]}


async def test_objects_of_a_type_without_selections_are_empty(execute: Executor) -> None:
    schema = schema_of(ones=giving([Stone(1), Dog("Rex")]), One=class_name)
    result = await execute(schema, "{ ones { ... on Dog { barks } } }")
    assert result.data == {"ones": [{}, {"barks": True}]}
