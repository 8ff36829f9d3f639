"""Mending what the audit found: what the log says is read again and stands in the tables afterwards.

A range is mended in this order, and is a whole block of the ledger, or a gap in it:
1. a row in `checkline.repairs`: the repair has begun;
2. rows that are not what the log says at their position are deleted, by their key and position;
3. rows that are not there are inserted, arrivals (and with them identities) and the conflicts they take part in;
4. a row in `checkline.repairs`: done, and which hours the owner of the partition is to count again;
5. the ledger's row, where it is another than that of the block; a wrong one that other blocks cover is deleted.
What has no position comes after the ranges, in the order in which one is made from the other: identities, conflicts,
cells. Wrong cells are deleted and their hours counted again by the owner of the partition: see `sinks.recounts`.

What happens if we die right there: a row that was deleted and not written again is missing, and the next audit says so;
a ledger row that is not written is a gap; hours that nobody was asked to count differ from their cells. So the audit
and the repair are simply run again. BEGUN without DONE tells that it was interrupted.

Beside running sinks: only blocks that stand in the ledger are touched, which no sink writes again; rows are deleted by
key and position, so what a sink inserts meanwhile stays; and cells are only ever written by their owner.
"""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import polars as pl

from sinks import comparisons, conflicts
from sinks.audit import SETTLE_SECONDS
from sinks.blocks import Block, Span
from sinks.clickhouse import ClickHouse
from sinks.comparisons import Cell, Identity, Pair
from sinks.digest import ROW_SQL, SQL
from sinks.findings import Finding
from sinks.ledger import Ledger, Place, hours_of
from sinks.migrations import Cluster
from sinks.rereading import KEYS_PER_STATEMENT, Difference, Range, Reading, column_types, decode, differences, tables_of
from sinks.writer import split_by_days, stated_columns

POSITIONS_AT_ONCE = 50_000
"""A gap in the ledger is filled with blocks of at most this size."""

MOST_DIFFERENCES = 5_000
"""A range with more wrong rows in a table is deleted there and written as a whole."""

MOST_TOLD = 20
"""Findings of one range that are written down one by one."""

T = TypeVar("T")

_ANSWERED_BY_RANGE = ("coverage", "digest", "rows", "log", "identities", "conflicts")
_DISTRIBUTED = re.compile(r"Distributed\('(?P<cluster>[^']+)'")


class Log(NamedTuple):
    """Where the log begins and ends, and how a range of it is read again."""

    begins: Mapping[Place, int]
    ends: Mapping[Place, int]
    read: Callable[[Span], Sequence[Any]]


class Plan(NamedTuple):
    """What a repair does: the ranges it reads again with what was found of each; the ranges that the log holds no more,
    so that nothing can be done; and what has no position."""

    ranges: dict[Span, list[Finding]]
    lost: dict[Span, list[Finding]]
    others: list[Finding]


class Mended(NamedTuple):
    """What was done: in a range, or (begin = end) to rows that have no position. ``hours`` (UTC, ms) are to be counted
    again by the owner of the partition. Numbers are of rows; digests are those of the range's arrivals."""

    span: Span
    findings: list[str]
    deleted: int
    written: int
    digest_before: int
    digest_after: int
    hours: list[int]


def plan(client: ClickHouse, findings: Iterable[Finding], log_begins: Mapping[Place, int]) -> Plan:
    """What a repair of some findings would do; ``log_begins``: where the log begins. Raises `StatementFailed`."""
    blocks = _spans(client)
    ranges: dict[Span, list[Finding]] = defaultdict(list)
    others = []
    for finding in findings:
        spans = list(_ranges_of(finding, blocks)) if finding.check in _ANSWERED_BY_RANGE else []
        for span in spans:
            ranges[span].append(finding)
        if not spans:
            others.append(finding)
    lost = {span for span in ranges if span.begin < log_begins.get((span.topic, span.partition), 0)}
    return Plan(
        {span: found for span, found in sorted(ranges.items()) if span not in lost},
        {span: ranges[span] for span in sorted(lost)},
        others,
    )


