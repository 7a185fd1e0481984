"""Migrations: in order, once, by one process, and safe to break off."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mercat.engine import Engine
from mercat.errors import BootError, MercatError
from mercat.storage.migrations import Migration, find_migrations, migrate, status

from .conftest import EngineFor, Finished, Mercat

TOML = '[plugins]\nenabled = ["tests.plugins_for_tests.recording"]\n'
REPOSITORY = Path(__file__).resolve().parents[1]

STEP = '''"""Step {n}: note that it ran."""

async def up(context):
    await context.storage.database["steps"].insert_one({{"n": {n}}})

async def pending(context):
    return {n} * 10
'''
CRASHES_ONCE = '''"""Step 2: crash half way, the first time."""

async def up(context):
    steps = context.storage.database["steps"]
    done = await steps.find_one({"n": "half"})
    await steps.insert_one({"n": "half"})
    if done is None:
        raise RuntimeError("the power went off")
    await steps.insert_one({"n": 2})
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "steps"
    found.mkdir()
    for n in (2, 10, 1):
        (found / f"{n:04}_step.py").write_text(STEP.format(n=n))
    return found


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for("[plugins]\nenabled = []\n")


async def steps(engine: Engine) -> list[object]:
    return [s["n"] async for s in engine.storage.database["steps"].find().sort("_id", 1)]


def quiet(_migration: Migration, _seconds: float) -> None:
    """For those who don't ask what was applied."""


async def test_they_run_in_the_order_of_plugins_and_numbers_once(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "0001_first.py").write_text(STEP.format(n=100))
    found = find_migrations([("b", folder), ("a", other), ("none", tmp_path / "absent")])
    assert [m.id for m in found] == ["b/0001_step", "b/0002_step", "b/0010_step", "a/0001_first"]
    assert found[0].title == "Step 1: note that it ran."
    applied: list[str] = []
    for _ in range(2):
        assert await migrate(engine.context(), found, lambda m, _: applied.append(m.id))
    assert await steps(engine) == [1, 2, 10, 100]
    assert applied == [m.id for m in found]
    assert all(step.applied_at for step in await status(engine.context(), found))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("0002_again.py", STEP.format(n=3), "0002_step.py has the same number as 0002_again.py"),
        ("3_three.py", STEP.format(n=3), "3_three.py is no migration; name it NNNN_what.py"),
        ("0003-three.py", STEP.format(n=3), "0003-three.py is no migration"),
        ("0003_x.py", '"""Doc."""\n', "0003_x.py needs a docstring and `async def up"),
        ("0003_x.py", "async def up(c): ...\n", "0003_x.py needs a docstring and `async def up"),
        ("0003_x.py", '"""Doc."""\ndef up(c): ...\n', "0003_x.py needs a docstring and `async"),
        ("0003_x.py", "def (:\n", "0003_x.py fails when loaded: SyntaxError"),
        ("0003_x.py", "import nothing_such\n", "0003_x.py fails when loaded: ModuleNotFound"),
    ],
)
def test_what_is_wrong_with_a_file_names_it(
    folder: Path, name: str, content: str, message: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(BootError, match=message):
        find_migrations([("b", folder)])


def test_a_package_file_is_no_migration(folder: Path) -> None:
    (folder / "__init__.py").touch()
    assert len(find_migrations([("b", folder)])) == 3


async def test_a_crash_in_the_middle_is_mended_by_running_again(
    engine: Engine, folder: Path
) -> None:
    (folder / "0002_step.py").write_text(CRASHES_ONCE)
    found = find_migrations([("b", folder)])
    message = "the migration b/0002_step failed: RuntimeError: the power went off"
    with pytest.raises(MercatError, match=message):
        await migrate(engine.context(), found, quiet)
    assert await steps(engine) == [1, "half"]
    done = [step.migration.id for step in await status(engine.context(), found) if step.applied_at]
    assert done == ["b/0001_step"]
    assert await migrate(engine.context(), found, quiet)
    assert await steps(engine) == [1, "half", "half", 2, 10]


async def test_of_two_at_once_one_runs(engine_for: EngineFor, folder: Path) -> None:
    engines = [await engine_for("[plugins]\nenabled = []\n") for _ in range(2)]
    (folder / "0003_slow.py").write_text(
        '"""Wait."""\nimport asyncio\nasync def up(context):\n    await asyncio.sleep(0.5)\n'
    )
    found = find_migrations([("b", folder)])
    held = await asyncio.gather(*(migrate(engine.context(), found, quiet) for engine in engines))
    assert sorted(held) == [False, True]
    assert await steps(engines[0]) == [1, 2, 10]


Run = Callable[..., Finished]


@pytest.fixture
def run(mercat: Mercat, tmp_path: Path, folder: Path) -> Run:
    """`mercat` in a shop with a plugin that has these migrations."""
    (tmp_path / "engine.toml").write_text(TOML)

    def call(*arguments: str) -> Finished:
        return mercat(*arguments, RECORDING_MIGRATIONS=str(folder), PYTHONPATH=str(REPOSITORY))

    return call


def test_the_command_shows_tries_and_applies_a_plugins_own(run: Run) -> None:
    before = run("migrate", "status")
    assert before.code == 0
    assert before.out.count("pending") == 3
    assert "recording/0002_step" in before.out
    dry = run("migrate", "up", "--dry-run")
    assert dry.code == 0
    assert dry.out.splitlines() == [
        f"would apply recording/{n:04}_step: Step {n}: note that it ran. ({n * 10} documents)"
        for n in (1, 2, 10)
    ]
    assert run("migrate", "status").out == before.out
    up = run("migrate", "up")
    assert up.code == 0
    assert [line.split(" in ")[0] for line in up.out.splitlines()] == [
        "applied recording/0001_step",
        "applied recording/0002_step",
        "applied recording/0010_step",
        "Nothing is pending.",
    ]
    assert "pending" not in run("migrate", "status").out
    assert run("migrate", "up").out == "Nothing is pending.\n"


def test_the_command_says_which_migration_failed(run: Run, folder: Path) -> None:
    (folder / "0002_step.py").write_text(CRASHES_ONCE)
    failed = run("migrate", "up")
    assert failed.code == 1
    assert "mercat: the migration recording/0002_step failed: RuntimeError" in failed.err
    assert "applied recording/0001_step" in failed.out
    mended = run("migrate", "up")
    assert mended.code == 0
    assert "applied recording/0010_step" in mended.out


def test_a_wrong_file_stops_the_boot(run: Run, folder: Path) -> None:
    (folder / "two.py").touch()
    checked = run("migrate", "status")
    assert checked.code == 2
    assert checked.err.startswith("mercat: ")
    assert checked.err.count("\n") == 1
