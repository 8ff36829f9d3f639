"""Which dead letters there are, and what became of each: asked of the column store."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from xxhash import xxh3_64_intdigest

from infra.dead_letters.positions import Position
from schemas.codes import Refusal
from schemas.identities import EventId
from sinks.clickhouse import ClickHouse

NOT_FOLDED = (Refusal.BEYOND_HORIZON, Refusal.RULE_ERROR)
"""Records refused for these reasons are stored and counted all the same; only no verdict uses them."""

OPEN, RETRIED, SETTLED = "open", "retried", "settled"


class Retry(NamedTuple):
    """That a record was published again: when (UTC, ms, by the machine's clock), by whom, where it lies now, and
    whether something in it was corrected."""

    at: int
    by: str
    to: Position
    corrected: bool


class Letter(NamedTuple):
    """A refused record.

    ``source`` and ``sequence``: its event's identity where that can be read, else '' and None; ``letter``: partition
    and offset in the dead letters' topic, None where the sinks alone refused it; ``retry``: the last one.
    """

    position: Position
    appended_at: int
    reason: Refusal
    field: str | None
    detail: str
    schema_id: int | None
    owner: str
    source: str
    sequence: int | None
    letter: tuple[int, int] | None
    retry: Retry | None
    state: str


class Selection(NamedTuple):
    """Which letters are meant; what is None or empty leaves all in. Times are UTC milliseconds, ``until`` excluded."""

    topic: str | None = None
    reason: Refusal | None = None
    since: int | None = None
    until: int | None = None
    source: str | None = None
    states: tuple[str, ...] = ()


class Group(NamedTuple):
    """Letters of one topic and reason, by state."""

    topic: str
    reason: str
    letters: int
    open: int
    retried: int
    settled: int


_COLUMNS = """
    topic, partition, offset, toUnixTimestamp64Milli(appended_at), reason, field, detail, schema_id, owner, source,
    sequence, letter_partition, letter_offset, retries, toUnixTimestamp64Milli(retried_at), retried_by, retried_topic,
    retried_partition, retried_offset, corrected, state
"""


def find_letters(client: ClickHouse, selection: Selection, limit: int | None = None) -> list[Letter]:
    """Letters, the newest first. Raises StatementFailed."""
    where, parameters = _where(selection)
    query = f"""
        SELECT {_COLUMNS} FROM checkline.dead_letter_states WHERE {where}
        ORDER BY appended_at DESC, topic, partition, offset {f"LIMIT {limit:d}" if limit is not None else ""}
    """
    return [_letter(row) for row in client.rows(query, parameters)]


def find_letter(client: ClickHouse, position: Position) -> Letter | None:
    """The letter of a record that was refused at a position. Raises StatementFailed."""
    query = f"""
        SELECT {_COLUMNS} FROM checkline.dead_letter_states
        WHERE topic = %(topic)s AND partition = %(partition)s AND offset = %(offset)s
    """
    rows = client.rows(query, position._asdict())
    return _letter(rows[0]) if rows else None


def summarise(client: ClickHouse, selection: Selection) -> list[Group]:
    """How many letters each topic and reason has. Raises StatementFailed."""
    where, parameters = _where(selection)
    query = f"""
        SELECT topic, reason, count(), countIf(state = 'open'), countIf(state = 'retried'), countIf(state = 'settled')
        FROM checkline.dead_letter_states WHERE {where} GROUP BY topic, reason ORDER BY topic, reason
    """
    return [Group(*row) for row in client.rows(query, parameters)]


def stored_contents(client: ClickHouse, identity: EventId) -> set[bytes]:
    """Content hashes of what is stored under an identity. Raises StatementFailed."""
    query = """
        SELECT DISTINCT content FROM checkline.identities
        WHERE source_hash = %(source_hash)s AND sequence = %(sequence)s
    """
    source_hash = xxh3_64_intdigest(identity.source.encode()) or 1
    rows = client.bytes_rows(query, {"source_hash": source_hash, "sequence": identity.sequence})
    return {content for (content,) in rows}


def _where(selection: Selection) -> tuple[str, Mapping[str, Any]]:
    terms = {
        "topic": "topic = %(topic)s",
        "reason": "reason = %(reason)s",
        "since": "appended_at >= fromUnixTimestamp64Milli(toInt64(%(since)s))",
        "until": "appended_at < fromUnixTimestamp64Milli(toInt64(%(until)s))",
        "source": "source = %(source)s",
        "states": "state IN %(states)s",
    }
    meant = {name: value for name, value in selection._asdict().items() if value not in (None, ())}
    return " AND ".join(terms[name] for name in meant) or "1", meant


def _letter(row: tuple[Any, ...]) -> Letter:
    topic, partition, offset, appended_at, reason, field, detail, schema_id, owner, source, sequence = row[:11]
    letter_partition, letter_offset, retries, at, by, to_topic, to_partition, to_offset, corrected, state = row[11:]
    return Letter(
        Position(topic, partition, offset),
        appended_at,
        Refusal[reason],
        field,
        detail,
        schema_id,
        owner,
        source,
        sequence if source else None,
        (letter_partition, letter_offset) if letter_offset >= 0 else None,
        Retry(at, by, Position(to_topic, to_partition, to_offset), corrected) if retries else None,
        state,
    )
