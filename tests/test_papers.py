"""Papers as they are printed: every script, every language, and nobody's text as anything else."""

import io
import logging
import re
import shutil
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
from pydantic import ValidationError
from pypdf.generic import ContentStream

from mercat.engine import Engine
from mercat_orders.papers import layouts, printing
from mercat_orders.papers.languages import tables
from mercat_orders.papers.printing import BusyError, Press, PrintingError
from mercat_orders.papers.settings import InvoiceSettings
from mercat_orders.settings import OrderSettings

from .conftest import EngineFor
from .ordering import TOML

pytestmark = pytest.mark.gate

_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
_ADA = {
    "name": "Ada Lovelace",
    "lines": ("Unter den Linden 1",),
    "city": "Berlin",
    "country": "DE",
    "company": "",
    "region": "",
    "postal_code": "10117",
    "phone": "",
}
_PERSONAL = {"billing_address": None, "shipping_address": _ADA}
_SCRIPTS = {
    "latin": "Žluťoučký kůň Ångström Ệ ẞ",
    "greek": "Ξεσκεπάζω τὴν ψυχοφθόρα",
    "cyrillic": "Съешь ещё Їжак Ћуприја",
    "arabic": "قميص كتان أزرق",
    "hebrew": "חולצת פשתן",
    "devanagari": "क्षत्रिय हिन्दी",
    "bengali": "বাংলাদেশ ক্ষুদ্র",
    "tamil": "தமிழ் ஸ்ரீ",
    "thai": "น้ำตาล ผู้",
    "georgian": "საქართველო",
    "armenian": "Հայաստան",
    "simplified": "简体中文衬衫",
    "traditional": "繁體中文襯衫",
    "japanese": "日本語カタカナひらがな",
    "korean": "한국어 셔츠",
    "telugu": "తెలుగు",
    "khmer": "ភាសាខ្មែរ",
    "ethiopic": "አማርኛ",
    "emoji": "🎉 👩\u200d👩\u200d👧 🇩🇪 ❤️",
    "signs": "€ ₹ ₽ ₪ £ ½ № ™ → ★",
}
_HOSTILE = (
    '#image("/etc/passwd")',
    '#read("/etc/passwd")',
    '#include "page.typ"',
    '#eval("1+1")',
    "{{7*7}} ${7*7} <%= 7*7 %> #{7*7}",
    "#set text(size: 99pt)",
    "$ sum_1^2 $ *b* _i_ `c` ~ \\ // x",
    "= Title",
    "@label <label> https://evil.example",
    '#import "@preview/x:1.0.0": *',
    "]#panic()[",
    '"); panic("',
    "</text><script>alert(1)</script>",
    "\\u{41} \\n %PDF-1.7 endobj",
)


def _line(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "sku": "SKU-1",
        "options": [],
        "note": "",
        "quantity": 2,
        "unit_price": 1_299,
        "discount": 0,
        "amount": 2_598,
        "taxes": [{"label": "VAT 19 %", "base": 2_183, "amount": 415}],
        **more,
    }


def _facts(*names: str, locale: str = "en", **more: Any) -> dict[str, Any]:
    return {
        "locale": locale,
        "currency": "EUR",
        "order": "K7TX-3M9P",
        "issued_on": "2026-11-23",
        "ordered_on": "2026-11-20",
        "supplied_on": None,
        "issuer": {
            **dict.fromkeys(("registration", "email", "phone", "untaxed_note"), ""),
            "name": "Tea House Ltd",
            "lines": ["Tea Street 1"],
            "tax_number": "DE123456789",
            "bank": [],
            "notes": ["Thank you."],
        },
        "tax_included": True,
        "lines": [_line(name) for name in names],
        "shipping": {"name": "Standard", "discount": 0, "amount": 490, "taxes": []},
        "sums": {"subtotal": 2_598, "discounts": 0, "shipping": 490, "tax": 415, "total": 3_088},
        "taxes": [{"label": "VAT 19 %", "base": 2_183, "amount": 415}],
        "payment": "paid",
        **more,
    }


@pytest.fixture(scope="module", name="press")
async def made(shared_engine_for: EngineFor) -> Press:
    return Press(await shared_engine_for(TOML))


async def _invoice(press: Press, *names: str, **more: Any) -> bytes:
    paper = layouts.invoice("TH-2026-000001", _facts(*names, **more), _PERSONAL)
    return await press.print("invoice", paper, _AT)


