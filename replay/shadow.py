"""A candidate policy beside the live ones, while events come: how its verdicts would differ, and nothing else happens.

Verdicts are compared from a time on, without an end; deadlines as of now. All times are UTC milliseconds.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from replay.backtest import BreachChange, Change, Difference, Window, breach_changes, changes
from replay.backtest_pair import Pair
from replay.states import Conclusion
from schemas.policy import FOREVER, Policy
from schemas.registry import Registry
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from streams.fold import Rows

_DAY_MS = 86_400_000


class Told(NamedTuple):
    """A person for whom the candidate now differs otherwise than before; both lists empty: no longer."""

    token: str
    changes: list[Change]
    breaches: list[BreachChange]


class Counts(NamedTuple):
    """Of how many persons verdicts differ, by the levels under live policies and candidate; deadlines that are missed
    under one of them only."""

    log_time: int
    persons: int
    transitions: dict[tuple[str, str], int]
    breaches_gained: int
    breaches_avoided: int


class Shadow:
    """Takes record batches as they come; `settle` tells what they changed. ``since``: nothing before it is compared."""

    def __init__(self, registry: Registry, candidate: Policy, partitions: int, limits: Limits, since: int = 0) -> None:
        self._pair = Pair(registry, candidate, partitions, limits, self._heed)
        self._since = since
        self._touched: set[str] = set()
        self._due: list[tuple[int, str]] = []
        """Deadlines that differ and are still to come, earliest first."""
        self._awaited: set[tuple[int, str]] = set()
        self._differences: dict[str, Difference] = {}
        self._transitions: Counter[tuple[str, str]] = Counter()
        self._breaches: Counter[bool] = Counter()
        self._forgotten_at: int | None = None

    def _heed(self, rows: Rows) -> None:
        self._touched.update(key.decode() for records in rows.values() for key, _ in records)

    def add_reference(self, batches: Sequence[RecordBatch]) -> None:
        """Takes in reference data, before the records that it can concern. Raises `CorruptBatch`."""
        self._pair.add_reference(batches)
        self._pair.expect()

    def add(self, topic: str, partition: int, batches: Sequence[RecordBatch]) -> None:
        """Takes in records of a person topic. Raises `CorruptBatch`."""
        self._pair.add(topic, partition, batches)

    @property
    def log_time(self) -> int:
        """What time it is in the log."""
        return self._pair.log_time

    def settle(self, now: int) -> list[Told]:
        """Compares whoever was heard of, or whose deadline passed, since the last time; in the order of tokens."""
        while self._due and self._due[0][0] <= now:
            passed = heappop(self._due)
            self._awaited.discard(passed)
            self._touched.add(passed[1])
        told = [one for token in sorted(self._touched) if (one := self._compare(token, now)) is not None]
        self._touched.clear()
        self._forget(now)
        return told

    def counts(self, now: int) -> Counts:
        """How things stand after the last `settle`."""
        transitions = {pair: count for pair, count in sorted(self._transitions.items()) if count}
        return Counts(now, len(self._differences), transitions, self._breaches[True], self._breaches[False])

    def _compare(self, token: str, now: int) -> Told | None:
        baseline, candidate = self._pair.conclude(token, self._since, self.log_time)
        found = Difference(
            list(changes(token, baseline.segments, candidate.segments, Window(self._since, FOREVER))),
            list(self._missed(token, baseline, candidate, now)),
        )
        before = self._differences.get(token, _NO_DIFFERENCE)
        if found == before:
            return None
        self._count(before, -1)
        self._count(found, 1)
        if found == _NO_DIFFERENCE:
            del self._differences[token]
        else:
            self._differences[token] = found
        return Told(token, *found)

    def _missed(self, token: str, baseline: Conclusion, candidate: Conclusion, now: int) -> Iterable[BreachChange]:
        mine, theirs = ({clock.clock_id: clock for clock in one.clocks} for one in (baseline, candidate))
        dues = [{(one.clock_id, one.due_at, one.done_at) for one in side.values()} for side in (mine, theirs)]
        for _, due_at, _ in dues[0] ^ dues[1]:
            if due_at > now and (due_at, token) not in self._awaited:
                self._awaited.add((due_at, token))
                heappush(self._due, (due_at, token))
        return breach_changes(token, mine, theirs, Window(self._since, now + 1)) if mine != theirs else ()

    def _count(self, found: Difference, by: int) -> None:
        for transition in {change.transition for change in found.changes}:
            self._transitions[transition] += by
        for one in found.breaches:
            self._breaches[one.gained] += by

    def _forget(self, now: int) -> None:
        """Once a day of the log: what is past its end is compared no more."""
        if self._forgotten_at is None:
            self._forgotten_at = now
        if now - self._forgotten_at < _DAY_MS:
            return
        self._forgotten_at = now
        self._since = max(self._since, now - self._pair.longest_ms)
        self._pair.forget(now)
        for token in self._differences.keys() - self._pair.tokens:
            self._count(self._differences.pop(token), -1)


_NO_DIFFERENCE = Difference([], [])
