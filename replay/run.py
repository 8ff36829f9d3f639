"""One share of a replay: some partitions of the log, from their bytes to tables of their own.

A replay has as many shares as it is given processes, and each does all that is to be done for its partitions, in three
steps; between the first two the shares agree on what time it is.

1. **Gather**: every record batch goes both ways at once: into event tables, arrivals and ledger, by the very writer of
   the sinks, and into the states of persons, by the very rules of the worker.
2. **Conclude**: the last word on each person, and the dead letters, go to topics of the replay's own, in transactions
   of its own.
3. **Write down**: those topics go into the derived tables, by the writer of the sinks.

Nothing else is written anywhere: no group is joined, nothing is committed for one, no notice is sent. A share that died
is started again from the beginning: what its ledger already has is not written again, facts are only united anew.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from replay.digests import Digests, united
from replay.log import Extent, Log
from replay.reference import reference_of
from replay.states import Letters, States, digests_of
from replay.target import Target
from schemas.registry import Registry, default_registry
from schemas.topics import DEAD_LETTERS, DERIVED_TOPICS, PERSON_TOPICS, RISK_CHANGES, SLA_EVENTS
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from sinks.blocks import Span
from sinks.clickhouse import Address, ClickHouse
from sinks.ledger import Place
from sinks.tables import DERIVED_TABLES
from sinks.writer import Writer
from streams.fold import Outputs
from streams.worker.transactions import PartitionTransactions

ROWS_AT_ONCE = 250_000
"""Records that go into the tables together: few large inserts."""

RECORDS_A_TRANSACTION = 20_000
STATEMENT_SECONDS = 600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The log that is replayed. ``partitions`` is that of the person topics; ``reference`` says up to where reference
    data is known; ``options`` are aiokafka's (TLS, SASL)."""

    bootstrap: str
    partitions: int
    reference: Extent
    prefix: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Share:
    """The spans of one process, all those of a partition number together, and where they go."""

    source: Source
    target: Target
    clickhouse: Address
    spans: Sequence[Span]
    limits: Limits
    events_a_second: float | None = None


class Gathered(NamedTuple):
    """What a share holds after its first step: records read, and how far time went in it (UTC ms): the smallest over
    its person topics' partitions of the latest time marks, None without marks, and the newest append time."""

    records: int
    clock: int | None
    newest: int


class Concluded(NamedTuple):
    """What a share came to: persons with facts, digests, derived records and dead letters written, and the processor
    time of its process."""

    persons: int
    digests: Digests
    derived: int
    letters: int
    cpu_seconds: float


Tell = Callable[[int], None]
"""Hears how many records more are done; does not return while the replay is to pause."""


class Replayer:
    """Does a share. ``tell`` hears of progress."""

    def __init__(self, share: Share, tell: Tell, registry: Registry | None = None) -> None:
        self._share = share
        self._tell = tell
        self._registry = registry or default_registry()
        self._states: dict[int, States] = {}
        self._letters: dict[int, Letters] = defaultdict(list)
        self._log = Log(share.source.bootstrap, share.source.prefix, share.source.options)
        self._started = time.monotonic()
        self._records = 0

    def gather(self) -> Gathered:
        """The first step. Raises `replay.log.LogGone`, `StatementFailed`, `CorruptBatch`."""
        share, source = self._share, self._share.source
        marks: dict[tuple[str, int], int] = {}
        newest = 0
        with self._log, self._column_store() as client:
            reference = reference_of(self._log, self._registry, share.limits, source.reference)
            for number in {span.partition for span in share.spans}:
                self._states[number] = States(self._registry, reference, source.partitions, share.limits)
            writer = Writer(client, self._registry, source.partitions, f"replay-{share.target.name}", share.limits)
            written = writer.ledger.positions()
            most = int(min(ROWS_AT_ONCE, share.events_a_second or ROWS_AT_ONCE))  # slow ones are told to pause as soon
            for turn in _turns(self._log.read(share.spans), most):
                for span, batches in turn.items():
                    self._gather(span, batches)
                    newest = max([newest, *(batch.max_timestamp for batch in batches)])
                writer.write(
                    {span: batches for span, batches in turn.items() if span.end > written.get(_place(span), 0)}
                )
                self._done(sum(_records(batch) for batches in turn.values() for batch in batches))
        for number, states in self._states.items():
            states.expect([number])
            for topic, mark in states.marks.items():
                marks[topic, number] = mark
        wanted = {(topic.name, number) for topic in PERSON_TOPICS for number in self._states}
        wanted &= {_place(span) for span in share.spans}
        clock = min(marks[place] for place in wanted) if wanted and wanted <= marks.keys() else None
        return Gathered(self._records, clock, newest)

    def _gather(self, span: Span, batches: Sequence[RecordBatch]) -> None:
        states = self._states[span.partition]
        if span.topic in states.topics:
            self._letters[span.partition] += states.add(span.topic, span.partition, batches)

    def _done(self, records: int) -> None:
        self._records += records
        self._tell(records)
        if self._share.events_a_second:
            due = self._started + self._records / self._share.events_a_second
            time.sleep(max(0.0, due - time.monotonic()))

    def conclude(self, as_of: int) -> Concluded:
        """The second and third step. ``as_of``: what time it is, UTC milliseconds, the same for all shares."""
        with self._derived_log() as log:
            begins = log.extent(DERIVED_TOPICS, self._share.source.partitions).ends  # behind what a dead run left
        derived = asyncio.run(self._publish(as_of))
        self._write_down(begins)
        parts = [digests_of(states.conclusions(as_of), as_of) for states in self._states.values()]
        persons = sum(states.persons for states in self._states.values())
        letters = sum(map(len, self._letters.values()))
        return Concluded(persons, united(parts), derived, letters, time.process_time())

    async def _publish(self, as_of: int) -> int:
        share, count = self._share, 0
        prefix = share.target.topic_prefix
        for number, states in self._states.items():
            producer = PartitionTransactions(
                share.source.bootstrap.split(","),
                share.target.transactional_id,
                number,
                share.source.options,
                [prefix + topic.name for topic in DERIVED_TOPICS],
            )
            await producer.start()
            try:
                letters: Outputs = {DEAD_LETTERS.name: self._letters[number]}
                for outputs in _chunks([letters], states.records(as_of)):
                    await producer.write(
                        {prefix + topic: pairs for topic, pairs in outputs.items() if pairs}, "", {}, as_of
                    )
                    count += sum(map(len, outputs.values()))
                # It begins when the markers of those before stand: until then readers do not see their records.
                await producer.settle()
            finally:
                await producer.stop()
        return count - sum(map(len, self._letters.values()))

    def _write_down(self, begins: Mapping[Place, int]) -> None:
        share, source = self._share, self._share.source
        with self._derived_log() as derived, self._column_store() as client:
            ends = derived.extent(DERIVED_TOPICS, source.partitions).ends
            mine = [span for span in Extent(begins, ends).spans() if span.partition in self._states]
            writer = Writer(client, self._registry, source.partitions, f"replay-{share.target.name}", share.limits)
            for turn in _turns(derived.read(mine), ROWS_AT_ONCE):
                writer.write(turn)

    def _derived_log(self) -> Log:
        share, source = self._share, self._share.source
        return Log(source.bootstrap, share.target.topic_prefix, source.options)

    def _column_store(self) -> ClickHouse:
        share = self._share
        name = f"replay-{share.target.name}"
        return ClickHouse(share.clickhouse, name, STATEMENT_SECONDS, share.target.database)


