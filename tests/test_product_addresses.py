"""Slugs: one belongs to one product, whatever the locale, and an old one to who had it last."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.storage.migrations import migrate

from .asking import told
from .conftest import EngineFor, write_jsonl
from .test_catalogue import load
from .test_catalogue import product as row
from .test_product_editing import change, done, refused, shirt, variant


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(
        '[shop]\nlocales = ["de", "fr"]\n[plugins]\nenabled = ["media", "products"]\n'
    )


async def add(engine: Engine, slug: str, german: str | None = None, **values: Any) -> str:
    """The id of a product with that slug, and with that one in German."""
    translations = [] if german is None else [{"locale": "de", "name": "X", "slug": german}]
    given = {"slug": slug, "status": "ACTIVE", "translations": translations, **values}
    product = await done(engine, "productCreate", **shirt(variants=[variant(slug)], **given))
    found: str = product["id"]
    return found


async def led(engine: Engine, slug: str, locale: str = "en") -> str | None:
    """The slug of the product that a slug leads to."""
    query = f'{{ product(slug: "{slug}", locale: "{locale}") {{ slug }} }}'
    found = (await told(engine, query, viewer=Viewer()))["product"]
    return found and str(found["slug"])


async def test_a_slug_is_one_products_in_all_locales(engine: Engine) -> None:
    await add(engine, "coat", "mantel")
    other = await add(engine, "other")
    german = {"translations": [{"locale": "de", "slug": "mantel"}]}
    french = {"translations": [{"locale": "fr", "slug": "mantel"}]}
    own = {"translations": [{"locale": "fr", "slug": "coat"}]}
    at = ["input", "translations", "0", "slug"]
    for given, path in (
        ({"slug": "mantel"}, ["input", "slug"]),
        (german, at),
        (french, at),
        (own, at),
    ):
        found = await refused(engine, "productUpdate", id=other, **given)
        assert found == (path, "SLUG_TAKEN")
        new = shirt(slug="third", variants=[variant("third")]) | given
        assert await refused(engine, "productCreate", **new) == (path, "SLUG_TAKEN")
    same = [{"locale": locale, "slug": "other"} for locale in ("de", "fr")]
    await done(engine, "productUpdate", id=other, translations=same)
    for locale in ("en", "de", "fr"):
        assert await led(engine, "other", locale) == "other"
        assert await led(engine, "mantel", locale) == ("mantel" if locale == "de" else "coat")


async def test_of_two_who_want_a_slug_at_once_one_gets_it(engine: Engine) -> None:
    one, two = await add(engine, "one"), await add(engine, "two")
    for round_ in range(5):
        slug = f"wanted-{round_}"
        translations = [{"locale": "de", "slug": slug}]
        outcomes = await asyncio.gather(
            change(engine, "productUpdate", id=one, slug=slug),
            change(engine, "productUpdate", id=two, translations=translations),
        )
        assert sum(bool(payload["userErrors"]) for payload in outcomes) == 1


async def test_an_import_takes_no_slug_of_another_either(engine: Engine, tmp_path: Path) -> None:
    german = [{"locale": "de", "slug": "mantel"}]
    rows = [row("coat", translations=german), row("mantel"), row("free")]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.created == 2
    ((where, reason),) = [(one.where, one.reason) for one in tally.rejected]
    assert (where, "'mantel'" in reason) == ("line 2", True)
    assert await led(engine, "mantel", "de") == "mantel"


async def test_an_old_slug_leads_to_whom_it_was_last(engine: Engine, tmp_path: Path) -> None:
    first = await add(engine, "road")
    await done(engine, "productUpdate", id=first, slug="road-new")
    assert await led(engine, "road") == "road-new"
    second = await add(engine, "rival")
    await done(engine, "productUpdate", id=second, slug="road")
    assert await led(engine, "road") == "road"
    await done(engine, "productUpdate", id=second, slug="road-mine")
    assert await led(engine, "road") == "road-mine"
    await done(engine, "productUpdate", id=first, slug="road-newer", name="Other")
    assert await led(engine, "road") == "road-mine"
    said = write_jsonl(tmp_path / "p.jsonl", [row("third", old_slugs=["road", "de/rue"])])
    assert (await load(engine, "products", said)).created == 1
    assert (await led(engine, "road"), await led(engine, "rue", "fr")) == ("third", "third")
    again = write_jsonl(tmp_path / "q.jsonl", [row("road-mine", old_slugs=["road"])])
    await engine.storage.database["products"].update_one(
        {"slug": "road-mine"}, {"$set": {"variants.0.sku": "ROAD-MINE"}}
    )
    assert (await load(engine, "products", again)).updated == 1
    assert await led(engine, "road") == "road-mine"


async def test_a_translated_slug_that_is_left_leads_on_too(engine: Engine) -> None:
    key = await add(engine, "coat", "mantel")
    await done(
        engine, "productUpdate", id=key, translations=[{"locale": "de", "slug": "wintermantel"}]
    )
    assert await led(engine, "mantel", "de") == "wintermantel"
    assert await led(engine, "mantel", "en") == "coat"


async def test_addresses_with_a_locale_are_rewritten(engine: Engine) -> None:
    await add(engine, "coat", "mantel")
    await add(engine, "mantel-2", "kleid")
    await add(engine, "plain")
    products = engine.storage.database["products"]
    before = {
        "coat": {"addresses": ["coat", "de/mantel"], "old_addresses": ["de/jacke", "jacket"]},
        "mantel-2": {"slug": "mantel", "addresses": ["mantel", "de/kleid"]},
    }
    for slug, values in before.items():
        await products.update_one({"slug": slug}, {"$set": values})
    own = [one for one in engine.migrations if one.id.startswith("products/")]
    assert own[0].pending is not None
    assert await own[0].pending(engine.context()) == 2
    for _ in range(2):
        await migrate(engine.context(), own, lambda _migration, _seconds: None)
        await own[0].up(engine.context())
    assert await own[0].pending(engine.context()) == 0
    assert await led(engine, "mantel", "de") == "kleid"
    assert await led(engine, "mantel", "en") == "mantel"
    assert await led(engine, "jacke", "de") == await led(engine, "jacket", "de")
    coat = await products.find_one({"slug": "coat"})
    assert coat is not None
    (translation,) = coat["translations"]
    assert translation["slug"] == f"mantel-{coat['number']}"
    assert coat["addresses"] == ["coat", translation["slug"]]