def _spans(client: ClickHouse) -> dict[Place, list[Span]]:
    found: dict[Place, list[Span]] = defaultdict(list)
    for row in client.rows("SELECT topic, partition, span_begin, span_end FROM checkline.ledger FINAL"):
        found[row[0], row[1]].append(Span(*row))
    return found


def _ranges_of(finding: Finding, blocks: Mapping[Place, Sequence[Span]]) -> Iterator[Span]:
    """The blocks that a finding with a position concerns; the stretch itself where no block is."""
    place = (finding.topic, finding.partition)
    if finding.end <= finding.begin or finding.begin < 0:
        return
    stretch = Span(*place, finding.begin, finding.end)
    if finding.check == "coverage":
        if stretch not in blocks.get(place, ()):  # else it is a row beyond the log
            yield from _pieces(stretch)
    elif finding.check == "digest":
        yield stretch
    else:
        of_place = blocks.get(place, ())
        around = [span for span in of_place if span.begin <= finding.begin and finding.end <= span.end]
        if around:
            yield min(around, key=lambda span: (span.end - span.begin, span))


def _pieces(span: Span) -> Iterator[Span]:
    for begin in range(span.begin, span.end, POSITIONS_AT_ONCE):
        yield span._replace(begin=begin, end=min(begin + POSITIONS_AT_ONCE, span.end))


