"""What was known of a person at a time, read from the event tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from replay.story import Known, Row, Story, is_too_old, story
from schemas import topics
from schemas.policy import default_policy
from schemas.registry import default_registry
from sinks.tables import EVENT_TABLES
from streams.reference import Reference

_PERSON_TOPICS = tuple(topic.name for topic in topics.PERSON_TOPICS)
_OF_TOKEN = "token = %(token)s"


class QueryClient(Protocol):
    """What is used of `clickhouse_driver.Client`."""

    def execute(self, query: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...


class _Stored(NamedTuple):
    """A row of an event table: that of the record with the smallest offset of those with its content."""

    partition: int
    offset: int
    identity: str
    content: str
    row: dict[str, Any]


def explain(client: QueryClient, token: str, as_of: int) -> Story:
    """The story of a token, from the events that had arrived by ``as_of`` (UTC milliseconds)."""
    return story(known_from_tables(client, token, as_of))


def known_from_tables(client: QueryClient, token: str, as_of: int) -> Known:
    """What the event tables hold about a person that had arrived by ``as_of`` (UTC milliseconds)."""
    limits = default_policy().arrival.limits
    rows: list[tuple[str, Row]] = []
    for topic in _PERSON_TOPICS:
        stored = _stored(client, topic, _OF_TOKEN, {"token": token})
        # A later record of the same content may have arrived earlier: producers set the time of arrival in campaigns.
        doubtful = [one for one in stored if one.row["appended_at"] > as_of or is_too_old(one.row, limits)]
        firsts = _first_arrivals(client, topic, _OF_TOKEN, {"token": token}, doubtful)
        for one in stored:
            first = firsts.get((one.identity, one.content), one.row["appended_at"])
            if first <= as_of:
                rows.append((topic, {**one.row, "appended_at": first}))
    return Known(token, as_of, rows, reference_as_of(client, as_of), limits)


def reference_as_of(client: QueryClient, as_of: int) -> Reference:
    """Reference data as known at a time (UTC milliseconds)."""
    topic = topics.REFERENCE.name
    reference = Reference(default_policy().arrival.limits)
    stored = _stored(client, topic, "1", {})
    firsts = _first_arrivals(client, topic, "1", {}, stored)
    for one in stored:
        first = firsts.get((one.identity, one.content), one.row["appended_at"])
        if first <= as_of:
            add_reference(reference, one.row["entity_id"], one.row, first)
    return reference


def add_reference(reference: Reference, entity_id: str, row: Row, appended_at: int) -> None:
    """Take in a reference row; one that says what cannot be used is left out, as the worker does."""
    try:
        reference.add(entity_id, row, appended_at)
    except ValueError:
        return


def _stored(client: QueryClient, topic: str, where: str, params: Mapping[str, Any]) -> list[_Stored]:
    """Whole rows of an event table with times as UTC milliseconds, each content once.

    Without FINAL: equal contents have equal tokens, so what FINAL would choose is chosen here of the few rows found.
    """
    table = EVENT_TABLES[topic]
    names, expressions = columns_of(topic)
    said = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(expressions))
    places = "partition, offset, lower(hex(identity)), lower(hex(content))"
    query = f"SELECT {places}, {said} FROM {table.name} WHERE {where} ORDER BY offset"
    found: dict[tuple[str, str], _Stored] = {}
    for partition, offset, identity, content, *values in client.execute(query, params):
        row = dict(zip(names, values, strict=True))
        found.setdefault((identity, content), _Stored(partition, offset, identity, content, row))
    return list(found.values())


def columns_of(topic: str, fields: Sequence[str] | None = None) -> tuple[list[str], list[str]]:
    """Names of a row's values (key, time of arrival, some or all fields), and the SQL of each: times as UTC
    milliseconds, codes as symbols."""
    key = EVENT_TABLES[topic].key
    names, expressions = [key, "appended_at"], [key, "toUnixTimestamp64Milli(appended_at)"]
    for shape in default_registry().latest(topic).shapes:
        if fields is not None and shape.name not in fields:
            continue
        names.append(shape.name)
        if shape.logical:
            expressions.append(f"toUnixTimestamp64Milli({shape.name})")
        else:
            expressions.append(f"toString({shape.name})" if shape.kind == "enum" else shape.name)
    return names, expressions


_FIRST_ARRIVALS = """
SELECT lower(hex(identity)), lower(hex(content)), toUnixTimestamp64Milli(min(appended_at))
FROM checkline.arrivals
WHERE topic = %(topic)s AND partition = %(partition)s AND offset >= %(offset)s AND outcome = 'STORED'
    AND identity IN (SELECT identity FROM {table} WHERE {where})
GROUP BY identity, content
"""


def _first_arrivals(
    client: QueryClient, topic: str, where: str, params: Mapping[str, Any], doubtful: Sequence[_Stored]
) -> dict[tuple[str, str], int]:
    """When the first record with each content arrived, whatever its offset: {(identity, content): UTC milliseconds},
    of the doubtful ones at least. ``where`` chooses rows of one key, or of a topic of one partition."""
    if not doubtful:
        return {}
    first = min(doubtful, key=lambda one: one.offset)
    place = {"topic": topic, "partition": first.partition, "offset": first.offset}
    query = _FIRST_ARRIVALS.format(table=EVENT_TABLES[topic].name, where=where)
    found = client.execute(query, {**params, **place})
    # Behind the first doubtful row lie repeats of others, whose own first record may lie before it.
    contents = {(one.identity, one.content) for one in doubtful}
    return {(identity, content): at for identity, content, at in found if (identity, content) in contents}
