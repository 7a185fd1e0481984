"""How texts become words: folded alike in every language, and stemmed in each of the shop's."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
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
# Their letters: Thai, Hangul, kana, and Han with its rarer and its compatible ones. Of them each,
# and each two in a row, is a word; anything else is words as elsewhere.
_UNSPACED_LETTERS = (
    "\u0e00-\u0e7f\u1100-\u11ff\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_PIECES = re.compile(f"([{_UNSPACED_LETTERS}]+)|[^\\W_{_UNSPACED_LETTERS}]+")
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
        return _analyzer(Tokenizer.whitespace())
    if language in _STEMMERS:
        return _analyzer(Tokenizer.simple(), Filter.stemmer(_STEMMERS[language]))
    return _analyzer(Tokenizer.simple())


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where the words are of a text in a language without spaces."""
    for found in _PIECES.finditer(text):
        start, end = found.span()
        if not found[1]:
            yield start, end
            continue
        for at in range(start, end):
            yield at, at + 1
            if at + 1 < end:
                yield at, at + 2


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

    def language_of(self, locale: str) -> str:
        """The language of a locale, where it is one of these; else the first."""
        found = language_of(locale)
        return found if found in self.languages else self.languages[0]

    def spaced(self, language: str, text: str) -> str:
        """A text as that language's analyzer takes it: with spaces between what it has as words."""
        if language not in _UNSPACED:
            return text
        return " ".join(text[start:end] for start, end in _pieces(text))

    def stems(self, language: str, text: str) -> list[str]:
        """The words of a text as the index of that language has them."""
        return list(self.analyzers[language].analyze(self.spaced(language, text)))

    def places(self, language: str, text: str) -> Iterator[tuple[str, int, int]]:
        """The words of a text as the index of that language has them, and where they are."""
        analyzer = self.analyzers[language]
        if language in _UNSPACED:
            for start, end in _pieces(text):
                yield "".join(analyzer.analyze(text[start:end])), start, end
            return
        for token in analyzer.pre_tokenize(text).tokens:
            yield token.text, token.char_offset_from, token.char_offset_to

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
