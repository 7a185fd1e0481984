"""Which of a shop's locales suits a reader."""

from functools import lru_cache

_LONGEST = 500
_MOST = 20


@lru_cache(maxsize=1_000)
def best_locale(languages: str, locales: tuple[str, ...]) -> str:
    """The locale that an Accept-Language prefers; the first of `locales` where none is wanted.

    A range matches a locale that it begins, and `de-AT` finds `de` too (RFC 4647, 3.4, "Lookup").
    """
    for wanted in _ranges(languages[:_LONGEST]):
        if wanted == "*":
            return locales[0]
        parts = wanted.split("-")
        for length in range(len(parts), 0, -1):
            prefix = "-".join(parts[:length])
            for locale in locales:
                folded = locale.casefold().replace("_", "-")
                if folded == prefix or folded.startswith(f"{prefix}-"):
                    return locale
    return locales[0]


def _ranges(languages: str) -> list[str]:
    """Language ranges in lower case, the best liked first; those of weight 0 left out."""
    found: list[tuple[float, str]] = []
    for part in languages.split(",")[:_MOST]:
        name, _, weight = part.partition(";")
        quality = _quality(weight)
        if quality > 0 and name.strip():
            found.append((-quality, name.strip().casefold()))
    return [name for _, name in sorted(found, key=lambda pair: pair[0])]


def _quality(weight: str) -> float:
    name, _, value = weight.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
