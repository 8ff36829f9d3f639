"""Mending what the audit found: what the log says is read again and stands in the tables afterwards.

Ranges are mended in this order, and are neighbouring blocks of the ledger, or a gap in it; some take a step together:
1. a row in `checkline.repairs`: the repair has begun;
2. rows that are not what the log says at their position are deleted, by their key and position;
3. rows that are not there are inserted, arrivals (and with them identities) and the conflicts they take part in;
4. a row in `checkline.repairs`: done, and which hours the owner of the partition is to count again;
5. the ledger's rows, where one is another than that of its block; a wrong one that other blocks cover is deleted.
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
from sinks.blocks import Block, Span, cut
from sinks.clickhouse import ClickHouse
from sinks.comparisons import Cell, Identity, Pair
from sinks.digest import ROW_SQL, SQL
from sinks.findings import Finding
from sinks.ledger import Ledger, Place, hours_of
from sinks.migrations import Cluster
from sinks.rereading import (
    KEYS_PER_STATEMENT,
    Difference,
    Exactly,
    Positioned,
    Range,
    Reading,
    column_types,
    decode,
    differences,
    text_literal,
)
from sinks.writer import split_by_days, stated_columns

POSITIONS_AT_ONCE = 50_000
"""A gap in the ledger is filled with blocks of at most this size, and blocks are mended together up to it."""

POSITIONS_TOGETHER = 200_000
"""Ranges of so many positions are held in memory and take each step together."""

MOST_DIFFERENCES = 5_000
"""Rows of a table without positions that are mended in one round."""

MOST_WRONG_ROWS = 1_000
"""A range with more wrong rows in a table is deleted there and written as a whole."""

MOST_TOLD = 20
"""Findings of one range that are written down one by one."""

T = TypeVar("T")

STATEMENT_BYTES = 200_000
"""Of the 256 KiB that ClickHouse parses."""

Condition = str | Exactly

ARRIVALS = "checkline.arrivals"
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


def _at_once(groups: Iterable[list[Span]]) -> Iterator[list[list[Span]]]:
    """Ranges that are mended together: deleting in a table takes long, however little is deleted."""
    some: list[list[Span]] = []
    positions = 0
    for spans in groups:
        size = max(span.end for span in spans) - spans[0].begin
        if some and positions + size > POSITIONS_TOGETHER:
            yield some
            some, positions = [], 0
        some.append(spans)
        positions += size
    if some:
        yield some


def _together(ranges: Iterable[Span]) -> Iterator[list[Span]]:
    """Blocks that follow one another, or lie in one another, up to a common size."""
    together: list[Span] = []
    end = 0
    for span in sorted(ranges):
        if together and (
            span[:2] != together[0][:2] or span.begin > end or span.end - together[0].begin > POSITIONS_AT_ONCE
        ):
            yield together
            together = []
        end = max(end, span.end) if together else span.end
        together.append(span)
    if together:
        yield together


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
        for some in _at_once(_together(planned.ranges)):
            done += self._mend_ranges(
                [(spans, [one for span in spans for one in planned.ranges[span]]) for spans in some]
            )
            progress(len(done))
        return [*done, *self._mend_made(planned)]

    # ---- ranges of the log
    def _mend_ranges(self, ranges: Sequence[tuple[Sequence[Span], Sequence[Finding]]]) -> list[Mended]:
        begun = []
        for spans, findings in ranges:
            whole = spans[0]._replace(end=max(span.end for span in spans))
            begun.append(Mended(whole, _told(findings), 0, 0, self._digest(whole), 0, []))
        self._note("BEGUN", begun)
        read = [decode(self._reading, one.span, self._log.read(one.span)) for one in begun]
        found = [differences(self._client, one, self._types, thorough=True) for one in read]
        foreign: dict[str, list[Condition]] = defaultdict(list)
        for decoded, differing in zip(read, found, strict=True):
            for table, conditions in _foreign(decoded, differing).items():
                foreign[table] += conditions
        for table, conditions in foreign.items():
            self._delete(table, conditions)
        frames = [_lacking(decoded, differing) for decoded, differing in zip(read, found, strict=True)]
        for table in dict.fromkeys(table for of_range in frames for table in of_range):
            self._insert(table, pl.concat([of_range[table] for of_range in frames if table in of_range]))
        # Identities are filled by inserts into arrivals, so what is lost there comes with them.
        self._insert(ARRIVALS, pl.concat([decoded.rows.arrivals for decoded in read]))
        conflicts.find(self._client, [one.span for one in begun])
        known = [self._blocks(one.span) for one in begun]
        blocks = [
            [cut(decoded.rows, span).blocks[0] for span in spans]
            for decoded, (spans, _) in zip(read, ranges, strict=True)
        ]
        done = [
            one._replace(
                deleted=sum(difference.foreign is not None for difference in differing),
                written=sum(map(len, of_range.values())) + len(decoded.rows.arrivals),
                digest_after=decoded.rows.blocks[0].digest,
                hours=sorted(_hours(differing) | _hours_not_in(of_ledger, made)),
            )
            for one, decoded, differing, of_range, of_ledger, made in zip(
                begun, read, found, frames, known, blocks, strict=True
            )
        ]
        self._note("DONE", done)
        for of_ledger, made in zip(known, blocks, strict=True):
            for block in made:
                if of_ledger.get(block.span) != block:
                    self._account(block, known=block.span in of_ledger)
        return done

    def _insert(self, table: str, frame: pl.DataFrame) -> None:
        if table == ARRIVALS:
            if len(frame):
                self._client.insert(table, frame.get_columns())
        else:
            for part in split_by_days(frame):
                self._client.insert(table, stated_columns(part))

    def _account(self, block: Block, known: bool) -> None:
        """The ledger's row of a block that was mended. Its hours have been asked for: they are not due by the row."""
        span = block.span
        others = [one for one in _spans(self._client)[span.topic, span.partition] if one != span]
        if known and _covered(span, others):
            at = f"topic = '{span.topic}' AND partition = {span.partition}"
            self._delete("checkline.ledger", [f"{at} AND span_begin = {span.begin} AND span_end = {span.end}"])
        else:
            pending = {one.span for one in self._ledger.pending([(span.topic, span.partition)])}
            self._ledger.record([block], recounted=span not in pending)

    def _blocks(self, whole: Span) -> dict[Span, Block]:
        """What the ledger says of the blocks within a range."""
        query = """
            SELECT span_begin, span_end, stored, marks, refused, digest,
                   arrayMap(hour -> toInt64(toUnixTimestamp(hour)) * 1000, hours)
            FROM checkline.ledger FINAL
            WHERE topic = %(topic)s AND partition = %(partition)s AND span_begin >= %(begin)s AND span_end <= %(end)s
        """
        found = {}
        for begin, end, stored, marks, refused, digest, hours in self._client.rows(query, whole._asdict()):
            span = whole._replace(begin=begin, end=end)
            found[span] = Block(span, stored, marks, refused, digest, sorted(hours))
        return found

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
                at = f"topic = {_text(span.topic)} AND partition = {span.partition}"
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
    def _delete(self, table: str, conditions: Sequence[Condition]) -> None:
        for condition in together(conditions):
            self._client.execute(delete_statement(table, condition, self._cluster))

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


