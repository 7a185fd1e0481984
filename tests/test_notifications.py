"""Mails go to a mail server, each to its recipient, once."""

import asyncio
import ssl
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.notifications import Message, tell
from mercat.settings import load_settings
from mercat.storage import Record, stored_now
from mercat_notifications import delivering, listing
from mercat_notifications.bounces import is_bounced
from mercat_notifications.delivering import Queue, queue_of
from mercat_notifications.taking import digest_of, take

from .conftest import EngineFor, until
from .identity import toml_of
from .mailing import Mailbox, code_in, mail_server, self_signed, smtp_toml, text_of
from .test_accounts import VERIFY, ask, register


async def came(box: Mailbox, count: int) -> None:
    async def there() -> bool:
        return len(box.mails) >= count

    await until(there)


async def row_of(engine: Engine, to: str) -> Record:
    """The message to an address."""
    rows = engine.storage.database["notifications"]
    found: Record | None = await rows.find_one({"digest": digest_of(engine.context(), to)})
    return found or {"state": None, "attempts": 0}


async def settled(engine: Engine, to: str, state: str) -> Record:
    async def there() -> bool:
        return bool((await row_of(engine, to))["state"] == state)

    await until(there)
    return await row_of(engine, to)


def notice(to: str, key: str = "1", kind: str = "auth.password_changed") -> Message:
    """Something that somebody is to be told, which needs nothing else to be there."""
    return Message(key, kind, "0" * 24, to, "en")


async def make_due(engine: Engine, queue: str = "notifications") -> None:
    """Let what waits, or is leased, be due."""
    past = stored_now() - timedelta(seconds=1)
    await engine.storage.database[queue].update_many(
        {"state": {"$in": ["WAITING", "pending"]}}, {"$set": {"due_at": past}}
    )


