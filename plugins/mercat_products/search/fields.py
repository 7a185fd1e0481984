"""The fields of the index. Another set of them, or another meaning, is another index."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tantivy import Index, Schema, SchemaBuilder

from mercat_products.search.words import PLAIN, Words

_GENERATION = 2  # another one makes every index anew
ID, STATE = "id", "state"  # `state` is also the id of the entry that says what the index holds
STATUS, SELLER, BRAND, TAG = "status", "seller", "brand", "tag"
LISTED, PLACED, OPTION, ATTRIBUTE = "listed", "placed", "option", "attribute"
STOCK, CREATED, UPDATED = "stock", "created", "updated_at"
NUMBER, RANK, UPDATED_KEY = "number", "rank", "updated_key"
CODE, WORD = "code", "word"
PARTS, PART_BYTES = 6, 7  # of what the order by name goes by
SEPARATOR = "\x1f"

_COUNTED = (STATUS, SELLER, BRAND, TAG, LISTED, PLACED, OPTION, ATTRIBUTE)
_ORDERED = (NUMBER, RANK, UPDATED_KEY)


def name_field(language: str) -> str:
    return f"name_{language}"


def name_key_field(language: str) -> str:
    return f"name_key_{language}"


def name_part_fields(language: str) -> list[str]:
    return [f"name_part_{language}_{part}" for part in range(PARTS)]


def text_field(language: str) -> str:
    return f"text_{language}"


def body_field(language: str) -> str:
    return f"body_{language}"


def price_field(currency: str) -> str:
    return f"price_{currency}"


def band_field(currency: str) -> str:
    return f"band_{currency}"


def low_field(currency: str) -> str:
    return f"low_{currency}"


def high_field(currency: str) -> str:
    return f"high_{currency}"


@dataclass(frozen=True)
class Fields:
    """The fields for a shop's languages and currencies."""

    words: Words
    currencies: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Names the indexes that these fields can read."""
        said = repr((_GENERATION, self.words.languages, self.currencies))
        return hashlib.blake2s(said.encode(), digest_size=6).hexdigest()

    @cached_property
    def schema(self) -> Schema:
        builder = SchemaBuilder()
        builder.add_text_field(ID, stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(STATE, stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(CODE, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(WORD, tokenizer_name=PLAIN, index_option="position")
        builder.add_boolean_field(STOCK, indexed=True, fast=True)
        self._add_counted(builder, _COUNTED + tuple(map(band_field, self.currencies)))
        self._add_numbers(builder)
        for language in self.words.languages:
            for name in (name_field(language), text_field(language), body_field(language)):
                builder.add_text_field(name, tokenizer_name=language, index_option="freq")
            key = name_key_field(language)
            builder.add_text_field(key, fast=True, tokenizer_name="raw", index_option="basic")
        return builder.build()

    def _add_counted(self, builder: SchemaBuilder, names: Sequence[str]) -> None:
        for name in names:
            builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")

    def _add_numbers(self, builder: SchemaBuilder) -> None:
        names = [*_ORDERED, CREATED, UPDATED]
        for language in self.words.languages:
            names += name_part_fields(language)
        for currency in self.currencies:
            names += [price_field(currency), low_field(currency), high_field(currency)]
        for name in names:
            builder.add_integer_field(name, indexed=True, fast=True)

    def prepare(self, index: Index) -> Index:
        """Give an index the analyzers of its fields."""
        for name, analyzer in self.words.analyzers.items():
            index.register_tokenizer(name, analyzer)
        return index
