"""What people are told, where that goes, and what nobody else ever sees."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from mercat import hookimpl
from mercat.auth import Message, MessageKind, link_secret, message_due
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat_auth.accounts import service

from .asking import answered, told
from .conftest import ClientFor, EngineFor, until
from .identity import PASSWORD, SHOP, TOML, messages, registered, signed_in, toml_of, viewer_for
from .test_accounts import LOGIN, LOGOUT, REGISTER, VERIFY, WHO, ask, register
from .test_accounts_own import ERASE, EXPORT
from .test_passwords import CHANGE, FORGET, RESET


def plug(engine: Engine, name: str, **hooks: Callable[..., Any]) -> None:
    """Add a plugin that implements hooks to an engine."""
    module = ModuleType(f"made_{name}.hooks")
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    engine.hooks.register(name, module)


def mail_in(tmp_path: Path) -> list[Path]:
    folder = tmp_path / ".mercat" / "mail"
    return sorted(folder.iterdir()) if folder.is_dir() else []


async def test_hook_message_due(engine_for: EngineFor, tmp_path: Path) -> None:
    engine = await engine_for(TOML, work=True)
    sent: list[tuple[Message, str | None]] = []

    async def send(context: Context, message: Message) -> None:
        secret = await context.hooks.first(link_secret, context, message.link_id or "")
        sent.append((message, secret))

    plug(engine, "mailer", message_due=send)
    await register(engine, "ada@example.com", name="Ada")

    async def came() -> bool:
        return bool(sent)

    await until(came)
    ((message, secret),) = sent
    assert (message.kind, message.to, message.name) == ("verify_email", "ada@example.com", "Ada")
    assert message.expires_at is not None
    assert (await ask(engine, VERIFY, token=secret))["isVerified"]
    assert mail_in(tmp_path) == []


async def test_hook_link_secret(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    await register(engine, "ada@example.com")
    (message,) = await messages(engine)
    token = await engine.hooks.first(link_secret, engine.context(), message.link_id or "")
    assert (await ask(engine, VERIFY, token=token))["isVerified"]
    assert await engine.hooks.first(link_secret, engine.context(), "A" * 22) is None


@pytest.mark.parametrize("kind", get_args(MessageKind))
async def test_message_of_every_kind_can_be_written(
    engine_for: EngineFor, tmp_path: Path, kind: MessageKind
) -> None:
    engine = await engine_for(TOML)
    await engine.hooks.notify(message_due, engine.context(), Message(kind, "ada@example.com", "en"))
    (file,) = mail_in(tmp_path)
    lines = file.read_text().splitlines()
    assert lines[:3] == ["To: ada@example.com", f"Kind: {kind}", "Language: en"]
    assert lines[4].endswith(".")


async def test_production_keeps_messages_until_a_plugin_sends_them(
    engine_for: EngineFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "x" * 40)
    engine = await engine_for(toml_of(more="[shop]\nproduction = true"))
    await register(engine, "ada@example.com")
    await engine.outbox.deliver_due()
    (row,) = await engine.storage.database["outbox"].find({"hook": "message_due"}).to_list()
    assert "no enabled plugin sends messages" in row["error"]
    assert mail_in(tmp_path) == []


async def test_hook_personal_data(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)

    async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
        return {"points": 12, "account": user_id}

    async def nothing(context: Context, user_id: str) -> Mapping[str, Any] | None:
        return None

    plug(engine, "points", personal_data=personal_data)
    plug(engine, "empty", personal_data=nothing)
    user = await registered(engine)
    viewer = await viewer_for(engine, user)
    data = await told(engine, EXPORT, {"input": {"password": PASSWORD}}, viewer=viewer)
    found = json.loads(data["accountExport"]["json"])
    assert (found["points"], found["account_2"]) == (12, str(user["_id"]))
    assert found["account"]["email"] == user["email"]


async def heard(engine: Engine, hook: str, *names: str) -> list[tuple[Any, ...]]:
    """What a plugin is told by a hook once the outbox is delivered; a list that grows."""
    found: list[tuple[Any, ...]] = []
    arguments = ", ".join(("context", *names))
    namespace: dict[str, Any] = {"found": found}
    exec(  # hooks are called by the names of their arguments
        f"async def {hook}({arguments}):\n    found.append(({', '.join(names)},))", namespace
    )
    plug(engine, f"hears_{hook}", **{hook: namespace[hook]})
    return found


async def test_hook_user_registered(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    found = await heard(engine, "user_registered", "user_id")
    user = await registered(engine)
    await engine.outbox.deliver_due()
    assert found == [(str(user["_id"]),)]


async def test_hook_signed_in(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    found = await heard(engine, "signed_in", "user_id", "guest")
    user = await registered(engine)
    context = Context(engine, Viewer(guest="guest-1"))
    await service.finish_sign_in(context, user, ("pwd",), "BEARER")
    await engine.outbox.deliver_due()
    assert found == [(str(user["_id"]), "guest-1")]


async def test_hook_signed_out(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    found = await heard(engine, "signed_out", "user_id")
    user = await registered(engine)
    viewer = await viewer_for(engine, user)
    await told(engine, LOGOUT, viewer=viewer)
    await engine.outbox.deliver_due()
    assert found == [(str(user["_id"]),)]


async def test_hook_user_erased(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    found = await heard(engine, "user_erased", "user_id")
    user = await registered(engine)
    viewer = await viewer_for(engine, user)
    await told(engine, ERASE, {"input": {"password": PASSWORD}}, viewer=viewer)
    await engine.outbox.deliver_due()
    assert found == [(str(user["_id"]),)]


async def test_no_secret_is_ever_logged_or_shown_in_an_error(
    engine_for: EngineFor,
    client_for: ClientFor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = await engine_for(SHOP, work=True)
    client = client_for(engine)
    first, wrong, new = "canary of a first one", "canary of a wrong one", "canary of a new one"
    texts: list[str] = []

    async def send(document: str, values: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = await client.ask(document, values, **headers)
        texts.append(json.dumps(answer.get("errors", [])))
        payload = next(iter((answer.get("data") or {"": {}}).values())) or {}
        texts.append(json.dumps(payload.get("userErrors", [])))
        return payload

    async def mailed(count: int) -> list[str]:
        async def there() -> bool:
            return len(mail_in(tmp_path)) == count

        await until(there)
        lines = [line for file in mail_in(tmp_path) for line in file.read_text().splitlines()]
        return [line.removeprefix("Token: ") for line in lines if line.startswith("Token: ")]

    email = "ada@example.com"
    await send(REGISTER, {"input": {"email": email, "password": first}})
    (verify,) = await mailed(1)
    await send(VERIFY, {"token": verify + "x"})
    await send(VERIFY, {"token": verify})
    await send(LOGIN, {"input": {"email": email, "password": wrong}})
    await send(LOGIN, {"input": {"email": email, "password": wrong * 30}})
    done = await send(LOGIN, {"input": {"email": email, "password": first}})
    access = f"Bearer {done['tokens']['accessToken']}"
    await send(
        CHANGE, {"input": {"currentPassword": wrong, "newPassword": new}}, authorization=access
    )
    await send(FORGET, {"email": email})
    reset = next(each for each in await mailed(2) if each != verify)
    await send(RESET, {"token": reset, "password": "password"})
    await send(RESET, {"token": reset, "password": new})
    await send(WHO, {}, authorization=access)
    secrets = [first, wrong, new, verify, reset, *done["tokens"].values(), "argon2id$"]
    everything = caplog.text + "".join(texts)
    assert "has signed in" in everything
    for secret in secrets:
        if isinstance(secret, str):
            assert secret not in everything
            assert secret.rpartition(".")[2] not in everything


async def test_access_token_of_a_suspended_account_changes_nothing(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    user = await registered(engine)
    assert await signed_in(engine, user)
    await engine.storage.database["users"].update_one(
        {"_id": user["_id"]}, {"$set": {"state": "suspended"}}
    )
    viewer = Viewer("CUSTOMER", user=str(user["_id"]))
    values = {"input": {"currentPassword": PASSWORD, "newPassword": "an entirely new one"}}
    answer = await answered(engine, CHANGE, values, viewer=viewer)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