async def test_a_mail_arrives_with_both_parts_and_the_headers_it_needs(
    engine_for: EngineFor,
) -> None:
    async with mail_server() as server:
        engine = await engine_for(toml_of(more=smtp_toml(server.port)), work=True)
        await register(engine, "ada@example.com")
        await came(server.box, 1)
        (mail,) = server.box.mails
        assert (mail["To"], mail["From"]) == ("ada@example.com", "The Shop <shop@shop.example>")
        assert mail["Subject"] == "Please confirm your address"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@shop.example>")
        assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
        assert mail["List-Unsubscribe"] is None, "it is about the account itself"
        assert [part.get_content_type() for part in mail.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        assert code_in(mail) in text_of(mail, "html")
        assert (await ask(engine, VERIFY, token=code_in(mail)))["isVerified"]
        stored = str(await settled(engine, "ada@example.com", "SENT"))
        assert "ada@example.com" not in stored
        assert code_in(mail) not in stored


async def test_refusals_for_now_and_for_good(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine = await engine_for(toml_of(more=smtp_toml(server.port)), work=True)
        context, box = engine.context(), server.box
        box.answers |= {"busy@example.com": "451 try again", "gone@example.com": "550 5.1.1 no"}
        box.after["spam@example.com"] = "554 5.7.1 not that"
        for to in ("busy@example.com", "gone@example.com", "spam@example.com", "ada@example.com"):
            await tell(context, None, notice(to))
        await settled(engine, "ada@example.com", "SENT")
        gone = await settled(engine, "gone@example.com", "BOUNCED")
        assert gone["error"].startswith("550 5.1.1")
        await settled(engine, "spam@example.com", "BOUNCED")
        busy = await row_of(engine, "busy@example.com")
        assert (busy["state"], busy["error"][:3]) == ("WAITING", "451")
        box.answers.clear()
        await settled(engine, "busy@example.com", "SENT")
        assert box.reached.count("gone@example.com") == 1, "for good"
        digest = digest_of(context, "gone@example.com")
        assert await is_bounced(context, digest)
        await take(context, notice("gone@example.com", "2"))
        queue_of(context).wake()
        await came(box, 3)

        async def cleared() -> bool:
            return not await is_bounced(context, digest)

        await until(cleared)
        assert len(box.to("gone@example.com")) == 1


async def test_a_slow_server_delays_neither_others_nor_the_outbox(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        server.box.slow |= {"slow@example.com"}
        toml = toml_of(more=smtp_toml(server.port, connections=2))
        engine = await engine_for(toml, work=True)
        await tell(engine.context(), None, notice("slow@example.com"))

        async def is_slow() -> bool:
            return server.box.reached == ["slow@example.com"]

        await until(is_slow)
        async with asyncio.timeout(5):
            for number in range(20):
                await tell(engine.context(), None, notice(f"quick{number}@example.com"))
            await came(server.box, 20)
        assert server.box.to("slow@example.com") == []
        assert len(server.box.sessions) == 1, "a connection is used again"

        async def is_empty() -> bool:
            return await engine.outbox.pending_count() == 0

        await until(is_empty)


async def test_a_server_that_is_away_is_asked_again(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        port = server.port
    engine = await engine_for(toml_of(more=smtp_toml(port)), work=True)
    await tell(engine.context(), None, notice("ada@example.com"))

    async def tried() -> bool:
        return bool((await row_of(engine, "ada@example.com"))["attempts"])

    await until(tried)
    async with mail_server(port) as server:
        await came(server.box, 1)


async def test_what_was_sent_and_not_noted_is_sent_again_as_the_same_mail(
    engine_for: EngineFor,
) -> None:
    async with mail_server() as server:
        engine = await engine_for(toml_of(more=smtp_toml(server.port)))
        context, queue = engine.context(), queue_of(engine.context())
        await take(context, notice("ada@example.com"))
        record = await queue._take()
        assert record is not None
        assert await queue._take() is None, "it is leased"
        await delivering._sent(context, queue.backend, record)
        await queue.backend.close()
        await make_due(engine)  # the lease has run out
        assert await queue.deliver_due() == 1
        first, second = server.box.mails
        assert first["Message-ID"] == second["Message-ID"]
        assert first.as_bytes().splitlines()[:6] == second.as_bytes().splitlines()[:6]
        await queue.backend.close()


async def test_twins_of_messages_and_of_processes_send_one_mail(engine_for: EngineFor) -> None:
    async with mail_server() as server:
        engine = await engine_for(toml_of(more=smtp_toml(server.port)))
        context = engine.context()
        said = [notice(f"ada{number}@example.com") for number in range(8)]
        took = await asyncio.gather(*(take(context, one) for one in said * 3))
        assert sum(took) == 8
        queues = [Queue(engine) for _ in range(4)]
        await asyncio.gather(*(queue.deliver_due() for queue in queues))
        assert sorted(mail["To"] for mail in server.box.mails) == [one.to for one in said]
        for queue in queues:
            await queue.stop()


async def test_a_broken_template_is_given_up_at_once_and_others_go(
    engine_for: EngineFor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own" / "en").mkdir(parents=True)
    own = tmp_path / "own" / "en" / "auth.password_changed.html"
    own.write_text("<p>\n\n{{ nobody.knows }}</p>")
    async with mail_server() as server:
        more = smtp_toml(server.port, 'templates = "own"')
        engine = await engine_for(toml_of(more=more), work=True)
        context = engine.context()
        await tell(context, None, notice("ada@example.com"))
        await tell(context, None, notice("bob@example.com", kind="auth.passkey_added"))
        await came(server.box, 1)
        dead = await settled(engine, "ada@example.com", "DEAD")
        assert "auth.password_changed.html, line 3: UndefinedError: 'nobody'" in dead["error"]
        assert dead["attempts"] == 1
        assert "line 3" in caplog.text
        assert "ada@example.com" not in caplog.text
        own.write_text("<p>It is well again.</p>")
        assert await listing.make_due(context, {}) == 1
        await came(server.box, 2)
        assert "well again" in text_of(server.box.to("ada@example.com")[0], "html")


async def test_starttls_with_a_password(
    engine_for: EngineFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "MERCAT_PLUGINS__NOTIFICATIONS__SMTP__PASSWORD"
    monkeypatch.setenv(password, "open sesame")
    certificate = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    signed_in: list[bytes] = []

    def authenticator(_: Any, __: Any, ___: Any, mechanism: str, given: Any) -> Any:
        signed_in.append(given.password)
        return AuthResult(success=given.password == b"open sesame", handled=False)

    async with mail_server(
        tls=tls, require_starttls=True, auth_required=True, authenticator=authenticator
    ) as server:
        given: dict[str, Any] = {
            "security": "starttls",
            "user": "shop",
            "ca_file": str(certificate),
        }
        engine = await engine_for(toml_of(more=smtp_toml(server.port, **given)))
        await take(engine.context(), notice("ada@example.com"))
        queue = queue_of(engine.context())
        assert await queue.deliver_due() == 1
        assert (server.box.was_encrypted, signed_in) == ([True], [b"open sesame"])
        await queue.stop()

        monkeypatch.setenv(password, "canary")
        wrong = await engine_for(toml_of(more=smtp_toml(server.port, **given)))
        await take(wrong.context(), notice("bob@example.com"))
        await queue_of(wrong.context()).deliver_due()
        row = await row_of(wrong, "bob@example.com")
        assert row["state"] == "WAITING", "it isn't the address's fault"
        assert row["error"].startswith("535")
        assert "canary" not in str(row)
        await queue_of(wrong.context()).stop()

        del given["ca_file"]
        strict = await engine_for(toml_of(more=smtp_toml(server.port, **given)))
        await take(strict.context(), notice("eve@example.com"))
        await queue_of(strict.context()).deliver_due()
        assert (await row_of(strict, "eve@example.com"))["state"] == "WAITING"
        assert len(server.box.mails) == 1, "nothing goes to a server that isn't known"
        await queue_of(strict.context()).stop()


async def test_an_address_in_any_alphabet_is_written_to(engine_for: EngineFor) -> None:
    async with mail_server(enable_SMTPUTF8=True) as server:
        engine = await engine_for(toml_of(more=smtp_toml(server.port)))
        await take(engine.context(), notice("jörg@müller.example"))
        await queue_of(engine.context()).deliver_due()
        assert (await row_of(engine, "jörg@müller.example"))["state"] == "SENT"
        await take(engine.context(), notice("ada@müller.example"))
        await queue_of(engine.context()).deliver_due()
        reached = ["jörg@xn--mller-kva.example", "ada@xn--mller-kva.example"]
        assert server.box.reached == reached
        assert [mail["To"] for mail in server.box.mails] == reached
        await queue_of(engine.context()).stop()


async def test_the_console_shows_mails(
    engine_for: EngineFor, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = await engine_for(toml_of(more='[plugins.notifications]\nbackend = "console"'))
    await take(engine.context(), notice("ada@example.com"))
    assert await queue_of(engine.context()).deliver_due() == 1
    shown = capsys.readouterr().out
    assert "To: ada@example.com\nFrom: shop@localhost\nSubject: Your password was" in shown
    assert "ask for a new password at once" in shown


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", "has no mail server"),
        ('[plugins.notifications]\nbackend = "file"', "has no mail server"),
        (smtp_toml(25), "public_url is not set"),
        (
            """[plugins.notifications]
            public_url = "https://api.shop.example"
            smtp = { host = "mail.example" }""",
            "sender is not set",
        ),
    ],
)
def test_production_needs_a_mail_server(
    tmp_path: Path, settings: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BootError, match=words):
        create_app(in_production(tmp_path, settings, monkeypatch))


def test_production_has_no_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = smtp_toml(25, 'public_url = "https://api.shop.example"')
    app = create_app(in_production(tmp_path, settings, monkeypatch))
    paths = {route.path for route in app.routes if "/notifications" in route.path}
    assert paths == {"/notifications/unsubscribe/{token:str}"}


def in_production(tmp_path: Path, settings: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A production shop's engine, not started."""
    monkeypatch.setenv("MERCAT_PLUGINS__AUTH__SECRET", "x" * 40)
    monkeypatch.setenv("MERCAT_DATABASE__ENCRYPTION_KEY", "A" * 128)
    file = tmp_path / "engine.toml"
    file.write_text(toml_of(more=f"{settings}\n[shop]\nproduction = true"))
    urls = {"database": {"url": "mongodb://localhost"}, "redis": {"url": "redis://localhost"}}
    return Engine(load_settings(file, urls))
