"""What a text asks of the index, as ranks: who is in a better rank comes first, whoever else is.

The ranks have no statistics in them, so a product's place depends on itself alone: other products
that come and go move nobody from one rank to another, and a page can begin where the last ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from tantivy import Occur, Query

from mercat_products.search import fields
from mercat_products.search.entries import clean
from mercat_products.search.fields import Fields, body_field, name_field, text_field
from mercat_products.search.words import folded

Seen: TypeAlias = Callable[[Query], bool]

_MOST_WORDS = 12
_TYPO_FROM, _TWO_TYPOS_FROM = 4, 8  # letters
_RELAXED_FROM = 3  # words
_CODE_FROM = 3  # characters; a tenth of all SKUs may begin with a digit
RELAXED = 6


def any_of(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def without(query: Query, excluded: Sequence[Query]) -> Query:
    """What `query` finds and none of the others does."""
    if not excluded:
        return query
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, each) for each in excluded)])


@dataclass(frozen=True)
class Matching:
    """A text as ranks; `seen` says whether the viewer can find anything by a query.

    `is_continued` says that an earlier page had only some of the words.
    """

    known: Fields
    text: str
    seen: Seen
    is_continued: bool = False

    @cached_property
    def words(self) -> list[str]:
        """The words that matter, at most 12."""
        return self.known.words.meant(clean(self.text))[:_MOST_WORDS]

    @cached_property
    def ranks(self) -> list[Query]:
        """The best first: exact, phrase, name, name as typed so far, anywhere, typos, some words.

        One that finds everything where the text has no words.
        """
        if not self.words:
            return [Query.empty_query()] if self.text.strip() else [Query.all_query()]
        name = [self._in_name(word) for word in self.words]
        anywhere = [self._anywhere(word) for word in self.words]
        typed = [*anywhere[:-1], any_of([anywhere[-1], self._begun(self.words[-1])])]
        loose = [self._loosely(query, word) for query, word in zip(typed, self.words, strict=True)]
        ranks = [
            self._exact,
            self._phrase,
            all_of(name),
            all_of([*name[:-1], self._begun(self.words[-1])]),
            all_of(typed),
            all_of(loose),
        ]
        if self.is_continued or self._is_relaxed(ranks, loose):
            ranks.append(self._most(loose))
        return ranks

    @cached_property
    def found(self) -> Query:
        """All that any rank finds."""
        return any_of(self.ranks)

    def is_known(self, word: str) -> bool:
        """Whether the viewer can find anything by the word as it is."""
        return self.seen(any_of([self._anywhere(word), self._begun(word)]))

    @property
    def _exact(self) -> Query:
        """An SKU, a barcode, or the whole name."""
        return Query.term_query(self.known.schema, fields.CODE, folded(clean(self.text)))

    @property
    def _phrase(self) -> Query:
        words = self.known.words.split(clean(self.text))[:_MOST_WORDS]
        if len(words) == 1:
            return Query.term_query(self.known.schema, fields.WORD, words[0])
        return Query.phrase_query(self.known.schema, fields.WORD, list(words))

    def _in_name(self, word: str) -> Query:
        return any_of([self._stemmed(word, name_field), *self._synonyms(word, name_field)])

    def _anywhere(self, word: str) -> Query:
        return any_of(
            [
                Query.term_query(self.known.schema, fields.CODE, word),
                Query.term_query(self.known.schema, fields.WORD, word),
                *(self._stemmed(word, field) for field in (text_field, body_field)),
                *self._synonyms(word, text_field),
            ]
        )

    def _synonyms(self, word: str, field: Callable[[str], str]) -> list[Query]:
        found = [self.known.words.split(other) for other in self.known.words.synonyms_of(word)]
        return [all_of([self._stemmed(each, field) for each in words]) for words in found if words]

    def _stemmed(self, word: str, field: Callable[[str], str]) -> Query:
        """The word in any of the languages."""
        queries = []
        for language in self.known.words.languages:
            stems = self.known.words.stems(language, word)
            terms = [Query.term_query(self.known.schema, field(language), stem) for stem in stems]
            queries += [all_of(terms)] if terms else []
        return any_of(queries)

    def _begun(self, word: str) -> Query:
        """A word, or an SKU that more than two characters are typed of, that begins so."""
        names = (fields.WORD, fields.CODE) if len(word) >= _CODE_FROM else (fields.WORD,)
        return any_of(
            [
                Query.fuzzy_term_query(self.known.schema, name, word, distance=0, prefix=True)
                for name in names
            ]
        )

    def _loosely(self, query: Query, word: str) -> Query:
        """The query, or the word with typos where nothing has it without."""
        if len(word) < _TYPO_FROM or self.is_known(word):
            return query
        distance = 2 if len(word) >= _TWO_TYPOS_FROM else 1
        is_last = word == self.words[-1]
        near = [
            Query.fuzzy_term_query(
                self.known.schema, fields.WORD, word, distance=distance, prefix=is_prefix
            )
            for is_prefix in ([False, True] if is_last else [False])
        ]
        return any_of([query, *near])

    def _is_relaxed(self, ranks: Sequence[Query], loose: Sequence[Query]) -> bool:
        return len(loose) >= _RELAXED_FROM and not self.seen(any_of(ranks))

    def _most(self, loose: Sequence[Query]) -> Query:
        """Two thirds of the words, rounded up."""
        least = -(-2 * len(loose) // 3)
        return Query.boolean_query(
            [(Occur.Should, query) for query in loose], minimum_number_should_match=least
        )
