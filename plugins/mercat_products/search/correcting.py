"""What was meant: words that the viewer could find, near one that finds nothing."""

from collections.abc import Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA
from tantivy import Query, Searcher

from mercat_products.search import fields
from mercat_products.search.matching import Matching

_SHORTEST, _LONG = 3, 8  # letters
_MOST_NEAR = 8


def near_words(matching: Matching, searcher: Searcher, word: str) -> list[str]:
    """Words of the index at most one or two typos away, the nearest and most frequent first."""
    if len(word) < _SHORTEST:
        return []
    frequent = dict(_candidates(searcher, word))
    distance = 2 if len(word) >= _LONG else 1
    found = process.extract(
        word, list(frequent), scorer=OSA.distance, score_cutoff=distance, limit=50
    )
    ordered = sorted(found, key=lambda each: (each[1], -frequent[each[0]], each[0]))
    seen = (near for near, _, _ in ordered if _is_seen(matching, near))
    return [near for near, _ in zip(seen, range(_MOST_NEAR), strict=False)]


def _candidates(searcher: Searcher, word: str) -> Iterator[tuple[str, int]]:
    """Words with the first letter, or with the second where the first may be wrong."""
    for letter in dict.fromkeys(word[:2]):
        yield from searcher.terms_with_prefix(fields.WORD, letter)


def _is_seen(matching: Matching, word: str) -> bool:
    return matching.seen(Query.term_query(matching.known.schema, fields.WORD, word))


def corrections(matching: Matching, searcher: Searcher) -> dict[str, list[str]]:
    """The words of a text that find nothing, each with those near it."""
    unknown = [word for word in dict.fromkeys(matching.words) if not matching.is_known(word)]
    return {word: near_words(matching, searcher, word) for word in unknown}


def corrected(matching: Matching, found: dict[str, list[str]]) -> str | None:
    """The text with its unknown words replaced; None where there is nothing to replace."""
    if not any(found.values()):
        return None
    words = matching.known.words.split(matching.text)
    return " ".join((found.get(word) or [word])[0] for word in words)
