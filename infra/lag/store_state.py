"""What the tables say, asked again and again without being a burden on them.

Every number is the answer of a question in `infra.lag.questions`. A question that was dear is left alone for a while:
its last answer stands until then, and the state says when it was given.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from infra.lag import questions
from infra.lag.checkpoints import flows
from infra.lag.questions import NOT_STATED, OTHER, Question
from infra.lag.read_back import ReadBack
from infra.lag.snapshot import (
    CheckpointFlow,
    ClockQueue,
    Coverage,
    DeadLetterCount,
    DeviceState,
    MissingReport,
    ReportTotal,
    StoreState,
    TopicCount,
)
from infra.settings import Clock, OperationsSettings
from schemas.topics import INPUT_TOPICS
from sinks.clickhouse import ClickHouse

REST = 20.0
"""A question rests for so many times what it took: it costs at most a twentieth of a processor, however large tables
grow or however busy the machine is."""

MOST_DISTRICTS = 40
MOST_DEVICES = 2000

Rows = list[tuple[Any, ...]]

log = logging.getLogger(__name__)


class _Answer(NamedTuple):
    value: Any
    asked_at: int
    rests_until: float


class StoreCollector:
    """Asks over one connection of the reader, which it does not own; not to be shared by threads.

    ``clock``: that of the home. ``machine``: the machine's time, UTC milliseconds, by which the ledger is written;
    ``monotonic``: seconds, by which questions rest.
    """

    def __init__(
        self,
        client: ClickHouse,
        settings: OperationsSettings,
        clock: Clock,
        machine: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._lately = settings.lately_seconds
        self._machine = machine
        self._monotonic = monotonic
        self._answers: dict[str, _Answer] = {}
        self._read_back = ReadBack(client, settings.lately_seconds, MOST_DISTRICTS, monotonic)
        self._measures = clock == "wall"

    def collect(self, now_ms: int) -> StoreState:
        """The state as of a time of the home's clock, UTC milliseconds. Raises `StatementFailed`: then nothing is
        known of now."""
        if self._measures:
            districts: dict[str, str] = dict(self._ask(questions.DISTRICTS, now_ms))
            self._read_back.look(self._machine(), districts)
        dead_letters = self._dead_letters(now_ms)
        return StoreState(
            queryable=self._read_back.delays(),
            clocks=bounded(_clock(row) for row in self._ask(questions.CLOCKS, now_ms)),
            dead_letters=dead_letters,
            topics=self._topics(now_ms, dead_letters),
            devices=self._devices(now_ms),
            totals=tuple(ReportTotal(*row) for row in self._ask(questions.REPORT_TOTALS, now_ms)),
            missing=tuple(
                MissingReport(unit, district or None, *rest)
                for unit, district, *rest in self._ask(questions.MISSING_REPORTS, now_ms)
            ),
            coverage=tuple(Coverage(*row) for row in self._ask(questions.COVERAGE, now_ms)),
            flows=self._flows(now_ms),
            breaches_recent=self._ask(questions.BREACHES, now_ms)[0][0],
            bytes_on_disk=self._ask(questions.STORE_SIZE, now_ms)[0][0],
            not_read_back=self._read_back.lost,
            asked_at=tuple(sorted((name, answer.asked_at) for name, answer in self._answers.items())),
        )

    def _ask(self, question: Question, now_ms: int) -> Rows:
        text = question.at(now_ms, self._lately)
        rows: Rows = self._answer(question.name, lambda: self._client.rows(text), question.pace_seconds)
        return rows

    def _answer(self, name: str, ask: Callable[[], Any], pace_seconds: float) -> Any:
        kept, begun = self._answers.get(name), self._monotonic()
        if kept is not None and begun < kept.rests_until:
            return kept.value
        asked_at = self._machine()
        value = ask()
        took = self._monotonic() - begun
        self._answers[name] = _Answer(value, asked_at, begun + max(pace_seconds, REST * took))
        return value

    def _flows(self, now_ms: int) -> tuple[CheckpointFlow, ...]:
        found: tuple[CheckpointFlow, ...] = self._answer("flows", lambda: flows(self._client, now_ms, self._lately), 0)
        return found

    def _dead_letters(self, now_ms: int) -> tuple[DeadLetterCount, ...]:
        waiting = {(topic, reason): count for topic, reason, count in self._ask(questions.DEAD_LETTERS, now_ms)}
        lately = {(topic, reason): count for topic, reason, count in self._ask(questions.DEAD_LETTERS_LATELY, now_ms)}
        return tuple(
            DeadLetterCount(*name, waiting.get(name, 0), lately.get(name, 0)) for name in sorted(waiting | lately)
        )

    def _topics(self, now_ms: int, dead_letters: Iterable[DeadLetterCount]) -> tuple[TopicCount, ...]:
        totals = {topic: counts for topic, *counts in self._ask(questions.TOPICS, now_ms)}
        conflicts: dict[str, int] = dict(self._ask(questions.CONFLICTS, now_ms))
        lately: dict[str, int] = dict(self._ask(questions.TOPICS_LATELY, now_ms))
        refused_lately: dict[str, int] = {}
        for letters in dead_letters:
            refused_lately[letters.topic] = refused_lately.get(letters.topic, 0) + letters.recent
        found = []
        for topic in sorted(one.name for one in INPUT_TOPICS):
            events, refused, repeats, _ = totals.get(topic, (0, 0, 0, 0))
            recent = lately.get(topic, 0), refused_lately.get(topic, 0)
            found.append(TopicCount(topic, events, refused, repeats, conflicts.get(topic, 0), *recent))
        return tuple(found)

    def _devices(self, now_ms: int) -> tuple[DeviceState, ...]:
        heard = {name: (at, skew) for name, at, skew in self._ask(questions.DEVICES_LATELY, now_ms)}
        found = []
        for device, site, district, expected, number, last, skew, missing in self._ask(questions.DEVICES, now_ms):
            at, skewed = max(((last, skew), heard.get(number, (None, None))), key=lambda one: one[0] or -1)
            silent = _silent(now_ms, at)
            if not expected and (silent is None or silent > self._lately):
                continue
            seconds = None if skewed is None else skewed / 1000
            found.append(DeviceState(device, site or None, district or None, bool(expected), silent, seconds, missing))
        passed = self._read_back.heard
        for site, district, last in self._ask(questions.SITES, now_ms):
            times = [at for at in (last, passed.get(site)) if at is not None]
            silent = _silent(now_ms, max(times, default=None))
            found.append(DeviceState(site, site, district or None, True, silent, None, 0))
        return loudest_last(found)


def _silent(now_ms: int, last: int | None) -> float | None:
    return None if last is None else max(0.0, (now_ms - last) / 1000)


def _clock(row: tuple[Any, ...]) -> ClockQueue:
    duty, district, waiting, due_soon, overdue, oldest, releases = row
    return ClockQueue(duty, district, waiting, due_soon, overdue, oldest, bool(releases))


def loudest_last(devices: Iterable[DeviceState]) -> tuple[DeviceState, ...]:
    """At most `MOST_DEVICES`: those never heard of first, then by how long they have been silent, so that what is left
    out is what was heard just now; of expected ones none before any other."""

    def place(one: DeviceState) -> tuple[bool, bool, float, str]:
        return not one.expected, one.silent_seconds is not None, -(one.silent_seconds or 0.0), one.device

    ordered = sorted(devices, key=place)
    if len(ordered) > MOST_DEVICES:
        log.warning("%d of %d devices are not shown: they were heard lately", len(ordered) - MOST_DEVICES, len(ordered))
    return tuple(ordered[:MOST_DEVICES])


def bounded(queues: Iterable[ClockQueue]) -> tuple[ClockQueue, ...]:
    """At most `MOST_DISTRICTS` districts, those with most open clocks; the others are one, `OTHER`."""
    found = list(queues)
    open_in: dict[str, int] = {}
    for queue in found:
        if queue.district != NOT_STATED:
            open_in[queue.district] = open_in.get(queue.district, 0) + queue.open
    kept = {NOT_STATED, *sorted(open_in, key=lambda district: (-open_in[district], district))[:MOST_DISTRICTS]}
    merged: dict[tuple[str, str], ClockQueue] = {}
    for queue in found:
        named = queue if queue.district in kept else queue._replace(district=OTHER)
        name = named.duty, named.district
        merged[name] = _sum(merged[name], named) if name in merged else named
    return tuple(merged[name] for name in sorted(merged))


def _sum(one: ClockQueue, other: ClockQueue) -> ClockQueue:
    oldest = min(at for at in (one.oldest_due_at, other.oldest_due_at) if at is not None)
    counts = one.open + other.open, one.due_soon + other.due_soon, one.overdue + other.overdue
    return ClockQueue(one.duty, one.district, *counts, oldest, one.releases)