def together(conditions: Iterable[Condition]) -> Iterator[str]:
    """One condition for many, in as few statements as the engine reads."""
    terms: list[str] = []
    sets: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for condition in conditions:
        if isinstance(condition, Exactly):
            sets[condition.columns].append(f"({', '.join(condition.values)})")
        else:
            terms.append(f"({condition})")
    for columns, values in sets.items():
        size = max(1, STATEMENT_BYTES // (max(map(len, values)) + 2))
        for start in range(0, len(values), size):
            yield f"({', '.join(columns)}) IN ({', '.join(values[start : start + size])})"
    for start in range(0, len(terms), KEYS_PER_STATEMENT):
        yield " OR ".join(terms[start : start + KEYS_PER_STATEMENT])


def _foreign(decoded: Range, found: Iterable[Difference]) -> dict[str, list[Condition]]:
    """Conditions of what is to be deleted, by table: row by row, or the whole range where that is too much."""
    by_table: dict[Positioned, list[Condition]] = defaultdict(list)
    for difference in found:
        if difference.foreign is not None:
            by_table[difference.table].append(difference.foreign)
    span = decoded.span
    return {
        table.name: conditions
        if len(conditions) <= MOST_WRONG_ROWS
        else [
            f"{table.where} AND {table.partition} = {span.partition} AND {table.offset} >= {span.begin}"
            f" AND {table.offset} < {span.end}"
        ]
        for table, conditions in by_table.items()
    }


def _lacking(decoded: Range, found: Sequence[Difference]) -> dict[str, pl.DataFrame]:
    """Rows that are to be inserted, by table, without arrivals: those that differed, or all of a range that did."""
    wrong: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        wrong[difference.table.name].append(difference)
    rows = {}
    for name, frame in decoded.rows.tables:
        differing = wrong[name]
        if sum(difference.foreign is not None for difference in differing) <= MOST_WRONG_ROWS:
            offsets = [difference.offset for difference in differing]
            frame = frame.filter(pl.col(differing[0].table.offset).is_in(offsets)) if differing else frame.clear()
        if len(frame):
            rows[name] = frame
    return rows


def _hours(found: Iterable[Difference]) -> set[int]:
    return {difference.hour for difference in found if difference.hour is not None}


def _hours_not_in(ledger: Mapping[Span, Block], blocks: Iterable[Block]) -> set[int]:
    """Hours of blocks that the ledger does not know so."""
    unknown = [block for block in blocks if block.span not in ledger or ledger[block.span].hours != block.hours]
    return {hour for block in unknown for hour in block.hours}


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
    return text_literal(value.encode())


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


def _cell(cell: Cell) -> Exactly:
    """All versions of it: an older one must not come back in its place."""
    texts = (_text(cell.site), _text(cell.kind), _text(cell.measure))
    return Exactly(
        ("topic", "partition", "hour", "site", "kind", "measure"),
        (_text(cell.topic), str(cell.partition), str(cell.hour // 1000), *texts),
    )
