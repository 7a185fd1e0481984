"""Slugs: the part of an address that names a thing, made from its title."""

from hashlib import blake2b

from slugify import slugify as _transliterate

_LONGEST = 200


def slugify(text: str) -> str:
    """Return the text as ASCII words joined by `-`; empty where no letter or digit remains."""
    # The backend is named because the library would otherwise switch to Unidecode wherever that
    # happens to be installed, and a slug has to be the same on every machine.
    return _transliterate(
        text,
        max_length=_LONGEST,
        word_boundary=True,
        save_order=True,
        backend="text-unidecode",
    )


class UniqueSlugs:
    """Hands out `slug`, `slug-2`, `slug-3` … for names that come more than once in a file.

    It remembers eight bytes a slug, so that a file of millions of names costs little memory.
    """

    def __init__(self) -> None:
        self._taken: set[bytes] = set()
        self._last: dict[bytes, int] = {}

    def take(self, text: str) -> str:
        """Return a slug that was not handed out before; empty where nothing of the text remains."""
        slug = slugify(text)
        if not slug or self._is_new(slug):
            return slug
        base = _digest(slug)
        number = self._last.get(base, 1)
        while True:
            number += 1
            numbered = _numbered(slug, number)
            if self._is_new(numbered):
                self._last[base] = number
                return numbered

    def _is_new(self, slug: str) -> bool:
        digest = _digest(slug)
        if digest in self._taken:
            return False
        self._taken.add(digest)
        return True


def _numbered(slug: str, number: int) -> str:
    ending = f"-{number}"
    return slug[: _LONGEST - len(ending)].rstrip("-") + ending


def _digest(slug: str) -> bytes:
    return blake2b(slug.encode(), digest_size=8).digest()
