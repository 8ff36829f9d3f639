"""The index of due times: what is due comes, once settled it does not come again, and nothing is forgotten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocksdict import AccessType, Options, Rdict

from streams.worker.app import BatchApp, WorkerSettings
from streams.worker.store_partition import DUE_PREFIX, RULE_KEY
from streams.worker.stores import MEMORY_URL, ROCKS_URL, PartitionedStore, RocksStore
from streams.worker.ticks import (
    LEAST_TICKED,
    LONGEST_TICK_SECONDS,
    MOST_TICKED,
    TICK_SECONDS,
    DueQueue,
    DueRule,
    Ticked,
    TickPace,
)

State = bytes | None
EVERYTHING = 1_000


def due_of(state: bytes) -> int | None:
    return int(state) if state else None


RULE = DueRule(due_of, "1")
TWICE_AS_LATE = DueRule(lambda state: 2 * int(state) if state else None, "2")


class Index:
    """A store of one partition, by its due times."""

    def __init__(self, url: str, directory: Path, rule: DueRule | None = RULE, *, made: bool = True) -> None:
        app = BatchApp(WorkerSettings("app", "127.0.0.1:1", directory, "one", partitions=1, store=url))
        store = app.bytes_table("persons").data
        assert isinstance(store, PartitionedStore)
        self.store = store
        self._offset = 0
        if rule is not None:
            store.index_by(rule)
        store.open(0)
        if made:
            assert list(store.make_index(0)) == []

    def write(self, *states: tuple[bytes, State], recovered: bool = False) -> None:
        self._offset += 1
        self.store.write(0, dict(states), self._offset, recovered=recovered)

    def due(self, as_of: int, limit: int = EVERYTHING) -> list[bytes]:
        return self.store.due(0, as_of, limit)

    def rows(self) -> list[bytes]:
        """Index rows of the database."""
        assert isinstance(self.store, RocksStore)
        self.store.close(0)
        database = Rdict(str(self.store.directory(0)), Options(raw_mode=True), access_type=AccessType.read_only())
        keys: list[Any] = list(database.keys())
        database.close()
        self.store.open(0)
        return [key for key in keys if key.startswith(DUE_PREFIX)]


@pytest.fixture(params=[MEMORY_URL, ROCKS_URL])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    index = Index(request.param, tmp_path)
    yield index
    for partition in index.store.opened():
        index.store.close(partition)


def test_what_is_due_comes_earliest_first_and_no_more_than_asked_for(index: Index) -> None:
    index.write((b"late", b"30"), (b"first", b"10"), (b"second", b"20"))
    assert index.due(25) == [b"first", b"second"]
    assert index.due(99, limit=1) == [b"first"]


def test_a_state_without_a_deadline_is_not_in_the_index(index: Index) -> None:
    index.write((b"a", b""), (b"b", None))
    assert not index.store.has_due(0, 10**15)
    assert index.due(10**15) == []


def test_a_deadline_that_moved_comes_at_its_new_time_only(index: Index) -> None:
    index.write((b"a", b"10"))
    index.write((b"a", b"50"))
    assert not index.store.has_due(0, 49)
    assert index.due(50) == [b"a"]


def test_a_deadline_that_moved_after_it_was_read_comes_at_its_new_time_only(index: Index) -> None:
    index.write((b"a", b"10"), (b"b", b"60"))
    assert index.due(20) == [b"a"]
    index.write((b"a", b"50"))
    assert not index.store.has_due(0, 49)
    assert index.due(70) == [b"a", b"b"]


def test_a_deadline_below_what_was_read_already_comes_at_once(index: Index) -> None:
    index.write((b"a", b"10"), (b"b", b"20"))
    assert index.due(20) == [b"a", b"b"]
    index.write((b"c", b"5"), (b"a", b""))
    assert index.due(20) == [b"c", b"b"]


def test_a_key_that_is_gone_is_never_due(index: Index) -> None:
    index.write((b"a", b"10"), (b"b", b"11"))
    assert index.due(10) == [b"a"]
    index.write((b"a", None), (b"b", None))
    assert index.due(99) == []


def test_keys_come_again_until_their_states_change(index: Index) -> None:
    index.write((b"a", b"10"))
    assert index.due(10) == index.due(10) == [b"a"]
    index.write((b"a", b""))
    assert index.due(10) == []


def test_more_than_fits_into_one_tick_comes_in_the_next(index: Index) -> None:
    index.write(*((b"%02d" % number, b"%d" % number) for number in range(20)))
    seen: list[bytes] = []
    while keys := index.due(15, limit=6):
        assert len(keys) <= 6
        seen += keys
        index.write(*((key, b"") for key in keys))
    assert seen == [b"%02d" % number for number in range(16)]


def test_a_due_time_before_1970_is_earlier_than_one_after(index: Index) -> None:
    index.write((b"a", b"10"), (b"b", b"-10"))
    assert index.due(-1) == [b"b"]
    assert index.due(99) == [b"b", b"a"]


CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.one_of(st.none(), st.integers(0, 9))), max_size=4),
    max_size=12,
)
LOOKS = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 5)), min_size=12, max_size=12)


@pytest.mark.parametrize("url", [MEMORY_URL, ROCKS_URL])
def test_the_index_says_what_the_states_say(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    directories = (tmp_path_factory.mktemp("index") for _ in iter(int, 1))

    @settings(max_examples=30, deadline=None)
    @given(CHANGES, LOOKS, st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
    def holds(
        writes: list[list[tuple[bytes, int | None]]],
        looks: list[tuple[int, int]],
        recovered: set[int],
        reopened: set[int],
    ) -> None:
        index, states = Index(url, next(directories)), dict[bytes, int | None]()
        for number, (write, (as_of, limit)) in enumerate(zip(writes, looks, strict=False)):
            index.write(
                *((key, None if due is None else b"%d" % due) for key, due in write), recovered=number in recovered
            )
            states.update(write)
            if number in reopened and url == ROCKS_URL:
                index.store.close(0)
                index.store.open(0)
            expected = sorted((due, key) for key, due in states.items() if due is not None and due <= as_of)
            assert index.due(as_of, limit) == [key for _, key in expected][:limit]
            assert index.store.has_due(0, as_of) == bool(expected)
            assert index.store.count_due(0, as_of, limit) == min(limit, len(expected))
            assert index.store.first_due(0) == min((due for due in states.values() if due is not None), default=None)
        if url == ROCKS_URL:
            assert [int.from_bytes(row[5:13], "big") - 2**63 for row in index.rows()] == sorted(
                due for due in states.values() if due is not None
            )
        index.store.close(0)

    holds()


def reopened(directory: Path, rule: DueRule | None) -> Index:
    return Index(ROCKS_URL, directory, rule, made=False)


def test_another_rule_makes_the_index_anew(tmp_path: Path) -> None:
    index = Index(ROCKS_URL, tmp_path)
    index.write((b"a", b"10"), (b"b", b"20"))
    index.store.close(0)
    index = reopened(tmp_path, TWICE_AS_LATE)
    assert not index.store.has_due(0, 99), "an index of another rule says nothing"
    assert list(index.store.make_index(0)) == [2]
    assert (index.due(19), index.due(20), index.due(40)) == ([], [b"a"], [b"a", b"b"])
    index.store.close(0)


def test_a_store_from_before_there_was_an_index_gets_one(tmp_path: Path) -> None:
    index = Index(ROCKS_URL, tmp_path, rule=None)
    index.write((b"a", b"10"))
    index.store.close(0)
    index = reopened(tmp_path, RULE)
    assert list(index.store.make_index(0)) == [1]
    assert index.due(10) == [b"a"]
    assert list(index.store.make_index(0)) == []
    index.store.close(0)


def test_an_index_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    index = Index(ROCKS_URL, tmp_path, rule=None)
    index.write((b"a", b"10"))
    index.store.close(0)
    index = reopened(tmp_path, RULE)
    next(index.store.make_index(0))  # and here the worker dies
    index.store.close(0)
    index = reopened(tmp_path, RULE)
    assert not index.store.has_due(0, 99)
    assert list(index.store.make_index(0)) == [1]
    assert index.due(10) == [b"a"]
    index.store.close(0)


def test_what_is_recovered_into_a_new_store_is_indexed_at_the_end(tmp_path: Path) -> None:
    index = reopened(tmp_path, RULE)
    index.write((b"a", b"10"), (b"b", b"30"), recovered=True)
    index.write((b"a", b"20"), recovered=True)
    assert not index.store.has_due(0, 99)
    assert list(index.store.make_index(0)) == [2]
    assert index.due(99) == [b"a", b"b"]
    assert len(index.rows()) == 2
    index.store.close(0)


def test_the_rule_is_given_before_a_partition_is_opened(index: Index) -> None:
    with pytest.raises(RuntimeError, match="before"):
        index.store.index_by(RULE)


def test_a_worker_without_ticks_keeps_no_index(tmp_path: Path) -> None:
    index = Index(ROCKS_URL, tmp_path, rule=None)
    index.write((b"a", b"10"))
    assert index.rows() == []
    assert RULE_KEY not in dict(index.store.states(0))
    index.store.close(0)


def test_the_queue_counts_keys_and_not_entries() -> None:
    queue = DueQueue()
    for due in (10, 20, 30):
        queue.put(b"a", due)
    assert len(queue) == 1
    assert queue.due(99, 5) == [b"a"]


def round_of(pace: TickPace, state_seconds: float) -> Ticked:
    """A round with more due than it may tick."""
    partitions = min(8, pace.partitions)
    states = partitions * pace.share(partitions)
    return Ticked(states, states * state_seconds)


@pytest.mark.parametrize("state_seconds", [1e-5, 3e-5, 2e-4])
def test_rounds_of_ticks_last_as_long_as_they_should_whatever_a_state_costs(state_seconds: float) -> None:
    pace = TickPace()
    for _ in range(20):
        ticked = round_of(pace, state_seconds)
        pace.took(ticked, ticked.seconds)
    assert round_of(pace, state_seconds).seconds == pytest.approx(TICK_SECONDS, rel=0.02)


def test_a_slow_broker_is_given_more_at_a_time_but_not_too_much() -> None:
    pace = TickPace()
    for broker_seconds, wanted in ((0.3, 0.3), (5.0, LONGEST_TICK_SECONDS), (0.01, TICK_SECONDS)):
        for _ in range(20):
            ticked = round_of(pace, 5e-5)
            pace.took(ticked, ticked.seconds + broker_seconds)
        assert round_of(pace, 5e-5).seconds == pytest.approx(wanted, rel=0.02)


def test_one_long_round_does_not_make_the_next_ones_small() -> None:
    pace = TickPace()
    before = pace.share(1)
    pace.took(Ticked(before, 60.0), 60.0)
    assert pace.share(1) == before // 2
    for _ in range(20):
        pace.took(Ticked(pace.share(1), 60.0), 60.0)
    assert pace.share(1) == LEAST_TICKED
    for _ in range(20):
        pace.took(Ticked(pace.share(1), 0.0), 0.0)
    assert pace.share(1) == MOST_TICKED


def test_rounds_with_little_to_do_say_nothing_about_the_pace() -> None:
    pace = TickPace()
    before = pace.share(1)
    pace.took(Ticked(3, 0.01), 0.02)
    assert pace.share(1) == before


def test_few_states_at_a_time_are_not_spread_over_many_transactions() -> None:
    pace = TickPace()
    assert pace.partitions == 8
    for _ in range(20):
        pace.took(Ticked(pace.share(1), 60.0), 60.0)
    assert (pace.partitions, pace.share(pace.partitions)) == (2, LEAST_TICKED // 2)
