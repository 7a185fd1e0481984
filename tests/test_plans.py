"""When operations are compiled, what a plan asks of plugins, and what it may cost."""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Sequence
from statistics import median
from types import CodeType, SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from graphql.execution.values import VariableValues
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from mercat.engine import Engine
from mercat.graphql import rows
from mercat.graphql.batching import batched
from mercat.graphql.compile import MOST_FIELDS
from mercat.graphql.context import Info
from mercat.graphql.documents import MOST_VARIANTS, Documents, InvalidDocument
from mercat.graphql.execution import execute_document
from mercat.graphql.extend import Contribution, MergedSchema, Mutation, Query, extend
from mercat.graphql.records import reads, stored, wanted_keys
from mercat.settings import GraphQLSettings, Settings
from tests.conftest import ClientFor

NAMES = ("Ada", "Bo", "Cy")
LOADED: list[Any] = []
ORDER: list[str] = []


async def _friends(people: list["Person"], info: Info, most: int = 2) -> list[list["Person"]]:
    LOADED.append(("friends", len(people), most))
    return [[Person(name=f"{person.name}{n}") for n in range(most)] for person in people]


def _initials(people: list["Person"], _info: Info) -> list[str]:
    LOADED.append(("initials", len(people)))
    return [person.name[:1] for person in people]


async def _too_few(people: list["Person"], _info: Info) -> list[str | None]:
    return [None for _ in people[1:]]


async def _failing(people: list["Person"], _info: Info) -> list[str | None]:
    raise ValueError(f"{len(people)} people")


class Nobody(BasePermission):
    message = "nobody may"
    error_extensions = {"code": "FORBIDDEN"}

    def has_permission(self, *_: Any, **__: Any) -> bool:
        return False


