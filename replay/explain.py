"""A person's story: what was observed, what follows from it, and which events are behind each verdict and deadline.

Everything is computed again from the event tables by the same pure rules that the worker runs, so the answer can be
held against what the worker published.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from schemas import topics
from schemas.policy import default_policy
from schemas.registry import default_registry
from streams.clocks import Clock, clocks, outcome
from streams.facts import PersonFact, facts_of
from streams.reference import Reference
from streams.risk import Segment, timeline, verdict

_TABLES = {
    topics.CHECK_INS.name: ("check_ins", "token"),
    topics.TEMPERATURES.name: ("temperatures", "token"),
    topics.FOLLOW_UPS.name: ("follow_ups", "token"),
    topics.REFERENCE.name: ("reference", "entity_id"),
}


class QueryClient(Protocol):
    """What is used of `clickhouse_driver.Client`."""

    def execute(self, query: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...


class Observed(NamedTuple):
    """One event about the person: when (UTC milliseconds), at which offset from UTC, its id, its kind, what it states.

    ``too_old`` events were sent beyond the horizon: they are counted, but no verdict uses them.
    """

    at: int
    zone_offset_minutes: int
    event: str
    topic: str
    kind: str
    states: dict[str, Any]
    too_old: bool


class Story(NamedTuple):
    """All that is known of a person as of a time."""

    token: str
    as_of: int
    observed: list[Observed]
    segments: list[Segment]
    verdict: Segment | None
    clocks: list[Clock]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON document."""
        return {
            "token": self.token,
            "as_of": self.as_of,
            "verdict": _segment_json(self.verdict) if self.verdict else None,
            "timeline": [_segment_json(segment) for segment in self.segments],
            "clocks": [
                {**clock._asdict(), "evidence": list(clock.evidence), "outcome": str(outcome(clock, self.as_of))}
                for clock in self.clocks
            ],
            "observed": [one._asdict() for one in self.observed],
        }


def _segment_json(segment: Segment) -> dict[str, Any]:
    return {**segment._asdict(), "evidence": list(segment.evidence)}


def _select(topic: str, where: str) -> tuple[str, list[str]]:
    """Query for whole rows of an event table with times as UTC milliseconds, and the names of its columns."""
    table, key = _TABLES[topic]
    names, expressions = [key, "appended_at"], [key, "toUnixTimestamp64Milli(appended_at)"]
    for field in default_registry().latest(topic).fields:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        is_time = any(isinstance(kind, dict) and kind.get("logicalType") for kind in kinds)
        is_code = any(isinstance(kind, dict) and kind["type"] == "enum" for kind in kinds)
        names.append(field["name"])
        if is_time:
            expressions.append(f"toUnixTimestamp64Milli({field['name']})")
        else:
            expressions.append(f"toString({field['name']})" if is_code else field["name"])
    known = "toUnixTimestamp64Milli(appended_at) <= %(as_of)s"
    columns = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(expressions))
    return f"SELECT {columns} FROM checkline.{table} FINAL WHERE {where} AND {known}", names


def _rows(client: QueryClient, topic: str, where: str, params: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    query, names = _select(topic, where)
    return [dict(zip(names, values, strict=True)) for values in client.execute(query, params)]


def reference_as_of(client: QueryClient, as_of: int) -> Reference:
    """Reference data as known at a time (UTC milliseconds)."""
    reference = Reference(default_policy().arrival.limits)
    for row in _rows(client, topics.REFERENCE.name, "1", {"as_of": as_of}):
        reference.add(row["entity_id"], row, row["appended_at"])
    return reference


def explain(client: QueryClient, token: str, as_of: int) -> Story:
    """The story of a token, from the events that had arrived by ``as_of`` (UTC milliseconds)."""
    facts: list[PersonFact] = []
    observed: list[Observed] = []
    limits = default_policy().arrival.limits
    for topic in (topic.name for topic in topics.PERSON_TOPICS):
        for row in _rows(client, topic, "token = %(token)s", {"token": token, "as_of": as_of}):
            too_old = limits.too_old(row["occurred_at"], row["sent_at"], row["appended_at"])
            facts += [] if too_old else facts_of(topic, row)
            observed.append(_observed(topic, row, too_old))
    reference = reference_as_of(client, as_of)
    segments = timeline(facts, reference)
    found = sorted(clocks(facts, reference).values(), key=lambda clock: (clock.opened_at, clock.clock_id))
    observed.sort(key=lambda one: (one.at, one.event))
    return Story(token, as_of, observed, segments, verdict(segments, as_of), found)


def _observed(topic: str, row: Mapping[str, Any], too_old: bool) -> Observed:
    silent = {"kind", "source", "sequence", "occurred_at", "sent_at", "appended_at", "zone_offset_minutes", "token"}
    states = {
        name: value for name, value in row.items() if name not in silent and value not in (None, "NOT_STATED", [], "")
    }
    event = f"{row['source']}#{row['sequence']}"
    return Observed(row["occurred_at"], row["zone_offset_minutes"], event, topic, row["kind"], states, too_old)
