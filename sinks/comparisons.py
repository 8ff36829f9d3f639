"""Tables that are made from one another, compared whole: which rows have nothing to stand on, which are not there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.topics import ALL_TOPICS, BY_NAME, DERIVED_TOPICS
from sinks.clickhouse import ClickHouse
from sinks.counts import NUMBERS_PER_POSITION
from sinks.ledger import Place
from sinks.rereading import Positioned, Stays, column_types, tables_of
from sinks.tables import EVENT_TABLES, EventTable

MOST_ROWS = 100
"""Differences of one kind and table that are told one by one."""

SPILL = "SETTINGS max_bytes_before_external_group_by = 1000000000"

ROOM_OF_POSITIONS = 10_000_000
"""A version this far beyond the end of the ledger is no owner's: sinks write on during an audit, but not so much."""


def of_topic(positions: Mapping[Place, int], topic: str) -> dict[int, int]:
    """Positions of the partitions of one topic."""
    return {partition: position for (of, partition), position in positions.items() if of == topic}


def by_partition(positions: Mapping[int, int], column: str = "partition") -> str:
    """SQL: the position of a row's partition, 0 where it has none."""
    if not positions:
        return "toInt64(0)"
    ends = f"arrayMap(position -> toInt64(position), {[*positions.values()]})"
    return f"transform({column}, arrayMap(one -> toUInt16(one), {[*positions]}), {ends}, toInt64(0))"


OF_A_REPLAY = -1
"""Offset of last words that a promoted replay concluded: their records lie in topics of its own."""


def _of_the_live_log(table: Positioned) -> str:
    """Condition of rows that must have their record in the live topics."""
    if table.stays is not Stays.LAST:
        return "1"
    return f"({table.offset} != {OF_A_REPLAY} OR (SELECT count() FROM checkline.replays WHERE step = 'PROMOTED') = 0)"


# ---- positions that the log does not have
class Unplaced(NamedTuple):
    """Rows of a table at a position that the log does not have."""

    table: str
    topic: str
    partition: int
    offset: int
    condition: str


def unplaced(client: ClickHouse, log_ends: Mapping[Place, int], most: int = MOST_ROWS) -> list[Unplaced]:
    """Rows at or beyond the end of their partition's log, below 0, or of a partition that it does not have."""
    looks = []
    for topic in ALL_TOPICS:
        for table in tables_of(topic.name):
            ends = by_partition(of_topic(log_ends, topic.name), table.partition)
            looks.append(f"""
                SELECT DISTINCT '{table.name}' AS name, '{topic.name}' AS of, toInt64({table.partition}) AS part,
                       {table.offset} AS at
                FROM {table.name}
                WHERE {table.where} AND ({table.offset} < 0 OR {table.offset} >= {ends}) AND {_of_the_live_log(table)}
                LIMIT {most}
            """)
    known = ", ".join(f"'{topic.name}'" for topic in ALL_TOPICS)
    looks.append(f"""
        SELECT DISTINCT 'checkline.arrivals' AS name, toString(topic) AS of, toInt64(partition) AS part, offset AS at
        FROM checkline.arrivals WHERE topic NOT IN ({known}) LIMIT {most}
    """)
    query = f"SELECT * FROM ({' UNION ALL '.join(looks)}) ORDER BY ALL"
    return [
        Unplaced(name, topic, partition, offset, _at(name, topic, partition, offset))
        for name, topic, partition, offset in client.rows(query)
    ]


def _at(table: str, topic: str, partition: int, offset: int) -> str:
    """The condition of the rows of a table at a position."""
    prefix = "letter_" if any(one.offset == "letter_offset" for one in _tables(topic) if one.name == table) else ""
    where = f"topic = unhex('{topic.encode().hex()}') AND " if table == "checkline.arrivals" else ""
    return f"{where}{prefix}partition = {partition} AND {prefix}offset = {offset}"


def _tables(topic: str) -> list[Positioned]:
    return tables_of(topic) if topic in BY_NAME else []


# ---- rows of derived tables and arrivals
class Orphan(NamedTuple):
    """Row of a derived table at a position where no record of that content arrived."""

    table: Positioned
    topic: str
    partition: int
    offset: int


