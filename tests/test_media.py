"""Pictures: who may upload, see, change and delete them, and what other plugins embed."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId
from PIL import Image

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import MercatError, NotFoundError
from mercat.graphql.execution import run
from mercat.ids import decode_id, encode_id
from mercat.storage import Session
from mercat_media import contents, service

from .conftest import Client, ClientFor, EngineFor

KEYS = {
    "__init__": """from mercat import Manifest
manifest = Manifest(name="media_keys", version="1.0.0", requires={"media": ">=0"})
""",
    "schema": """from typing import Annotated

import strawberry
from mercat.graphql.extend import Query, extend
from mercat_media.schema import Media


@extend(Query)
class ElsewhereQuery:
    @strawberry.field(description="A picture that another host has.")
    @staticmethod
    def elsewhere(alt: Annotated[str, strawberry.argument(description="Words.")]) -> Media:
        return Media(record={"url": "https://elsewhere.test/a.svg", "alt": alt})
""",
    "hooks": """from mercat import Context, Viewer, hookimpl
from mercat.auth import Credentials
from media_keys.schema import ElsewhereQuery

UPLOAD, MANAGE = frozenset({"media.upload"}), frozenset({"media.manage"})
VIEWERS = {
    "ada": Viewer("CUSTOMER", UPLOAD, user="ada"),
    "bob": Viewer("CUSTOMER", UPLOAD, user="bob"),
    "eve": Viewer("CUSTOMER", frozenset(), user="eve"),
    "sam": Viewer("SELLER", UPLOAD, user="sam", seller="acme"),
    "sue": Viewer("SELLER", UPLOAD, user="sue", seller="acme"),
    "staff": Viewer("ADMIN", MANAGE, user="staff"),
}


@hookimpl
def schema():
    return [ElsewhereQuery]


@hookimpl
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    return VIEWERS.get(credentials.headers.get("authorization", ""))
""",
}
TOML = '[plugins]\nenabled = ["mercat_media", "media_keys"]\n[plugins.media]\n'
UPLOAD = """mutation ($file: Upload!, $alt: String) { mediaUpload(input: {file: $file, alt: $alt}) {
  media { id kind alt url width height blurhash } userErrors { field code message } } }"""
UPDATE = """mutation ($id: ID!, $alt: String!) { mediaUpdate(input: {id: $id, alt: $alt}) {
  media { alt } userErrors { field code } } }"""
DELETE = """mutation ($id: ID!) { mediaDelete(input: {id: $id}) {
  deletedId userErrors { field code message } } }"""
LIST = """query ($after: String) { media(first: 2, after: $after) {
  totalCount nodes { id alt } pageInfo { hasNextPage endCursor } } }"""


def picture(
    width: int = 320, height: int = 200, colour: str = "teal", kind: str = "PNG", **options: Any
) -> bytes:
    """The file of a picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind, **options)
    return out.getvalue()


def write_keys(folder: Path) -> None:
    """A plugin that knows who asks by the header `Authorization: ada`."""
    (folder / "media_keys").mkdir(exist_ok=True)
    for name, text in KEYS.items():
        (folder / "media_keys" / f"{name}.py").write_text(text)


MediaEngine = Callable[..., Any]


