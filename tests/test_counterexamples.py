"""What the differential tests have found: each counter-example once, small, and with a name.

Some were found while the compiled executor was being written, some by mutating it afterwards.
"""

import pytest

from .torture.agreement import agree, collected, tolerant
from .torture.operations import Operation
from .torture.schema import MODES, Mode

__all__ = ["collected"]  # a fixture that `tolerant` names

pytestmark = tolerant

modes = pytest.mark.parametrize("mode", MODES)


@modes
async def test_a_root_of_which_nothing_is_left(mode: Mode) -> None:
    await agree(Operation("{ scalarsV0 @include(if: false) { id } }"), mode)


@modes
async def test_an_object_of_which_nothing_is_left(mode: Mode) -> None:
    await agree(Operation("{ echo scalarsV0 { id @include(if: false) } }"), mode)


@modes
async def test_an_object_of_which_a_variable_leaves_nothing(mode: Mode) -> None:
    text = "query ($v: Boolean!) { keptV1(faults: NONE) { readintV0 @skip(if: $v) } }"
    await agree(Operation(text, {"v": True}), mode)


@modes
async def test_objects_of_a_type_for_which_nothing_is_selected(mode: Mode) -> None:
    text = "{ nodeL0V1(seed: 1, faults: NONE) { ... on Lists { intL1L0V1 } } }"
    await agree(Operation(text), mode)
    await agree(Operation("{ petL0V0(seed: 0, faults: NONE) { ... on Bird { sings } } }"), mode)


@modes
async def test_a_mutation_of_whose_answer_nothing_is_left(mode: Mode) -> None:
    text = "mutation { add { total @skip(if: true) } addMust { log } }"
    await agree(Operation(text), mode)


@modes
async def test_a_list_that_breaks_off_after_one_of_its_items_failed(mode: Mode) -> None:
    for seed in range(60):
        text = f"{{ thingL0L1V1(seed: {seed}, faults: SOME) {{ __typename }} }}"
        await agree(Operation(text), mode)


@modes
async def test_a_list_that_breaks_off_after_something_below_its_items_failed(mode: Mode) -> None:
    text = """query ($seed: Int!) {
      thingL1V1(seed: $seed, faults: SOME) {
        ... on Tree { thingL0V1 { ...F } treeV0 { treeL0L1V1 { about(number: null) } } ...F }
      }
    }
    fragment F on Tree { treeV1 { about(number: null) } treeL0L1V1 { id } }"""
    for seed in range(60):
        await agree(Operation(text, {"seed": seed}), mode)


@modes
async def test_a_switch_that_is_null(mode: Mode) -> None:
    text = """query ($v: Boolean = true) {
      nodeL0V1(seed: 0) { id @include(if: $v) } scalarsV0 { id } thingL0V0 { __typename } }"""
    await agree(Operation(text, {"v": None}), mode)
