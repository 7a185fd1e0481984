"""E-mail addresses: one mailbox, one account, and no deception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.emails import LONGEST, email_of, key_of
from mercat.engine import Engine

from .conftest import EngineFor
from .identity import PATIENT, TOML, registered, toml_of
from .test_accounts import SENT, codes, login, register


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture(scope="module")
async def empty(shared_engine_for: EngineFor) -> Engine:
    """A shop where nobody has an account, and nobody gets one."""
    return await shared_engine_for(toml_of(auth=PATIENT))


@pytest.mark.parametrize(
    "written",
    [
        "ada@example.com",
        "ADA@EXAMPLE.COM",
        " ada@example.com ",
        "\uff21\uff24\uff21@example.com",  # fullwidth
        "ada@\uff45xample.com",
        "ada\uff20example.com",
        "a\u1d48a@example.com",  # a raised d
    ],
)
async def test_one_mailbox_has_one_account_however_it_is_written(
    engine: Engine, written: str
) -> None:
    await registered(engine, "Ada@Example.com")
    assert await register(engine, written) == SENT
    assert await engine.storage.database["users"].count_documents({}) == 1
    assert (await login(engine, written))["user"]["email"] == "Ada@example.com"


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "ada lovelace@example.com",
        "ada@example.com\r\nBcc: all@example.com",
        "ada\u200b@example.com",  # zero width space
        "ad\u0131@example.com",  # dotless i
        "\u0130da@example.com",
        "\u0430da@example.com",  # Cyrillic a
        "ada@ex\u0430mple.com",
        "ada\u0300\u0301@example.com",
        "ada@example.com\0",
        "\u202eada@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 63 + ".com",
        "a" * 1_000,
        '{"$ne": null}',
    ],
)
async def test_what_is_no_address_or_deceives_is_refused(empty: Engine, email: str) -> None:
    payload = await register(empty, email)
    assert payload["userErrors"] == [{"field": ["input", "email"], "code": "INVALID"}]
    assert codes(await login(empty, email)) == ["BAD_CREDENTIALS"]
    assert await empty.storage.database["users"].count_documents({}) == 0


async def test_international_domain_has_one_form(engine: Engine) -> None:
    await registered(engine, "ada@m\u00fcnchen.example.com")
    payload = await login(engine, "ADA@XN--MNCHEN-3YA.example.com")
    assert payload["user"]["email"] == "ada@m\u00fcnchen.example.com"


@given(
    st.text(min_size=1, max_size=30), st.sampled_from(["Example.com", "m\u00fcnchen.example.com"])
)
def test_key_of_an_address_is_its_own_key(local: str, domain: str) -> None:
    key = key_of(f"{local}@{domain}")
    if key is not None:
        assert key_of(key) == key
        assert key_of(email_of(f"{local}@{domain}").shown) == key
        assert len(key.encode()) <= LONGEST
