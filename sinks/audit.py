"""The account of the log against the tables. Every difference says where it is and what to do; none are expected.

What is compared, over everything that the ledger holds when the audit begins:
- `coverage`: the ledger's spans with the log: from its start to its position, without a gap;
- `digest`: counts, digest and hours of every span, computed again from arrivals;
- `rows`: event rows with the stored arrivals, both ways; rows of derived tables with arrivals;
- `beyond`: positions of rows with the extent of the log;
- `identities`, `conflicts`: with what arrivals, and then identities, give;
- `cells`: cells with a new count, where no recount is due; `recount`: recounts that nobody does;
- `log`: ranges of the log, decoded again, with every table that holds something of them, column by column.

Rows of derived topics that are lost are found by `log` only: newer records replace older ones, and arrivals do not know
their keys. The history of cells is not compared: what was wrong was known then, and stays told.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.registry import Registry, default_registry
from schemas.topics import DEFAULT_PARTITIONS
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from sinks import comparisons
from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.comparisons import MOST_ROWS, SPILL, by_partition, of_topic
from sinks.digest import ROW_SQL
from sinks.findings import Finding as Finding  # its name is known from here
from sinks.ledger import Ledger, Place
from sinks.rereading import Reading, Types, column_types, decode, differences
from sinks.tables import EVENT_TABLES

SETTLE_SECONDS = 2.0
"""A difference between tables counts when it is still there after this time: a block or a recount may be on its way."""

WAITING_SECONDS = 60
"""An owner counts within seconds: a recount that is due for longer is nobody's."""

_LEDGER = "checkline.ledger"

ReadLog = Callable[[Span], Sequence[RecordBatch]]


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
    log_ends: Mapping[Place, int] | None = None,
    now: int | None = None,
    most: int = MOST_ROWS,
) -> list[Finding]:
    """All differences, at most about ``most`` of a kind and table. ``log_positions``: up to where each partition must
    be covered; ``log_starts``: where the log begins (absent: 0); ``log_ends``: where it ends (absent: at its
    position); ``ranges`` are read again through ``read_log`` (see `next_ranges`); ``now``: see `Reading`.

    Raises `StatementFailed`.
    """
    ends = log_positions if log_ends is None else log_ends

    def compare() -> list[Finding]:
        return compare_tables(client, log_positions, log_starts or {}, ends, most)

    findings = compare()
    if findings:
        time.sleep(settle_seconds)
        still = {*compare()}
        findings = [finding for finding in findings if finding in still]
    if read_log is not None:
        reading = Reading(registry or default_registry(), partitions, limits or Limits(), now)
        types = column_types(client)
        for span in ranges:
            findings += reread(client, reading, types, span, read_log(span))
    return findings


def compare_tables(
    client: ClickHouse,
    log_positions: Mapping[Place, int],
    log_starts: Mapping[Place, int],
    log_ends: Mapping[Place, int],
    most: int = MOST_ROWS,
) -> list[Finding]:
    """All differences that tables show against one another and against the extent of the log."""
    ends = Ledger(client, client.name).positions()
    return [
        *coverage(client, log_positions, log_starts, log_ends),
        *beyond(client, log_ends, most),
        *digests(client),
        *rows(client, ends, most),
        *derived(client, most),
        *identities(client, most),
        *conflicts(client),
        *cells(client, ends, most),
        *waiting(client),
    ]


def next_ranges(
    cursors: dict[Place, int], log_positions: Mapping[Place, int], size: int, begins: Mapping[Place, int]
) -> list[Span]:
    """The next range of at most ``size`` positions of every partition, from where it begins, round and round; moves
    ``cursors``."""
    spans = []
    for place, position in sorted(log_positions.items()):
        first = begins.get(place, 0)
        begin = max(first, cursors.get(place, 0))
        begin = begin if begin < position else first
        end = max(begin, min(begin + size, position))
        if begin < end:
            spans.append(Span(*place, begin, end))
        cursors[place] = end
    return spans


def _again(span: Span) -> str:
    return f"write offsets {span.begin} to {span.end} of {span.topic}/{span.partition} again"