class Shouting(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> str:
        return str(next_(source, info, **kwargs)).upper()


@strawberry.input
class Word:
    text: str
    times: int = 1
    more: list[str] = strawberry.field(default_factory=list)


@strawberry.type
class Person:
    name: str

    @strawberry.field(permission_classes=[Nobody])
    def secret(self) -> str | None:
        return "hunter2"

    @strawberry.field(extensions=[Shouting()])
    def shouted(self) -> str:
        return self.name

    @strawberry.field
    def said(self, word: Word, info: Info) -> str:
        word.more.append("!")
        return f"{self.name}: {word.text * word.times}{len(word.more)} {info.path.as_list()}"

    @strawberry.field
    async def later(self, suffix: str = "?") -> str:
        return self.name + suffix


@extend(Person)
class PersonRelations:
    friends = batched("Friends.", _friends)
    initial = batched("The first letter.", _initials)
    too_few = batched("Answers for fewer.", _too_few)
    failing = batched("Fails.", _failing)


@strawberry.type
class Card:
    name: str = stored("name", "Its name.")
    size: int = stored("sizes", "How many sizes.", convert=len, default=0)
    record: strawberry.Private[dict[str, Any]]

    @strawberry.field
    @reads("front", "back")
    def sides(self) -> str:
        return f"{self.record['front']}/{self.record['back']}"

    @strawberry.field
    def everything(self) -> int:
        return len(self.record)

    @strawberry.field
    @reads()
    def other(self) -> "Card":
        return self


@strawberry.type
class Deck:
    cards: list[Card]


@extend(Query)
class PlanQuery:
    @strawberry.field
    @staticmethod
    def people() -> list[Person]:
        return [Person(name=name) for name in NAMES]

    @strawberry.field
    @staticmethod
    def cards(info: Info) -> Deck:
        keys = wanted_keys(info, Card)
        LOADED.append(keys)
        whole = {"name": "ace", "sizes": None, "front": 1, "back": 2}
        kept = {key: value for key, value in whole.items() if keys is None or key in keys}
        return Deck(cards=[Card(record=kept)])


@extend(Mutation)
class PlanMutation:
    @strawberry.mutation
    @staticmethod
    async def first(name: str) -> str | None:
        ORDER.append(f"{name} starts")
        await _turns(3)
        ORDER.append(f"{name} ends")
        return name

    @strawberry.mutation
    @staticmethod
    async def fails() -> str:
        ORDER.append("fails")
        raise ValueError("no")


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def schema() -> MergedSchema:
    return MergedSchema(
        [Contribution("test", [PlanQuery, PlanMutation, PersonRelations])], {}, suggestions=True
    )


@pytest.fixture(autouse=True)
def fresh() -> None:
    LOADED.clear()
    ORDER.clear()


def documents(schema: MergedSchema, compile_at: int | None = 1, **limits: Any) -> Documents:
    return Documents(
        schema._schema, GraphQLSettings(**limits), introspection=True, compile_at=compile_at
    )


async def ask(
    schema: MergedSchema, kept: Documents, text: str, variables: dict[str, Any] | None = None
) -> ExecutionResult:
    context = SimpleNamespace(loaders={})
    return await execute_document(schema._schema, kept.get(text), context, variables=variables)


async def both(schema: MergedSchema, text: str, variables: Any = None) -> dict[str, Any] | None:
    """The data of a plan's answer, which must be graphql-core's."""
    compiled = documents(schema)
    found = await ask(schema, compiled, text, variables)
    seen = list(LOADED)
    assert compiled.get(text).plan_count == 1
    expected = await ask(schema, documents(schema, None), text, variables)
    assert found.formatted == expected.formatted
    LOADED[:] = seen
    return found.data


# When


async def test_an_operation_is_compiled_when_it_is_asked_again(schema: MergedSchema) -> None:
    kept = documents(schema, 2)
    text = "{ people { name } }"
    for plans in (0, 1, 1):
        found = await ask(schema, kept, text)
        assert found.data == {"people": [{"name": "Ada"}, {"name": "Bo"}, {"name": "Cy"}]}
        assert kept.get(text).plan_count == plans
    assert kept.executions == {"first sight": 1, "compiled": 2}


async def test_switched_off_nothing_is_compiled(schema: MergedSchema) -> None:
    kept = documents(schema, None)
    for _ in range(3):
        await ask(schema, kept, "{ people { name } }")
    assert kept.executions == {"switched off": 3}


async def test_each_operation_of_a_document_has_its_own_plan(schema: MergedSchema) -> None:
    kept = documents(schema)
    document = kept.get("query A { people { name } } query B { people { initial } }")
    for name, key in (("A", "name"), ("B", "initial"), ("A", "name")):
        found = await execute_document(
            schema._schema, document, SimpleNamespace(loaders={}), operation_name=name
        )
        assert found.data is not None
        assert list(found.data["people"][0]) == [key]
    assert document.plan_count == 2


async def test_each_combination_of_switches_has_its_plan_up_to_a_bound(
    schema: MergedSchema,
) -> None:
    names = [f"s{n}" for n in range(5)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    text = f"query ({declared}) {{ people {{ initial {fields} }} }}"
    kept = documents(schema)
    for number in range(32):
        chosen = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        found = await ask(schema, kept, text, chosen)
        assert found.data is not None
        wanted = ["initial", *(name for name in names if chosen[name])]
        assert list(found.data["people"][0]) == wanted
    assert kept.get(text).plan_count == MOST_VARIANTS
    assert kept.executions["too many variants"] == 32 - MOST_VARIANTS


async def test_what_expands_too_far_is_left_to_graphql_core(schema: MergedSchema) -> None:
    wide = " ".join(f"w{n}: name" for n in range(29))
    text = (
        f"{{ people {{ {' '.join(f'f{n}: friends {{ ...Wide }}' for n in range(29))} }} "
        f"p: people {{ {' '.join(f'g{n}: friends {{ ...Wide }}' for n in range(29))} }} }} "
        f"fragment Wide on Person {{ {wide} }}"
    )
    kept = documents(schema, max_aliases=5_000, max_tokens=5_000)
    for _ in range(3):
        found = await ask(schema, kept, text)
        assert found.errors is None
    assert kept.executions == {"too large": 3}
    assert MOST_FIELDS < 2 * 29 * 30


@pytest.mark.parametrize("compile_at", [1, None])
async def test_the_deepest_document_that_a_shop_may_allow_is_answered(
    schema: MergedSchema, compile_at: int | None
) -> None:
    (most,) = (
        part.le
        for part in GraphQLSettings.model_fields["max_depth"].metadata
        if hasattr(part, "le")
    )
    text = "{ people " + "{ friends(most: 1) " * (most - 2) + "{ name }" + " }" * (most - 1)
    kept = documents(schema, compile_at, max_depth=most)
    found = await ask(schema, kept, text)
    assert found.errors is None
    assert kept.get(text).plan_count == (compile_at or 0)
    with pytest.raises(InvalidDocument, match="levels deep"):
        kept.get(text.replace("{ name }", "{ friends { name } }"))


# What it asks of plugins


async def test_a_batch_function_is_called_once_for_a_whole_level(schema: MergedSchema) -> None:
    text = "{ people { initial friends { initial friends(most: 3) { initial name } } } }"
    found = await both(schema, text)
    assert found is not None
    assert sorted(map(str, LOADED)) == sorted(
        map(
            str,
            [
                ("friends", 3, 2),
                ("initials", 3),
                ("friends", 6, 3),
                ("initials", 6),
                ("initials", 18),
            ],
        )
    )


async def test_a_batch_function_that_fails_fails_for_each_parent(schema: MergedSchema) -> None:
    kept = documents(schema)
    found = await ask(schema, kept, "{ people { name failing tooFew } }")
    assert found.data == {
        "people": [{"name": name, "failing": None, "tooFew": None} for name in NAMES]
    }
    errors = found.errors or []
    assert [error.path for error in errors] == [
        ["people", index, key] for index in range(3) for key in ("failing", "tooFew")
    ]
    assert errors[0].message == "3 people"
    assert "did not answer once for each parent" in errors[1].message


async def test_permissions_and_field_extensions_hold_in_a_plan(schema: MergedSchema) -> None:
    kept = documents(schema)
    found = await ask(schema, kept, '{ people { secret shouted later(suffix: "!") } }')
    assert found.data is not None
    assert found.data["people"][0] == {"secret": None, "shouted": "ADA", "later": "Ada!"}
    assert [error.message for error in found.errors or []] == ["nobody may"] * 3
    await both(schema, "{ people { secret shouted later } }")


async def test_arguments_are_made_anew_for_each_call(schema: MergedSchema) -> None:
    text = '{ people { said(word: {text: "a", more: ["b"]}) } }'
    kept = documents(schema)
    for _ in range(2):
        found = await ask(schema, kept, text)
        assert found.data is not None
        assert [person["said"] for person in found.data["people"]] == [
            f"{name}: a2 ['people', {index}, 'said']"
            for index, name in enumerate(("Ada", "Bo", "Cy"))
        ]
    text = "query ($w: Word!) { people { said(word: $w) } }"
    variables = {"w": {"text": "x", "times": 2}}
    for _ in range(2):
        found = await ask(schema, kept, text, variables)
        assert found.data is not None
        assert found.data["people"][2]["said"] == "Cy: xx1 ['people', 2, 'said']"


async def test_root_fields_of_a_mutation_run_in_order_and_once(schema: MergedSchema) -> None:
    kept = documents(schema)
    text = 'mutation { a: first(name: "a") b: first(name: "b") fails c: first(name: "c") }'
    found = await ask(schema, kept, text)
    assert kept.get(text).plan_count == 1
    assert found.data is None
    assert [error.path for error in found.errors or []] == [["fails"]]
    assert ORDER == ["a starts", "a ends", "b starts", "b ends", "fails"]


# What it reads


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ("name", {"name"}),
        ("name size", {"name", "sizes"}),
        ("sides", {"front", "back"}),
        ("__typename", set()),
        ("a: name ...F", {"name", "front", "back"}),
        ("... on Card { size }", {"sizes"}),
        ("other { other { name } }", {"name"}),
        ("everything", None),
    ],
)
@pytest.mark.parametrize("compile_at", [1, None])
async def test_a_list_knows_which_keys_are_wanted(
    schema: MergedSchema, compile_at: int | None, selection: str, keys: set[str] | None
) -> None:
    fragment = "fragment F on Card { sides }" if "...F" in selection else ""
    text = f"{{ cards {{ cards {{ {selection} }} }} }} {fragment}"
    kept = documents(schema, compile_at)
    for _ in range(2):
        found = await ask(schema, kept, text)
        assert found.errors is None
    assert [keys, keys] == LOADED


