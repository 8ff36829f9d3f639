"""The audit of a home and its repair: what the broker holds, handed to the sinks' own comparison."""

import asyncio
import getpass
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.column_store import writer_address
from infra.embedded.catch_up import SINK_GROUP
from infra.errors import MissingPart
from infra.home import Home, write_whole
from replay.log import Log as PositionedLog
from replay.log import LogGone
from replay.promote import superseded
from replay.record import steps
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.topics import ALL_TOPICS, partitions_of
from schemas.wire.batches import RecordBatch
from sinks import repair
from sinks.audit import Finding, audit, next_ranges
from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.comparisons import MOST_ROWS, Cell, cells
from sinks.ledger import Ledger, Place
from sinks.rereading import Reading
from sinks.standstill import exchanging

# A range of the rolling audit, of every partition; and of a full one, which holds them in memory.
POSITIONS_AT_ONCE = 2_000
POSITIONS_OF_A_FULL_AUDIT = 20_000
CURSORS_FILE = "audited.json"
COUNTED_SECONDS = 30.0
"""How long a repair waits until the sinks have counted the hours that it asks for."""

COUNTED_POLL_SECONDS = 0.5
STATEMENT_SECONDS = 600.0
"""Tables are compared whole, and rows are deleted by rewriting the parts they lie in, which may be large."""

MOST_ROUNDS = 10
MOST_ROWS_TO_MEND = 10_000

EVERY_TOPIC = frozenset(topic.name for topic in ALL_TOPICS)

Progress = Callable[[str], None]


class Scope(NamedTuple):
    """What an audit reads again of the log. Without more: the next range of every partition, round and round, the next
    audit going on where this one ends. ``everything``: all of it. ``since`` and ``until``: what was appended between
    these times (UTC, ms). ``topics``: only of these is anything said."""

    topics: frozenset[str] = EVERY_TOPIC
    everything: bool = False
    since: int | None = None
    until: int | None = None

    @property
    def rolling(self) -> bool:
        return not self.everything and self.since is None and self.until is None


ROLLING = Scope()


class Repaired(NamedTuple):
    """What a repair found first, what it planned (the first round), what was done, and what is left afterwards."""

    found: list[Finding]
    plan: repair.Plan
    done: list[repair.Mended]
    left: list[Finding]


def _silent(_: str) -> None:
    pass


def audit_home(home: Home, scope: Scope = ROLLING, progress: Progress = _silent) -> list[Finding]:
    """All differences between the log, up to what the sinks have acknowledged, and the tables.

    Asked as the writer: the reader does not see the restricted tables. Raises MissingPart when the log cannot be read,
    StatementFailed.
    """
    log = log_of(home)
    cursors = _cursors(home)
    ranges = _ranges(home, scope, log, cursors)
    found = _findings(home, scope, log, ranges, progress)
    if scope.rolling:
        _keep(home, cursors)
    return found


def repair_home(
    home: Home,
    scope: Scope = ROLLING,
    dry_run: bool = False,
    progress: Progress = _silent,
) -> Repaired:
    """Mend what an audit of the scope finds, by reading the ranges again, and audit again; ``dry_run``: only plan.

    Raises MissingPart when the log cannot be read, StatementFailed: what was not mended by then is mended by another
    call.
    """
    log = log_of(home)
    cursors = _cursors(home)
    ranges = _ranges(home, scope, log, cursors)
    with ClickHouse(writer_address(home), "checkline-repair", STATEMENT_SECONDS) as client:
        if name := exchanging(client):
            raise MissingPart(f"tables are being exchanged for those of replay {name}: repair when that is done")
        found = left = _findings(home, scope, log, ranges, progress, MOST_ROWS_TO_MEND)
        planned = first = repair.plan(client, found, log.begins)
        done: list[repair.Mended] = []
        for number in range(1, MOST_ROUNDS + 1):
            if dry_run or not left:
                break
            progress(f"round {number}: {len(left)} differences, {len(planned.ranges)} ranges to read again")
            done += _mend(home, client, planned)
            _wait_until_counted(client)
            log = log_of(home)
            before, left = left, _findings(home, scope, log, ranges, progress, MOST_ROWS_TO_MEND)
            if left == before:
                break
            planned = repair.plan(client, left, log.begins)
    if scope.rolling and not dry_run:
        _keep(home, cursors)
    return Repaired(found, first, done, left)


