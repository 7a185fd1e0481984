"""Paths: a category a line as `A > B > C`, with or without an id before it.

    # comments, as in Google's product taxonomy
    5181 - Luggage & Bags > Backpacks
    gid://shopify/TaxonomyCategory/ap-1 : Animals & Pet Supplies > Live Animals

The key is the id where there is one (`5181`, `ap-1`), else the path. An ancestor that has no line
of its own so far is made, with its path as the key; parents therefore stand above their children
in files with ids, as they do in Google's and Shopify's. A path that came before is passed over.

Every path is remembered, so memory grows with the number of categories: thousands, not millions.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mercat.importing import Rejected, Row
from mercat.reading.lines import flaw, lines, opening, text_of
from mercat.reading.values import clipped, validated
from mercat_categories.records import CategoryRecord

_ID = re.compile(r"(?:gid://shopify/TaxonomyCategory/(\S+)\s+:|(\d+)\s+-)\s+(?=\S)")
_DEEPEST = 50
_COMMAS_IN_A_NAME = 3
_Names = tuple[str, ...]


class Paths:
    name = "paths"
    title = "paths (Google's and Shopify's taxonomy text)"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        text = text_of(head)
        if text.startswith(("{", "[", "<")):
            return False
        said = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
        # Tables may hold paths as well; their header line gives them away.
        if not said or "\t" in said[0] or said[0].count(",") >= _COMMAS_IN_A_NAME:
            return False
        return 2 * sum(" > " in line for line in said) >= len(said)

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        keys: dict[_Names, str] = {}
        for line in lines(stream, opening(stream)):
            if isinstance(line, Rejected):
                yield line
            elif reason := flaw(line.value):
                yield Rejected(line.where, reason)
            elif (text := line.value.strip()) and not text.startswith("#"):
                yield from _categories(line.where, text, keys)


def _categories(
    where: str, text: str, keys: dict[_Names, str]
) -> Iterator[Row[CategoryRecord] | Rejected]:
    found = _ID.match(text)
    given = (found[1] or found[2]) if found else None
    names = tuple(name.strip() for name in text[found.end() if found else 0 :].split(">"))
    if problem := _problem(names, given, keys):
        yield Rejected(where, problem)
        return
    for depth in range(1, len(names) + 1):
        if names[:depth] in keys:
            continue
        made = _category(where, names[:depth], given if depth == len(names) else None, keys)
        yield made
        if isinstance(made, Rejected):
            return
        keys[names[:depth]] = made.value.key


def _problem(names: _Names, given: str | None, keys: dict[_Names, str]) -> str | None:
    if not all(names):
        return "a name in the path is empty"
    if len(names) > _DEEPEST:
        return f"the path has more than {_DEEPEST} names"
    known = keys.get(names)
    if given and known and known != given:
        return f"its path came before, as '{clipped(known, 60)}'; an id's line stands above others"
    return None


def _category(
    where: str, names: _Names, given: str | None, keys: dict[_Names, str]
) -> Row[CategoryRecord] | Rejected:
    parent = keys.get(names[:-1])
    value = {"key": given or " > ".join(names), "name": names[-1], "parent": parent}
    return validated(CategoryRecord, where, value)
