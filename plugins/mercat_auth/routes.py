"""`/.well-known/jwks.json`: the public keys, for whoever else verifies access tokens."""

from typing import Any

import orjson
from litestar import Response, get
from litestar.types import ControllerRouterHandler
from pymongo.errors import PyMongoError

from mercat.engine import Engine
from mercat.errors import StoreError
from mercat_auth.sealing import sealer_of
from mercat_auth.tokens.keys import KNOWN_SECONDS, keys_of

_MEDIA_TYPE = "application/jwk-set+json"


def jwks(engine: Engine) -> ControllerRouterHandler:
    """The route of the key set (RFC 7517, 5 and 8.5.2)."""
    context = engine.context()
    keys = keys_of(context)
    if engine.settings.shop.production:
        sealer_of(context)  # stops the boot where no secret is set

    # A new key signs only after that long, so that nobody who keeps the set misses it.
    @get("/.well-known/jwks.json", name="jwks")
    async def key_set() -> Response[Any]:
        try:
            body = orjson.dumps({"keys": await keys.published()})
        except (PyMongoError, StoreError):
            return Response(b"", status_code=503, headers={"retry-after": "5"})
        headers = {
            "cache-control": f"public, max-age={KNOWN_SECONDS}",
            "access-control-allow-origin": "*",
        }
        return Response(body, media_type=_MEDIA_TYPE, headers=headers)

    return key_set
