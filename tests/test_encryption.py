"""Personal data at rest: sealed, found by digests, its keys rotated and wrapped anew."""

import asyncio
import base64
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.binary import Binary
from pydantic import SecretStr
from pymongo.errors import DuplicateKeyError

from mercat.engine import Engine
from mercat.errors import BootError, StoreError
from mercat.hooks import hookimpl
from mercat.lifecycle import SealedFields
from mercat.settings import Settings, load_settings
from mercat.storage import Session
from mercat.storage import rotation as rotations
from mercat.storage.encryption import (
    Encryption,
    EncryptionKeyDocument,
    UnreadableError,
    encryption_of,
)
from mercat.storage.master_keys import master_keys_of
from mercat.storage.rotation import finish_rotation, rewrap, rotate
from mercat.storage.sealed_fields import SealedCollectionDocument, key_of, sealed_in

from .conftest import EngineFor, Mercat, Serve, until
from .plugins_for_tests.letters import hooks
from .plugins_for_tests.letters.hooks import LetterDocument, Line

TOML = '[plugins]\nenabled = ["tests.plugins_for_tests.letters"]\n'
ADDRESS = {
    "name": "Ada Lovelace",
    "lines": ["12 St James Square", "Floor 3"],
    "city": "London",
    "country": "GB",
    "phone": "+44 20 7946 0000",
}


def new_key() -> str:
    return base64.b64encode(os.urandom(96)).decode()


def sealing(engine: Engine) -> Encryption:
    return encryption_of(engine.context())


def letters(engine: Engine) -> Any:
    return engine.storage.collection(LetterDocument)


def vault(engine: Engine) -> Any:
    return engine.storage.collection(EncryptionKeyDocument)


async def names(engine: Engine) -> list[str]:
    return [key.name for key in await sealing(engine).keys()]


async def write(engine: Engine, count: int, *, first: int = 0) -> None:
    """Store letters whose address and second note are sealed."""
    encryption = sealing(engine)
    rows = [
        {
            "_id": number,
            "address": await encryption.seal({**ADDRESS, "number": number}),
            "lines": [
                {"text": "one"},
                {"text": "two", "note": await encryption.seal(f"note {number}")},
            ],
        }
        for number in range(first, first + count)
    ]
    await letters(engine).insert_many(rows)


async def read(engine: Engine) -> dict[int, tuple[Any, Any]]:
    """What the letters say."""
    encryption = sealing(engine)
    return {
        row["_id"]: (
            await encryption.unseal(row["address"]),
            await encryption.unseal(row["lines"][1]["note"]),
        )
        async for row in letters(engine).find({})
    }


def said(numbers: Sequence[int]) -> dict[int, tuple[Any, Any]]:
    return {number: ({**ADDRESS, "number": number}, f"note {number}") for number in numbers}


async def keys_in_use(engine: Engine) -> set[str]:
    known = {key.id: key.name for key in await sealing(engine).keys()}
    return {
        known.get(key_of(value), "gone")
        async for row in letters(engine).find({})
        for value in sealed_in(row, ["address", "lines.note"]).values()
    }


# Sealing


@pytest.mark.parametrize(
    "value",
    ["text", "", "ü\U0001f5dd\x00", ADDRESS, [1, None, "x"], 2**62, 1.5, True, {}, b"bytes"],
    ids=repr,
)
async def test_what_is_sealed_is_read_again(engine_for: EngineFor, value: Any) -> None:
    encryption = sealing(await engine_for(TOML))
    sealed = await encryption.seal(value)
    assert (type(sealed), sealed.subtype) == (Binary, 6)
    assert await encryption.unseal(sealed) == value


async def test_a_moment_keeps_its_time_zone(engine_for: EngineFor) -> None:
    encryption = sealing(await engine_for(TOML))
    moment = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    found = await encryption.unseal(await encryption.seal(moment))
    assert (found, found.tzinfo) == (moment, UTC)