def forget_derived(client: ClickHouse) -> None:
    """Empty the derived tables of a replay that did not come to its end: they are written again, from other positions.
    ``client`` speaks to the replay's tables. Raises `StatementFailed`."""
    for table in {table.name for tables in DERIVED_TABLES.values() for table in tables}:
        client.execute(f"TRUNCATE TABLE {table}")
    names = ", ".join(f"'{topic.name}'" for topic in DERIVED_TOPICS)
    for table in ("checkline.arrivals", "checkline.ledger"):
        client.execute(f"ALTER TABLE {table} DELETE WHERE topic IN ({names}) SETTINGS mutations_sync = 2")


def shares_of(spans: Iterable[Span], number: int) -> list[list[Span]]:
    """Spans in at most ``number`` parts of about the same weight, all of a partition number in the same part."""
    weights: dict[int, int] = defaultdict(int)
    of_partition: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        weights[span.partition] += span.end - span.begin
        of_partition[span.partition].append(span)
    parts: list[list[Span]] = [[] for _ in range(number)]
    loads = [0] * number
    for partition in sorted(weights, key=lambda one: (-weights[one], one)):
        least = loads.index(min(loads))
        loads[least] += weights[partition]
        parts[least] += of_partition[partition]
    return [part for part in parts if part]


def _turns(pieces: Iterable[tuple[Span, list[RecordBatch]]], most: int) -> Iterator[dict[Span, list[RecordBatch]]]:
    """Pieces put together until there are about ``most`` records; pieces that follow one another become one."""
    spans: dict[tuple[str, int], Span] = {}
    batches: dict[tuple[str, int], list[RecordBatch]] = defaultdict(list)
    rows = 0
    for span, found in pieces:
        place = _place(span)
        spans[place] = spans[place]._replace(end=span.end) if place in spans else span
        batches[place] += found
        rows += sum(batch.count for batch in found)
        if rows >= most:
            yield {spans[place]: batches[place] for place in spans}
            spans, batches, rows = {}, defaultdict(list), 0
    if spans:
        yield {spans[place]: batches[place] for place in spans}


def _chunks(first: Iterable[Outputs], more: Iterable[Outputs]) -> Iterator[Outputs]:
    """Outputs put together until there are about `RECORDS_A_TRANSACTION`."""
    together: Outputs = {DEAD_LETTERS.name: [], RISK_CHANGES.name: [], SLA_EVENTS.name: []}
    count = 0
    for outputs in (*first, *more):
        for topic, pairs in outputs.items():
            together[topic] += pairs
            count += len(pairs)
        if count >= RECORDS_A_TRANSACTION:
            yield together
            together, count = {topic: [] for topic in together}, 0
    if count:
        yield together


def _records(batch: RecordBatch) -> int:
    return batch.count if batch.is_wanted_whole else sum(1 for _ in batch.records())


def _place(span: Span) -> tuple[str, int]:
    return span.topic, span.partition
