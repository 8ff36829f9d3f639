"""The account of the log against the tables. Every difference says where it is and what to do; none are expected.

What is compared, over everything that the ledger holds when the audit begins:
- `coverage`: the ledger's spans with the log: from its start to its position, without a gap;
- `digest`: counts and digest of every span, computed again from arrivals;
- `rows`: event rows with the stored arrivals, both ways;
- `cells`: cells with a new count, where no recount is due;
- `log`: ranges of the log, decoded again by the row codec, with arrivals and with event rows column by column.

The rows of derived topics are held to their arrivals by nothing but the ledger: newer records replace older ones.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.identities import content_hash, identity_hash
from schemas.registry import Registry, default_registry
from schemas.topics import BY_NAME, DEFAULT_PARTITIONS, partitions_of
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.fields import Field
from schemas.wire.rows import RowCodec
from sinks.blocks import HOUR_MS, Span, block_builder
from sinks.clickhouse import ClickHouse
from sinks.digest import ROW_SQL
from sinks.ledger import Ledger, Place
from sinks.tables import EVENT_TABLES

MOST_ROWS = 100
"""Differences of one kind and table that are told one by one."""

SETTLE_SECONDS = 2.0
"""A difference between cells and rows counts when it is still there after this time: a recount may be on its way."""

_SPILL = "SETTINGS max_bytes_before_external_group_by = 1000000000"

ReadLog = Callable[[Span], Sequence[RecordBatch]]


class Finding(NamedTuple):
    """A difference: what was compared, the range of the log it concerns, what differs, and what to do."""

    check: str
    topic: str
    partition: int
    begin: int
    end: int
    detail: str
    action: str

    def __str__(self) -> str:
        where = f"{self.topic}/{self.partition} [{self.begin}, {self.end})"
        return f"{self.check}: {where}: {self.detail}. To do: {self.action}"


def audit(
    client: ClickHouse,
    log_positions: Mapping[Place, int],
    log_starts: Mapping[Place, int] | None = None,
    read_log: ReadLog | None = None,
    ranges: Iterable[Span] = (),
    registry: Registry | None = None,
    partitions: int = DEFAULT_PARTITIONS,
    limits: Limits | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> list[Finding]:
    """All differences. ``log_positions``: up to where each partition must be covered; ``log_starts``: where the log
    begins (absent: 0); ``ranges`` are read again through ``read_log`` (see `next_ranges`). Raises `StatementFailed`."""
    ends = Ledger(client, client.name).positions()
    findings = [*coverage(client, log_positions, log_starts or {}), *digests(client), *rows(client, ends)]
    uncounted = cells(client)
    if uncounted:
        time.sleep(settle_seconds)
        still = set(cells(client))
        findings += [finding for finding in uncounted if finding in still]
    if read_log is not None:
        for span in ranges:
            findings += reread(
                client, span, read_log(span), registry or default_registry(), partitions, limits or Limits()
            )
    return findings


def next_ranges(cursors: dict[Place, int], log_positions: Mapping[Place, int], size: int) -> list[Span]:
    """The next range of at most ``size`` positions of every partition, round and round; moves ``cursors``."""
    spans = []
    for place, position in sorted(log_positions.items()):
        begin = cursors.get(place, 0)
        begin = begin if begin < position else 0
        end = min(begin + size, position)
        if begin < end:
            spans.append(Span(*place, begin, end))
        cursors[place] = end
    return spans


def _again(span: Span) -> str:
    return f"write offsets {span.begin} to {span.end} of {span.topic}/{span.partition} again"


def coverage(client: ClickHouse, log_positions: Mapping[Place, int], log_starts: Mapping[Place, int]) -> list[Finding]:
    """Stretches of the log that no span of the ledger covers, and spans beyond its end."""
    spans: dict[Place, list[tuple[int, int]]] = defaultdict(list)
    query = "SELECT topic, partition, span_begin, span_end FROM checkline.ledger FINAL ORDER BY ALL"
    for topic, partition, begin, end in client.rows(query):
        spans[topic, partition].append((begin, end))
    findings = []
    for place, log_end in sorted(log_positions.items()):
        position = log_starts.get(place, 0)
        gaps = []
        for begin, end in spans.get(place, []):
            if begin > position:
                gaps.append(Span(*place, position, begin))
            position = max(position, end)
        if position < log_end:
            gaps.append(Span(*place, position, log_end))
        findings += [Finding("coverage", *gap, "no block in the ledger covers it", _again(gap)) for gap in gaps]
        if position > log_end:
            beyond = Span(*place, log_end, position)
            action = "find out which log was read: the ledger must not be ahead of it"
            findings.append(Finding("coverage", *beyond, "the ledger holds more than the log", action))
    return findings


def digests(client: ClickHouse) -> list[Finding]:
    """Spans whose counts or digest are not those of their arrivals."""
    # Spans may overlap. Between two neighbouring bounds of any spans, arrivals belong to the same spans: sums and
    # exclusive ors of such pieces make those of a span.
    pieces: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
    query = f"""
        SELECT topic, partition, bound, countIf(outcome = 'STORED'), countIf(outcome = 'MARK'),
               countIf(outcome = 'REFUSED'), sumWithOverflow(row), groupBitXor(row)
        FROM
        (
            SELECT topic, partition, offset, outcome, {ROW_SQL} AS row FROM checkline.arrivals FINAL
        ) AS arrival
        ASOF JOIN
        (
            SELECT DISTINCT topic, partition, arrayJoin([span_begin, span_end]) AS bound FROM checkline.ledger
        ) AS piece
        ON arrival.topic = piece.topic AND arrival.partition = piece.partition AND arrival.offset >= piece.bound
        GROUP BY topic, partition, bound
        ORDER BY topic, partition, bound
    """
    for topic, partition, *piece in client.rows(query):
        pieces[topic, partition].append(tuple(piece))
    findings = []
    query = """
        SELECT topic, partition, span_begin, span_end, stored, marks, refused, digest
        FROM checkline.ledger FINAL ORDER BY topic, partition, span_begin
    """
    for topic, partition, begin, end, *account in client.rows(query):
        found, total, exclusive = [0, 0, 0], 0, 0
        for bound, *counted, row_sum, row_xor in pieces[topic, partition]:
            if begin <= bound < end:
                found = [known + more for known, more in zip(found, counted, strict=True)]
                total = (total + row_sum) % 2**64
                exclusive ^= row_xor
        span = Span(topic, partition, begin, end)
        if [*found, total << 64 | exclusive] != account:
            stated = f"stored, marks, refused {account[:3]} in the ledger, {found} in arrivals"
            detail = stated if found != account[:3] else "the digest of its arrivals is not that of the ledger"
            action = f"delete its arrivals, then {_again(span)}"
            findings.append(Finding("digest", *span, detail, action))
    return findings


def rows(client: ClickHouse, ends: Mapping[Place, int]) -> list[Finding]:
    """Stored arrivals without their event row, event rows without an arrival, and rows with another's position."""
    findings = []
    for table in EVENT_TABLES.values():
        of_topic = {partition: end for (topic, partition), end in ends.items() if topic == table.topic}
        query = f"""
            WITH transform(partition, {list(of_topic)}, {list(of_topic.values())}, 0) AS ledger_end
            SELECT partition, hex(identity), hex(content), max(arrived), max(present),
                   minIf(offset, arrived) AS arrived_at, minIf(offset, present) AS present_at
            FROM
            (
                SELECT partition, identity, content, hour, offset, 1 AS arrived, 0 AS present
                FROM checkline.arrivals
                WHERE topic = '{table.topic}' AND outcome = 'STORED' AND offset < ledger_end
                UNION ALL
                SELECT partition, identity, content, hour, offset, 0, 1 FROM {table.name} WHERE offset < ledger_end
            )
            GROUP BY partition, identity, content, hour
            HAVING max(arrived) != max(present) OR arrived_at != present_at
            ORDER BY partition, arrived_at, present_at
            LIMIT {MOST_ROWS}
            {_SPILL}
        """
        for partition, identity, content, arrived, present, arrived_at, present_at in (
            client.rows(query) if ends else []
        ):
            offset = arrived_at if arrived else present_at
            span = Span(table.topic, partition, offset, offset + 1)
            which = f"event {identity.lower()} with content {content.lower()}"
            delete = (
                f"ALTER TABLE {table.name} DELETE WHERE identity = unhex('{identity}') AND content = unhex('{content}')"
            )
            if not present:
                finding = Finding("rows", *span, f"{which} has arrived and has no row in {table.name}", _again(span))
            elif not arrived:
                finding = Finding("rows", *span, f"{which} is in {table.name} and never arrived", delete)
            else:
                detail = f"{which} has the position {present_at} in {table.name}, but arrived first at {arrived_at}"
                finding = Finding("rows", *span, detail, f"{delete}, then {_again(span)}")
            findings.append(finding)
    return findings


