"""How texts become words: folded alike in every language, and stemmed in each of the shop's."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

PLAIN = "plain"
_LONGEST_WORD = 60
_STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
_UNSPACED = frozenset(("ja", "ko", "th", "zh"))
# Languages without a list of stop words in the library.
_WITHOUT_STOPWORDS = frozenset(("ar", "el", "ro", "ta", "tr"))


def language_of(locale: str) -> str:
    """The language that a locale such as `de-AT` is in: `de`."""
    return locale.replace("_", "-").split("-")[0].lower()


def folded(text: str) -> str:
    """A text as it is compared with others: no case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(letters.replace("\0", " ").split())


def _analyzer(tokenizer: Tokenizer, *filters: Filter) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(tokenizer)
    for each in (Filter.remove_long(_LONGEST_WORD), Filter.lowercase(), Filter.ascii_fold()):
        builder = builder.filter(each)
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


def _of_language(language: str) -> TextAnalyzer:
    if language in _UNSPACED:
        return _analyzer(Tokenizer.ngram(1, 2))
    if language in _STEMMERS:
        return _analyzer(Tokenizer.simple(), Filter.stemmer(_STEMMERS[language]))
    return _analyzer(Tokenizer.simple())


def _stopwords(language: str) -> TextAnalyzer | None:
    if language not in _STEMMERS or language in _WITHOUT_STOPWORDS:
        return None
    return _analyzer(Tokenizer.simple(), Filter.stopword(_STEMMERS[language]))


@dataclass(frozen=True)
class Words:
    """The analyzers of a shop's languages, and its synonyms, each group of them folded."""

    languages: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...] = ()

    @staticmethod
    def of(locales: Iterable[str], synonyms: Sequence[Sequence[str]] = ()) -> "Words":
        """The words of these locales; each language counts once."""
        languages = tuple(dict.fromkeys(map(language_of, locales)))
        return Words(languages, tuple(tuple(map(folded, group)) for group in synonyms))

    @cached_property
    def analyzers(self) -> dict[str, TextAnalyzer]:
        """The analyzer of each language, and the plain one, which only folds."""
        found = {language: _of_language(language) for language in self.languages}
        return {PLAIN: _analyzer(Tokenizer.simple()), **found}

    @cached_property
    def _stopping(self) -> list[TextAnalyzer]:
        return [found for found in map(_stopwords, self.languages) if found is not None]

    @cached_property
    def _alternatives(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for group in self.synonyms:
            for word in group:
                others = (other for other in group if other != word)
                found[word] = tuple(dict.fromkeys((*found.get(word, ()), *others)))
        return found

    def split(self, text: str) -> list[str]:
        """The words of a text, folded, in order."""
        return list(self.analyzers[PLAIN].analyze(text))

    def stems(self, language: str, text: str) -> list[str]:
        """The words of a text as the index of that language has them."""
        return list(self.analyzers[language].analyze(text))

    def meant(self, text: str) -> list[str]:
        """The words of a text without such as "the", unless there are no others."""
        words = self.split(text)
        kept = [word for word in words if all(each.analyze(word) for each in self._stopping)]
        return kept or words

    def synonyms_of(self, word: str) -> tuple[str, ...]:
        """Other words, or sequences of words, for a folded one or for one of its forms."""
        if not self.synonyms:
            return ()
        exact = self._alternatives.get(word)
        if exact is not None:
            return exact
        stems = {language: self.stems(language, word) for language in self.languages}
        for known, others in self._alternatives.items():
            if any(self.stems(language, known) == stem for language, stem in stems.items()):
                return others
        return ()
