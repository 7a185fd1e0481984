"""What people are told, where that goes, and what nobody else ever sees."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bson import ObjectId

from mercat import hookimpl
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.notifications import Message, Recipient, message_kinds, recipients_of
from mercat_auth import links
from mercat_auth.accounts import service

from .asking import answered, told
from .conftest import ClientFor, EngineFor, until
from .identity import PASSWORD, SHOP, TOML, messages, registered, signed_in, toml_of, viewer_for
from .mailing import code_in, mails_in
from .test_accounts import LOGIN, LOGOUT, REGISTER, VERIFY, WHO, ask, register
from .test_accounts_own import ERASE, EXPORT
from .test_passwords import CHANGE, FORGET, RESET


def plug(engine: Engine, name: str, **hooks: Callable[..., Any]) -> None:
    """Add a plugin that implements hooks to an engine."""
    module = ModuleType(f"made_{name}.hooks")
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    engine.hooks.register(name, module)


async def test_hook_message_due(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of("auth"), work=True)
    told_of: list[Message] = []

    async def message_due(context: Context, message: Message) -> None:
        told_of.append(message)

    plug(engine, "mailer", message_due=message_due)
    await register(engine, "ada@example.com", name="Ada")

    async def came() -> bool:
        return bool(told_of)

    await until(came)
    (message,) = told_of
    assert (message.kind, message.to) == ("auth.verify_email", "ada@example.com")
    token = links.secret_of(engine.context(), message.subject)
    assert (await ask(engine, VERIFY, token=token))["isVerified"]


async def test_hook_message_kinds(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(auth='verify_url = "https://shop.example/in?t={token}"'))
    await register(engine, "ada@example.com")
    (message,) = await messages(engine)
    (found,) = [kinds for _, kinds in engine.hooks.gather(message_kinds)]
    (kind,) = [one for one in found if one.name == message.kind]
    (to,) = await kind.recipients(engine.context(), message)
    user = await engine.storage.database["users"].find_one({})
    assert user is not None
    assert to == Recipient("ada@example.com", "en", str(user["_id"]))
    facts = await kind.facts(engine.context(), message, "en")
    assert facts is not None
    assert facts["url"] == f"https://shop.example/in?t={facts['token']}"
    assert (await ask(engine, VERIFY, token=facts["token"]))["isVerified"]
    assert await kind.facts(engine.context(), message, "en") is None, "the link was followed"


async def test_hook_seller_recipients(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML)
    people = [
        await registered(engine, "ada@example.com"),
        await registered(engine, "bob@example.com", verified=False),
    ]
    seller = ObjectId()
    members = [{"user": one["_id"], "rank": "owner"} for one in people]
    await engine.storage.database["sellers"].insert_one({"_id": seller, "members": members})
    found = await recipients_of(engine.context(), str(seller))
    assert [(one.to, one.user) for one in found] == [("ada@example.com", str(people[0]["_id"]))]
    assert await recipients_of(engine.context(), str(ObjectId())) == []


async def test_nothing_is_written_while_no_plugin_sends_messages(
    engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await engine_for(toml_of("auth"), work=True)
    await register(engine, "ada@example.com")
    assert await messages(engine) == []
    assert "no enabled plugin sends messages" in caplog.text


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

    folder = tmp_path / ".mercat" / "mail"

    async def mailed(count: int) -> list[str]:
        async def there() -> bool:
            return len(mails_in(folder)) == count

        await until(there)
        return [code_in(mail) for mail in mails_in(folder)]

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