def orphans(client: ClickHouse, most: int = MOST_ROWS) -> list[Orphan]:
    """All of them; a difference of content is told where the table has one."""
    types = column_types(client)
    tables = {table.name: (table, topic.name) for topic in DERIVED_TOPICS for table in tables_of(topic.name)[:-1]}
    looks = []
    for table, topic_name in tables.values():
        content = ", content" if "content" in types[table.name] else ""
        looks.append(f"""
            SELECT DISTINCT '{table.name}' AS name, toInt64({table.partition}) AS part, {table.offset} AS at
            FROM {table.name}
            WHERE ({table.partition}, {table.offset}{content}) NOT IN
            (
                SELECT partition, offset{content} FROM checkline.arrivals
                WHERE topic = '{topic_name}' AND outcome = 'STORED'
            ) AND {_of_the_live_log(table)}
            LIMIT {most}
        """)
    query = f"SELECT * FROM ({' UNION ALL '.join(looks)}) ORDER BY ALL"
    return [Orphan(*tables[name], partition, offset) for name, partition, offset in client.rows(query)]


# ---- identities
class Identity(NamedTuple):
    """A row of `checkline.identities` (times UTC, ms), or one that should be there with the offset of its arrival."""

    source_hash: int
    sequence: int
    identity: bytes
    content: bytes
    sent_at: int
    topic: str
    partition: int
    hour: int
    offset: int
    arrived: bool


def identities(client: ClickHouse, most: int = MOST_ROWS) -> list[Identity]:
    """Rows of identities that no arrival stands behind (``arrived`` False), and stored arrivals without theirs."""
    columns = "source_hash, sequence, identity, content, sent_at, topic, partition, hour"
    query = f"""
        SELECT source_hash, sequence, identity, content, toUnixTimestamp64Milli(sent_at), topic, partition,
               toInt64(toUnixTimestamp(hour)) * 1000, minIf(offset, arrived), max(arrived)
        FROM
        (
            SELECT {columns}, offset, 1 AS arrived, 0 AS known
            FROM checkline.arrivals
            WHERE outcome = 'STORED' AND source_hash != 0
            UNION ALL
            SELECT {columns}, 0, 0, 1 FROM checkline.identities
        )
        GROUP BY {columns}
        HAVING max(arrived) != max(known)
        ORDER BY ALL
        LIMIT {most}
        {SPILL}
    """
    return [Identity._make([*row[:5], row[5].decode(), *row[6:]]) for row in client.bytes_rows(query)]


# ---- conflicts
class Content(NamedTuple):
    """One of the contents of an identity (times UTC, ms); of several the smallest wins."""

    sent_at: int
    content: bytes
    topic: str
    partition: int
    hour: int


class Pair(NamedTuple):
    """Two contents under one identity: a row of `checkline.conflicts`."""

    identity: bytes
    winner: Content
    loser: Content


class Conflicts(NamedTuple):
    """Pairs that should be there, with the position of an arrival of the loser, and pairs that should not."""

    missing: dict[Pair, int]
    foreign: list[Pair]


_CONTENTS = "toUnixTimestamp64Milli(sent_at), content, topic, partition, toInt64(toUnixTimestamp(hour)) * 1000"


def conflicts(client: ClickHouse) -> Conflicts:
    """The pairs that identities give, against those that are written down. A pair whose winner lost to a third content
    later stays: it was true, and its loser is still one."""
    known = {*_pairs(client)}  # first: what is written down meanwhile has its contents in identities by then
    rivals = _contents(
        client,
        """
        SELECT identity FROM checkline.identities GROUP BY source_hash, sequence, identity
        HAVING uniqExact(content) > 1
        """,
    )
    wanted = {Pair(identity, of[0], loser) for identity, of in rivals.items() for loser in of[1:]}
    foreign = [
        pair
        for pair in sorted(known)
        if not {pair.winner, pair.loser} <= {*rivals.get(pair.identity, ())} or pair.winner[:2] >= pair.loser[:2]
    ]
    missing = sorted(wanted - known)
    return Conflicts(dict(zip(missing, _positions(client, missing), strict=True)), foreign)


def _contents(client: ClickHouse, identities: str) -> dict[bytes, list[Content]]:
    found: dict[bytes, set[Content]] = defaultdict(set)
    query = f"SELECT identity, {_CONTENTS} FROM checkline.identities WHERE identity IN ({identities})"
    for identity, sent_at, content, topic, partition, hour in client.bytes_rows(query):
        found[identity].add(Content(sent_at, content, topic.decode(), partition, hour))
    return {identity: sorted(contents) for identity, contents in found.items()}


