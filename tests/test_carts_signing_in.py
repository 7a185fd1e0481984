"""A guest's cart is still there after signing in."""

from .conftest import Client, ClientFor, EngineFor, until
from .identity import PASSWORD, registered, toml_of
from .market import TOML, line, offer

SHOP = toml_of("auth", "media", "products", "orders", more=TOML.partition("[plugins]")[0])
LOGIN = """mutation ($email: String!, $password: String!) {
  login(input: { email: $email, password: $password }) {
    tokens { accessToken } userErrors { code } } }"""
IDENTITY = "mutation { guestIdentityCreate(input: { transport: BEARER }) { token } }"
BEGIN = """mutation ($variant: ID!) {
  cartCreate(input: { lines: [{ variantId: $variant, quantity: 2 }] }) { cart { id } } }"""


async def test_a_guest_who_signs_in_keeps_the_cart(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await engine_for(SHOP, work=True)
    client: Client = client_for(engine)
    made = await client.data(
        "mutation { guestIdentityCreate(input: { transport: BEARER }) { token } }"
    )
    guest = {"x-mercat-guest": made["guestIdentityCreate"]["token"]}
    variant = line(await offer(engine))["variantId"]
    begun = await client.ask(BEGIN, {"variant": variant}, **guest)
    cart = begun["data"]["cartCreate"]["cart"]["id"]
    user = await registered(engine)
    given = {"email": user["email"], "password": PASSWORD}
    signed_in = await client.ask(LOGIN, given, **guest)
    bearer = {"authorization": f"Bearer {signed_in['data']['login']['tokens']['accessToken']}"}

    async def is_theirs() -> bool:
        found = await client.ask("{ cart { id itemCount } }", None, **bearer)
        return bool(found["data"]["cart"] == {"id": cart, "itemCount": 2})

    await until(is_theirs)
    left = await client.ask("{ cart { id } }", None, **guest)
    assert left["data"]["cart"] is None
