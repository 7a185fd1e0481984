"""`mercat export categories`."""

from pathlib import Path
from typing import Any

from .conftest import Mercat, write_jsonl

ROWS: list[dict[str, Any]] = [
    {"key": "tea", "name": "Tea", "parent": "food", "description": "It's hot.", "position": 2},
    {"key": "food", "name": 'Food "&" Drink', "slug": "food"},
]


def test_an_export_imports_into_nothing_new(mercat: Mercat, tmp_path: Path) -> None:
    given = write_jsonl(tmp_path / "c.jsonl", ROWS)
    assert mercat("import", "categories", str(given)).code == 0
    out = tmp_path / "out.jsonl"
    done = mercat("export", "categories", "-o", str(out))
    assert done.code == 0, done.err
    assert [line.count('"key"') for line in out.read_text().splitlines()] == [1, 1]
    again = mercat("import", "categories", str(out))
    assert again.code == 0, again.err
    assert "2" in again.out
    other = mercat("import", "categories", str(out), MERCAT_DATABASE__NAME="test_export_other")
    back = tmp_path / "back.jsonl"
    assert other.code == 0, other.err
    mercat("export", "categories", "-o", str(back), MERCAT_DATABASE__NAME="test_export_other")
    assert sorted(back.read_text().splitlines()) == sorted(out.read_text().splitlines())