async def test_a_missing_key_gives_the_default(schema: MergedSchema) -> None:
    found = await both(schema, "{ cards { cards { name size } } }")
    assert found == {"cards": {"cards": [{"name": "ace", "size": 0}]}}


# What it costs


def distinct(count: int) -> Sequence[str]:
    return [
        f"query Q{n}($t: Int!) {{ people {{ a{n}: name friends(most: $t) {{ name initial }} }} }}"
        for n in range(count)
    ]


async def test_documents_that_are_asked_once_are_never_compiled(schema: MergedSchema) -> None:
    kept = documents(schema, 2)
    for text in distinct(50):
        await ask(schema, kept, text, {"t": 1})
        assert kept.get(text).plan_count == 0
    assert kept.executions == {"first sight": 50}


async def test_compiling_costs_no_more_than_parsing_and_validating(schema: MergedSchema) -> None:
    texts = distinct(60)
    preparing, compiling = [], []
    kept = documents(schema)
    await ask(schema, kept, "{ people { name } }")
    for text in texts:
        started = time.process_time()
        document = kept.get(text)
        preparing.append(time.process_time() - started)
        (plans,) = document.plans.values()
        variables = VariableValues({}, {"t": 1})
        started = time.process_time()
        assert plans.find(variables) is not None
        compiling.append(time.process_time() - started)
    assert median(compiling) < median(preparing)


