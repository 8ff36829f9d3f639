"""Questions to the tables, answered from what was known at a time: a query is written so that it reads, instead of each
table, the rows whose records had arrived by then.

Event tables and arrivals carry the time of arrival. What has none is made of them: cells are counted from event rows by
the expressions that the sinks count by, conflicts are found among the contents known then, views are those of the
migrations. Tables that hold only the last word of a worker cannot be asked; `replay.as_of` computes persons and clocks.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

from schemas.topics import URGENT_CARE
from sinks.conflicts import WINNER_AND_LOSERS
from sinks.migrations import migrations, statements
from sinks.tables import EVENT_TABLES, EventTable

MOST_LOSERS_WRITTEN_OUT = 500
"""More losers of conflicts than this are asked for by every statement anew: a statement has 256 KiB."""

_BY_TABLE = {
    table.name.removeprefix("checkline."): table for topic, table in EVENT_TABLES.items() if topic != URGENT_CARE.name
}
_VIEW = re.compile(r"CREATE OR REPLACE VIEW checkline\.(\w+) AS\n(.*)", re.S)
_PIECE = re.compile(
    r"(?P<passed>'(?:\\.|''|[^'\\])*'|--[^\n]*|/\*.*?\*/)"
    r"|\bcheckline\s*\.\s*(?P<name>\w+)(?P<alias>\s+AS\s+\w+)?(?P<final>\s+FINAL\b)?(?!\s*\.)",
    re.I | re.S,
)
_OWN = re.compile(r"(?<!\w)checkline(_restricted)?(?!\w)", re.I)


class NotKnownThen(Exception):
    """A query reads what has no time of arrival; the text says what can be read instead."""


class Asked(Protocol):
    """What is used of `sinks.clickhouse.ClickHouse`."""

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]: ...


class Content(NamedTuple):
    """One content of an identity that has several: hashes in hexadecimal digits, times as whole numbers (``sent_at``
    UTC milliseconds, ``hour`` UTC seconds)."""

    identity: str
    sent_at: int
    content: str
    topic: str
    partition: int
    hour: int


class Then(NamedTuple):
    """What must be known of the log to ask as of a time: ``at`` (UTC milliseconds); ``stragglers``: topics in which a
    record arrived by then behind one that arrived later; ``losers``: (winner, loser) of conflicts, None: too many."""

    at: int
    stragglers: frozenset[str]
    losers: tuple[tuple[Content, Content], ...] | None


def then(client: Asked, at: int) -> Then:
    """Look up what is needed to ask as of a time. Raises `StatementFailed`."""
    stragglers = frozenset(topic for (topic,) in client.rows(f"SELECT DISTINCT topic FROM ({_straggling(at)})"))
    query = f"""
        SELECT DISTINCT
            lower(hex(identity)), toUnixTimestamp64Milli(sent_at), lower(hex(content)), topic, partition,
            toUnixTimestamp(hour)
        FROM checkline.arrivals
        WHERE {_contested(at)}
    """
    contents = [Content(*row) for row in client.rows(query)]
    losers = conflicts_of(contents)
    return Then(at, stragglers, tuple(losers) if len(losers) <= MOST_LOSERS_WRITTEN_OUT else None)


def conflicts_of(contents: Iterable[Content]) -> list[tuple[Content, Content]]:
    """(winner, loser) for every content but the first of its identity, by (sent_at, content), whatever its topic."""
    by_identity: dict[str, set[Content]] = {}
    for one in contents:
        by_identity.setdefault(one.identity, set()).add(one)
    found = []
    for _, several in sorted(by_identity.items()):
        winner, *others = sorted(several)
        found += [(winner, loser) for loser in others if loser.content != winner.content]
    return found


def known_by(at: int) -> str:
    """SQL: the record had arrived. As whole numbers: no time is too large for them."""
    return f"toUnixTimestamp64Milli(appended_at) <= {at}"


def rows_known(table: EventTable, known: Then) -> str:
    """SQL: the row of an event table, that of its content's smallest offset, was known."""
    if table.topic not in known.stragglers:
        return known_by(known.at)
    behind = f"SELECT identity, content FROM ({_straggling(known.at)}) WHERE topic = '{table.topic}'"
    return f"({known_by(known.at)} OR (identity, content) IN ({behind}))"


def _straggling(at: int) -> str:
    """Records that arrived by a time behind the first that arrived later: producers of a campaign set the time."""
    return f"""
        SELECT topic, identity, content
        FROM checkline.arrivals
        INNER JOIN
        (
            SELECT topic, partition, min(offset) AS first
            FROM checkline.arrivals
            WHERE NOT ({known_by(at)})
            GROUP BY topic, partition
        ) AS later USING (topic, partition)
        WHERE outcome = 'STORED' AND {known_by(at)} AND offset > first
    """


def _contested(at: int) -> str:
    known = f"outcome = 'STORED' AND source_hash != 0 AND {known_by(at)}"
    return f"{known} AND identity IN (SELECT identity FROM checkline.conflicts)"