class Repair:
    """Mends over one connection; ``repaired_by`` names who does it on record. What is wrong only because a sink is
    writing it is right after ``settle_seconds``."""

    def __init__(
        self,
        client: ClickHouse,
        log: Log,
        reading: Reading,
        repaired_by: str,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._client, self._log, self._reading, self._by = client, log, reading, repaired_by
        self._settle_seconds = settle_seconds
        self._cluster = cluster_of(client)
        self._types = column_types(client)
        self._ledger = Ledger(client, repaired_by)
        self.name = secrets.token_hex(8)

    def mend(self, planned: Plan, progress: Callable[[int], None] = lambda _: None) -> list[Mended]:
        """Do what is planned; ``progress`` is told the number of ranges that are done.

        Raises `StatementFailed`, `CorruptBatch`, and what reading the log raises: run it again then.
        """
        done = self._delete_beyond(planned.others)
        for number, (span, findings) in enumerate(planned.ranges.items(), 1):
            done.append(self._mend_range(span, findings))
            progress(number)
        return [*done, *self._mend_made(planned)]

    # ---- ranges of the log
    def _mend_range(self, span: Span, findings: Sequence[Finding]) -> Mended:
        told = _told(findings)
        begun = Mended(span, told, 0, 0, self._digest(span), 0, [])
        self._note("BEGUN", [begun])
        decoded = decode(self._reading, span, self._log.read(span))
        found = differences(self._client, decoded, self._types, thorough=True)
        by_table: dict[str, list[Difference]] = defaultdict(list)
        for difference in found:
            by_table[difference.table.name].append(difference)
        written = 0
        for name, frame, offset in _frames(decoded):
            written += self._write_again(decoded, name, frame, offset, by_table.get(name, []))
        [block] = decoded.rows.blocks
        if block.stored:
            conflicts.find(self._client, [span])
        known = self._block(span)
        hours = {difference.hour for difference in found if difference.hour is not None}
        if known is None or known.hours != block.hours:
            hours |= {*block.hours}
        deleted = sum(difference.foreign is not None for difference in found)
        mended = begun._replace(deleted=deleted, written=written, digest_after=block.digest, hours=sorted(hours))
        self._note("DONE", [mended])
        self._account(block, known)
        return mended

    def _write_again(
        self, decoded: Range, name: str, frame: pl.DataFrame | None, offset: str, found: Sequence[Difference]
    ) -> int:
        """Make the table say of a range what the log says; returns the number of rows inserted."""
        if not found:
            # Identities are filled by inserts into arrivals, so what is lost there comes with them.
            return self._insert(name, frame) if name == "checkline.arrivals" and frame is not None else 0
        conditions = [difference.foreign for difference in found if difference.foreign is not None]
        whole = len(conditions) > MOST_DIFFERENCES or name == "checkline.arrivals"
        if conditions and len(conditions) > MOST_DIFFERENCES:
            table, span = found[0].table, decoded.span
            at = f"{table.offset} >= {span.begin} AND {table.offset} < {span.end}"
            conditions = [f"{table.where} AND {table.partition} = {span.partition} AND {at}"]
        self._delete(name, conditions)
        if frame is None:
            return 0
        if whole:
            return self._insert(name, frame)
        return self._insert(name, frame.filter(pl.col(offset).is_in([difference.offset for difference in found])))

    def _insert(self, table: str, frame: pl.DataFrame) -> int:
        if len(frame):
            for part in split_by_days(frame) if table != "checkline.arrivals" else [frame]:
                columns = part.get_columns() if table == "checkline.arrivals" else stated_columns(part)
                self._client.insert(table, columns)
        return len(frame)

    def _account(self, block: Block, known: Block | None) -> None:
        """The ledger's row of a block that was mended. Its hours have been asked for: they are not due by the row."""
        span = block.span
        if known is None:
            self._ledger.record([block], recounted=True)
        elif known != block:
            others = [one for one in _spans(self._client)[span.topic, span.partition] if one != span]
            if _covered(span, others):
                at = f"topic = '{span.topic}' AND partition = {span.partition}"
                self._delete("checkline.ledger", [f"{at} AND span_begin = {span.begin} AND span_end = {span.end}"])
            else:
                pending = {one.span for one in self._ledger.pending([(span.topic, span.partition)])}
                self._ledger.record([block], recounted=span not in pending)

    def _block(self, span: Span) -> Block | None:
        query = """
            SELECT stored, marks, refused, digest, arrayMap(hour -> toInt64(toUnixTimestamp(hour)) * 1000, hours)
            FROM checkline.ledger FINAL
            WHERE topic = %(topic)s AND partition = %(partition)s AND span_begin = %(begin)s AND span_end = %(end)s
        """
        for stored, marks, refused, digest, hours in self._client.rows(query, span._asdict()):
            return Block(span, stored, marks, refused, digest, sorted(hours))
        return None

    def _digest(self, span: Span) -> int:
        query = f"""
            SELECT {SQL} FROM (SELECT {ROW_SQL} AS row FROM checkline.arrivals FINAL WHERE topic = %(topic)s
                AND partition = %(partition)s AND offset >= %(begin)s AND offset < %(end)s)
        """
        [(digest,)] = self._client.rows(query, span._asdict())
        return int(digest)

    # ---- what has no position, or none that the log has
    def _delete_beyond(self, findings: Sequence[Finding]) -> list[Mended]:
        done = []
        by_table: dict[str, list[comparisons.Unplaced]] = defaultdict(list)
        # Only what was found: since then the log may have become longer, and what stands there is the sinks'.
        named = {finding[1:5] for finding in findings if finding.check == "beyond"}
        for row in comparisons.unplaced(self._client, self._log.ends, MOST_DIFFERENCES) if named else ():
            if row[:4] in named:
                by_table[row.table].append(row)
        for table, rows in by_table.items():
            self._delete(table, [row.condition for row in rows])
            done += [
                _placeless(row.topic, row.partition, [f"{table} has rows of position {row.offset}"], 1) for row in rows
            ]
        for span in (span for spans in _spans(self._client).values() for span in spans):
            end = self._log.ends.get((span.topic, span.partition), 0)
            if any(finding.check == "coverage" and finding[2:6] == span for finding in findings) and (
                span.end > end or span.begin < 0 or span.end <= span.begin
            ):
                at = f"topic = unhex('{span.topic.encode().hex()}') AND partition = {span.partition}"
                self._delete("checkline.ledger", [f"{at} AND span_begin = {span.begin} AND span_end = {span.end}"])
                done.append(_placeless(span.topic, span.partition, [f"a block [{span.begin}, {span.end})"], 1))
        self._note("DONE", done)
        return done

    def _mend_made(self, planned: Plan) -> list[Mended]:
        """Tables that are made from others, as they are now: what is found here needs no finding."""
        done = [*self._mend_identities(), *self._mend_conflicts()]
        self._note("DONE", done)
        wrong = self._mend_cells()
        if any(finding.check == "recount" for finding in planned.others):
            due = hours_of(self._ledger.pending(self._log.ends))
            told = ["hours wait for their recount"]
            wrong += [_placeless(*place, told, 0)._replace(hours=sorted(hours)) for place, hours in due.items()]
        self._note("DONE", wrong)
        return [*done, *wrong]

    def _settled(self, look: Callable[[], Sequence[T]]) -> list[T]:
        """What is wrong, and still is a while later."""
        if not (found := look()):
            return []
        time.sleep(self._settle_seconds)
        still = {*look()}
        return [one for one in found if one in still]

    def _mend_identities(self) -> Iterator[Mended]:
        found = self._settled(lambda: comparisons.identities(self._client, MOST_DIFFERENCES))
        foreign = [row for row in found if not row.arrived]
        self._delete("checkline.identities", [_identity(row) for row in foreign])
        for (topic, partition), rows in _by_place(foreign, lambda row: (row.topic, row.partition)).items():
            told = [f"identity {row.identity.hex()} with content {row.content.hex()} never arrived" for row in rows]
            yield _placeless(topic, partition, told, len(rows))

    def _mend_conflicts(self) -> Iterator[Mended]:
        found = comparisons.conflicts(self._client)
        self._delete("checkline.conflicts", [_pair(pair) for pair in found.foreign])
        conflicts.find(
            self._client,
            [Span(pair.loser.topic, pair.loser.partition, at, at + 1) for pair, at in found.missing.items()],
        )
        everything = [*found.foreign, *found.missing]
        for (topic, partition), pairs in _by_place(everything, lambda p: (p.loser.topic, p.loser.partition)).items():
            told = [f"conflict of identity {pair.identity.hex()}" for pair in pairs]
            deleted = sum(pair in found.foreign for pair in pairs)
            hours = sorted({pair.loser.hour for pair in pairs})
            yield _placeless(topic, partition, told, deleted)._replace(written=len(pairs) - deleted, hours=hours)

    def _mend_cells(self) -> list[Mended]:
        ends = self._ledger.positions()
        wrong = self._settled(lambda: comparisons.cells(self._client, ends, MOST_DIFFERENCES))
        self._delete("checkline.cells", [_cell(cell) for cell in wrong if cell.known or cell.version])
        done = []
        for (topic, partition), cells in _by_place(wrong, lambda cell: (cell.topic, cell.partition)).items():
            told = [f"cell {one.hour} {one.site!r} {one.kind} says {one.known}, not {one.counted}" for one in cells]
            hours = sorted({cell.hour for cell in cells})
            deleted = sum(cell.version > 0 for cell in cells)
            done.append(_placeless(topic, partition, told, deleted)._replace(hours=hours))
        return done

    # ---- statements
    def _delete(self, table: str, conditions: Sequence[str]) -> None:
        for start in range(0, len(conditions), KEYS_PER_STATEMENT):
            some = " OR ".join(f"({condition})" for condition in conditions[start : start + KEYS_PER_STATEMENT])
            self._client.execute(delete_statement(table, some, self._cluster))

    def _note(self, step: str, done: Sequence[Mended]) -> None:
        if not done:
            return
        spans = [one.span for one in done]
        self._client.insert(
            "checkline.repairs",
            [
                pl.Series("repair", [self.name] * len(done)),
                pl.Series("step", [step] * len(done)),
                pl.Series("topic", [span.topic for span in spans]),
                pl.Series("partition", [span.partition for span in spans]),
                pl.Series("span_begin", [span.begin for span in spans]),
                pl.Series("span_end", [span.end for span in spans]),
                pl.Series("findings", [one.findings for one in done], dtype=pl.List(pl.String)),
                pl.Series("deleted", [one.deleted for one in done]),
                pl.Series("written", [one.written for one in done]),
                pl.Series("digest_before", [_bytes(one.digest_before) for one in done], dtype=pl.Binary),
                pl.Series("digest_after", [_bytes(one.digest_after) for one in done], dtype=pl.Binary),
                pl.Series("hours", [one.hours for one in done], dtype=pl.List(pl.Int64)),
                pl.Series("repaired_by", [self._by] * len(done)),
            ],
        )


def cluster_of(client: ClickHouse) -> Cluster | None:
    """The cluster over which the tables are distributed; None: they are on one node. Raises `StatementFailed`."""
    query = "SELECT engine_full FROM system.tables WHERE database = 'checkline' AND name = 'arrivals'"
    for (engine,) in client.rows(query):
        if match := _DISTRIBUTED.match(engine):
            return Cluster(match["cluster"])
    return None


def delete_statement(table: str, condition: str, cluster: Cluster | None = None) -> str:
    """Deletes rows and returns when they are gone, on all replicas of all shards."""
    target = f"{table}_local ON CLUSTER `{cluster.name}`" if cluster else table
    return f"ALTER TABLE {target} DELETE WHERE {condition} SETTINGS mutations_sync = 2"


def _frames(decoded: Range) -> Iterator[tuple[str, pl.DataFrame | None, str]]:
    """Tables with the rows that the writer makes of a range, and their column of positions; arrivals last."""
    made = dict(decoded.rows.tables)
    for table in tables_of(decoded.span.topic):
        frame = decoded.rows.arrivals if table.name == "checkline.arrivals" else made.get(table.name)
        yield table.name, frame, table.offset


def _covered(span: Span, others: Iterable[Span]) -> bool:
    position = span.begin
    for other in sorted(others):
        if other.begin <= position:
            position = max(position, other.end)
    return position >= span.end


def _told(findings: Sequence[Finding]) -> list[str]:
    told = [f"{finding.check}: {finding.table}: {finding.detail}" for finding in findings[:MOST_TOLD]]
    return told + ([f"and {len(findings) - MOST_TOLD} more"] if len(findings) > MOST_TOLD else [])


def _placeless(topic: str, partition: int, told: list[str], deleted: int) -> Mended:
    more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    return Mended(Span(topic, partition, 0, 0), [*told[:MOST_TOLD], *more], deleted, 0, 0, 0, [])


def _by_place(rows: Iterable[T], place: Callable[[T], Place]) -> dict[Place, list[T]]:
    found: dict[Place, list[T]] = defaultdict(list)
    for row in rows:
        found[place(row)].append(row)
    return found


def _bytes(digest: int) -> bytes:
    return digest.to_bytes(16, "little")


def _text(value: str) -> str:
    return f"unhex('{value.encode().hex()}')"


def _time(milliseconds: int) -> str:
    return f"fromUnixTimestamp64Milli({milliseconds}, 'UTC')"


def _date_time(milliseconds: int) -> str:
    return f"toDateTime({milliseconds // 1000}, 'UTC')"


def _identity(row: Identity) -> str:
    return (
        f"source_hash = {row.source_hash} AND sequence = {row.sequence} AND identity = unhex('{row.identity.hex()}')"
        f" AND content = unhex('{row.content.hex()}') AND sent_at = {_time(row.sent_at)} AND topic = {_text(row.topic)}"
        f" AND partition = {row.partition} AND hour = {_date_time(row.hour)}"
    )


def _pair(pair: Pair) -> str:
    sides = [
        f"{side}_content = unhex('{one.content.hex()}') AND {side}_sent_at = {_time(one.sent_at)}"
        f" AND {side}_topic = {_text(one.topic)} AND {side}_partition = {one.partition}"
        f" AND {side}_hour = {_date_time(one.hour)}"
        for side, one in (("winner", pair.winner), ("loser", pair.loser))
    ]
    return " AND ".join([f"identity = unhex('{pair.identity.hex()}')", *sides])


def _cell(cell: Cell) -> str:
    return (
        f"topic = {_text(cell.topic)} AND hour = {_date_time(cell.hour)} AND site = {_text(cell.site)}"
        f" AND kind = {_text(cell.kind)} AND measure = {_text(cell.measure)} AND partition = {cell.partition}"
        f" AND version <= {cell.version}"
    )