SHAPES = {
    "usual": distinct(100),
    "small": [f"query Q{n} {{ people {{ a{n}: name }} }}" for n in range(100)],
    "wide": [
        f"query Q{n} {{ people {{ {' '.join(f'a{k}: name' for k in range(100))} }} }}"
        for n in range(20)
    ],
    "fragments": [
        f"query Q{n} {{ people {{ friends {{ ...F }} f: friends {{ ...F }} g: friends {{ ...F }} }}"
        f" }} fragment F on Person {{ {' '.join(f'a{k}: initial' for k in range(50))} }}"
        for n in range(20)
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_estimate_of_a_plan_is_not_far_below_what_it_takes(
    schema: MergedSchema, shape: str
) -> None:
    kept = documents(schema, max_aliases=1_000)
    await ask(schema, kept, "{ people { name friends { name initial } } }")
    gc.collect()
    tracemalloc.start()
    before, estimated = tracemalloc.get_traced_memory()[0], kept.bytes
    for text in SHAPES[shape]:
        await ask(schema, kept, text, {"t": 0})
    LOADED.clear()
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert sum(kept.get(text).plan_count for text in SHAPES[shape]) == len(SHAPES[shape])
    assert used < 2 * (kept.bytes - estimated)


async def test_plans_count_towards_the_bound_of_the_cache(schema: MergedSchema) -> None:
    kept = documents(schema, document_cache_bytes=300_000)
    for text in distinct(100):
        await ask(schema, kept, text, {"t": 0})
    assert 0 < kept.bytes <= 300_000
    assert len(kept) < 30


def test_nothing_of_a_request_is_part_of_generated_source(
    schema: MergedSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources: list[str] = []
    compiled = rows._code

    def spy(source: str) -> CodeType:
        sources.append(source)
        return compiled(source)

    monkeypatch.setattr(rows, "_code", spy)
    (plans,) = (
        documents(schema).get("query Evil { people { sneaky: name initial } }").plans.values()
    )
    assert plans.find(VariableValues({}, {})) is not None
    assert sources
    assert not any(word in source for source in sources for word in ("Evil", "sneaky", "people"))


# Over HTTP


async def test_metrics_tell_who_executed(settings_for: Any, client_for: ClientFor) -> None:
    settings: Settings = settings_for("[server]\nmetrics = true\n")
    client = client_for(Engine(settings))
    for _ in range(3):
        await client.ask("{ shop { name } }")
    found = await client.http.get("/metrics")
    assert found.headers["content-type"].startswith("text/plain")
    lines = found.text.splitlines()
    assert 'mercat_graphql_operations_total{executor="compiled",reason=""} 2.0' in lines
    assert (
        'mercat_graphql_operations_total{executor="interpreted",reason="first sight"} 1.0' in lines
    )
    assert "mercat_graphql_documents 1.0" in lines
    assert 'mercat_answers_total{outcome="late"} 3.0' in lines


async def test_without_the_setting_there_are_no_metrics(
    settings_for: Any, client_for: ClientFor
) -> None:
    client = client_for(Engine(settings_for("[server]\nport = 0\n")))
    assert (await client.http.get("/metrics")).status_code == 404


async def test_the_executor_can_be_switched_off(settings_for: Any, client_for: ClientFor) -> None:
    engine = Engine(settings_for('[graphql]\nexecutor = "interpreted"\n'))
    client = client_for(engine)
    for _ in range(3):
        assert await client.data("{ shop { currencies } }")
    assert engine.documents.executions == {"switched off": 3}
