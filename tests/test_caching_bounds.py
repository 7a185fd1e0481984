"""What keeps answers: never more than its bound, nothing that was forgotten, hot before cold."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mercat.caching.declaring import Naming, Subjects
from mercat.caching.journal import Journal, Moment
from mercat.caching.kept import Kept, KeptAnswers, Key
from mercat_products.documents import ProductDocument

TAGS = st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=3)
BOUND = 40_000


def key(name: object) -> Key:
    return Key(f"query {name}", None, b"", "ANONYMOUS", "en")


class Keeping(RuleBasedStateMachine):
    """Against a dictionary that forgets nothing by itself."""

    @initialize()
    def begin(self) -> None:
        self.answers = KeptAnswers(BOUND)
        self.model: dict[Key, Kept] = {}

    @rule(name=st.integers(0, 40), size=st.integers(0, 5_000), tags=TAGS)
    def put(self, name: int, size: int, tags: frozenset[str]) -> None:
        self.model[key(name)] = kept = Kept(b"x" * size, "", tags)
        self.answers.put(key(name), kept)

    @rule(name=st.integers(0, 40))
    def get(self, name: int) -> None:
        found = self.answers.get(key(name))
        assert found is None or found is self.model[key(name)]

    @rule(tags=TAGS)
    def forget(self, tags: frozenset[str]) -> None:
        self.answers.forget(tags)
        self.model = {k: kept for k, kept in self.model.items() if not kept.tags & tags}

    @rule()
    def clear(self) -> None:
        self.answers.clear()
        self.model = {}

    @invariant()
    def counts_what_it_has(self) -> None:
        if hasattr(self, "answers"):
            own = {**self.answers._probation, **self.answers._protected}
            assert self.answers.bytes == sum(kept.cost(k) for k, kept in own.items()) <= BOUND
            assert own.items() <= self.model.items()
            about = {tag for kept in own.values() for tag in kept.tags}
            assert set(self.answers._about) == about


TestKeeping = Keeping.TestCase


def test_questions_asked_once_push_out_no_hot_ones() -> None:
    answers = KeptAnswers(1_000_000)
    hot = [key(f"hot {n}") for n in range(50)]
    for each in hot:
        answers.put(each, Kept(b"x" * 5_000, "", frozenset("a")))
        answers.get(each)
    for n in range(10_000):
        answers.put(key(n), Kept(b"x" * 5_000, "", frozenset("b")))
    assert all(answers.get(each) for each in hot)
    assert answers.bytes <= 1_000_000


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    answers = KeptAnswers(100_000)
    answers.put(key(1), Kept(b"x" * 11_000, "", frozenset("a")))
    assert len(answers) == 0


def test_the_bound_counts_what_memory_takes() -> None:
    answers = KeptAnswers(100_000_000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(500):
        tags = frozenset(f"products/{n}-{m:024}" for m in range(40))
        variables = b'{"slug": "%d"}' % n
        answers.put(
            Key("query", None, variables, "ANONYMOUS", "en"), Kept(bytes(4_000), "e" * 24, tags)
        )
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.7 < answers.bytes / taken < 1.8


MOMENTS = st.tuples(st.integers(1, 5), st.integers(0, 2))


@given(
    st.lists(st.tuples(TAGS, MOMENTS), max_size=30),
    TAGS,
    st.integers(0, 30),
    MOMENTS,
    st.integers(1, 6),
)
def test_a_journal_never_says_unchanged_of_what_changed(
    changes: list[tuple[frozenset[str], Moment]],
    tags: frozenset[str],
    since: int,
    moment: Moment,
    most: int,
) -> None:
    journal = Journal(most)
    journal.note_everything((1, 0))
    first = journal.sequence
    told = sorted(changes, key=lambda change: change[1])
    for changed, at in told:
        journal.note(changed, at)
    assert len(journal) <= max(most, 3)
    if journal.unchanged(tags, first + since):
        assert not any(changed & tags for changed, _ in told[since:])
    if journal.unchanged_after(tags, moment):
        assert moment > (1, 0)
        assert not any(changed & tags and at >= moment for changed, at in told)
    if most == 6:  # all tags fit: it forgets none, so it says so of all that did not change
        assert journal.unchanged(tags, first + since) == (
            not any(changed & tags for changed, _ in told[since:])
        )


def test_all_of_a_collection_is_more_than_what_is_named_of_it() -> None:
    naming = Naming()
    naming.add(ProductDocument, [1])
    assert naming.tags(Subjects(named=frozenset({ProductDocument}))) == {"products/1"}
    assert naming.tags(Subjects(whole=frozenset({ProductDocument}))) == {"products"}
    naming.add(ProductDocument, None)
    naming.add(ProductDocument, [2])
    assert naming.tags(Subjects()) == {"products"}
    assert Naming().tags(Subjects(named=frozenset({ProductDocument}))) == {"products"}
