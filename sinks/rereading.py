"""A range of the log, decoded again, against what the tables hold at its positions, column by column.

Every row of every table that is read here names the position it came from. A row must be what the log says at that
position, and each record must have its row, unless a row of the same key stands for it: of equal events that with the
smallest position stays, of the states of one token or clock the newest.

Event rows are expected as the row codec decodes them, which shares nothing with the writer's columns; arrivals and rows
of derived tables as the writer's block builder makes them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import polars as pl

from schemas.identities import content_hash, identity_hash
from schemas.registry import Registry
from schemas.topics import BY_NAME, DEAD_LETTERS, DEFAULT_PARTITIONS, partitions_of
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.rows import RowCodec
from sinks.blocks import HOUR_MS, Rows, Span, block_builder, cut
from sinks.clickhouse import ClickHouse
from sinks.tables import DERIVED_TABLES, EVENT_TABLES

BYTES_TABLE = "checkline_restricted.dead_letter_bytes"
KEPT_MS = 30 * 24 * HOUR_MS
"""How long the bytes of a dead letter are kept."""

KEYS_PER_STATEMENT = 500
"""Conditions of one statement, of the 256 KiB that ClickHouse parses."""

LONGEST_TOLD = 200
RESTRICTED = "checkline_restricted."

_KEPT_SINCE = "kept_since"
_NO_ROW = "the log has a record there, the table no row of it"
_NO_RECORD = "the table has a row there, the log no record of it"

Row = dict[str, Any]
Types = Mapping[str, Mapping[str, str]]


class Stays(Enum):
    """Which of the rows of one key a table keeps: that of the smallest position, of the largest, or each."""

    FIRST = "smallest"
    LAST = "largest"
    EACH = "each"


class Positioned(NamedTuple):
    """A table whose rows name their position: its columns of partition and offset, and the key of which one stays."""

    name: str
    partition: str = "partition"
    offset: str = "offset"
    key: tuple[str, ...] = ()
    stays: Stays = Stays.EACH
    where: str = "1"


class Exactly(NamedTuple):
    """Rows of a table by the values (as SQL) of some of its columns."""

    columns: tuple[str, ...]
    values: tuple[str, ...]


class Difference(NamedTuple):
    """What differs at a position. ``foreign``: the rows to be deleted, None where one is missing;
    ``hour``: whose count may differ for it (UTC, ms), None where nothing is counted by the table."""

    table: Positioned
    offset: int
    detail: str
    foreign: Exactly | None
    hour: int | None


_LAST_OF: dict[str, tuple[str, ...]] = {
    "checkline.risk_timelines": ("token",),
    "checkline.sla_clocks": ("clock_id",),
    "checkline_restricted.urgent_clocks": ("clock_id",),
}


def tables_of(topic: str) -> list[Positioned]:
    """The tables with rows of a topic, arrivals last."""
    arrivals = Positioned("checkline.arrivals", where=f"topic = '{topic}'")
    if topic in EVENT_TABLES:
        of_event = ("hour", "partition", "kind", "identity", "content")
        return [Positioned(EVENT_TABLES[topic].name, key=of_event, stays=Stays.FIRST), arrivals]
    found = []
    for table in DERIVED_TABLES[topic]:
        prefix = "letter_" if "letter_offset" in table.columns else ""
        key = _LAST_OF.get(table.name, ())
        stays = Stays.LAST if key else Stays.EACH
        found.append(Positioned(table.name, f"{prefix}partition", f"{prefix}offset", key, stays))
    return [*found, arrivals]


class Range(NamedTuple):
    """A range of the log, decoded: the writer's rows, and what each table must hold of it. What is kept for a time only
    may be gone if it was appended by ``expired``."""

    span: Span
    rows: Rows
    expected: Mapping[str, Sequence[Row]]
    expired: int | None


class Reading(NamedTuple):
    """How a log is read. ``partitions`` is that of the person topics; ``now`` (UTC, ms): bytes that were appended too
    long before it need not be there any more, None: the log's times are not those of the machine."""

    registry: Registry
    partitions: int = DEFAULT_PARTITIONS
    limits: Limits = Limits()
    now: int | None = None


def decode(reading: Reading, span: Span, batches: Sequence[RecordBatch]) -> Range:
    """What a range says. Raises `CorruptBatch`."""
    registry = reading.registry
    partitions = partitions_of(BY_NAME[span.topic], reading.partitions)
    rows = cut(block_builder(registry, span.topic, partitions, reading.limits).build({span: batches}), span)
    if span.topic == DEAD_LETTERS.name and reading.now is not None:
        rows = rows._replace(tables=_kept_since(rows))
    expected: dict[str, Sequence[Row]] = {"checkline.arrivals": rows.arrivals.to_dicts()}
    if span.topic in EVENT_TABLES:
        stored = set(rows.arrivals.filter(pl.col("outcome") == "STORED")["offset"].to_list())
        expected[EVENT_TABLES[span.topic].name] = list(_events(registry, span, batches, stored))
    else:
        expected.update({name: frame.to_dicts() for name, frame in rows.tables})
    return Range(span, rows, expected, None if reading.now is None else reading.now - KEPT_MS)


