"""The five steps of a batch: their order, and that none follows one that failed."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.wire.batches import RecordBatch
from streams.fold import Changes, Outputs
from streams.worker.agent import Announced, Decide, Step, Turn
from streams.worker.app import BatchApp, WorkerSettings
from streams.worker.clock import WallClock
from streams.worker.markers import Marker, Markers, marker_key
from streams.worker.metrics import (
    BATCHES,
    CHANGELOG_OFFSET,
    DUE_STATES,
    RECORDS,
    STORE_BYTES,
    TICK_LATENESS,
    TICKED_STATES,
    TRANSACTIONS,
    WATERMARK,
    Metrics,
)
from streams.worker.partition import UNWRITTEN_OFFSETS, OwnedPartition
from streams.worker.stores import MEMORY_URL, PartitionedStore
from streams.worker.ticks import StillDue
from streams.worker.transactions import PartitionTransactions
from tests.support.batches import record_batch
from tests.unit.streams.test_worker_metrics import samples

NOW = 1_000
LIMIT = 10
BATCH = record_batch([(b"k", b"v")], base_offset=5)


class Broker:
    """Stands for a partition's transactions; says in ``told`` what it was given, and may refuse it."""

    def __init__(self, store: PartitionedStore) -> None:
        self.told: list[tuple[Outputs, Changes, int]] = []
        self.refuses = False
        self.offset_in_store: list[int | None] = []
        self._store = store

    async def write(self, outputs: Outputs, changelog: str, changes: Changes, appended_at: int) -> int:
        assert changelog == "app-persons-changelog"
        if self.refuses:
            raise ConnectionError("the broker is gone")
        self.offset_in_store.append(self._store.changelog_offset(0))
        self.told.append((outputs, changes, appended_at))
        return 40 + len(self.told)


class Bench:
    """A partition with a rule: the key's state is ``due``, or b"" once it was ticked."""

    def __init__(self, directory: Path, due: bytes = b"") -> None:
        app = BatchApp(WorkerSettings("app", "127.0.0.1:1", directory, "one", partitions=1, store=MEMORY_URL))
        table = app.bytes_table("persons")
        self.store: PartitionedStore = table.data
        self.turns: list[Turn] = []
        self.ticked: list[int] = []
        self.settles = True
        self.says_nothing = False

        @app.batch_agent(app.bytes_topic("check-ins"), table=table, clock=WallClock(lambda: NOW))
        def handler(turns: Sequence[Turn]) -> list[Decide]:
            return [partial(decide, turn) for turn in turns]

        def decide(turn: Turn) -> Step:
            self.turns.append(turn)
            markers: Markers = {"check-ins": Marker(turn.batches["check-ins"][-1].last_offset)}
            if self.says_nothing:
                return Step({}, {}, markers, NOW)
            return Step({b"k": due}, {"out": [(b"k", b"o")]}, markers, NOW)

        @handler.on_due(lambda state: int(state) if state else None)
        def tick(partition: int, states: Any, as_of: int) -> Announced:
            self.ticked.append(as_of)
            return Announced(dict.fromkeys(states, b"" if self.settles else b"1"), {"out": [(b"k", b"late")]})

        self.store.open(0)
        self.broker = Broker(self.store)
        self.agent = handler
        self.partition = self.recovered()

    def recovered(self) -> OwnedPartition:
        partition = OwnedPartition(0, self.agent, cast(PartitionTransactions, self.broker))
        asyncio.run(partition.recover())
        return partition

    def apply(self, batch: RecordBatch = BATCH) -> int:
        """Offset where reading goes on afterwards."""
        if (turn := self.partition.turn({"check-ins": [batch]})) is not None:
            (decide,) = self.agent.handler([turn])
            asyncio.run(self.partition.apply(decide))
        return self.partition.next_offset("check-ins")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_outputs_changes_and_marker_are_one_transaction_and_then_the_store_is_written(bench: Bench) -> None:
    assert bench.apply() == 6
    marker = {marker_key("check-ins"): Marker(5).encoded()}
    assert bench.broker.told == [({"out": [(b"k", b"o")]}, {b"k": b"", **marker}, NOW)]
    assert bench.broker.offset_in_store == [None]
    assert bench.store.changelog_offset(0) == 41
    assert bench.store.markers(0, ["check-ins"]) == {"check-ins": Marker(5)}