def cells(client: ClickHouse) -> list[Finding]:
    """Cells that are not what their event rows give, in hours for which no recount is due."""
    findings = []
    for table in EVENT_TABLES.values():
        if table.site is None:
            continue
        due = f"""
            SELECT partition, arrayJoin(hours) FROM checkline.ledger FINAL
            WHERE topic = '{table.topic}' AND NOT recounted
        """
        query = f"""
            SELECT partition, toString(hour), site, kind, measure, sum(counted) AS counted_now, sum(known) AS in_cell
            FROM
            (
                SELECT partition, hour, {table.site} AS site, toString(kind) AS kind, {table.measure} AS measure,
                       uniqExact(identity) AS counted, 0 AS known
                FROM {table.name}
                WHERE (identity, content) NOT IN
                (
                    SELECT identity, loser_content FROM checkline.conflicts WHERE loser_topic = '{table.topic}'
                )
                GROUP BY partition, hour, site, kind, measure
                UNION ALL
                SELECT partition, hour, site, kind, measure, 0, value
                FROM checkline.cells FINAL
                WHERE topic = '{table.topic}'
            )
            WHERE (partition, hour) NOT IN ({due})
            GROUP BY partition, hour, site, kind, measure
            HAVING counted_now != in_cell
            ORDER BY partition, hour, site, kind, measure
            LIMIT {MOST_ROWS}
            {_SPILL}
        """
        for partition, hour, site, kind, measure, counted, known in client.rows(query):
            detail = f"cell {hour} {site!r} {kind} {measure!r} says {known}, its event rows say {counted}"
            action = f"see the other findings of the partition, then count the hour {hour} again"
            findings.append(Finding("cells", table.topic, partition, 0, 0, detail, action))
    return findings