def as_known(query: str, known: Then) -> str:
    """The query, reading what was known then. Raises `NotKnownThen`."""
    pieces, end = [], 0
    for match in _PIECE.finditer(query):
        pieces.append(_plain(query[end : match.start()]))
        if match["passed"] is not None:
            pieces.append(_plain(match["passed"]))
        else:
            pieces.append(f"({_rows_then(match['name'], known)}){match['alias'] or ''}")
        end = match.end()
    pieces.append(_plain(query[end:]))
    return "".join(pieces)


def _plain(text: str) -> str:
    """Text that names no table. A name in quotes or in a text would be read as it is now."""
    if _OWN.search(text):
        raise NotKnownThen(
            f"{' '.join(text.split())[:60]}: name tables as checkline.name, without quotes, and columns by an alias of "
            "the table"
        )
    return text


def _rows_then(name: str, known: Then) -> str:
    if table := _BY_TABLE.get(name):
        merged = "SETTINGS do_not_merge_across_partitions_select_final = 1"
        return f"SELECT * FROM {table.name} FINAL WHERE {rows_known(table, known)} {merged}"
    if name == "arrivals":
        return f"SELECT * FROM checkline.arrivals FINAL WHERE {known_by(known.at)}"
    if name == "identities":
        columns = "source_hash, sequence, identity, content, sent_at, topic, partition, hour"
        stored = f"outcome = 'STORED' AND source_hash != 0 AND {known_by(known.at)}"
        return f"SELECT DISTINCT {columns} FROM checkline.arrivals WHERE {stored}"
    if name == "conflicts":
        return _conflicts(known)
    if name == "cells":
        return _cells(known)
    if name == "dead_letters":
        return f"SELECT * FROM checkline.dead_letters FINAL WHERE {known_by(known.at)}"
    if name in _views():
        return as_known(_views()[name], known)
    askable = sorted({*_BY_TABLE, "arrivals", "identities", "conflicts", "cells", "dead_letters"})
    raise NotKnownThen(
        f"checkline.{name} holds only what was known last, or is not there; what was known then can be asked of "
        f"{', '.join(askable)} and the views over them"
    )


@cache
def _views() -> dict[str, str]:
    """The views of this release: the SELECT of each, as the last migration that speaks of it has it."""
    found = {}
    for migration in migrations():
        for statement in statements(migration.text):
            if match := _VIEW.fullmatch(statement):
                found[match[1]] = match[2]
    return found


def _cells(known: Then) -> str:
    """The cells, counted from event rows as `sinks.counts` does."""
    parts = []
    for table in EVENT_TABLES.values():
        if table.site is None or table.measure is None:
            continue
        rows = _rows_then(table.name.removeprefix("checkline."), known)
        parts.append(
            f"SELECT '{table.topic}' AS topic, hour, {table.site} AS site, toString(kind) AS kind, "
            f"{table.measure} AS measure, partition, count() AS value FROM ({rows}) "
            f"WHERE (identity, content) NOT IN (SELECT identity, loser_content FROM ({_conflicts(known, table.topic)}))"
            " GROUP BY hour, site, kind, measure, partition"
        )
    return " UNION ALL ".join(parts)


def _conflicts(known: Then, topic: str | None = None) -> str:
    """The conflicts among the contents known then, those with losers of one topic or all."""
    columns = ("content", "sent_at", "topic", "partition", "hour")
    if known.losers is None:
        names = ", ".join(
            f"{which}.{place} AS {which}_{name}"
            for which in ("winner", "loser")
            for place, name in zip((2, 1, 3, 4, 5), columns, strict=True)
        )
        where = f" WHERE loser_topic = '{topic}'" if topic else ""
        return f"""
            SELECT identity, {names}
            FROM
            (
                SELECT
                    identity,
                    {WINNER_AND_LOSERS}
                FROM checkline.arrivals
                WHERE {_contested(known.at)}
                GROUP BY identity
            ){where}
        """
    rows = ", ".join(
        f"('{loser.identity}', {_content(winner)}, {_content(loser)})"
        for winner, loser in known.losers
        if topic in (None, loser.topic)
    )
    one = "Tuple(String, Int64, String, UInt16, Int64)"
    sql = {
        "content": "toFixedString(unhex({}.1), 16)",
        "sent_at": "fromUnixTimestamp64Milli({}.2, 'UTC')",
        "topic": "{}.3",
        "partition": "{}.4",
        "hour": "toDateTime({}.5, 'UTC')",
    }
    names = ", ".join(
        f"{sql[name].format(f'pair.{place}')} AS {which}_{name}"
        for place, which in ((2, "winner"), (3, "loser"))
        for name in columns
    )
    pairs = f"SELECT arrayJoin([{rows}]::Array(Tuple(String, {one}, {one}))) AS pair"
    return f"SELECT toFixedString(unhex(pair.1), 16) AS identity, {names} FROM ({pairs})"


def _content(one: Content) -> str:
    return f"('{one.content}', {one.sent_at}, '{one.topic}', {one.partition}, {one.hour})"
