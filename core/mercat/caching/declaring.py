"""What an answer is about: what its fields declare, and what they name while they are resolved."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from beanie import Document

F = TypeVar("F", bound=Callable[..., Any])

_LOCAL = "~"


@dataclass(frozen=True, slots=True)
class Topic:
    """Something else than stored documents that values are about, such as an index in memory.

    Whoever has it tells `engine.answers.changed(topic)` once it changed, in each process.
    """

    name: str

    @property
    def tag(self) -> str:
        return _LOCAL + self.name


Subject: TypeAlias = type[Document] | Topic


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a field's value, or an operation's answer, is about as far as it is declared.

    Of `whole` it is about everything; of `named` about what `context.about` names while it is made.
    """

    whole: frozenset[Subject] = frozenset()
    named: frozenset[type[Document]] = frozenset()

    def __or__(self, other: "Subjects") -> "Subjects":
        return Subjects(self.whole | other.whole, self.named | other.named)


def cacheable(*subjects: Subject, named: Sequence[type[Document]] = ()) -> Callable[[F], F]:
    """Say that a resolver's value, or a batch function's values, may be kept, and until when.

    It is kept until any of `subjects` changes: any document of a class, or a Topic. Of the classes
    in `named` the function passes those that the value is about to `context.about`. Without either
    the value follows from the arguments, the shop's settings, and the object that has the field.

    The value may differ by the viewer's role and by `context.locale`, and by nothing else: no
    clock, no chance, no user. While it is made `context.viewer` is somebody with that role and no
    user, permissions or seller. Who has permissions, or sells, is never given a kept answer.
    """

    def decorate(function: F) -> F:
        function.subjects = Subjects(frozenset(subjects), frozenset(named))  # type: ignore[attr-defined]
        return function

    return decorate


class Naming:
    """Collects what is named while one answer is made."""

    __slots__ = ("_found", "is_refused")

    def __init__(self) -> None:
        self._found: dict[Subject, set[object] | None] = {}
        self.is_refused = False

    def add(self, subject: Subject, keys: Iterable[object] | None) -> None:
        """Name documents by their `_id`; all of the subject where `keys` is None."""
        known = self._found.setdefault(subject, set())
        if keys is None or known is None:
            self._found[subject] = None
        else:
            known.update(keys)

    def tags(self, subjects: Subjects) -> frozenset[str]:
        """What the answer is about; where nothing was named of a class, it is all of it."""
        named = dict.fromkeys(subjects.named) | self._found | dict.fromkeys(subjects.whole)
        found: set[str] = set()
        for subject, keys in named.items():
            name = tag_of(subject)
            found.update([name] if keys is None else [key_tag(name, key) for key in keys])
        return frozenset(found)


def tag_of(subject: Subject) -> str:
    """Names all of a subject."""
    return subject.tag if isinstance(subject, Topic) else collection_of(subject)


def key_tag(collection: str, key: object) -> str:
    """Names one document of a collection."""
    return f"{collection}/{key}"


def is_local(tag: str) -> bool:
    """Whether other processes know nothing of what it names."""
    return tag.startswith(_LOCAL)


def collection_of(document: type[Document]) -> str:
    """The name of a document's collection."""
    name: str = document.Settings.name
    return name
