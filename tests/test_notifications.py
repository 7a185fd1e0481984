"""Mails go to a mail server, each to its recipient, once."""

from email.utils import parsedate_to_datetime

from mercat.engine import Engine

from .conftest import EngineFor, until
from .identity import toml_of
from .mailing import Mailbox, code_in, mail_server, smtp_toml, text_of
from .test_accounts import VERIFY, ask, register


async def came(box: Mailbox, count: int) -> None:
    async def there() -> bool:
        return len(box.mails) >= count

    await until(there)


async def states(engine: Engine) -> list[str]:
    found = engine.storage.database["notifications"].find({}).sort("number", 1)
    return [row["state"] async for row in found]


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
