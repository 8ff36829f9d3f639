"""How late deadlines are told: by the machine's clock from the deadline, by the log's from the marks that cover it."""

from itertools import pairwise
from typing import Any

import pytest

from streams.worker import lateness
from streams.worker.clock import EventClock, WallClock
from streams.worker.lateness import Lateness
from streams.worker.metrics import (
    ANNOUNCEMENT_LATENESS,
    BOUNDS_SECONDS,
    TICK_LATENESS,
    TICK_SECONDS,
    Metric,
    Metrics,
)
from tests.unit.streams.test_worker_metrics import samples


class Bench:
    """``now`` is the machine's time in seconds; a state is its due time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, wall: bool) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("streams.worker.lateness.time.monotonic", lambda: self.now)
        self.metrics = Metrics()
        clock = WallClock(lambda: int(self.now * 1_000)) if wall else EventClock(["check-ins"])
        self.lateness = Lateness(clock, self.metrics)

    def ticks(self, states: dict[bytes, int], seconds: float = 0.0) -> None:
        encoded = {key: b"%d" % due for key, due in states.items()}
        covered = self.lateness.begin(encoded, lambda state: int(state))
        self.now += seconds
        self.lateness.tell(covered)

    def observed(self, metric: Metric) -> tuple[int, float]:
        """Number and sum."""
        found: dict[tuple[str, str], Any] = samples(self.metrics)
        return found.get((f"{metric.name}_count", ""), 0), round(found.get((f"{metric.name}_sum", ""), 0.0), 6)


def test_by_the_machines_clock_a_deadline_is_late_from_the_deadline_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, wall=True)
    bench.now = 1_010.0
    assert bench.lateness.waiting(1_008_000) == pytest.approx(2.0)
    bench.ticks({b"a": 1_008_000, b"b": 1_008_000, b"c": 1_009_000}, seconds=0.5)
    assert bench.observed(TICK_LATENESS) == (3, 2.5 + 2.5 + 1.5)
    assert bench.observed(ANNOUNCEMENT_LATENESS) == bench.observed(TICK_LATENESS)
    assert bench.observed(TICK_SECONDS) == (3, 1.5)


def test_what_is_learnt_when_it_is_past_is_late_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, wall=True)
    bench.now = 1_010.0
    bench.lateness.learnt([b"a"])
    bench.now = 1_011.0
    bench.lateness.learnt([b"a"])  # something else was learnt of it, which made it no more late than it is
    bench.ticks({b"a": 1_001_000, b"b": 1_008_000}, seconds=1.0)
    assert bench.observed(TICK_LATENESS) == (2, 2.0 + 4.0)
    assert bench.observed(ANNOUNCEMENT_LATENESS) == (2, 11.0 + 4.0), "the plain lateness hides nothing"
    bench.ticks({b"a": 1_011_000})
    assert bench.observed(TICK_LATENESS) == (3, 6.0 + 1.0), "a later deadline counts from itself"


def test_what_came_due_while_nobody_had_the_partition_is_late_from_when_somebody_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, wall=True)
    bench.ticks({b"a": 400_000}, seconds=0.25)
    assert bench.observed(TICK_LATENESS) == (1, 0.25)
    assert bench.observed(ANNOUNCEMENT_LATENESS) == (1, 600.25)


def test_by_the_logs_clock_a_deadline_is_late_from_the_marks_that_cover_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, wall=False)
    bench.lateness.reached(5_000, False)
    for at, as_of in ((1_001.0, 9_000), (1_002.0, 20_000), (1_003.0, 20_000), (1_004.0, 30_000)):
        bench.now = at
        bench.lateness.reached(as_of, True)
    bench.now = 1_005.0
    assert [bench.lateness.waiting(due) for due in (9_000, 9_001, 25_000)] == [4.0, 3.0, 1.0]
    bench.ticks({b"a": 9_000, b"b": 20_000}, seconds=0.5)
    assert bench.observed(TICK_LATENESS) == (2, 4.5 + 3.5)
    assert bench.observed(ANNOUNCEMENT_LATENESS) == (0, 0.0), "the log's deadlines are not on the machine's clock"


def test_a_long_queue_by_the_logs_clock_is_remembered_in_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lateness, "MOST_NOTES", 100)
    bench = Bench(monkeypatch, wall=False)
    for second in range(10_000):
        bench.now = 1_000.0 + second
        bench.lateness.reached(second * 1_000, True)
    assert len(bench.lateness._reached) <= 101
    assert bench.lateness.waiting(0) == 9_999.0
    waits = [bench.lateness.waiting(second * 1_000) for second in range(10_000)]
    assert all(former >= later for former, later in pairwise(waits))
    assert all(wait <= 9_999 - second for second, wait in enumerate(waits)), "never told later than it is"


def test_the_bounds_tell_a_second_from_a_longer_time() -> None:
    assert 1.0 in BOUNDS_SECONDS
