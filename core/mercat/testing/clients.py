"""Clients of an engine's application, in its own process."""

from typing import Any, Self, cast

import httpx

from mercat.app import create_app
from mercat.engine import Engine


class Client:
    """Asks one engine's application in process, as HTTP does; `http` is for other addresses."""

    def __init__(self, engine: Engine) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", create_app(engine))),
            base_url="http://shop.test",
        )

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, **headers: str
    ) -> dict[str, Any]:
        """The JSON of the answer."""
        answer = await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        )
        found: dict[str, Any] = answer.json()
        return found

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer that must have no errors."""
        answer = await self.ask(query, variables)
        assert "errors" not in answer, answer["errors"]  # noqa: S101  it is for tests
        found: dict[str, Any] = answer["data"]
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
