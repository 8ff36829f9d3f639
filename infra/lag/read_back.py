"""From events to their rows being queryable, measured by reading the rows of new blocks back from the event tables.

A block is measured once: what counts as new is decided by positions, which only rise, not by the time of a ledger row,
which is written again when the hours of its block were recounted.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from infra.lag import questions
from infra.lag.questions import DELAY_BOUNDS, NOT_STATED, OTHER, Question, Span
from infra.lag.snapshot import Distribution, QueryableDelay
from sinks.clickhouse import ClickHouse

MARGIN_MS = 60_000
"""A ledger row may become readable so long after the time that it bears."""

MOST_TEXT, SPAN_LENGTH, HOUR_LENGTH = 120_000, 400, 12
"""Letters of the spans of one statement, of a span at most, and of an hour in it: a statement has 256 KiB."""

REST = 20.0
"""The search for rows that were not read back rests for so many times what it took."""


class _Delays:
    """Observations of one topic and district in buckets."""

    def __init__(self) -> None:
        self.counts = [0] * (len(DELAY_BOUNDS) + 1)
        self.total = 0.0

    def add(self, bucket: int, count: int, total: float) -> None:
        self.counts[bucket] += count
        self.total += total

    def take(self, other: "_Delays") -> None:
        for bucket, count in enumerate(other.counts):
            self.counts[bucket] += count
        self.total += other.total

    def distribution(self) -> Distribution:
        return Distribution(DELAY_BOUNDS, tuple(self.counts), self.total)


def in_parts(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """As many spans as one statement may name: a late block touches many hours."""
    part: list[Span] = []
    size = 0
    for span in spans:
        length = SPAN_LENGTH + HOUR_LENGTH * len(span.hours)
        if part and size + length > MOST_TEXT:
            yield part
            part, size = [], 0
        part.append(span)
        size += length
    if part:
        yield part


class _Batch(NamedTuple):
    """What one look brought. ``written_at``: of its newest block, UTC milliseconds."""

    written_at: int
    delays: dict[tuple[str, str], _Delays]


class ReadBack:
    """Looks at what the ledger has gained since the look before.

    The first look measures nothing: it learns where the ledger ends. ``heard``: {place: when the broker appended the
    newest record that speaks of it}, of the rows read. Not for an event-clock home, whose events have made-up times.
    """

    def __init__(
        self,
        client: ClickHouse,
        lately_seconds: int,
        most_districts: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.heard: dict[str, int] = {}
        self._client = client
        self._lately = lately_seconds
        self._most_districts = most_districts
        self._monotonic = monotonic
        self._reached: dict[tuple[str, int], int] | None = None
        self._looked_at = 0
        self._named: set[str] = set()
        self._batches: deque[_Batch] = deque()
        self._so_far: dict[tuple[str, str], _Delays] = {}
        self._doubtful: list[Span] = []
        self._lost: deque[tuple[int, int]] = deque()
        self._search_rests_until = 0.0

    @property
    def lost(self) -> int:
        """Rows of the blocks written lately that the ledger has and the tables have not."""
        return sum(rows for _, rows in self._lost)

    def delays(self) -> tuple[QueryableDelay, ...]:
        """By topic and district, of the blocks written lately, and of all since the first look."""
        lately: dict[tuple[str, str], _Delays] = {}
        for batch in self._batches:
            for name, delays in batch.delays.items():
                lately.setdefault(name, _Delays()).take(delays)
        nothing = _Delays()
        return tuple(
            QueryableDelay(*name, lately.get(name, nothing).distribution(), so_far.distribution())
            for name, so_far in sorted(self._so_far.items())
        )

    def look(self, machine_ms: int, districts: Mapping[str, str]) -> None:
        """Read back what was written since the last look. ``districts``: {site or unit: district}.

        Raises `StatementFailed`; then the same blocks are new to the next look.
        """
        for kept in (self._batches, self._lost):
            while kept and kept[0][0] <= machine_ms - self._lately * 1000:
                kept.popleft()
        if self._reached is None:
            rows = self._client.rows(questions.LEDGER_ENDS.sql)
            self._reached = {(topic, partition): end for topic, partition, end in rows}
            self._looked_at = machine_ms
            return
        fresh, reached, doubtful = self._fresh(machine_ms, self._reached)
        if fresh:
            self._measure(fresh, districts, doubtful)
        self._reached, self._looked_at = reached, machine_ms
        self._search(machine_ms)

    def _fresh(
        self, machine_ms: int, reached: Mapping[tuple[str, int], int]
    ) -> tuple[dict[Span, int], dict[tuple[str, int], int], bool]:
        """New spans with the rows that each should have, where they end, and whether a row count is not known."""
        since = max(machine_ms - self._looked_at, 0) + MARGIN_MS
        found: dict[Span, int] = {}
        ends, cut = dict(reached), False
        for topic, partition, begin, end, written_at, stored, hours in self._client.rows(
            questions.BLOCKS.at(machine_ms, since // 1000 + 1)
        ):
            known = ends.get((topic, partition), begin)
            if end <= known:
                continue
            cut = cut or begin < known  # blocks that a restart wrote again end elsewhere
            found[Span(topic, partition, max(begin, known), end, written_at, tuple(hours))] = stored
            ends[topic, partition] = end
        return found, ends, cut

    def _measure(self, fresh: Mapping[Span, int], districts: Mapping[str, str], doubtful: bool) -> None:
        batch = _Batch(max(span.written_at for span in fresh) // 1000, {})
        rows_read = 0
        for topic, place, number, count, total, last in self._rows(questions.QUERYABLE, fresh):
            rows_read += count
            if place:
                self.heard[place] = max(last, self.heard.get(place, 0))
            bucket = number - 1 if number else len(DELAY_BOUNDS)
            name = topic, self._district(districts.get(place, NOT_STATED))
            batch.delays.setdefault(name, _Delays()).add(bucket, count, total)
        if doubtful or rows_read < sum(fresh.values()):  # repeats, or rows that are lost
            self._doubtful += fresh
        self._batches.append(batch)
        for name, delays in batch.delays.items():
            self._so_far.setdefault(name, _Delays()).take(delays)

    def _search(self, machine_ms: int) -> None:
        """Look for each content of the doubtful spans: one that came again stands at its earlier position."""
        begun = self._monotonic()
        if not self._doubtful or begun < self._search_rests_until:
            return
        lost = sum(rows for _, _, rows, _ in self._rows(questions.NOT_READ_BACK, self._doubtful))
        self._search_rests_until = begun + REST * (self._monotonic() - begun)
        self._doubtful = []
        if lost:
            self._lost.append((machine_ms, lost))

    def _rows(self, question: Question, spans: Iterable[Span]) -> Iterator[tuple[Any, ...]]:
        for part in in_parts(spans):
            yield from self._client.rows(questions.of_spans(question, part))

    def _district(self, district: str) -> str:
        """The first districts that are met keep their names: a count that only grows must not move to another."""
        if district == NOT_STATED or district in self._named:
            return district
        if len(self._named) >= self._most_districts:
            return OTHER
        self._named.add(district)
        return district
