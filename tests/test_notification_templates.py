"""Every kind of message has words in each language, and both parts of a mail say the same."""

import html
import re
from pathlib import Path

import pytest

from mercat.engine import Engine
from mercat.money import Amount
from mercat_notifications.errors import TemplateFaultError
from mercat_notifications.kinds import kinds_of
from mercat_notifications.rendering import templates_of

from .conftest import EngineFor
from .identity import SHOP

_SUM = re.compile(r"-?(?:€[\d.,]+|[\d.,]+\s€)")


@pytest.fixture(scope="module")
async def shop(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(SHOP)


def words_of(page: str) -> str:
    """What a reader of HTML sees."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page.partition("</head>")[2]))


async def test_every_kind_has_words_in_each_language(shop: Engine) -> None:
    context = shop.context()
    kinds, templates = kinds_of(context), templates_of(context)
    assert len(kinds.all) == 36
    for kind in kinds.all:
        assert templates.languages(kind) == ["de", "en"], kind.name
        subjects = set()
        for locale in ("en", "en-GB", "de", "de-AT", "fr"):
            leave = None if kind.is_transactional else "https://shop.example/leave"
            facts = {**kind.sample(locale), "unsubscribe_url": leave}
            made = templates.render(kind, locale, facts)
            subjects.add(made.subject)
            for text in (made.subject, made.text, made.html):
                assert text.strip(), kind.name
                assert not re.search(r"\{\{|\{%|Undefined|\bNone\b", text), (kind.name, text)
            assert "<Ada>" not in made.html
            assert "Subject:" not in made.text
            assert sorted(_SUM.findall(made.text)) == sorted(_SUM.findall(words_of(made.html)))
            for link in re.findall(r"https://\S+", made.text):
                assert html.escape(link) in made.html, kind.name
            assert ("https://shop.example/leave" in made.text) is not kind.is_transactional
        assert len(subjects) >= 2, f"{kind.name} is the same in English and German"


async def test_a_shop_without_orders_has_no_messages_of_theirs(engine_for: EngineFor) -> None:
    engine = await engine_for('[plugins]\nenabled = ["auth", "notifications"]\n')
    kinds = kinds_of(engine.context()).all
    assert {kind.name.partition(".")[0] for kind in kinds} == {"auth"}


async def test_sums_are_written_as_the_reader_writes_them(shop: Engine) -> None:
    context = shop.context()
    kind = kinds_of(context).find("orders.placed")
    made = templates_of(context).render(kind, "de-AT", kind.sample("de-AT"))
    assert made.subject == "Ihre Bestellung K7TX-3M9P"
    assert "€ 1.239,80" in made.text.replace("\xa0", " ")
    assert "Deutschland" in made.text
    assert "&lt;Ada&gt;" in made.html


async def test_a_line_break_in_a_subject_is_none(shop: Engine) -> None:
    context = shop.context()
    kind = kinds_of(context).find("payouts.paid")
    evil = "x\r\nBcc: all@example.com\u2028\x00y"
    facts = {**kind.sample("en"), "amount": Amount(1, "EUR"), "reference": evil}
    made = templates_of(context).render(kind, "en", facts)
    assert "\n" not in made.subject
    low = kinds_of(context).find("products.low_stock")
    made = templates_of(context).render(low, "en", {**low.sample("en"), "name": evil})
    assert made.subject == "Little is left of x Bcc: all@example.com y"


async def test_a_shops_own_template_is_used_and_a_broken_one_is_named(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "mail"
    (folder / "en").mkdir(parents=True)
    own = folder / "en" / "auth.verify_email.txt"
    own.write_text("Subject: Hello from {{ shop }}\n\n{{ token }}\n")
    (folder / "en" / "auth.reset_password.html").write_text("<p>\n{{ tokn }}</p>")
    engine = await engine_for(
        '[plugins]\nenabled = ["auth", "notifications"]\n'
        '[plugins.notifications]\ntemplates = "templates/mail"\n'
    )
    context = engine.context()
    kind = kinds_of(context).find("auth.verify_email")
    facts = kind.sample("en")
    made = templates_of(context).render(kind, "en", facts)
    assert (made.subject, made.text.strip()) == ("Hello from Mercat", facts["token"])
    assert "Please confirm" in made.html, "of the plugin still"
    kind = kinds_of(context).find("auth.reset_password")
    with pytest.raises(TemplateFaultError, match=r"auth\.reset_password\.html, line 2: .*tokn"):
        templates_of(context).render(kind, "en", facts)
    kind = kinds_of(context).find("auth.verify_email")
    own.write_text("Subject: x\n\n{% if %}")
    with pytest.raises(TemplateFaultError, match=r"auth\.verify_email\.txt, line 3: "):
        templates_of(context).render(kind, "en", facts)
    own.write_text("Hello\n")
    with pytest.raises(TemplateFaultError, match="begin with 'Subject: '"):
        templates_of(context).render(kind, "en", facts)
    own.write_text("Subject: {{ ''.__class__.__mro__ }}\n\nx")
    with pytest.raises(TemplateFaultError, match="SecurityError"):
        templates_of(context).render(kind, "en", facts)