async def test_the_same_value_is_sealed_differently_each_time(engine_for: EngineFor) -> None:
    encryption = sealing(await engine_for(TOML))
    sealed = [await encryption.seal("one") for _ in range(20)]
    assert len(set(sealed)) == 20
    assert await encryption.unseal_all(sealed) == ["one"] * 20


async def test_nothing_can_be_read_in_the_stored_document(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    encryption = sealing(engine)
    letter = engine.storage[LetterDocument](
        address=await encryption.seal(ADDRESS),
        addressee=encryption.digest("ada@example.com"),
        lines=[Line(text="one", note=await encryption.seal("ring twice"))],
    )
    await letter.insert()
    raw = bson.encode(await letters(engine).find_one({}))
    everything = raw + b"".join([bson.encode(key) async for key in vault(engine).find({})])
    for word in ("Lovelace", "St James", "London", "7946", "ring", "ada", "example"):
        assert word.lower().encode() not in everything.lower()
    again = await engine.storage[LetterDocument].find_one({})
    assert again is not None
    assert again.address is not None
    assert again.lines[0].note is not None
    assert await encryption.unseal(again.address) == ADDRESS
    assert await encryption.unseal(again.lines[0].note) == "ring twice"


@pytest.mark.parametrize("place", [0, 5, 17, 30, -1])
async def test_a_sealed_value_that_was_changed_is_not_read(
    engine_for: EngineFor, place: int
) -> None:
    encryption = sealing(await engine_for(TOML))
    changed = bytearray(await encryption.seal(ADDRESS))
    changed[place] ^= 1
    with pytest.raises(StoreError) as refused:
        await encryption.unseal(Binary(bytes(changed), 6))
    assert "\n" not in str(refused.value)
    assert "sealed value" in str(refused.value)


@pytest.mark.parametrize("value", ["plain", b"plain", Binary(b"plain", 0), None, 3])
async def test_what_is_not_sealed_is_refused(engine_for: EngineFor, value: Any) -> None:
    with pytest.raises(StoreError, match="no sealed value"):
        await sealing(await engine_for(TOML)).unseal(value)


async def test_a_plugin_that_names_no_fields_can_seal_nothing(engine_for: EngineFor) -> None:
    encryption = sealing(await engine_for("[plugins]\nenabled = []\n"))
    with pytest.raises(StoreError, match="sealed_fields"):
        await encryption.seal("text")
    with pytest.raises(StoreError, match="sealed_fields"):
        encryption.digest("text")


async def test_an_engine_that_is_started_again_reads_what_it_sealed(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    await write(engine, 1)
    await engine.stop()
    with pytest.raises(StoreError, match="not started"):
        await sealing(engine).seal("text")
    await engine.start(work=False)
    assert await read(engine) == said([0])


# Digests


async def test_a_digest_is_the_same_for_every_engine_and_every_spelling(
    engine_for: EngineFor,
) -> None:
    one, two = sealing(await engine_for(TOML)), sealing(await engine_for(TOML))
    digest = one.digest("Café@Straße.example")
    assert digest == two.digest("CAFE\u0301@STRASSE.EXAMPLE")
    assert len(digest) == 43
    assert digest not in {
        one.digest("cafe@strasse.example"),
        one.digest(""),
        one.digest("caf\ud800"),
    }


async def test_a_digest_is_of_no_use_in_another_shop(
    engine_for: EngineFor, settings_for: Callable[..., Settings]
) -> None:
    one = sealing(await engine_for(TOML))
    settings = settings_for(TOML)
    database = settings.database.model_copy(update={"name": f"{settings.database.name}_2"})
    async with Engine(settings.model_copy(update={"database": database})) as other:
        assert sealing(other).digest("ada") != one.digest("ada")


async def test_a_digest_outlasts_a_rotation_and_another_master_key(engine_for: EngineFor) -> None:
    old, new = new_key(), new_key()
    engine = await engine_for(TOML, database={"encryption_key": old})
    before = sealing(engine).digest("ada@example.com")
    await rotate(engine.context())
    renewed = await rewrapped(engine, new, old, engine_for)
    assert sealing(renewed).digest("ada@example.com") == before


# Several processes


async def test_engines_that_start_at_once_make_one_key_of_each_kind(
    engine_for: EngineFor,
) -> None:
    engines = [await engine_for(TOML) for _ in range(4)]
    await vault(engines[0]).delete_many({})
    for engine in engines:
        await sealing(engine).close()
    await asyncio.gather(*(sealing(engine).open() for engine in engines))
    made = await asyncio.gather(
        *(sealing(engine).seal(f"{number}") for number, engine in enumerate(engines * 5))
    )
    stored = [key["keyAltNames"] async for key in vault(engines[0]).find({})]
    assert sorted(stored) == [["digest"], ["personal-1"]]
    assert len({sealing(engine).digest("x") for engine in engines}) == 1
    for engine in engines:
        found = await sealing(engine).unseal_all(made)
        assert found == [f"{number}" for number in range(20)]


async def test_the_database_refuses_a_second_key_of_a_name(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    await sealing(engine).seal("text")
    key = await vault(engine).find_one({"keyAltNames": "personal-1"})
    with pytest.raises(DuplicateKeyError):
        await vault(engine).insert_one({**key, "_id": Binary(os.urandom(16), 4)})


async def test_an_engine_reads_at_once_and_seals_soon_with_a_key_that_another_one_made(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await engine_for(TOML), await engine_for(TOML)
    await sealing(two).seal("before")
    await rotate(one.context())
    sealed = await sealing(one).seal("after")
    assert await sealing(two).unseal(sealed) == "after"
    assert key_of(await sealing(two).seal("late")) != key_of(sealed)
    monkeypatch.setattr("mercat.storage.encryption.LOOK_SECONDS", 0)
    assert key_of(await sealing(two).seal("soon")) == key_of(sealed)


async def test_sealing_goes_on_in_a_transaction(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)

    async def work(session: Session) -> None:
        sealed = await sealing(engine).seal(ADDRESS)
        await letters(engine).insert_one({"_id": 1, "address": sealed}, session=session)

    await engine.storage.transaction(work)
    (row,) = await letters(engine).find({}).to_list()
    assert await sealing(engine).unseal(row["address"]) == ADDRESS


# The master key


def test_a_master_key_is_made_once_and_only_its_owner_reads_it(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(TOML)
    with ThreadPoolExecutor(8) as pool:
        made = {each[0].provider for each in pool.map(master_keys_of, [settings] * 32)}
    assert len(made) == 1
    (file,) = settings.data_dir.glob("encryption-key*")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(base64.b64decode(file.read_text(), validate=True)) == 96


async def test_another_master_key_stops_the_start_with_one_sentence(engine_for: EngineFor) -> None:
    secret, other = new_key(), new_key()
    await write(await engine_for(TOML, database={"encryption_key": secret}), 1)
    with pytest.raises(BootError) as refused:
        await engine_for(TOML, database={"encryption_key": other})
    sentence = str(refused.value)
    assert "mercat encryption rewrap --old-key" in sentence
    assert "\n" not in sentence
    assert secret[:8] not in sentence
    assert other[:8] not in sentence


async def test_a_damaged_data_key_stops_the_start_with_one_sentence(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    key = await vault(engine).find_one({"keyAltNames": "digest"})
    material = bytearray(key["keyMaterial"])
    material[40] ^= 1
    await vault(engine).update_one(
        {"_id": key["_id"]}, {"$set": {"keyMaterial": Binary(bytes(material), 0)}}
    )
    with pytest.raises(StoreError, match="data key, was changed"):
        await engine_for(TOML)


async def test_a_missing_data_key_is_said(engine_for: EngineFor) -> None:
    one = await engine_for(TOML)
    sealed = await sealing(one).seal("text")
    await vault(one).delete_one({"keyAltNames": "personal-1"})
    with pytest.raises(UnreadableError, match="its data key is not there"):
        await sealing(await engine_for(TOML)).unseal(sealed)


def test_the_command_says_in_one_sentence_that_the_master_key_is_wrong(
    mercat: Mercat, tmp_path: Path
) -> None:
    (tmp_path / "engine.toml").write_text(TOML)
    assert mercat("check", MERCAT_DATABASE__ENCRYPTION_KEY=new_key()).code == 0
    done = mercat("check", MERCAT_DATABASE__ENCRYPTION_KEY=new_key())
    assert done.code == 2
    assert done.err.startswith("mercat: the database's data keys are wrapped with")
    assert done.err.count("\n") == 1


def test_production_does_not_start_without_a_master_key(
    settings_for: Callable[..., Settings],
) -> None:
    toml = TOML + "[shop]\nproduction = true\n"
    with pytest.raises(BootError, match="MERCAT_DATABASE__ENCRYPTION_KEY") as refused:
        Engine(settings_for(toml))
    assert "\n" not in str(refused.value)
    assert Engine(settings_for(toml, database={"encryption_key": new_key()})).sealed_fields
    assert not list(settings_for(toml).data_dir.glob("encryption-key*"))


def test_a_shop_that_seals_nothing_needs_no_master_key(
    settings_for: Callable[..., Settings],
) -> None:
    engine = Engine(settings_for("[plugins]\nenabled = []\n[shop]\nproduction = true\n"))
    assert engine.sealed_fields == []


@pytest.mark.parametrize("text", ["short", "", new_key()[:-4], new_key() + "AAAA", "ä" * 128])
def test_what_is_no_master_key_is_refused_and_not_shown(
    settings_for: Callable[..., Settings], text: str
) -> None:
    with pytest.raises(BootError, match="encryption_key: must be 96 random bytes") as refused:
        settings_for(TOML, database={"encryption_key": text})
    assert not text or text not in str(refused.value)


def test_a_master_key_in_engine_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(f'[database]\nencryption_key = "{new_key()}"\n')
    with pytest.raises(BootError, match="MERCAT_DATABASE__ENCRYPTION_KEY"):
        load_settings(file)


async def test_a_file_that_holds_no_master_key_stops_the_start(
    engine_for: EngineFor, settings_for: Callable[..., Settings]
) -> None:
    folder = settings_for(TOML).data_dir
    folder.mkdir(exist_ok=True)
    (folder / "encryption-key").write_text("")
    with pytest.raises(BootError, match="holds no master key"):
        await engine_for(TOML)


# Rotating data keys


async def test_a_rotation_seals_everything_anew_with_a_new_key(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotations, "_BATCH", 50)
    engine = await engine_for(TOML)
    await write(engine, 121)
    await letters(engine).insert_many([{"_id": -1}, {"_id": -2, "address": None, "lines": []}])
    seen: list[tuple[int, int]] = []
    done = await rotate(engine.context(), lambda *each: seen.append(each))
    assert (done.key.name, done.changed, done.left, done.unreadable) == ("personal-2", 121, 0, 0)
    assert await keys_in_use(engine) == {"personal-2"}
    await letters(engine).delete_many({"_id": {"$lt": 0}})
    assert await read(engine) == said(range(121))
    assert seen[:3] == [(50, 123), (100, 123), (123, 123)]
    assert (await rotate(engine.context())).key.name == "personal-3"


async def test_a_rotation_while_others_write_loses_nothing(engine_for: EngineFor) -> None:
    engine, other = await engine_for(TOML), await engine_for(TOML)
    await write(engine, 200)
    written: dict[int, int] = {}
    enough = asyncio.Event()

    async def keep_writing() -> None:
        number = 0
        while not enough.is_set():
            key = number * 7 % 200
            sealed = await sealing(other).seal({"changed": number})
            await letters(other).update_one({"_id": key}, {"$set": {"address": sealed}})
            written[key] = number
            number += 1
            await asyncio.sleep(0)

    writing = asyncio.create_task(keep_writing())
    await until(lambda: _is(len(written) > 20))
    before = sum(written.values())
    done = await rotate(engine.context())
    enough.set()
    await writing
    assert sum(written.values()) > before  # it wrote meanwhile
    assert done.changed >= 200
    found = await read(engine)
    for key in range(200):
        address, note = found[key]
        expected = {"changed": written[key]} if key in written else {**ADDRESS, "number": key}
        assert (address, note) == (expected, f"note {key}")


async def _is(value: bool) -> bool:
    return value


async def test_a_value_that_was_replaced_meanwhile_is_not_put_back(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    await write(engine, 3)
    write_batch = rotations._written
    fresh = await sealing(engine).seal("moved house")

    async def interrupted(collection: Any, updates: Any) -> int:
        await collection.update_one({"_id": 1}, {"$set": {"address": fresh}})
        monkeypatch.setattr(rotations, "_written", write_batch)
        return await write_batch(collection, updates)

    monkeypatch.setattr(rotations, "_written", interrupted)
    done = await rotate(engine.context())
    assert (done.changed, done.left) == (3, 0)
    found = await read(engine)
    assert found[1] == ("moved house", "note 1")
    assert await keys_in_use(engine) == {"personal-2"}


@pytest.mark.gate
def test_a_rotation_that_was_killed_goes_on(
    mercat: Mercat, mercat_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "engine.toml").write_text(TOML)
    settings = _settings(mercat_environment, tmp_path)
    count = 1_500
    asyncio.run(_filled(settings, count))
    process = subprocess.Popen(
        [sys.executable, "-m", "mercat.cli", "encryption", "rotate"],
        cwd=tmp_path,
        env=mercat_environment,
    )
    asyncio.run(_kill_half_way(settings, process))
    in_use, _ = asyncio.run(_state(settings))
    assert in_use == {"personal-1", "personal-2"}
    done = mercat("encryption", "rotate")
    assert done.code == 0, done.err
    assert done.out.startswith("personal-2 seals; ")
    assert 0 < int(done.out.split()[2].replace(",", "")) < count
    in_use, found = asyncio.run(_state(settings))
    assert in_use == {"personal-2"}
    assert found == said(range(count))


def _settings(environment: dict[str, str], folder: Path) -> Settings:
    database = {
        "url": environment["MERCAT_DATABASE__URL"],
        "name": environment["MERCAT_DATABASE__NAME"],
    }
    redis = {"url": environment["MERCAT_REDIS__URL"]}
    return load_settings(folder / "engine.toml", {"database": database, "redis": redis})


async def _filled(settings: Settings, count: int) -> None:
    async with Engine(settings) as engine:
        await write(engine, count)


async def _kill_half_way(settings: Settings, process: "subprocess.Popen[bytes]") -> None:
    async with Engine(settings) as engine:
        first = (await letters(engine).find_one({"_id": 0}))["address"]

        async def has_begun() -> bool:
            return bool(await letters(engine).find_one({"_id": 0, "address": {"$ne": first}}))

        await until(has_begun, 30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


async def _state(settings: Settings) -> tuple[set[str], dict[int, tuple[Any, Any]]]:
    async with Engine(settings) as engine:
        return await keys_in_use(engine), await read(engine)


async def test_two_rotations_at_once_make_one_key(engine_for: EngineFor) -> None:
    one, two = await engine_for(TOML), await engine_for(TOML)
    await write(one, 200)
    both = await asyncio.gather(rotate(one.context()), rotate(two.context()))
    assert {done.key.name for done in both} == {"personal-2"}
    assert await keys_in_use(one) == {"personal-2"}
    assert await read(two) == said(range(200))


async def test_a_value_that_can_not_be_read_does_not_stop_a_rotation(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    await write(engine, 5)
    broken = bytearray((await letters(engine).find_one({"_id": 2}))["address"])
    broken[-1] ^= 1
    await letters(engine).update_one({"_id": 2}, {"$set": {"address": Binary(bytes(broken), 6)}})
    done = await rotate(engine.context())
    assert (done.changed, done.left, done.unreadable) == (5, 0, 1)
    row = await letters(engine).find_one({"_id": 2})
    assert row["address"] == Binary(bytes(broken), 6)
    assert await sealing(engine).unseal(row["lines"][1]["note"]) == "note 2"
    again = await rotate(engine.context())
    assert (again.key.name, again.unreadable) == ("personal-3", 1)
    await _age(engine, hours=3)
    await finish_rotation(engine.context())
    assert await names(engine) == [
        "personal-1",
        "personal-3",
    ]  # the first one sealed what is broken


async def _age(engine: Engine, **ago: float) -> None:
    """Have everything about the keys have happened so long ago."""
    then = datetime.now(UTC) - timedelta(**ago)
    await vault(engine).update_many({}, {"$set": {"creationDate": then}})
    await engine.storage.collection(SealedCollectionDocument).update_many(
        {}, {"$set": {"sealed_anew_at": then}}
    )


async def test_an_old_key_goes_once_nothing_has_used_it_for_an_hour(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    await write(engine, 3)
    await rotate(engine.context())
    await finish_rotation(engine.context())
    assert await names(engine) == ["personal-1", "personal-2"]
    await _age(engine, minutes=59)
    await finish_rotation(engine.context())
    assert await names(engine) == ["personal-1", "personal-2"]
    await _age(engine, minutes=61)
    await finish_rotation(engine.context())
    assert await names(engine) == ["personal-2"]
    assert await read(await engine_for(TOML)) == said(range(3))
    assert (await rotate(engine.context())).key.name == "personal-3"


async def test_an_old_key_that_was_just_used_stays(engine_for: EngineFor) -> None:
    engine, late = await engine_for(TOML), await engine_for(TOML)
    await write(engine, 3)
    await sealing(late).seal("so that it has the old key at hand")
    await rotate(engine.context())
    await _age(engine, hours=3)
    await write(late, 1, first=3)
    await finish_rotation(engine.context())
    assert await keys_in_use(engine) == {"personal-2"}
    assert await names(engine) == ["personal-1", "personal-2"]
    await finish_rotation(engine.context())
    assert await names(engine) == ["personal-1", "personal-2"]  # its hour has only begun
    assert await read(await engine_for(TOML)) == said(range(4))


async def test_data_of_a_plugin_that_is_switched_off_keeps_its_key(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    await write(engine, 2)
    declared = [SealedFields(LetterDocument, ("elsewhere",))]
    monkeypatch.setattr(hooks, "sealed_fields", hookimpl(lambda: declared))
    without = await engine_for(TOML)
    assert without.sealed_fields == declared
    done = await rotate(without.context())
    assert done.changed == 2
    assert await keys_in_use(without) == {"personal-2"}


async def test_the_job_finishes_a_rotation_that_broke_off(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML)
    await write(engine, 4)
    await sealing(engine).make_key(2)
    assert await keys_in_use(engine) == {"personal-1"}
    await engine_for(TOML, work=True)
    await until(lambda: _has_moved(engine))


async def _has_moved(engine: Engine) -> bool:
    return await keys_in_use(engine) == {"personal-2"}


# The master key is exchanged


async def rewrapped(engine: Engine, new: str, old: str | None, engine_for: EngineFor) -> Engine:
    """An engine with another master key, after it took over."""
    database = engine.settings.database.model_copy(update={"encryption_key": SecretStr(new)})
    settings = engine.settings.model_copy(update={"database": database})
    await rewrap(engine.storage, settings, None if old is None else base64.b64decode(old))
    return await engine_for(TOML, database={"encryption_key": new})


async def test_a_new_master_key_reads_what_was_sealed_under_the_old_one(
    engine_for: EngineFor,
) -> None:
    old, new = new_key(), new_key()
    engine = await engine_for(TOML, database={"encryption_key": old})
    await write(engine, 3)
    await rotate(engine.context())
    renewed = await rewrapped(engine, new, old, engine_for)
    assert await read(renewed) == said(range(3))
    with pytest.raises(BootError, match="rewrap --old-key"):
        await engine_for(TOML, database={"encryption_key": old})


async def test_a_rewrap_that_broke_off_is_repeated(engine_for: EngineFor) -> None:
    old, new = new_key(), new_key()
    engine = await engine_for(TOML, database={"encryption_key": old})
    await write(engine, 3)
    await rotate(engine.context())
    before = await vault(engine).find_one({"keyAltNames": "personal-1"})
    await rewrapped(engine, new, old, engine_for)
    await vault(engine).replace_one({"_id": before["_id"]}, before)  # as if it had not got there
    with pytest.raises(BootError):
        await engine_for(TOML, database={"encryption_key": new})
    assert await read(await rewrapped(engine, new, old, engine_for)) == said(range(3))


async def test_a_rewrap_with_a_wrong_old_key_changes_nothing(engine_for: EngineFor) -> None:
    old, new = new_key(), new_key()
    engine = await engine_for(TOML, database={"encryption_key": old})
    await write(engine, 1)
    before = await vault(engine).find({}).to_list()
    for wrong in (new_key(), None):
        with pytest.raises(BootError, match="wrapped with the master key"):
            await rewrapped(engine, new, wrong, engine_for)
    assert await vault(engine).find({}).to_list() == before


async def test_a_running_engine_says_that_the_master_key_was_exchanged(
    engine_for: EngineFor,
) -> None:
    old, new = new_key(), new_key()
    engine = await engine_for(TOML, database={"encryption_key": old})
    await write(engine, 1)
    other = await engine_for(TOML, database={"encryption_key": old})
    await rewrapped(engine, new, old, engine_for)
    with pytest.raises(StoreError, match="another master key meanwhile"):
        await read(other)


# The commands


@pytest.mark.gate
def test_keys_are_rotated_while_a_server_runs_and_wrapped_anew(
    mercat: Mercat, mercat_environment: dict[str, str], serve: Serve, tmp_path: Path
) -> None:
    old, new = new_key(), new_key()
    with serve(toml=TOML, MERCAT_DATABASE__ENCRYPTION_KEY=old):
        assert mercat("encryption", "list", MERCAT_DATABASE__ENCRYPTION_KEY=old).out.startswith(
            "There are no keys"
        )
        first = mercat("encryption", "rotate", MERCAT_DATABASE__ENCRYPTION_KEY=old)
    assert (first.code, first.out) == (
        0,
        "personal-2 seals; 0 documents are sealed anew with it\n",
    )
    (tmp_path / "old").write_text(f"{old[:64]}\n{old[64:]}\n")
    settings = {"MERCAT_DATABASE__ENCRYPTION_KEY": new}
    refused = mercat("encryption", "list", **settings)
    assert (refused.code, "rewrap --old-key" in refused.err) == (2, True)
    done = mercat("encryption", "rewrap", "--old-key", str(tmp_path / "old"), **settings)
    assert (done.code, done.out) == (0, "3 data keys are wrapped with the master key that is set\n")
    listed = mercat("encryption", "list", **settings)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["personal-1", "personal-2"]
    shown = "".join(each.out + each.err for each in (first, refused, done, listed))
    assert old[:12] not in shown
    assert new[:12] not in shown
    (tmp_path / "old").write_text("nonsense")
    wrong = mercat("encryption", "rewrap", "--old-key", str(tmp_path / "old"), **settings)
    assert (wrong.code, "96 random bytes" in wrong.err) == (2, True)


def test_a_shop_that_seals_nothing_has_nothing_to_rotate(mercat: Mercat, tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text("[plugins]\nenabled = []\n")
    done = mercat("encryption", "rotate")
    assert (done.code, done.err) == (1, "mercat: no enabled plugin seals anything\n")
