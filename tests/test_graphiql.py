"""The GraphiQL page: nothing breaks out of it, and it needs nothing but the engine."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from mercat.graphql.ide import CONTENT_SECURITY_POLICY, STATIC_PATH, page, static_files
from mercat.lifecycle import Operation

from .conftest import Client

HOSTILE = "query A { a } # </script><script>alert(1)</script><!-- <script> & \u2028"


class Page(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        if data.strip():
            tag = self.tags[-1]
            self.texts[tag] = self.texts.get(tag, "") + data

    @property
    def files(self) -> list[str]:
        return [address for address in self.addresses if not address.startswith("data:")]


def test_the_title_is_escaped() -> None:
    html = page("Tom & <b>Jerry</b>", [])

    assert b"<b>" not in html
    assert Page(html).texts["title"] == "Tom & <b>Jerry</b>"


def test_operations_reach_the_page_as_they_are() -> None:
    operations = [Operation("Hello", "query Hello { hello }"), Operation("</script>", HOSTILE)]

    settings = json.loads(Page(page("Mercat", operations)).texts["script"])

    assert settings["endpoint"] == "graphql"
    assert settings["operations"] == [
        {"title": each.title, "document": each.document} for each in operations
    ]


def test_an_operation_cannot_break_out_of_its_block() -> None:
    plain = page("Mercat", [Operation("Hello", "query Hello { hello }")])
    hostile = page("Mercat", [Operation("</script><img src=x>", HOSTILE)])

    assert Page(hostile).tags == Page(plain).tags
    assert hostile.count(b"</script") == plain.count(b"</script")
    assert b"<!--" not in hostile


def test_all_files_are_served_and_kept_by_the_browser() -> None:
    files = Page(page("Mercat", [])).files

    assert len(files) == 6
    with TestClient(Litestar([static_files()])) as client:
        for file in files:
            response = client.get(f"/{file}")
            assert response.status_code == 200, file
            assert response.content
            kind = "css" if urlsplit(file).path.endswith(".css") else "javascript"
            assert kind in response.headers["content-type"]
            assert response.headers["cache-control"] == "max-age=31536000, public, immutable"


def test_no_address_leaves_the_engine() -> None:
    for address in Page(page("Mercat", [])).files:
        parts = urlsplit(address)
        assert not parts.scheme
        assert not parts.netloc
        assert f"/{parts.path}".startswith(f"{STATIC_PATH}/")
    assert b"//" not in page("Mercat", [])


@pytest.mark.parametrize("name", ["graphiql.min.css", "mercat-graphiql.css"])
def test_a_style_sheet_loads_nothing(name: str) -> None:
    with TestClient(Litestar([static_files()])) as client:
        sheet = client.get(f"{STATIC_PATH}/{name}").text

    assert "@import" not in sheet
    assert set(re.findall(r"url\(\s*['\"]?([a-z]+:|.)", sheet)) <= {"data:"}


def test_the_page_has_no_inline_code() -> None:
    html = page("Mercat", []).decode()

    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
        assert not body.strip() or 'type="application/json"' in attributes
    assert not re.search(r"<[^>]+\s(on\w+|style)=", html)
    assert "<style" not in html


def test_the_content_security_policy_is_strict() -> None:
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe-eval" not in CONTENT_SECURITY_POLICY
    assert not any("*" in sources or "http" in sources for sources in policy.values())


def test_only_the_folder_is_served() -> None:
    with TestClient(Litestar([static_files()])) as client:
        assert client.get(f"{STATIC_PATH}/LICENSE-graphiql").status_code == 200
        assert client.get(f"{STATIC_PATH}/%2e%2e/%2e%2e/ide.py").status_code == 404
        assert client.get(f"{STATIC_PATH}/missing.js").status_code == 404


async def test_address_with_a_slash_at_its_end_leads_to_the_page(client: Client) -> None:
    answer = await client.http.get("/graphql/", headers={"accept": "text/html"})
    assert answer.status_code == 308
    assert str(answer.url.join(answer.headers["location"])) == "http://shop.test/graphql"