def _mend(home: Home, client: ClickHouse, planned: repair.Plan) -> list[repair.Mended]:
    log = log_of(home)

    def read(span: Span) -> Sequence[RecordBatch]:
        return read_ranges(home, [span])[span]

    access = repair.Log(log.begins, log.ends, read)
    by = f"{getpass.getuser()}, process {os.getpid()}"
    return repair.Repair(client, access, reading_of(home), by).mend(planned)


def reading_of(home: Home) -> Reading:
    """How the log of a home is read."""
    now = time.time_ns() // 1_000_000 if home.clock == "wall" else None
    return Reading(default_registry(), home.settings.partitions, default_policy().arrival.limits, now)


def _wait_until_counted(client: ClickHouse) -> None:
    """Returns when no cell is wrong that was wrong from the start, or no sink seems to count: the audit that follows
    says which. While events flow, some cell or other is always about to be counted."""

    def wrong() -> set[Cell]:
        return {*cells(client, Ledger(client, client.name).positions(), MOST_ROWS_TO_MEND)}

    deadline = time.monotonic() + COUNTED_SECONDS
    waiting = wrong()
    while waiting and time.monotonic() < deadline:
        time.sleep(COUNTED_POLL_SECONDS)
        waiting &= wrong()


def _ranges(home: Home, scope: Scope, log: "Log", cursors: dict[Place, int]) -> list[Span]:
    """Ranges of the log that are read again, few or many of a partition; moves the cursors of a rolling audit."""
    acknowledged = {place: end for place, end in log.acknowledged.items() if place[0] in scope.topics}
    if scope.rolling:
        for place, begin in log.begins.items():
            cursors[place] = max(begin, cursors.get(place, 0))
        return next_ranges(cursors, acknowledged, POSITIONS_AT_ONCE, log.begins)
    begins, ends = dict(log.begins), dict(acknowledged)
    for at, bound, bounds in ((scope.since, max, begins), (scope.until, min, ends)):
        if at is not None:
            with PositionedLog(home.kafka_bootstrap, options=home.settings.kafka.aiokafka_options()) as positions:
                found = positions.positions_at(acknowledged, at)
            bounds.update({place: bound(bounds[place], found.get(place, log.ends[place])) for place in acknowledged})
    size = POSITIONS_OF_A_FULL_AUDIT
    return [
        Span(*place, begin, min(begin + size, ends[place]))
        for place in sorted(acknowledged)
        for begin in range(begins[place], ends[place], size)
    ]


def _findings(
    home: Home, scope: Scope, log: "Log", ranges: Sequence[Span], progress: Progress, most: int = MOST_ROWS
) -> list[Finding]:
    batches: dict[Span, list[RecordBatch]] = {}
    reading = reading_of(home)
    with ClickHouse(writer_address(home), "checkline-audit", STATEMENT_SECONDS) as client:
        findings = audit(
            client,
            log.acknowledged,
            log.begins,
            batches.pop,
            _read_in_turns(home, ranges, batches, progress),
            partitions=reading.partitions,
            limits=reading.limits,
            log_ends=log.ends,
            now=reading.now,
            most=most,
        )
    ends = log_of(home).ends
    return [
        finding
        for finding in findings
        if (finding.topic in scope.topics or finding.topic not in EVERY_TOPIC)
        and not written_meanwhile(finding, log, ends)
    ]