def test_what_lies_below_the_marker_is_acknowledged_without_a_transaction(bench: Bench) -> None:
    bench.apply()
    assert bench.apply() == 6
    assert len(bench.broker.told) == len(bench.turns) == 1


def test_the_markers_of_turns_that_say_nothing_go_with_the_next_transaction(bench: Bench) -> None:
    bench.says_nothing = True
    assert bench.apply() == 6
    assert bench.broker.told == []
    assert bench.recovered().next_offset("check-ins") == 0
    bench.says_nothing = False
    assert bench.apply(record_batch([(b"k", b"v")], base_offset=6)) == 7
    assert bench.broker.told[0][1] == {b"k": b"", marker_key("check-ins"): Marker(6).encoded()}
    assert bench.recovered().next_offset("check-ins") == 7


def test_the_markers_of_turns_that_say_nothing_go_with_the_next_tick(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.apply()
    bench.says_nothing = True
    assert bench.apply(record_batch([(b"k", b"v")], base_offset=6)) == 7
    asyncio.run(bench.partition.tick(LIMIT))
    assert bench.broker.told[1][1] == {b"k": b"", marker_key("check-ins"): Marker(6).encoded()}
    assert bench.recovered().next_offset("check-ins") == 7


def test_markers_far_ahead_of_what_is_written_are_written_by_themselves(bench: Bench) -> None:
    bench.says_nothing = True
    bench.apply(record_batch([(b"k", b"v")], base_offset=UNWRITTEN_OFFSETS - 2))
    assert bench.broker.told == []
    last = UNWRITTEN_OFFSETS - 1
    bench.apply(record_batch([(b"k", b"v")], base_offset=last))
    assert bench.broker.told == [({}, {marker_key("check-ins"): Marker(last).encoded()}, NOW)]
    bench.apply(record_batch([(b"k", b"v")], base_offset=last + 1))
    assert len(bench.broker.told) == 1
    assert bench.recovered().next_offset("check-ins") == last + 1


def test_a_refused_transaction_changes_nothing_and_acknowledges_nothing(bench: Bench) -> None:
    bench.broker.refuses = True
    with pytest.raises(ConnectionError):
        bench.apply()
    assert bench.store.changelog_offset(0) is None
    assert bench.partition.next_offset("check-ins") == 0
    bench.broker.refuses = False
    assert bench.apply() == 6


def test_a_store_that_cannot_be_written_acknowledges_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(bench.store, "write", full)
    with pytest.raises(OSError, match="no space"):
        bench.apply()
    assert bench.partition.next_offset("check-ins") == 0


def test_a_new_owner_goes_on_behind_the_marker(bench: Bench) -> None:
    bench.apply()
    assert bench.recovered().next_offset("check-ins") == 6


def test_a_deadline_already_past_when_it_is_learnt_is_announced_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.apply()
    assert bench.partition.has_due()
    asyncio.run(bench.partition.tick(LIMIT))
    assert bench.broker.told[1] == ({"out": [(b"k", b"late")]}, {b"k": b""}, NOW)
    asyncio.run(bench.partition.tick(LIMIT))
    assert bench.ticked == [NOW]


def test_deadlines_are_found_again_by_a_new_owner(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.apply()
    asyncio.run(bench.recovered().tick(LIMIT))
    assert bench.ticked == [NOW]


def test_a_tick_whose_transaction_is_refused_comes_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.apply()
    bench.broker.refuses = True
    with pytest.raises(ConnectionError):
        asyncio.run(bench.partition.tick(LIMIT))
    assert bench.partition.has_due()


def test_the_states_are_the_same_however_many_are_ticked_at_a_time(tmp_path: Path) -> None:
    keys = [b"k%02d" % number for number in range(20)]
    ends = []
    for limit in (1, 7, 100):
        bench = Bench(tmp_path / str(limit))
        bench.store.write(0, dict.fromkeys(keys, b"999"), 1)
        ticked = []
        while bench.partition.has_due():
            ticked.append(asyncio.run(bench.partition.tick(limit)).states)
        assert ticked == [limit] * (20 // limit) + [20 % limit] * (20 % limit > 0)
        told = [pair for outputs, _, _ in bench.broker.told for pair in outputs["out"]]
        ends.append((dict(bench.store.states(0)), len(told)))
    assert ends[0][0] == ends[1][0] == ends[2][0] == dict.fromkeys(keys, b"")


def test_a_partition_says_what_waits_and_as_of_when_all_is_announced(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    metrics = Metrics()
    partition = OwnedPartition(0, bench.agent, cast(PartitionTransactions, bench.broker), metrics)
    asyncio.run(partition.recover())
    bench.store.write(0, {b"a": b"400", b"b": b"999", b"c": b"1001"}, 7)
    partition.look()
    found = samples(metrics)
    assert found == {(STORE_BYTES.name, "0"): 0, (CHANGELOG_OFFSET.name, "0"): 7}, "before it is recovered, no time"
    partition.recovered = True
    partition.look()
    found = samples(metrics)
    assert (found[DUE_STATES.name, "0"], found[WATERMARK.name, "0"]) == (2, 0.4)
    asyncio.run(partition.tick(1))
    partition.look()
    found = samples(metrics)
    assert (found[DUE_STATES.name, "0"], found[WATERMARK.name, "0"]) == (1, 0.999)
    asyncio.run(partition.tick(LIMIT))
    partition.look()
    found = samples(metrics)
    assert (found[DUE_STATES.name, "0"], found[WATERMARK.name, "0"]) == (0, NOW / 1_000)
    assert (found[TICKED_STATES.name, "0"], found[f"{TICK_LATENESS.name}_count", ""]) == (2, 2)


def test_a_partition_counts_what_it_takes_in(bench: Bench) -> None:
    metrics = Metrics()
    bench.partition = OwnedPartition(0, bench.agent, cast(PartitionTransactions, bench.broker), metrics)
    asyncio.run(bench.partition.recover())
    bench.apply()
    bench.apply()  # below the marker: not taken in again
    found = samples(metrics)
    assert [found[metric.name, "0"] for metric in (RECORDS, BATCHES, TRANSACTIONS)] == [1, 1, 1]


def test_a_rule_that_never_settles_stops_the_worker(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.settles = False
    bench.apply()
    with pytest.raises(StillDue):
        asyncio.run(bench.partition.tick(LIMIT))


def test_what_reference_data_expects_is_taken_in_before_anything_is_told_as_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, due=b"999")
    bench.apply()
    asked: list[int] = []

    def expect(partition: int, begin: int, load: Any, as_of: int) -> tuple[Announced, int]:
        asked.append(begin)
        return Announced({b"unit-%d" % begin: b""}, {}), begin + 1

    bench.agent.expect, bench.agent.expected = expect, lambda: 2
    assert bench.partition.has_due()
    asyncio.run(bench.partition.tick(LIMIT))
    assert (asked, bench.ticked) == ([0], [])
    asyncio.run(bench.partition.tick(LIMIT))
    assert (asked, bench.ticked) == ([0, 1], [NOW])
    written = [key for _, changes, _ in bench.broker.told for key in changes if key.startswith(b"unit")]
    assert written == [b"unit-0", b"unit-1"]
    asyncio.run(bench.partition.tick(LIMIT))
    assert asked == [0, 1]
    again = bench.recovered()  # facts are a union: after a start all of it is taken in again
    asyncio.run(again.tick(LIMIT))
    assert asked == [0, 1, 0]


def test_before_any_time_is_known_nothing_is_expected(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.agent.clock = WallClock(lambda: -1)
    bench.agent.expected = lambda: 2
    assert not bench.partition.has_due()
