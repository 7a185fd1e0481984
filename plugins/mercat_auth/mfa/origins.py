"""The shop's own addresses, which passkeys belong to."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_APP = re.compile(r"android:apk-key-hash:[\w-]{43}\Z", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")


def check_origins(rp_id: str | None, origins: Sequence[str]) -> None:
    """Raise ValueError for origins that no browser lets use passkeys of `rp_id`.

    After w3.org/TR/webauthn-3, 5.1.3 and 13.4.9: https, or http on localhost, in the domain or
    below it; or an Android app's.
    """
    if rp_id is None:
        if origins:
            raise ValueError("origins need rp_id, the domain that passkeys belong to")
        return
    if not _DOMAIN.match(rp_id):
        raise ValueError("rp_id is a domain in lower case, such as shop.example, without a scheme")
    if not origins:
        raise ValueError("rp_id needs origins, such as https://shop.example")
    for origin in origins:
        if not _APP.match(origin) and not _suits(rp_id, origin):
            raise ValueError(f"{origin!r} is no https origin in the domain {rp_id}")


def _suits(rp_id: str, origin: str) -> bool:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    is_bare = f"{parts.scheme}://{parts.netloc}" == origin and "@" not in parts.netloc
    is_inside = host == rp_id or host.endswith(f".{rp_id}")
    return is_secure and is_bare and is_inside and bool(_DOMAIN.match(host))
