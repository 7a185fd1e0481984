"""Guessing passwords over HTTP."""

import httpx
import pytest

from mercat.engine import Engine

from .conftest import Client, ClientFor, EngineFor, Serve
from .factors import LOGIN, codes_of, person
from .identity import PASSWORD, registered, signed_in, toml_of


async def guess(client: Client, email: str, password: str = "a wrong password") -> list[str]:
    """The codes of what is wrong with a sign-in."""
    answer = await client.ask(LOGIN, {"input": {"email": email, "password": password}})
    if "errors" in answer:
        return [error["extensions"]["code"] for error in answer["errors"]]
    return codes_of(answer["data"]["login"])


async def made(engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of())


async def test_guesses_wait_and_a_good_password_waits_with_them(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await made(engine_for)
    client, user = client_for(engine), await registered(engine)
    found = [await guess(client, user["email"]) for _ in range(7)]
    assert found == [["BAD_CREDENTIALS"]] * 5 + [["RATE_LIMITED"]] * 2
    assert await guess(client, user["email"], PASSWORD) == ["RATE_LIMITED"]
    other = await registered(engine)
    assert await guess(client, other["email"], PASSWORD) == []


async def test_an_address_without_an_account_is_slowed_down_alike(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    client = client_for(await made(engine_for))
    found = [await guess(client, "nobody@example.com") for _ in range(7)]
    assert found == [["BAD_CREDENTIALS"]] * 5 + [["RATE_LIMITED"]] * 2


async def test_another_way_to_write_an_address_is_the_same_account(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await made(engine_for)
    client = client_for(engine)
    await registered(engine, "ada@example.com")
    spellings = ["ada@example.com", "ADA@example.com", "Ada@Example.COM", " ada@example.com"] * 2
    found = [await guess(client, email) for email in spellings]
    assert found == [["BAD_CREDENTIALS"]] * 5 + [["RATE_LIMITED"]] * 3


async def test_the_answer_says_how_long_to_wait(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await made(engine_for)
    client, user = client_for(engine), await registered(engine)
    for _ in range(5):
        await guess(client, user["email"])
    given = {"input": {"email": user["email"], "password": "x"}}
    answer = await client.http.post("/graphql", json={"query": LOGIN, "variables": given})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["retryAfter"] == 1
    assert user["email"] not in answer.text


async def test_guessing_a_password_does_not_end_a_session(
    engine_for: EngineFor, client_for: ClientFor
) -> None:
    engine = await made(engine_for)
    ada = await person(engine, client_for(engine))
    for _ in range(7):
        await guess(ada.client, ada.user["email"])
    assert (await ada.viewer())["user"] is not None
    assert (await ada.viewer(await signed_in(engine, ada.user)))["role"] == "CUSTOMER"


@pytest.mark.gate
def test_clients_behind_a_proxy_on_this_machine_are_told_apart(serve: Serve) -> None:
    """Uvicorn believes X-Forwarded-For of 127.0.0.1, or what FORWARDED_ALLOW_IPS names."""
    given = {"input": {"email": "nobody@example.com", "password": "a wrong password"}}

    def guessed(url: str, address: str) -> int:
        return httpx.post(
            f"{url}/graphql",
            json={"query": LOGIN, "variables": given},
            headers={"x-forwarded-for": address},
        ).status_code

    with serve(toml=toml_of()) as server:
        first = [guessed(server.url, "192.0.2.1") for _ in range(6)]
        assert (first, guessed(server.url, "192.0.2.2")) == ([200] * 5 + [429], 200)
