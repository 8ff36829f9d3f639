"""How late a partition announces its deadlines, by the clock that people go by."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from streams.worker.clock import Clock, WallClock
from streams.worker.metrics import ANNOUNCEMENT_LATENESS, TICK_LATENESS, TICK_SECONDS, Metrics
from streams.worker.ticks import NextDue

MOST_NOTES = 10_000


class Covered(NamedTuple):
    """What a tick covers: moments since when deadlines were covered, with their number; deadlines (UTC milliseconds)
    with theirs; and the moment at which the tick began."""

    since: list[tuple[float, int]]
    dues: dict[int, int]
    began: float


class Lateness:
    """Knows since when a partition's clock has covered a deadline.

    The machine's clock covers a deadline at the deadline; the log's does when the marks have come that lie behind it.
    Nothing is covered before the partition was here, or the deadline was known.
    """

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._is_wall = isinstance(clock, WallClock)
        self._metrics = metrics
        self._began = self._now()
        self._learnt: dict[bytes, float] = {}  # of what was past already when it was learnt
        self._reached: list[tuple[int, float]] = []  # times of the clock, and when they were reached; both rise

    def _now(self) -> float:
        """Seconds. Of the machine's clock, so that deadlines can be told from it, or of one that only goes on."""
        return self._clock.as_of({}) / 1_000 if self._is_wall else time.monotonic()

    def reached(self, as_of: int, has_due: bool) -> None:
        """To be told often: what the partition's clock shows, and whether something waits by it."""
        if self._is_wall or (self._reached and self._reached[-1][0] >= as_of):
            return
        if not has_due:
            self._reached.clear()
        elif len(self._reached) > MOST_NOTES:
            del self._reached[1::2]
        self._reached.append((as_of, self._now()))

    def learnt(self, keys: Collection[bytes]) -> None:
        """States with a deadline that is past already were written."""
        if keys:
            now = self._now()
            for key in keys:
                self._learnt.setdefault(key, now)

    def waiting(self, due: int) -> float:
        """Seconds for which a deadline that still waits has been covered."""
        return max(0.0, self._now() - self._covered_at(due))

    def begin(self, states: Mapping[bytes, bytes], next_due: NextDue) -> Covered:
        """A tick of these states begins; `tell` is to be called when it is committed."""
        late = {key: at for key in states if (at := self._learnt.pop(key, None)) is not None} if self._learnt else {}
        dues = Counter(next_due(state) for key, state in states.items() if key not in late)
        since = [(self._covered_at(due), count) for due, count in dues.items() if due is not None]
        since += ((at, 1) for at in late.values())
        dues.update(next_due(states[key]) for key in late)
        return Covered(since, {due: count for due, count in dues.items() if due is not None}, self._now())

    def tell(self, covered: Covered) -> None:
        """Its announcements are committed."""
        now = self._now()
        for since, count in covered.since:
            self._metrics.observe(TICK_LATENESS, max(0.0, now - since), count)
        self._metrics.observe(TICK_SECONDS, max(0.0, now - covered.began), sum(covered.dues.values()))
        if self._is_wall:
            for due, count in covered.dues.items():
                self._metrics.observe(ANNOUNCEMENT_LATENESS, max(0.0, now - due / 1_000), count)

    def _covered_at(self, due: int) -> float:
        if self._is_wall:
            return max(due / 1_000, self._began)
        place = bisect_left(self._reached, (due,))
        return self._reached[place][1] if place < len(self._reached) else self._now()