def _pairs(client: ClickHouse) -> Iterator[Pair]:
    sides = ", ".join(
        f"toUnixTimestamp64Milli({side}_sent_at), {side}_content, {side}_topic, {side}_partition,"
        f" toInt64(toUnixTimestamp({side}_hour)) * 1000"
        for side in ("winner", "loser")
    )
    for identity, *both in client.bytes_rows(f"SELECT identity, {sides} FROM checkline.conflicts"):
        winner, loser = (Content._make([*one[:2], one[2].decode(), *one[3:]]) for one in (both[:5], both[5:]))
        yield Pair(identity, winner, loser)


def _positions(client: ClickHouse, pairs: Sequence[Pair]) -> list[int]:
    """Where the losers of pairs arrived first."""
    found: dict[tuple[str, int, bytes], int] = {}
    for start in range(0, len(pairs), 1000):
        contents = ", ".join(f"unhex('{pair.loser.content.hex()}')" for pair in pairs[start : start + 1000])
        query = f"""
            SELECT topic, partition, content, min(offset) FROM checkline.arrivals
            WHERE outcome = 'STORED' AND content IN ({contents}) GROUP BY topic, partition, content
        """
        for topic, partition, content, offset in client.bytes_rows(query):
            found[topic.decode(), partition, content] = offset
    return [found.get((pair.loser.topic, pair.loser.partition, pair.loser.content), 0) for pair in pairs]


# ---- cells
class Cell(NamedTuple):
    """A cell that is not what its event rows give (hour UTC, ms), or whose ``version`` is ``unbeatable``: beyond what
    the partition's owner writes, so that a new count would not replace it."""

    topic: str
    partition: int
    hour: int
    site: str
    kind: str
    measure: str
    counted: int
    known: int
    version: int
    unbeatable: bool


def cells(client: ClickHouse, ends: Mapping[Place, int], most: int = MOST_ROWS) -> list[Cell]:
    """Wrong cells of hours for which no recount is due. ``ends``: those of the ledger."""
    counted = [table for table in EVENT_TABLES.values() if table.site is not None]
    found = [cell for table in counted for cell in _cells(client, table, of_topic(ends, table.topic), most)]
    names = ", ".join(f"'{table.topic}'" for table in counted)
    query = f"""
        SELECT topic, partition, toInt64(toUnixTimestamp(hour)) * 1000, site, kind, measure, 0, value, version
        FROM checkline.cells FINAL WHERE topic NOT IN ({names}) ORDER BY ALL LIMIT {most}
    """
    return found + [_cell(*row, True) for row in client.rows(query)]


def _cells(client: ClickHouse, table: EventTable, ends: Mapping[int, int], most: int) -> Iterable[Cell]:
    query = f"""
        WITH ({by_partition(ends)} + {ROOM_OF_POSITIONS}) * {NUMBERS_PER_POSITION} AS last_version
        SELECT partition, toInt64(toUnixTimestamp(hour)) * 1000, site, kind, measure,
               sum(counted) AS counted_now, sum(known) AS in_cell, max(version) AS newest,
               newest > any(last_version) AS unbeatable
        FROM
        (
            SELECT partition, hour, {table.site} AS site, toString(kind) AS kind, {table.measure} AS measure,
                   uniqExact(identity) AS counted, 0 AS known, toUInt64(0) AS version
            FROM {table.name}
            WHERE (identity, content) NOT IN
            (
                SELECT identity, loser_content FROM checkline.conflicts WHERE loser_topic = '{table.topic}'
            )
            GROUP BY partition, hour, site, kind, measure
            UNION ALL
            SELECT partition, hour, site, kind, measure, 0, value, version
            FROM checkline.cells FINAL
            WHERE topic = '{table.topic}'
        )
        WHERE (partition, hour) NOT IN
        (
            SELECT partition, arrayJoin(hours) FROM checkline.ledger FINAL
            WHERE topic = '{table.topic}' AND NOT recounted
        )
        GROUP BY partition, hour, site, kind, measure
        HAVING counted_now != in_cell OR unbeatable
        ORDER BY partition, hour, site, kind, measure
        LIMIT {most}
        {SPILL}
    """
    for row in client.rows(query):
        yield _cell(table.topic, *row)


def _cell(*row: Any) -> Cell:
    return Cell._make(row)
