"""What tickets are found by: the words of their texts."""

import re
import unicodedata
from collections.abc import Iterable

MOST = 200
"""How many words of a ticket are kept."""

_WORD = re.compile(r"[^\W_]+(?:[.@_+-][^\W_]+)*")
_LONGEST = 40
_SHORTEST = 2


def words_of(*texts: str) -> list[str]:
    """The words and numbers of texts, each once: folded, without accents, up to 40 characters."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(_folded(text)):
            if len(word) <= _LONGEST and (len(word) >= _SHORTEST or word.isdigit()):
                found[word] = None
            if len(found) == MOST:
                return list(found)
    return list(found)


def with_words(known: Iterable[str], more: Iterable[str]) -> list[str]:
    """The words that a ticket has with those of another text."""
    return list(dict.fromkeys((*known, *more)))[:MOST]


def _folded(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in split if not unicodedata.combining(each))
