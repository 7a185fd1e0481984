"""The image of a category: set, shown, counted as a use, and taken away."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import decode_id, encode_id
from mercat_media.documents import MediaDocument
from mercat_media.service import upload_chunks

from .asking import told
from .conftest import Client, ClientFor, EngineFor
from .test_categories_editing import mutate
from .test_media import DELETE, picture

STAFF = Viewer(
    role="ADMIN",
    permissions=frozenset({"categories.manage", "media.manage"}),
    user="staff",
)
OTHER = Viewer(
    role="ADMIN",
    permissions=frozenset({"categories.manage", "media.upload"}),
    user="other",
)
SHOWN = """query ($slug: String!) { category(slug: $slug) {
  version image { id alt width height url(size: THUMBNAIL, format: JPEG) } } }"""


@pytest.fixture
async def shop(engine_for: EngineFor, tmp_path: Any) -> Engine:
    return await engine_for(database={"data_dir": str(tmp_path / "data")})


async def uploaded(shop: Engine, colour: str = "teal", alt: str = "A shoe") -> str:
    """The id of a picture of the staff's."""
    context = shop.context(STAFF)

    async def chunks() -> Any:
        yield picture(300, 200, colour)

    record = await upload_chunks(context, chunks(), alt=alt)
    return encode_id("Media", record["_id"])


async def uses(shop: Engine, media: str) -> int:
    key = ObjectId(decode_id(media)[1])
    record = await shop.storage.collection(MediaDocument).find_one({"_id": key})
    return -1 if record is None else int(record["uses"])


async def done(shop: Engine, mutation: str, viewer: Viewer = STAFF, **values: Any) -> Any:
    payload = await mutate(shop, mutation, viewer, **values)
    assert payload["userErrors"] == [], payload
    return payload.get("category")


async def test_an_image_is_shown_kept_from_deletion_and_taken_away(
    shop: Engine, client_for: ClientFor
) -> None:
    client: Client = client_for(shop)
    first, second = await uploaded(shop), await uploaded(shop, "red", "Red")
    made = await done(shop, "categoryCreate", name="Shoes", imageId=first)
    image = (await client.data(SHOWN, {"slug": "shoes"}))["category"]["image"]
    assert (image["id"], image["alt"], image["width"], image["height"]) == (
        first,
        "A shoe",
        300,
        200,
    )
    assert (await client.http.get(image["url"])).headers["content-type"] == "image/jpeg"
    refused = await told(shop, DELETE, {"id": first}, viewer=STAFF)
    assert refused["mediaDelete"]["userErrors"][0]["code"] == "IN_USE"
    await done(shop, "categoryUpdate", id=made["id"], name="Boots")
    assert await uses(shop, first) == 1
    await done(shop, "categoryUpdate", id=made["id"], imageId=second)
    assert (await uses(shop, first), await uses(shop, second)) == (0, 1)
    await done(shop, "categoryUpdate", id=made["id"], imageId=second)
    assert await uses(shop, second) == 1
    await done(shop, "categoryUpdate", id=made["id"], imageId=None)
    assert (await client.data(SHOWN, {"slug": "shoes"}))["category"]["image"] is None
    gone = await told(shop, DELETE, {"id": second}, viewer=STAFF)
    assert gone["mediaDelete"] == {"deletedId": second, "userErrors": []}


async def test_a_category_that_goes_away_uses_its_image_no_more(shop: Engine) -> None:
    media = await uploaded(shop)
    ids = [
        (await done(shop, "categoryCreate", name=f"C{n}", imageId=media))["id"] for n in range(3)
    ]
    assert await uses(shop, media) == 3
    await done(shop, "categoryDelete", id=ids[0])
    assert await uses(shop, media) == 2
    await done(shop, "categoryMerge", source=ids[1], target=ids[2])
    assert await uses(shop, media) == 1


@pytest.mark.parametrize("viewer", [STAFF, OTHER])
async def test_an_image_that_the_viewer_may_not_use_is_refused(
    shop: Engine, viewer: Viewer
) -> None:
    theirs = await uploaded(shop)
    wrong = {
        encode_id("Media", "0" * 24): "NOT_FOUND",
        encode_id("Product", "0" * 24): "INVALID",
        "nonsense": "INVALID",
    }
    if viewer is OTHER:
        wrong[theirs] = "NOT_FOUND"
    for media, code in wrong.items():
        payload = await mutate(shop, "categoryCreate", viewer, name="Shoes", imageId=media)
        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == (code, ["input", "imageId"])
    assert await shop.storage.database["categories"].count_documents({}) == 0
    assert await uses(shop, theirs) == 0
