"""A payment plugin to begin with: the documentation's example, by another name.

That is a distribution of its own in Mercat's repository, which Mercat's tests build, install, try
against the protocol and pay with.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mercat.errors import BootError
from mercat.settings import FIRST_PARTY

_EXAMPLE = "mercat_examplepay"
_FILES = (
    "pyproject.toml",
    "README.md",
    "mercat_examplepay/__init__.py",
    "mercat_examplepay/hooks.py",
    "mercat_examplepay/provider.py",
    "mercat_examplepay/py.typed",
    "mercat_examplepay/settings.py",
    "tests/conftest.py",
    "tests/test_conformance.py",
    "tests/wallet.py",
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


def steps(name: str) -> Sequence[str]:
    """What is left to the author, in order."""
    return (
        f"Try it: pip install -e '.[test]', then mercat payments check {name}. All clauses pass.",
        f"Put your company's settings into mercat_{name}/settings.py: keys are SecretStr.",
        f"Put its API into mercat_{name}/provider.py: calls, events, and how messages are signed.",
        "Declare in `capabilities` what it can do, and raise Unsupported for the rest.",
        "Have tests/wallet.py answer as it does; test_conformance.py beside it scripts that.",
        f"Run mercat payments check {name} until nothing fails. It says what to change.",
    )


def write(name: str, folder: Path) -> Iterator[Path]:
    """Write the plugin into a new folder, and name each file as it is written.

    Raises BootError where the name can't be a provider's code, is taken, or the folder is there.
    """
    if not _NAME.fullmatch(name):
        raise BootError(
            f"'{name}' can't name a plugin; use small letters, digits and underscores, 30 at most"
        )
    if name in FIRST_PARTY:
        raise BootError(f"Mercat has a plugin '{name}' already; name yours after its company")
    if folder.exists():
        raise BootError(f"{folder} is there already; choose another name, or take it away")
    for file in _FILES:
        text = _named((_source() / file).read_text(encoding="utf-8"), name)
        target = folder / _named(file, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        yield target


def _named(text: str, name: str) -> str:
    """A text of the example's with another name; hyphens where underscores can't be."""
    plain, title = name.replace("_", "-"), "".join(part.title() for part in name.split("_"))
    for before, after in (
        ("mercat-examplepay", f"mercat-{plain}"),
        ("api.examplepay.", f"api.{plain}."),
        ("examplepay-sign", f"{plain}-sign"),
        ("examplepay", name),
        ("Examplepay", title),
        ("EXAMPLEPAY", name.upper()),
    ):
        text = text.replace(before, after)
    return text


def _source() -> Path:
    """Where the example is: in the wheel, or in Mercat's repository."""
    shipped = Path(__file__).parent / _EXAMPLE
    return (
        shipped if shipped.is_dir() else Path(__file__).parents[3] / "tests/thirdparty" / _EXAMPLE
    )