def _text(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [document[at] for at in range(len(document))]
        found = [page.get_textpage().get_text_range() for page in pages]
        for page in pages:
            page.close()
    return "\n".join(found).replace("\u200b", "").replace("\r\n", "\n")


def _glyphs(pdf: bytes) -> list[int]:
    """The ids of all glyphs that are shown; every font is one of two-byte ids."""
    reader, found = pypdf.PdfReader(io.BytesIO(pdf)), []
    for page in reader.pages:
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator not in (b"Tj", b"TJ"):
                continue
            for piece in operands[0] if operator == b"TJ" else operands:
                shown = getattr(piece, "original_bytes", b"")
                found += [
                    int.from_bytes(shown[at : at + 2], "big") for at in range(0, len(shown), 2)
                ]
    return found


def _pixels(pdf: bytes) -> bytes:
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0]
        found: bytes = page.render(scale=2).to_pil().tobytes()
        page.close()
    return found


def _letters(text: str) -> set[str]:
    return {one for one in unicodedata.normalize("NFKD", text) if one.isalnum()}


@pytest.mark.parametrize("script", _SCRIPTS)
async def test_every_script_is_printed(
    press: Press, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    pdf = await _invoice(press, _SCRIPTS[script])
    assert _letters(_SCRIPTS[script]) <= _letters(_text(pdf))
    glyphs = _glyphs(pdf)
    assert len(glyphs) > 100
    assert 0 not in glyphs  # the box that stands for what a font doesn't have
    assert not caplog.records


@pytest.mark.parametrize(("name", "joins"), [("كتان", True), ("वस्त्र", True), ("linen", False)])
async def test_letters_are_joined_as_their_script_does(
    press: Press, name: str, *, joins: bool
) -> None:
    """A mark between them that has no width keeps letters apart where they would join."""
    apart = "\u200c".join(name)
    assert (_pixels(await _invoice(press, name)) != _pixels(await _invoice(press, apart))) == joins


async def test_what_no_font_has_is_said(press: Press, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        pdf = await _invoice(press, "Linen 𒀀𒀁 shirt")
    assert "Linen" in _text(pdf)
    assert "characters that no font has" in caplog.text
    assert "𒀀" not in caplog.text


@pytest.mark.parametrize("locale", sorted(tables()))
async def test_every_language_is_printed(press: Press, locale: str) -> None:
    pdf = await _invoice(press, "Thing", locale=locale)
    assert 0 not in _glyphs(pdf)
    assert _letters(tables()[locale]["invoice"]) <= _letters(_text(pdf))
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert str(reader.root_object["/Lang"]).startswith(locale)


@pytest.mark.parametrize("name", _HOSTILE)
async def test_what_strangers_write_is_printed_as_text(press: Press, name: str) -> None:
    """As a name, an option, a number, an issuer and an address."""
    facts = _facts(name)
    facts["lines"][0] |= {"sku": name, "options": [{"name": name, "value": name}]}
    facts["issuer"] |= {"name": name, "lines": [name], "notes": [name], "bank": [name]}
    address = {**_ADA, "name": name, "lines": (name,)}
    paper = layouts.invoice(name, facts, {**_PERSONAL, "shipping_address": address})
    text = _text(await press.print("invoice", paper, _AT))
    flat = re.sub(r"\s+", "", text)
    assert flat.count(re.sub(r"\s+", "", name)) >= 9
    assert "root:" not in text


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\0\x07\x1b[31m",
        "\ud800 lone",
        "\u202e gnirts",
        "\ufffe\uffff\U0010ffff",
        "a\u0300" * 200,
        "W" * 1_000,
        "م" * 500,
        "\u200d" * 300,
        "👩\u200d" * 100,
        "\u2068" * 50,
        "\ue000 private",
        "\n".join("lines"),
    ],
    ids=lambda name: ascii(name[:6]),
)
async def test_odd_texts_are_printed_somehow(press: Press, name: str) -> None:
    pdf = await _invoice(press, name)
    assert "Tea House Ltd" in _text(pdf)


async def test_the_same_invoice_is_the_same_file(press: Press) -> None:
    names = list(_SCRIPTS.values())
    assert await _invoice(press, *names) == await _invoice(press, *names)


async def test_it_is_kept_in_archives(press: Press) -> None:
    pdf = await _invoice(press, "Thing")
    metadata = pypdf.PdfReader(io.BytesIO(pdf)).xmp_metadata
    assert metadata is not None
    assert b"<pdfaid:part>2</pdfaid:part>" in metadata.stream.get_data()


async def test_long_invoices_repeat_their_heads_and_count_their_pages(press: Press) -> None:
    text = _text(await _invoice(press, *(f"Thing {at}" for at in range(120))))
    pages = max(int(found) for found in re.findall(r"Page (\d+) of", text))
    assert pages >= 5
    assert f"Page {pages} of {pages}" in text
    assert text.count("Unit price") >= pages - 1  # the last one may have the sums alone
    assert all(f"Thing {at}\n" in text for at in range(120))


async def test_an_invoice_says_what_it_has_to(press: Press) -> None:
    text = _text(await _invoice(press, "Thing", locale="de", supplied_on="2026-11-22"))
    for wanted in (
        *("Rechnung", "TH-2026-000001", "K7TX-3M9P", "Tea House Ltd", "DE123456789"),
        *("23. November 2026", "20. November 2026", "22. November 2026", "Deutschland"),
        *("12,99 €", "25,98 €", "21,83 €", "4,15 €", "30,88 €", "VAT 19 %", "Bezahlt"),
        *("Die Preise enthalten die Steuer.", "Thank you.", "Versand (Standard)"),
    ):
        assert wanted in text.replace("\xa0", " ")


async def test_what_is_not_taxed_says_why(press: Press) -> None:
    facts = _facts("Thing", taxes=[{"label": "", "base": 2_598, "amount": 0}])
    facts["sums"] |= {"tax": 0}
    facts["issuer"] |= {"untaxed_note": "Reverse charge (Article 196)."}
    paper = layouts.invoice("1", facts, _PERSONAL)
    text = _text(await press.print("invoice", paper, _AT))
    assert "Reverse charge (Article 196)." in text
    assert "No tax" in text
    assert "Prices include tax." not in text


async def test_a_tax_on_top_is_a_row_of_the_sums(press: Press) -> None:
    text = _text(await _invoice(press, "Thing", tax_included=False))
    assert "Prices do not include tax." in text
    assert "Tax included" not in text
    assert re.search(r"Tax €4\.15\nTotal €30\.88", text)


async def test_a_packing_slip_has_no_prices(press: Press) -> None:
    facts = {**_facts("Thing"), "way": "Express", "carrier": "DHL", "tracking": "JD01"}
    paper = layouts.packing_slip(facts, _PERSONAL)
    text = _text(await press.print("packing_slip", paper, _AT))
    for wanted in ("Packing slip", "K7TX-3M9P", "Thing", "SKU-1", "Ada Lovelace", "DHL", "JD01"):
        assert wanted in text
    assert "€" not in text
    assert "12.99" not in text


def _press(engine: Engine, **settings: Any) -> Press:
    found = Press(engine)
    found._settings = found._settings.model_copy(update=settings)
    return found


async def test_one_too_many_is_told_to_come_back(shared_engine_for: EngineFor) -> None:
    press = _press(await shared_engine_for(TOML), max_waiting=0)
    press._waiting = 1
    with pytest.raises(BusyError):
        await _invoice(press, "Thing")


async def test_a_paper_has_bounds_of_time_and_memory(shared_engine_for: EngineFor) -> None:
    engine = await shared_engine_for(TOML)
    for bound in ({"max_seconds": 0.001}, {"max_memory_bytes": 50_000_000}):
        press = _press(engine, **bound)
        with pytest.raises(PrintingError):
            await _invoice(press, "Thing")
        assert press._waiting == 0


async def test_a_folder_of_fonts_has_what_the_others_lack(
    shared_engine_for: EngineFor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = await shared_engine_for(TOML)
    for name, file in (("few", "NotoSans[wght].ttf"), ("own", "NotoSansThai[wght].ttf")):
        (tmp_path / name).mkdir()
        shutil.copy(Path(printing.installed_fonts()[0]) / file, tmp_path / name)
    monkeypatch.setattr(printing, "installed_fonts", lambda: [str(tmp_path / "few")])
    await _invoice(Press(engine), _SCRIPTS["thai"])
    assert "characters that no font has" in caplog.text
    caplog.clear()
    settings = OrderSettings(invoices=InvoiceSettings(fonts=tmp_path / "own"))
    monkeypatch.setattr(engine, "plugin_settings", lambda _model: settings)
    assert 0 not in _glyphs(await _invoice(Press(engine), _SCRIPTS["thai"]))
    assert not caplog.records


def test_a_folder_of_fonts_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is no folder"):
        InvoiceSettings(fonts=tmp_path / "nowhere")


async def test_an_invoice_for_nobody_known_is_printed(press: Press) -> None:
    nobody = {"billing_address": None, "shipping_address": None}
    paper = layouts.invoice("TH-1", _facts("Thing", shipping=None), nobody)
    assert "Thing" in _text(await press.print("invoice", paper, _AT))