def reread(
    client: ClickHouse,
    span: Span,
    batches: Sequence[RecordBatch],
    registry: Registry,
    partitions: int = DEFAULT_PARTITIONS,
    limits: Limits | None = None,
) -> list[Finding]:
    """Differences between a range of the log and what arrivals and the event table hold of it."""
    builder = block_builder(registry, span.topic, partitions_of(BY_NAME[span.topic], partitions), limits or Limits())
    decoded = builder.build({span: batches}).arrivals
    wanted = {
        row[0]: row[1:]
        for row in decoded.select("offset", "outcome", "reason", "identity", "content").iter_rows()
        if span.begin <= row[0] < span.end
    }
    query = f"""
        SELECT offset, toString(outcome), toString(reason), identity, content FROM checkline.arrivals FINAL
        WHERE topic = '{span.topic}' AND partition = {span.partition} AND offset >= {span.begin} AND offset < {span.end}
    """
    known = {
        offset: (outcome.decode(), reason.decode(), identity, content)
        for offset, outcome, reason, identity, content in client.bytes_rows(query)
    }
    findings = []
    for offset in sorted(wanted.keys() | known.keys()):
        if wanted.get(offset) != known.get(offset):
            detail = f"the log says {_told(wanted.get(offset))}, arrivals say {_told(known.get(offset))}"
            findings.append(_finding("log", span, offset, detail))
    if span.topic in EVENT_TABLES:
        stored = {offset for offset, (outcome, *_) in wanted.items() if outcome == "STORED"}
        findings += _compare_rows(client, span, batches, stored, registry)
    return findings


def _told(arrival: tuple[Any, ...] | None) -> str:
    if arrival is None:
        return "nothing"
    outcome, reason, identity, content = arrival
    return f"{outcome} {reason} {identity.hex()} {content.hex()}".replace("  ", " ")


def _finding(check: str, span: Span, offset: int, detail: str) -> Finding:
    one = Span(span.topic, span.partition, offset, offset + 1)
    return Finding(check, *one, detail, _again(one))


def _compare_rows(
    client: ClickHouse, span: Span, batches: Sequence[RecordBatch], stored: set[int], registry: Registry
) -> list[Finding]:
    """Event rows with the log's records as the row codec decodes them, which shares nothing with the writer's."""
    table, codec = EVENT_TABLES[span.topic], RowCodec(registry, span.topic)
    shapes = codec.latest.shapes
    names = [shape.name for shape in shapes]
    expected: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for record in (record for batch in batches for record in batch.records()):
        if record.offset not in stored or record.key is None:
            continue
        row = codec.decode(record.value)
        key = record.key.decode()
        hour = row["occurred_at"] // HOUR_MS * HOUR_MS
        known = (
            identity_hash(row["source"], row["sequence"]).hex(),
            content_hash(key, row, names).hex(),
        )
        expected.setdefault(known, (record.offset, {table.key: key, **row, "hour": hour}))
    if not expected:
        return []
    hours = sorted({row["hour"] // 1000 for _, row in expected.values()})
    columns = [table.key, *(_readable(shape) for shape in shapes), "toInt64(toUnixTimestamp(hour)) * 1000"]
    contents = ", ".join(f"unhex('{content}')" for content in sorted({content for _, content in expected}))
    query = f"""
        SELECT lower(hex(identity)), lower(hex(content)), offset, {", ".join(columns)}
        FROM {table.name} FINAL
        WHERE hour IN ({", ".join(map(str, hours))}) AND partition = {span.partition} AND content IN ({contents})
    """
    found = {(identity, content): (offset, values) for identity, content, offset, *values in client.rows(query)}
    findings = []
    for known, (offset, row) in sorted(expected.items(), key=lambda item: item[1][0]):
        if known not in found:
            findings.append(_finding("log", span, offset, f"event {known[0]} has no row in {table.name}"))
            continue
        present_at, values = found[known]
        if present_at > offset:
            detail = f"event {known[0]} has the later position {present_at} in {table.name}"
            findings.append(_finding("log", span, offset, detail))
        for (name, value), in_table in zip(row.items(), values, strict=True):
            if value != in_table:
                detail = f"event {known[0]}, column {name}: the log says {value!r}, {table.name} says {in_table!r}"
                findings.append(_finding("log", span, offset, detail))
    return findings


def _readable(shape: Field) -> str:
    """A column as the row codec gives it: a time in milliseconds, an enumeration as its symbol."""
    return f"toUnixTimestamp64Milli({shape.name})" if shape.logical else shape.name