def _kept_since(rows: Rows) -> list[tuple[str, pl.DataFrame]]:
    """Bytes of dead letters are kept from when they were appended, not anew from when they are written again."""
    letters = rows.arrivals.select(pl.col("offset").alias("letter_offset"), pl.col("appended_at").alias(_KEPT_SINCE))
    return [
        (name, frame.join(letters, on="letter_offset") if name == BYTES_TABLE else frame) for name, frame in rows.tables
    ]


def _events(registry: Registry, span: Span, batches: Sequence[RecordBatch], stored: set[int]) -> Iterator[Row]:
    table, codec = EVENT_TABLES[span.topic], RowCodec(registry, span.topic)
    names = [shape.name for shape in codec.latest.shapes]
    for record in (record for batch in batches for record in batch.records()):
        if record.offset not in stored or record.key is None:
            continue
        row, key = codec.decode(record.value), record.key.decode()
        yield {
            table.key: key,
            **row,
            "hour": row["occurred_at"] // HOUR_MS * HOUR_MS,
            "appended_at": record.appended_at,
            "identity": identity_hash(row["source"], row["sequence"]),
            "content": content_hash(key, row, names),
            "partition": span.partition,
            "offset": record.offset,
        }


def differences(client: ClickHouse, decoded: Range, types: Types, thorough: bool = False) -> list[Difference]:
    """Where the tables are not what a range of the log says. ``types``: their columns, see `column_types`.

    Event rows are looked for in the hours that they must be in, and what compaction took out of the log may stand in
    the tables. ``thorough``: they are looked for in all hours, which reads the table, and nothing may stand that the
    log does not hold now. Raises `StatementFailed`.
    """
    found = []
    for table in tables_of(decoded.span.topic):
        expected = decoded.expected.get(table.name, ())
        hours = None if thorough or table.stays is not Stays.FIRST else {row["hour"] for row in expected}
        some = _Comparison(client, decoded.span, table, types[table.name], expected, hours).differences()
        found += [one for one in some if not _may_be_gone(decoded, one, thorough)]
    return found


def _may_be_gone(decoded: Range, difference: Difference, thorough: bool) -> bool:
    """Whether it is only time that took the row; or compaction the record, for which a newer one stands."""
    if difference.table.name == BYTES_TABLE and difference.foreign is None and decoded.expired is not None:
        letters = decoded.expected[BYTES_TABLE]
        return any(row["letter_offset"] == difference.offset and row[_KEPT_SINCE] <= decoded.expired for row in letters)
    return not thorough and BY_NAME[decoded.span.topic].compacted and difference.detail == _NO_RECORD