def _read_in_turns(
    home: Home, ranges: Sequence[Span], batches: dict[Span, list[RecordBatch]], progress: Progress
) -> Iterator[Span]:
    """The ranges, each when its ``batches`` are there: one of every partition at a time."""
    waiting = list(ranges)
    while waiting:
        turn: dict[Place, Span] = {}
        for span in waiting:
            turn.setdefault((span.topic, span.partition), span)
        batches.update(read_ranges(home, turn.values()))
        yield from turn.values()
        taken = {*turn.values()}
        waiting = [span for span in waiting if span not in taken]
        if waiting:
            progress(f"{len(ranges) - len(waiting)} of {len(ranges)} ranges of the log read again")


def _cursors(home: Home) -> dict[Place, int]:
    """Up to where each partition was read again by the audits before this one."""
    file = home.directory / CURSORS_FILE
    stored: list[tuple[str, int, int]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return {(topic, partition): position for topic, partition, position in stored}


def _keep(home: Home, cursors: Mapping[Place, int]) -> None:
    rows = [(topic, partition, position) for (topic, partition), position in sorted(cursors.items())]
    write_whole(home.directory / CURSORS_FILE, json.dumps(rows) + "\n")


class Log(NamedTuple):
    """Where each partition begins, up to where the sinks have acknowledged it (absent: never), and where it ends."""

    begins: Mapping[Place, int]
    acknowledged: Mapping[Place, int]
    ends: Mapping[Place, int]


def written_meanwhile(finding: Finding, log: Log, ends: Mapping[Place, int]) -> bool:
    """Whether a finding only says that the tables are ahead of what the log was when the audit began: the sinks do not
    stand still for it. They must not be ahead of the log itself."""
    place = (finding.topic, finding.partition)
    if finding.check == "beyond" or (finding.check == "coverage" and finding.end > log.ends.get(place, 0)):
        return finding.end <= ends.get(place, 0) and finding.begin >= log.ends.get(place, 0)
    return False


def log_of(home: Home) -> Log:
    """The extent of the log that the tables are held against: of derived topics, without what a promoted replay
    supersedes."""
    log = asyncio.run(_log(home.kafka_bootstrap, home.settings.partitions))
    with ClickHouse(writer_address(home), "checkline-audit") as client:
        begins = {**log.begins}
        for place, end in superseded(steps(client)).items():
            begins[place] = max(begins[place], end)
    return log._replace(begins=begins)


async def _log(bootstrap: str, partitions: int) -> Log:
    """The extent of the log now. Raises MissingPart when the broker does not know one of the partitions."""
    (group,) = SINK_GROUP
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        await consumer.start()
        # Asked for by number: the client knows nothing of the partitions of topics it does not subscribe to.
        everything = [
            TopicPartition(topic.name, number)
            for topic in ALL_TOPICS
            for number in range(partitions_of(topic, partitions))
        ]
        consumer.assign(everything)
        begins = await consumer.beginning_offsets(everything)
        committed = {one: await consumer.committed(one) for one in everything}
        ends = await consumer.end_offsets(everything)
    finally:
        await consumer.stop()
    if missing := [one for one in everything if one not in begins or one not in ends]:
        raise MissingPart(f"kafka knows no partition {missing[0].partition} of {missing[0].topic}; run checkline up")
    acknowledged = {one: offset for one, offset in committed.items() if offset is not None}
    return Log(_by_place(begins), _by_place(acknowledged), _by_place(ends))


def _by_place(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {(one.topic, one.partition): offset for one, offset in offsets.items()}


def read_ranges(home: Home, spans: Collection[Span]) -> dict[Span, list[RecordBatch]]:
    """The record batches of ranges of the log, at most one a partition.

    Raises MissingPart when they do not come, or are in the log no more: that they are gone must not look like nothing.
    """
    of_place = {(span.topic, span.partition): span for span in spans}
    batches: dict[Span, list[RecordBatch]] = {span: [] for span in spans}
    try:
        with PositionedLog(home.kafka_bootstrap, options=home.settings.kafka.aiokafka_options()) as log:
            for piece, found in log.read(spans):
                batches[of_place[piece.topic, piece.partition]] += found
    except LogGone as error:
        raise MissingPart(f"{error}; audit again") from error
    return batches
