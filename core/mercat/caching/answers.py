"""Finding a kept answer, or making one and keeping it."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

import mercat
from mercat.caching.declaring import Naming, Subjects, Topic, is_local, key_tag
from mercat.caching.journal import Journal
from mercat.caching.kept import Kept, KeptAnswers, Key, etag_of
from mercat.caching.operations import documents_of, subjects_of
from mercat.caching.shared import SharedAnswers
from mercat.context import Context, Viewer
from mercat.graphql.documents import Document
from mercat.storage.changes import Change

if TYPE_CHECKING:
    from mercat.engine import Engine

# What is served was told of all changes until so long ago: so it is never a second behind.
FRESH_SECONDS = 0.8
_SHARED_AGAIN_SECONDS = 10.0
_MOST_VARIABLES_BYTES = 2_000

HIT, SHARED_HIT, MISS, REFUSED, LATE = "hit", "shared", "miss", "refused", "late"


@dataclass(frozen=True, slots=True)
class Question:
    """A query whose answer may be kept: its key, and what its fields say that it is about."""

    key: Key
    subjects: Subjects


@dataclass(slots=True, eq=False)
class Reply:
    """An answer; `kept` where it may be given to others too, else `status` and `body` say it."""

    status: int
    body: bytes
    is_whole: bool
    kept: Kept | None = None
    is_hit: bool = False
    retry_after: int | None = None

    @staticmethod
    def of(kept: Kept) -> "Reply":
        """The reply that a kept answer is."""
        return Reply(200, kept.body, is_whole=True, kept=kept, is_hit=True)


Execute = Callable[[Context], Awaitable[Reply]]


class Answers:
    """The kept answers of one engine's process. `counts` has how each question was answered."""

    def __init__(self, engine: "Engine") -> None:
        settings = engine.settings.cache
        self._engine = engine
        self._schema = engine.schema._schema  # noqa: SLF001  Strawberry's own handle
        self._is_on = settings.enabled
        self._journal = Journal()
        self._kept = KeptAnswers(settings.max_bytes)
        self._flights: dict[Key, asyncio.Future[None]] = {}
        self._sharing: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()
        self.invalidated = 0
        if self._is_on:
            for document in documents_of(self._schema):
                engine.changes.listen(document, self._told)

    @cached_property
    def _shared(self) -> SharedAnswers | None:
        settings = self._engine.settings.cache
        if not settings.shared:
            return None
        return SharedAnswers(_name(self._engine), settings.max_shared_bytes)

    @property
    def bytes(self) -> int:
        """The memory that kept answers take, estimated."""
        return self._kept.bytes

    def __len__(self) -> int:
        return len(self._kept)

    def question(
        self,
        document: Document,
        operation: str | None,
        variables: dict[str, Any] | None,
        context: Context,
    ) -> Question | None:
        """What is asked, where the answer may be kept.

        None for what isn't about declared things only, and for viewers who may see more than other
        customers do: they read what is stored.
        """
        viewer = context.viewer
        if not self._is_on or viewer.permissions or viewer.seller is not None:
            return None
        subjects = self._subjects(document, operation)
        if subjects is None:
            return None
        declared = document.operation(operation).variable_definitions or ()
        written = _written(variables, {node.variable.name.value for node in declared})
        if written is None:
            return None
        return Question(
            Key(document.text, operation, written, viewer.role, context.locale), subjects
        )

    def find(self, question: Question) -> Kept | None:
        """The answer, if this process keeps it and knows that it still holds."""
        if not self._is_told():
            return None
        found = self._kept.get(question.key)
        if found is None:
            return None
        self.counts[HIT] += 1
        if self._shared and found.shared_at < time.monotonic() - _SHARED_AGAIN_SECONDS:
            self._share(question.key, found)
        return found

    async def reply(self, question: Question, context: Context, execute: Execute) -> Reply:
        """Find the answer, or make it; of those who ask at once only one makes it."""
        kept = self.find(question)
        if kept is None and (flight := self._flights.get(question.key)) is not None:
            await asyncio.wait([flight])
            kept = self.find(question)
        if kept is not None:
            return Reply.of(kept)
        context = _as_anybody(context, question.key)
        if not self._is_told():
            self.counts[LATE] += 1
            return await execute(context)
        flight = self._flights[question.key] = asyncio.get_running_loop().create_future()
        try:
            return await self._take(question) or await self._make(question, context, execute)
        finally:
            if self._flights.get(question.key) is flight:
                del self._flights[question.key]
            flight.set_result(None)

    def changed(self, topic: Topic) -> None:
        """Forget all that is about something of this process that has changed now."""
        self._forget({topic.tag}, None)

    async def stop(self) -> None:
        """Let what is being shared be shared."""
        if self._sharing:
            await asyncio.wait(self._sharing)

    async def _take(self, question: Question) -> Reply | None:
        """The answer that another process made, where nothing that it is about changed since."""
        if self._shared is None:
            return None
        since = self._journal.sequence
        found = await self._shared.get(self._engine.storage.redis, question.key)
        if found is None or found.moment is None or not self._is_told():
            return None
        # What was written before its moment is in it; what was written since would be told here.
        if not self._journal.unchanged_after(found.tags, found.moment):
            return None
        if not self._journal.unchanged(found.tags, since):
            return None
        found.shared_at = time.monotonic()
        self._kept.put(question.key, found)
        self.counts[SHARED_HIT] += 1
        return Reply.of(found)

    async def _make(self, question: Question, context: Context, execute: Execute) -> Reply:
        self.counts[MISS] += 1
        naming = context.naming = Naming()
        since, moment = self._journal.sequence, self._engine.changes.moment
        reply = await execute(context)
        if not reply.is_whole or naming.is_refused:
            self.counts[REFUSED] += 1
            return reply
        tags = naming.tags(question.subjects)
        if self._journal.unchanged(tags, since):
            reply.kept = Kept(reply.body, etag_of(reply.body), tags, moment)
            self._kept.put(question.key, reply.kept)
            self._share(question.key, reply.kept)
        return reply

    def _share(self, key: Key, kept: Kept) -> None:
        """Put a kept answer, which still holds, where other processes find it."""
        moment = self._engine.changes.moment if kept.shared_at else kept.moment
        kept.shared_at = time.monotonic()
        if self._shared is None or moment is None or any(map(is_local, kept.tags)):
            return
        kept.moment = moment
        task = asyncio.create_task(self._shared.put(self._engine.storage.redis, key, replace(kept)))
        self._sharing.add(task)
        task.add_done_callback(self._sharing.discard)

    def _subjects(self, document: Document, operation: str | None) -> Subjects | None:
        if operation not in document.subjects:
            document.subjects[operation] = subjects_of(
                self._schema, document.node, document.operation(operation)
            )
        return document.subjects[operation]

    def _is_told(self) -> bool:
        return self._engine.changes.told_until > time.monotonic() - FRESH_SECONDS

    def _told(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key is None:
                self._journal.note_everything(change.moment)
                self.invalidated += self._kept.clear()
            else:
                tags = {change.collection, key_tag(change.collection, change.key)}
                self._forget(tags, change.moment)

    def _forget(self, tags: set[str], moment: tuple[int, int] | None) -> None:
        self._journal.note(tags, moment)
        self.invalidated += self._kept.forget(tags)


def _as_anybody(context: Context, key: Key) -> Context:
    """The context of anybody with that role and locale, so that nothing personal can be kept."""
    return Context(context.engine, Viewer(role=key.role), languages=key.locale)


def _written(variables: dict[str, Any] | None, declared: set[str]) -> bytes | None:
    """The declared variables in one way of writing them; None where they are too many to keep."""
    if not variables or not declared:
        return b""
    given = {name: value for name, value in variables.items() if name in declared}
    try:
        written = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    except (TypeError, RecursionError):
        return None
    return written if len(written) <= _MOST_VARIABLES_BYTES else None


def _name(engine: "Engine") -> str:
    """The shop's prefix in Redis: another schema, version or setting is another shop."""
    said = hashlib.blake2b(digest_size=10)
    said.update(f"{mercat.__version__} {engine.schema.as_str()}".encode())
    said.update(repr(engine.settings.shop).encode())
    for plugin in engine.plugins:
        settings = engine.settings.plugins.get(plugin.name)
        said.update(f"{plugin.name} {plugin.manifest.version} {settings!r}".encode())
    name = engine.settings.database.name + ("_demo" if engine.demo else "")
    return f"mercat:{name}:answers:{said.hexdigest()}"
