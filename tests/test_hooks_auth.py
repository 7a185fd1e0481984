"""The hooks of authentication and authorization: each is called, and its answer has effect."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mercat import auth
from mercat.auth import IdentityProvider, Permission, Subject
from mercat.context import Context, Viewer
from mercat_coupons.documents import GroupMemberDocument

from .asking import SELLER, told
from .conftest import EngineFor, until, write_jsonl
from .identity import registered, viewer_for
from .test_catalogue import load
from .test_hooks import Plugins
from .test_product_editing import done, shirt
from .test_sellers import admin_of, approved
from .test_sellers import done as seller_done


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


def shop_of(plugins: Plugins, *first: str) -> str:
    return plugins.toml(*first) + "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n"


async def test_hook_permissions(plugins: Plugins, engine_for: EngineFor) -> None:
    pour = Permission("tea.pour", "Pour tea.", ("SUPPORT", "ADMIN"))
    plugins.add("tea", permissions=lambda: [pour])
    engine = await engine_for(shop_of(plugins, "auth"))

    async def may(role: str) -> bool:
        user = await registered(engine, roles=[role])
        return "tea.pour" in (await viewer_for(engine, user)).permissions

    assert [await may(role) for role in ("CUSTOMER", "SELLER", "SUPPORT", "ADMIN")] == [
        *(False, False, True, True)
    ]
    query = "{ permissions { name description } }"
    listed = await told(engine, query, viewer=await admin_of(engine))
    assert {"name": "tea.pour", "description": "Pour tea."} in listed["permissions"]


async def test_hook_identity_providers(plugins: Plugins, engine_for: EngineFor) -> None:
    def providers() -> Sequence[IdentityProvider]:
        return [IdentityProvider("acme", "Acme", "https://id.acme.example", "shop")]

    plugins.add("acme", identity_providers=providers)
    url = 'public_url = "https://shop.example"\nredirects = ["https://shop.example/in"]\n'
    engine = await engine_for(shop_of(plugins, "auth") + url)
    listed = await told(engine, "{ identityProviders { id name } }", viewer=Viewer())
    assert listed == {"identityProviders": [{"id": "acme", "name": "Acme"}]}


@pytest.mark.parametrize(
    ("said", "expected"),
    [((None,), False), ((True,), True), ((True, False), False), ((False,), False)],
)
async def test_hook_authorize(
    plugins: Plugins, engine_for: EngineFor, said: Sequence[bool | None], expected: bool
) -> None:
    for number, answer in enumerate(said):

        async def authorize(action: str, subject: Subject, answer: bool | None = answer) -> Any:
            return answer if (action, subject.owner) == ("tea.pour", "ada") else None

        plugins.add(f"rule{number}", authorize=authorize)
    engine = await engine_for(plugins.toml())
    context = Context(engine, Viewer("CUSTOMER", frozenset(), "ada"))
    assert await auth.allowed(context, "tea.pour", Subject("Pot", owner="ada")) is expected
    assert not await auth.allowed(context, "tea.pour", Subject("Pot", owner="bob"))
    permitted = Context(engine, Viewer("ADMIN", frozenset({"tea.pour"}), "ada"))
    pot = Subject("Pot", owner="ada")
    assert await auth.allowed(permitted, "tea.pour", pot) is (False not in said)


async def hears(heard: list[Any], said: Any) -> None:
    async def is_heard() -> bool:
        return said in heard

    await until(is_heard)


async def test_hook_suspended_sellers(plugins: Plugins, engine_for: EngineFor) -> None:
    suspended: list[str] = []

    async def suspended_sellers(sellers: Sequence[str]) -> Sequence[str] | None:
        return [seller for seller in sellers if seller in suspended]

    plugins.add("market", suspended_sellers=suspended_sellers)
    engine = await engine_for(plugins.toml("media", "products"), work=True)
    await done(engine, "productCreate", SELLER, **shirt(status="ACTIVE"))

    async def is_shown() -> bool:
        found = await told(engine, "{ products(first: 1) { nodes { slug } } }", viewer=Viewer())
        return bool(found["products"]["nodes"])

    async def is_hidden() -> bool:
        return not await is_shown()

    async def tell() -> None:
        context = engine.context()
        await engine.storage.transaction(
            lambda session: engine.outbox.add(
                session, auth.seller_state_changed, context, str(SELLER.seller)
            )
        )

    await until(is_shown)
    suspended.append(str(SELLER.seller))
    await tell()
    await until(is_hidden)
    suspended.clear()
    await tell()
    await until(is_shown)


async def test_hook_seller_state_changed(plugins: Plugins, engine_for: EngineFor) -> None:
    heard: list[str] = []

    async def seller_state_changed(seller: str) -> None:
        heard.append(seller)

    plugins.add("watch", seller_state_changed=seller_state_changed)
    engine = await engine_for(shop_of(plugins, "auth"), work=True)
    admin = await admin_of(engine)
    owner, seller = await approved(engine, admin)
    await hears(heard, owner["seller"])
    heard.clear()
    await seller_done(engine, "sellerSuspend", admin, id=seller)
    await hears(heard, owner["seller"])


async def test_hook_users_named(plugins: Plugins, engine_for: EngineFor, tmp_path: Path) -> None:
    async def users_named(names: Sequence[str]) -> dict[str, str]:
        return {name: "64b000000000000000000001" for name in names if name == "loyal 7"}

    plugins.add("loyalty", users_named=users_named)
    engine = await engine_for(plugins.toml("media", "products", "orders", "coupons"))
    rows = [{"key": "a", "customers": ["loyal 7"]}, {"key": "b", "customers": ["loyal 8"]}]
    tally = await load(engine, "customer-groups", write_jsonl(tmp_path / "g.jsonl", rows))
    assert (tally.created, len(tally.rejected)) == (1, 1)
    (member,) = await engine.storage.collection(GroupMemberDocument).find().to_list()
    assert member["user"] == "64b000000000000000000001"