class _Comparison:
    """One table with what a range says of it."""

    def __init__(
        self,
        client: ClickHouse,
        span: Span,
        table: Positioned,
        types: Mapping[str, str],
        expected: Sequence[Row],
        hours: set[int] | None,
    ) -> None:
        self._client, self._span, self._table, self._hours = client, span, table, hours
        self._expected = {int(row[table.offset]): row for row in expected}
        self._types = types

    def differences(self) -> list[Difference]:
        found, right = [], set()
        for row in self._rows():
            offset = int(row[self._table.offset])
            detail = self._detail(self._expected.get(offset), row)
            if detail is None:
                right.add(offset)
            else:
                found.append(Difference(self._table, offset, detail, self._exactly(row), self._hour(row)))
        # A row that stands beside an altered one of its key may be the one that is lost when they are merged.
        right -= {difference.offset for difference in found}
        wanted = self._one_of_each_key()
        absent = {offset: row for offset, row in wanted.items() if offset not in right}
        replaced = self._replaced(absent) if absent and self._table.stays is not Stays.EACH else set()
        seen = {difference.offset for difference in found}
        lost = absent.keys() - replaced - seen
        found += [Difference(self._table, offset, _NO_ROW, None, self._hour(absent[offset])) for offset in lost]
        return sorted(found, key=lambda difference: difference.offset)

    def _rows(self) -> list[Row]:
        """What stands at the positions of the range, also what a merge would replace."""
        if self._hours is not None and not self._hours:
            return []
        table, span = self._table, self._span
        where = f"{table.where} AND {table.partition} = {span.partition} AND {table.offset} >= {span.begin}"
        where += f" AND {table.offset} < {span.end}"
        if self._hours is not None:
            where += f" AND hour IN ({', '.join(str(hour // 1000) for hour in sorted(self._hours))})"
        columns = [readable(name, spec) for name, spec in self._types.items()]
        query = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {where}"
        return [dict(zip(self._types, values, strict=True)) for values in self._client.bytes_rows(query)]

    def _detail(self, expected: Row | None, row: Row) -> str | None:
        """What of a row is not as the log says; None: nothing."""
        if expected is None:
            return _NO_RECORD
        for name, value in expected.items():
            if name in self._types and name != _KEPT_SINCE and not _same(value, row[name]):
                if self._table.name.startswith(RESTRICTED):  # findings are kept where analysts can read them
                    return f"column {name} is not what the log says"
                return f"column {name}: the log says {_told(value)}, the table says {_told(row[name])}"
        return None

    def _one_of_each_key(self) -> dict[int, Row]:
        """Of the expected rows those that must stand, as far as the range alone can tell."""
        if self._table.stays is Stays.EACH:
            return self._expected
        order = sorted(self._expected, reverse=self._table.stays is Stays.LAST)
        first: dict[tuple[Any, ...], int] = {}
        for offset in order:
            first.setdefault(self._key(self._expected[offset]), offset)
        return {offset: self._expected[offset] for offset in first.values()}

    def _replaced(self, absent: Mapping[int, Row]) -> set[int]:
        """Those positions whose key has a row outside the range that stays in their place."""
        table, span = self._table, self._span
        first = table.stays is Stays.FIRST
        beyond = f"{table.offset} < {span.begin}" if first else f"{table.offset} >= {span.end}"
        by_key = {self._key(row): offset for offset, row in absent.items()}
        columns = ", ".join(readable(name, self._types[name]) for name in table.key)
        found = set()
        for some in _parts([*absent.values()]):
            # More keys than are asked for fit these lists: which of them it is, is seen from the answer.
            keys = " AND ".join(self._one_of(name, some) for name in table.key if name != table.partition)
            query = f"SELECT DISTINCT {columns} FROM {table.name}"
            query += f" WHERE {table.partition} = {span.partition} AND {beyond} AND {keys}"
            found |= {by_key[key] for key in self._client.bytes_rows(query) if key in by_key}
        return found

    def _one_of(self, name: str, rows: Sequence[Row]) -> str:
        values = sorted({literal(row[name], self._types[name]) for row in rows})
        return f"{name} IN ({', '.join(values)})"

    def _hour(self, row: Row) -> int | None:
        return int(row["hour"]) if self._table.stays is Stays.FIRST else None

    def _key(self, row: Row) -> tuple[Any, ...]:
        return tuple(_plain(row[name]) for name in self._table.key)

    def _exactly(self, row: Row) -> Exactly:
        """The rows of this key and position."""
        table = self._table
        topic = ("topic",) if table.where != "1" else ()
        columns = tuple(dict.fromkeys([*topic, *table.key, table.partition, table.offset]))
        return Exactly(columns, tuple(literal(row[name], self._types[name]) for name in columns))


def column_types(client: ClickHouse) -> Types:
    """{table: {column: type}}, without columns that a table computes itself. Raises `StatementFailed`."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    query = """
        SELECT database || '.' || table, name, type FROM system.columns
        WHERE database IN ('checkline', 'checkline_restricted') AND default_kind != 'MATERIALIZED'
        ORDER BY ALL
    """
    for table, name, spec in client.rows(query):
        found[table][name] = spec
    return found


def readable(name: str, spec: str) -> str:
    """SQL that gives a column as the row codec does: a time in milliseconds, an enumeration as its symbol."""
    if spec.startswith("Array(DateTime64"):
        return f"arrayMap(time -> toUnixTimestamp64Milli(time), {name})"
    if "DateTime64" in spec:
        return f"toUnixTimestamp64Milli({name})"
    if spec.startswith("Array(DateTime"):
        return f"arrayMap(time -> toInt64(toUnixTimestamp(time)) * 1000, {name})"
    if spec.startswith("DateTime"):
        return f"toInt64(toUnixTimestamp({name})) * 1000"
    return f"toString({name})" if spec.startswith("Enum8") else name


def literal(value: Any, spec: str) -> str:
    """A value of a column, as it was read or is expected, as SQL to compare with. A text goes byte by byte, whatever it
    is; a set of such literals is read much faster than one of function calls."""
    value = _plain(value)
    if isinstance(value, bytes):
        return f"'{value.decode()}'" if spec.startswith("Enum8") else text_literal(value)
    return str(value // 1000 if spec.startswith("DateTime(") else value)


def text_literal(text: bytes) -> str:
    """A text in SQL."""
    return "'" + "".join(f"\\x{byte:02x}" for byte in text) + "'"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value


def _same(expected: Any, found: Any) -> bool:
    """Whether a column says what was to be written; what a record does not state is the column's default."""
    expected, found = _plain(expected), _plain(found)
    return bool(expected == found) or (expected is None and found in (0, b"", []))


def _told(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode() if value.isascii() and value.decode().isprintable() else value.hex()
        except UnicodeDecodeError:
            value = value.hex()
    told = repr(value)
    return told if len(told) <= LONGEST_TOLD else f"{told[:LONGEST_TOLD]}... ({len(told)} characters)"


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), KEYS_PER_STATEMENT):
        yield rows[start : start + KEYS_PER_STATEMENT]