def _hour(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def coverage(
    client: ClickHouse,
    log_positions: Mapping[Place, int],
    log_starts: Mapping[Place, int],
    log_ends: Mapping[Place, int],
) -> list[Finding]:
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
            if position < begin and position < log_end:
                gaps.append(Span(*place, position, min(begin, log_end)))
            position = max(position, end)
        if position < log_end:
            gaps.append(Span(*place, position, log_end))
        findings += [_of_ledger("coverage", gap, "no block in the ledger covers it", _again(gap)) for gap in gaps]
    for place, known in sorted(spans.items()):
        log_end = log_ends.get(place, 0)
        for begin, end in known:
            if end > log_end or end <= begin or begin < 0:
                detail = f"the ledger holds more than the log, which ends at {log_end}"
                action = "find out which log was read; if it is this one, delete the ledger's row"
                findings.append(_of_ledger("coverage", Span(*place, begin, end), detail, action))
    return findings


def _of_ledger(check: str, span: Span, detail: str, action: str) -> Finding:
    return Finding(check, _LEDGER, *span, "", detail, action)


def beyond(client: ClickHouse, log_ends: Mapping[Place, int], most: int = MOST_ROWS) -> list[Finding]:
    """Rows at positions that the log does not have."""
    detail = "rows of a position that the log does not have"
    return [
        Finding("beyond", row.table, row.topic, row.partition, row.offset, row.offset + 1, "", detail, "delete them")
        for row in comparisons.unplaced(client, log_ends, most)
    ]


def digests(client: ClickHouse) -> list[Finding]:
    """Spans whose counts, digest or hours are not those of their arrivals."""
    # Spans may overlap. Between two neighbouring bounds of any spans, arrivals belong to the same spans: sums and
    # exclusive ors of such pieces make those of a span.
    pieces: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
    query = f"""
        SELECT topic, partition, bound, countIf(outcome = 'STORED'), countIf(outcome = 'MARK'),
               countIf(outcome = 'REFUSED'), sumWithOverflow(row), groupBitXor(row),
               groupUniqArrayIf(toUnixTimestamp(hour), outcome = 'STORED')
        FROM
        (
            SELECT topic, partition, offset, outcome, hour, {ROW_SQL} AS row FROM checkline.arrivals FINAL
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
        SELECT topic, partition, span_begin, span_end, stored, marks, refused, digest,
               arraySort(arrayMap(hour -> toUnixTimestamp(hour), hours))
        FROM checkline.ledger FINAL ORDER BY topic, partition, span_begin
    """
    for topic, partition, begin, end, *account, stated_hours in client.rows(query):
        found, total, exclusive, hours = [0, 0, 0], 0, 0, set[int]()
        for bound, *counted, row_sum, row_xor, of_piece in pieces[topic, partition]:
            if begin <= bound < end:
                found = [known + more for known, more in zip(found, counted, strict=True)]
                total = (total + row_sum) % 2**64
                exclusive ^= row_xor
                hours.update(of_piece)
        span = Span(topic, partition, begin, end)
        counted_topic = topic in EVENT_TABLES and EVENT_TABLES[topic].site is not None
        if [*found, total << 64 | exclusive] != account:
            stated = f"stored, marks, refused {account[:3]} in the ledger, {found} in arrivals"
            detail = stated if found != account[:3] else "the digest of its arrivals is not that of the ledger"
            findings.append(_of_ledger("digest", span, detail, _again(span)))
        elif list(stated_hours) != (sorted(hours) if counted_topic else []):
            detail = f"{len(stated_hours)} hours in the ledger are not the {len(hours)} that its arrivals touch"
            findings.append(_of_ledger("digest", span, detail, _again(span)))
    return findings


def rows(client: ClickHouse, ends: Mapping[Place, int], most: int = MOST_ROWS) -> list[Finding]:
    """Stored arrivals without their event row, event rows without an arrival, and rows with another's position."""
    findings = []
    for table in EVENT_TABLES.values():
        if not (of_table := of_topic(ends, table.topic)):
            continue
        query = f"""
            WITH {by_partition(of_table)} AS ledger_end
            SELECT partition, hex(identity), hex(content), toInt64(toUnixTimestamp(hour)) * 1000, max(arrived),
                   max(present), uniqExactIf(kind, present) AS kinds,
                   minIf(offset, arrived) AS arrived_at, minIf(offset, present) AS present_at
            FROM
            (
                SELECT partition, identity, content, hour, offset, toInt8(0) AS kind, 1 AS arrived, 0 AS present
                FROM checkline.arrivals
                WHERE topic = '{table.topic}' AND outcome = 'STORED' AND offset < ledger_end
                UNION ALL
                SELECT partition, identity, content, hour, offset, toInt8(kind), 0, 1
                FROM {table.name} WHERE offset < ledger_end
            )
            GROUP BY partition, identity, content, hour
            HAVING max(arrived) != max(present) OR arrived_at != present_at OR kinds > 1
            ORDER BY partition, arrived_at, present_at
            LIMIT {most}
            {SPILL}
        """
        for partition, identity, content, hour, arrived, present, kinds, arrived_at, present_at in client.rows(query):
            which = f"event {identity.lower()} with content {content.lower()}"
            at = Span(table.topic, partition, arrived_at, arrived_at + 1)
            stands = Span(table.topic, partition, present_at, present_at + 1)

            def found(span: Span, detail: str, action: str, name: str = table.name, hour: int = hour) -> Finding:
                return Finding("rows", name, *span, _hour(hour), detail, action)

            if not present:
                findings.append(found(at, f"{which} has arrived and has no row", _again(at)))
            elif not arrived:
                findings.append(found(stands, f"{which} has a row and never arrived", "delete the row"))
            elif kinds > 1:
                findings.append(found(stands, f"{which} is there as {kinds} kinds", "delete those it has not"))
            else:
                detail = f"{which} has a row of position {present_at}, but arrived first at {arrived_at}"
                findings.append(found(at, detail, _again(at)))
                findings.append(found(stands, detail, "delete the row, unless it is a repeat"))
    return findings


def derived(client: ClickHouse, most: int = MOST_ROWS) -> list[Finding]:
    """Rows of derived tables at whose position no such record arrived."""
    detail = "a row of a position at which no such record arrived"
    return [
        Finding("rows", row.table.name, row.topic, row.partition, row.offset, row.offset + 1, "", detail, "delete it")
        for row in comparisons.orphans(client, most)
    ]


def identities(client: ClickHouse, most: int = MOST_ROWS) -> list[Finding]:
    """Rows of identities that no arrival stands behind, and stored arrivals that are not among them."""
    findings = []
    for row in comparisons.identities(client, most):
        which = f"identity {row.identity.hex()} with content {row.content.hex()}"
        span = Span(row.topic, row.partition, row.offset, row.offset + 1) if row.arrived else None
        detail = f"{which} has arrived and is not there" if span else f"{which} is there and never arrived"
        place = span or Span(row.topic, row.partition, 0, 0)
        action = _again(span) if span else "delete the row"
        finding = Finding("identities", "checkline.identities", *place, _hour(row.hour), detail, action)
        findings.append(finding)
    return findings


def conflicts(client: ClickHouse) -> list[Finding]:
    """Conflicts that are not written down, and pairs that are none."""

    def finding(pair: comparisons.Pair, begin: int, end: int, detail: str, action: str) -> Finding:
        place = Span(pair.loser.topic, pair.loser.partition, begin, end)
        which = f"identity {pair.identity.hex()}, content {pair.loser.content.hex()}"
        table = "checkline.conflicts"
        return Finding("conflicts", table, *place, _hour(pair.loser.hour), f"{which} {detail}", action)

    found = comparisons.conflicts(client)
    missing = [
        finding(pair, offset, offset + 1, "lost, and the conflict is not written down", "look for conflicts there")
        for pair, offset in found.missing.items()
    ]
    return missing + [
        finding(pair, 0, 0, "is said to have lost, which it has not, or not so", "delete the row")
        for pair in found.foreign
    ]


def cells(client: ClickHouse, ends: Mapping[Place, int], most: int = MOST_ROWS) -> list[Finding]:
    """Cells that are not what their event rows give, in hours for which no recount is due."""
    findings = []
    for cell in comparisons.cells(client, ends, most):
        hour = _hour(cell.hour)
        detail = f"cell {cell.site!r} {cell.kind} {cell.measure!r} says {cell.known}, its event rows say {cell.counted}"
        if cell.known == cell.counted:
            detail = f"cell {cell.site!r} {cell.kind} {cell.measure!r} has a version that no sink writes"
        action = f"count the hour {hour} again"
        findings.append(Finding("cells", "checkline.cells", cell.topic, cell.partition, 0, 0, hour, detail, action))
    return findings


def waiting(client: ClickHouse) -> list[Finding]:
    """Blocks whose hours wait for their recount for too long."""
    query = f"""
        SELECT topic, partition, span_begin, span_end, length(hours) FROM checkline.ledger FINAL
        WHERE NOT recounted AND written_at < now64(6) - INTERVAL {WAITING_SECONDS} SECOND ORDER BY ALL
    """
    action = "let a sink run that owns the partition"
    return [
        _of_ledger("recount", Span(*place), f"{hours} hours wait for their recount", action)
        for *place, hours in client.rows(query)
    ]


def reread(
    client: ClickHouse, reading: Reading, types: Types, span: Span, batches: Sequence[RecordBatch]
) -> list[Finding]:
    """Differences between a range of the log and what the tables hold of it."""
    findings = []
    for found in differences(client, decode(reading, span, batches), types):
        one = Span(span.topic, span.partition, found.offset, found.offset + 1)
        findings.append(Finding("log", found.table.name, *one, "", found.detail, _again(one)))
    return findings
