"""Highlights: where a product's texts have the words that were looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mercat.storage import Record
from mercat_products.formats.markup import text_of_html
from mercat_products.search.words import PLAIN, Words

_BEFORE, _LONGEST = 60, 240  # characters
_SCANNED = 20_000


class Part(NamedTuple):
    """A piece of a text, and whether it is one of the words."""

    text: str
    is_match: bool


@dataclass(frozen=True)
class Marker:
    """Marks the words of a query, words of the same stem, synonyms, and words that begin so."""

    words: Words
    asked: tuple[str, ...]
    stems: dict[str, frozenset[str]]

    @staticmethod
    def of(words: Words, text: str, others: Sequence[str]) -> "Marker":
        """A marker for a query and other words, such as corrected ones."""
        asked = words.meant(text)
        synonyms = [other for word in asked for other in words.synonyms_of(word)]
        wanted = " ".join((*asked, *synonyms, *others))
        stems = {language: _telling(words.stems(language, wanted)) for language in words.languages}
        stems[PLAIN] = frozenset(words.split(wanted))
        return Marker(words, tuple(asked), stems)

    def parts(self, text: str) -> list[Part]:
        """The whole text in parts; none where it has no such word."""
        return _cut(text, self._spans(text))

    def excerpt(self, html: str) -> list[Part]:
        """The part of a description around the first word, as plain text; none without one."""
        try:
            text = text_of_html(html)[:_SCANNED]
        except ValueError:  # an entity that no computer could mean
            return []
        spans = self._spans(text)
        if not spans:
            return []
        start = max(0, spans[0][0] - _BEFORE)
        start = text.rfind(" ", 0, start) + 1 if start else 0
        piece = text[start : start + _LONGEST]
        return _cut(piece, [(a - start, b - start) for a, b in spans if b - start <= len(piece)])

    def _spans(self, text: str) -> list[tuple[int, int]]:
        found = set()
        last = self.asked[-1] if self.asked else ""
        for language, wanted in self.stems.items():
            for word, start, end in self.words.places(language, text):
                begun = language == PLAIN and last and word.startswith(last)
                if begun or word in wanted:
                    found.add((start, end))
        return _joined(sorted(found))


def _telling(stems: Sequence[str]) -> frozenset[str]:
    """The stems without letters of longer ones, which languages without spaces have too."""
    longer = "".join(stem for stem in stems if len(stem) > 1)
    return frozenset(stem for stem in stems if len(stem) > 1 or stem not in longer)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans with those that overlap made into one."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> list[Part]:
    parts, at = [], 0
    for start, end in spans:
        if start < at:
            continue
        if start > at:
            parts.append(Part(text[at:start], is_match=False))
        parts.append(Part(text[start:end], is_match=True))
        at = end
    if parts and at < len(text):
        parts.append(Part(text[at:], is_match=False))
    return parts


def marked(marker: Marker, record: Record) -> dict[str, list[Part]]:
    """The fields of a product that have such words, with their parts."""
    found = {
        "name": marker.parts(record.get("name") or ""),
        "description": marker.excerpt(record.get("description") or ""),
    }
    return {field: parts for field, parts in found.items() if parts}