@pytest.fixture
def media_engine(
    engine_for: EngineFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MediaEngine:
    """Engines with the plugin; `more` goes below `[plugins.media]`."""
    write_keys(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    async def make(more: str = "") -> Engine:
        return await engine_for(TOML + more, database={"data_dir": str(tmp_path / "data")})

    return make


@pytest.fixture
async def shop(media_engine: MediaEngine) -> Engine:
    found: Engine = await media_engine()
    return found


@pytest.fixture
def web(shop: Engine, client_for: ClientFor) -> Client:
    return client_for(shop)


async def upload(
    client: Client, file: bytes, who: str = "ada", alt: str | None = None, name: str = "a.png"
) -> dict[str, Any]:
    """Upload by GraphQL: the payload, or the first error."""
    answer = await client.http.post(
        "/graphql",
        data={
            "operations": json.dumps({"query": UPLOAD, "variables": {"file": None, "alt": alt}}),
            "map": '{"f": ["variables.file"]}',
        },
        files={"f": (name, file)},
        headers={"authorization": who},
    )
    found = answer.json()
    if "errors" in found:
        error: dict[str, Any] = found["errors"][0]
        return error
    payload: dict[str, Any] = found["data"]["mediaUpload"]
    return payload


async def ask(client: Client, query: str, who: str = "ada", **variables: Any) -> dict[str, Any]:
    """Ask as somebody: the data, or the first error."""
    found = await client.ask(query, variables, authorization=who)
    answer: dict[str, Any] = found["errors"][0] if "errors" in found else found["data"]
    return answer


def files_of(shop: Engine) -> list[Path]:
    """All that lies in the shop's folder of pictures."""
    return [path for path in (shop.storage.data_dir / "media").rglob("*") if path.is_file()]


async def test_an_uploaded_picture_is_shown(web: Client) -> None:
    payload = await upload(web, picture(1000, 500), alt="  A teal sea ")
    assert payload["userErrors"] == []
    media = payload["media"]
    assert (media["kind"], media["alt"]) == ("IMAGE", "A teal sea")
    assert (media["width"], media["height"]) == (1000, 500)
    assert len(media["blurhash"]) == 28
    data = await ask(web, "query ($id: ID!) { node(id: $id) { __typename id } }", id=media["id"])
    assert data["node"] == {"__typename": "Media", "id": media["id"]}
    answer = await web.http.get(media["url"])
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (1000, 500))


async def test_every_size_and_format_is_there_and_never_enlarged(web: Client) -> None:
    media = (await upload(web, picture(1200, 600)))["media"]
    sizes = {"THUMBNAIL": 160, "SMALL": 480, "MEDIUM": 960, "LARGE": 1200, "ORIGINAL": 1200}
    formats = {"WEBP": "image/webp", "AVIF": "image/avif", "JPEG": "image/jpeg"}
    for size, width in sizes.items():
        for kind, content_type in formats.items():
            query = f"url(size: {size}, format: {kind})"
            data = await ask(
                web,
                f"query ($id: ID!) {{ node(id: $id) {{ ... on Media {{ {query} }} }} }}",
                id=media["id"],
            )
            answer = await web.http.get(data["node"]["url"])
            assert answer.headers["content-type"] == content_type
            with Image.open(io.BytesIO(answer.content)) as shown:
                assert (shown.format, shown.size) == (kind, (width, width // 2))


async def test_a_large_picture_is_bounded(web: Client) -> None:
    media = (await upload(web, picture(6000, 100)))["media"]
    assert (media["width"], media["height"]) == (4096, 68)


@pytest.mark.parametrize(
    ("who", "code", "status"), [("", "UNAUTHENTICATED", 401), ("eve", "FORBIDDEN", 403)]
)
async def test_without_a_permission_nothing_is_allowed(
    shop: Engine, web: Client, who: str, code: str, status: int
) -> None:
    media = (await upload(web, picture()))["media"]
    before = files_of(shop)
    for error in (
        await upload(web, picture(colour="red"), who=who),
        await ask(web, UPDATE, who, id=media["id"], alt="x"),
        await ask(web, DELETE, who, id=media["id"]),
        await ask(web, LIST, who),
    ):
        assert error["extensions"]["code"] == code
    node = await ask(web, "query ($id: ID!) { node(id: $id) { id } }", who, id=media["id"])
    assert node == {"node": None}
    answer = await web.http.post("/media", content=picture(), headers={"authorization": who})
    assert answer.status_code == status
    assert files_of(shop) == before


async def test_a_picture_is_its_owners_and_the_staffs(web: Client) -> None:
    media = (await upload(web, picture(), alt="mine"))["media"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert (await ask(web, node, "bob", id=media["id"])) == {"node": None}
    for query in (UPDATE, DELETE):
        data = await ask(web, query, "bob", id=media["id"], alt="stolen")
        (payload,) = data.values()
        assert payload["userErrors"][0]["code"] == "NOT_FOUND"
    assert (await ask(web, LIST, "bob"))["media"]["totalCount"] == 0
    assert (await ask(web, LIST, "ada"))["media"]["nodes"] == [{"id": media["id"], "alt": "mine"}]
    assert (await ask(web, node, "staff", id=media["id"]))["node"] == {"id": media["id"]}
    changed = await ask(web, UPDATE, "staff", id=media["id"], alt="theirs")
    assert changed["mediaUpdate"] == {"media": {"alt": "theirs"}, "userErrors": []}


async def test_a_sellers_staff_share_their_pictures(web: Client) -> None:
    media = (await upload(web, picture(), who="sam"))["media"]
    assert (await ask(web, LIST, "sue"))["media"]["nodes"][0]["id"] == media["id"]
    deleted = await ask(web, DELETE, "sue", id=media["id"])
    assert deleted["mediaDelete"] == {"deletedId": media["id"], "userErrors": []}
    assert (await ask(web, LIST, "sam"))["media"]["nodes"] == []


async def test_pages_list_the_newest_first(web: Client) -> None:
    for n in range(5):
        await upload(web, picture(20 + n), alt=str(n))
    seen, after = [], None
    while True:
        page = (await ask(web, LIST, after=after))["media"]
        seen += [node["alt"] for node in page["nodes"]]
        assert page["totalCount"] == 5
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_the_same_picture_twice_is_stored_once(shop: Engine, web: Client) -> None:
    first = (await upload(web, picture(), alt="first"))["media"]
    files = files_of(shop)
    again = (await upload(web, picture()))["media"]
    assert again == first
    assert (await upload(web, picture(), alt="second"))["media"] == first
    other = (await upload(web, picture(), who="bob"))["media"]
    assert other["id"] != first["id"]
    assert other["url"] == first["url"]
    assert files_of(shop) == files
    bare = (await upload(web, picture(colour="red")))["media"]
    named = (await upload(web, picture(colour="red"), alt="third"))["media"]
    assert named == {**bare, "alt": "third"}


async def test_twenty_uploads_of_one_picture_at_once_store_it_once(
    shop: Engine, web: Client
) -> None:
    payloads = await asyncio.gather(
        *(upload(web, picture(500, 300), who) for who in ["ada", "bob"] * 10)
    )
    assert len({payload["media"]["id"] for payload in payloads}) == 2
    assert len({payload["media"]["url"] for payload in payloads}) == 1
    assert len(files_of(shop)) == 9  # three sizes in three formats
    assert await shop.storage.database["media"].count_documents({}) == 2


async def test_two_processes_that_upload_one_picture_store_it_once(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    engines = [await media_engine() for _ in range(2)]
    clients = [client_for(engine) for engine in engines]
    payloads = await asyncio.gather(*(upload(client, picture(700, 700)) for client in clients))
    assert payloads[0] == payloads[1]
    assert len(files_of(engines[0])) == 9


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"alt": "x" * 501}, ["input", "alt"], "INVALID"),
        ({"alt": "two\nlines"}, ["input", "alt"], "INVALID"),
        ({"alt": "\ud800"}, ["input", "alt"], "INVALID"),
        ({"id": encode_id("Media", "0" * 24)}, ["input", "id"], "NOT_FOUND"),
        ({"id": encode_id("Product", "0" * 24)}, None, "INVALID"),
    ],
)
async def test_what_the_caller_can_mend_is_a_user_error(
    shop: Engine, web: Client, values: dict[str, str], field: list[str] | None, code: str
) -> None:
    media = (await upload(web, picture(), alt="as it was"))["media"]
    payload = await as_ada(shop, UPDATE, **{"id": media["id"], "alt": "x", **values})
    (error,) = payload["mediaUpdate"]["userErrors"]
    assert (error["field"], error["code"]) == (field, code)
    assert (await ask(web, LIST))["media"]["nodes"][0]["alt"] == "as it was"


async def as_ada(shop: Engine, query: str, **variables: Any) -> dict[str, Any]:
    viewer = Viewer("CUSTOMER", frozenset({"media.upload"}), user="ada")
    result = await run(
        shop.schema._schema,
        shop.documents.get(query),
        Context(shop, viewer),
        variables=variables,
    )
    assert result.data is not None, result.errors
    return result.data


async def test_a_file_is_only_taken_from_a_form(web: Client) -> None:
    for value in ("text", 1, {"url": "http://169.254.169.254/"}):
        error = await ask(web, UPLOAD, file=value)
        assert error["extensions"]["code"] == "BAD_REQUEST"


async def embedded(shop: Engine, media_id: str) -> Any:
    context = shop.context(Viewer("CUSTOMER", frozenset({"media.upload"}), user="ada"))
    return await service.embed(context, [ObjectId(decode_id(media_id)[1])])


async def note(shop: Engine, **change: Any) -> None:
    async def work(session: Session) -> None:
        await service.count_uses(shop.context(), session, **change)

    await shop.storage.transaction(work)


async def test_a_picture_that_is_used_is_not_deleted(shop: Engine, web: Client) -> None:
    media = (await upload(web, picture()))["media"]
    records = await embedded(shop, media["id"])
    external = {"url": "https://elsewhere.test/a.png", "alt": ""}
    await note(shop, after=[*records, external])
    refused = (await ask(web, DELETE, id=media["id"]))["mediaDelete"]
    assert refused["deletedId"] is None
    assert refused["userErrors"][0]["code"] == "IN_USE"
    await note(shop, before=records, after=[external])
    deleted = (await ask(web, DELETE, id=media["id"]))["mediaDelete"]
    assert deleted == {"deletedId": media["id"], "userErrors": []}
    with pytest.raises(NotFoundError, match="deleted meanwhile"):
        await note(shop, after=records)


async def test_of_a_use_and_a_deletion_at_once_one_wins(shop: Engine, web: Client) -> None:
    for n in range(8):
        media = (await upload(web, picture(40 + n)))["media"]
        records = await embedded(shop, media["id"])
        used, deleted = await asyncio.gather(
            note(shop, after=records), ask(web, DELETE, id=media["id"]), return_exceptions=True
        )
        assert isinstance(deleted, dict), deleted
        is_gone = deleted["mediaDelete"]["deletedId"] is not None
        assert is_gone is isinstance(used, MercatError), (used, deleted)


async def test_embedding_takes_only_what_is_the_viewers(shop: Engine, web: Client) -> None:
    mine = (await upload(web, picture()))["media"]
    theirs = (await upload(web, picture(), who="bob"))["media"]
    (record,) = await embedded(shop, mine["id"])
    assert record["id"] == ObjectId(decode_id(mine["id"])[1])
    for other in (theirs["id"], encode_id("Media", "0" * 24)):
        keys = [record["id"], ObjectId(decode_id(other)[1])]
        context = shop.context(Viewer("CUSTOMER", frozenset({"media.upload"}), user="ada"))
        with pytest.raises(NotFoundError) as caught:
            await service.embed(context, keys, field=("media",))
        assert caught.value.field == ("media", "1")
    assert await service.embed(shop.context(Viewer()), []) == []


async def test_an_external_picture_is_the_same_type(web: Client) -> None:
    data = await ask(
        web,
        """{ a: elsewhere(alt: "A") { ...P } b: elsewhere(alt: "B") { ...P } }
        fragment P on Media { id kind alt width height blurhash url
          small: url(size: SMALL, format: AVIF) }""",
    )
    assert data["a"].pop("alt") == "A"
    assert data["b"].pop("alt") == "B"
    assert data["a"] == data["b"]
    key = data["a"].pop("id")
    url = "https://elsewhere.test/a.svg"
    nothing = dict.fromkeys(("width", "height", "blurhash"))
    assert data["a"] == {"kind": "IMAGE", "url": url, "small": url, **nothing}
    assert await ask(web, "query ($id: ID!) { node(id: $id) { id } }", id=key) == {"node": None}


async def test_what_nobody_needs_is_swept_after_a_day(
    shop: Engine, web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (await upload(web, picture(colour="red")))["media"]
    gone = (await upload(web, picture(colour="blue")))["media"]
    await ask(web, DELETE, id=gone["id"])
    await contents.sweep(shop.context())
    assert (await web.http.get(gone["url"])).status_code == 200  # not before a day
    monkeypatch.setattr(contents, "_DAY", -contents._DAY)
    await contents.sweep(shop.context())
    assert (await web.http.get(gone["url"])).status_code == 404
    assert (await web.http.get(kept["url"])).status_code == 200
    again = (await upload(web, picture(colour="blue")))["media"]
    assert again["url"] != gone["url"]
    assert (await web.http.get(again["url"])).status_code == 200


async def test_files_that_the_storage_lost_come_back_with_an_upload(
    shop: Engine, web: Client
) -> None:
    media = (await upload(web, picture()))["media"]
    for file in files_of(shop):
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()
    assert (await web.http.get(media["url"])).status_code == 404
    assert (await upload(web, picture()))["media"] == media
    assert (await web.http.get(media["url"])).status_code == 200


async def test_a_public_url_goes_before_the_address(
    media_engine: MediaEngine, client_for: ClientFor
) -> None:
    shop = await media_engine('public_url = "https://cdn.shop.test/pictures/"\n')
    web = client_for(shop)
    media = (await upload(web, picture()))["media"]
    assert media["url"].startswith("https://cdn.shop.test/pictures/")
    assert httpx.URL(media["url"]).path.count("/") == 3
