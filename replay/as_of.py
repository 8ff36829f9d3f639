"""The state as known at a time: every person's verdict and every clock of persons, units and orders, recomputed by the
worker's rules from the event rows whose records had arrived by then, partition by partition.

Only rows that can matter are fetched: the SQL of `screened` lets through what `streams.screen` does, so that most of a
partition stays in the tables.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from replay.explain import columns_of
from replay.known_then import Asked, Then, as_known, known_by, rows_known
from replay.story import Row, clock_json, facts_of_row, is_too_old, kept, rules
from schemas import topics
from schemas.codes import ClockOutcome, RiskLevel
from schemas.identities import is_token
from schemas.validity import Limits
from schemas.wire.partitioner import partitions_of_keys
from sinks.tables import EVENT_TABLES
from streams import reports
from streams.clocks import Clock, outcome
from streams.facts import PersonFact, facts_of
from streams.person_clocks import clocks
from streams.reference import PERSONS, UNITS, Reference
from streams.reports import UnitFact
from streams.risk import verdict

SOON_MS = 3_600_000
OPEN_OUTCOMES = (ClockOutcome.OPEN, ClockOutcome.BREACHED)

_OF_EVERY_EVENT = ("kind", "source", "sequence", "occurred_at", "sent_at", "symptoms")
FACT_FIELDS = {
    topics.CHECK_INS.name: (
        *_OF_EVERY_EVENT,
        *("passage_id", "decision", "decided_by_role", "health_code", "origin_area", "origin_tier"),
    ),
    topics.TEMPERATURES.name: (
        *_OF_EVERY_EVENT,
        *("value_tenths", "method", "site_kind", "confirms_source", "confirms_sequence", "task", "slot"),
    ),
    topics.FOLLOW_UPS.name: (
        *_OF_EVERY_EVENT,
        *("zone_offset_minutes", "lead_id", "lead_source", "push_mode", "home_province", "received_at", "method"),
        *("outcome", "reason", "task", "upheld", "corrects_source", "corrects_sequence"),
        *("programme", "place", "due_at", "approved"),
    ),
}
"""The fields of a row that `streams.facts` reads."""

UNIT_FIELDS = (
    *("kind", "source", "sequence", "occurred_at", "sent_at", "zone_offset_minutes", "indicator", "period_until"),
    *("value", "matter", "matter_kind", "step", "involves_firm"),
)
"""The fields of a row that `streams.reports` reads."""


class Person(NamedTuple):
    """A person of whom facts are kept: the level in force, and all clocks."""

    token: str
    level: RiskLevel
    clocks: list[Clock]


class Waiting(NamedTuple):
    """An open clock of the queue."""

    token: str
    outcome: ClockOutcome
    clock: Clock

    def as_json(self, as_of: int) -> dict[str, Any]:
        """Plain values for a JSON document."""
        return {"token": self.token, **clock_json(self.clock, as_of), "left_ms": self.clock.due_at - as_of}


class Records(NamedTuple):
    """What of a topic had arrived: records of the log, of which repeats of stored ones, marks and refused ones; and
    events: each identity once."""

    topic: str
    records: int
    events: int
    repeats: int
    marks: int
    refused: int


class Overview(NamedTuple):
    """The state as known at a time (UTC milliseconds). ``known_until``: the latest arrival that the tables hold."""

    as_of: int
    known_until: int
    levels: dict[RiskLevel, int]
    outcomes: dict[tuple[str, ClockOutcome], int]
    due_soon: int
    overdue: int
    records: list[Records]
    dead_letters: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON document."""
        return {
            "as_of": self.as_of,
            "known_until": self.known_until,
            "persons": {level.value: number for level, number in self.levels.items()},
            "clocks": {
                "outcomes": [
                    {"deadline_class": of_class, "outcome": proven.value, "clocks": number}
                    for (of_class, proven), number in self.outcomes.items()
                ],
                "due_within_the_hour": self.due_soon,
                "overdue": self.overdue,
            },
            "topics": [one._asdict() for one in self.records],
            "dead_letters": self.dead_letters,
        }


def screened(topic: str, reference: Reference) -> str:
    """SQL: the row can matter under any policy version in the book, as `streams.screen.screen` has it."""
    if topic == topics.FOLLOW_UPS.name:
        return "1"
    if topic == topics.TEMPERATURES.name:
        rules_known = [policy.risk.temperature for policy in reference.policies.policies]
        limits = [limit for rule in rules_known for limit in (rule.default, *rule.by_site_kind.values())]
        loosest = min(limit.lowest_crossing for limit in limits)
        return (
            f"(notEmpty(symptoms) OR value_tenths >= {loosest} OR confirms_source IS NOT NULL OR task IS NOT NULL "
            "OR slot != 'NOT_STATED')"
        )
    tiers = "".join(f" OR origin_tier = '{tier}'" for tier in sorted(reference.policies.risky_tiers))
    areas = ", ".join("unhex('" + area.encode().hex() + "')" for area in reference.risky_areas)
    risky = f" OR ifNull(origin_area IN ({areas}), 0)" if areas else ""
    seen = "notEmpty(symptoms) OR kind != 'PASSAGE' OR health_code NOT IN ('NOT_STATED', 'GREEN')"
    return f"({seen}{tiers}{risky})"


def persons(client: Asked, known: Then, reference: Reference, limits: Limits, partitions: int) -> Iterator[Person]:
    """Everybody of whom facts were known, partition by partition. Raises `StatementFailed`."""
    fold = rules(reference)
    expected, _ = reference.expectations(PERSONS, 0, reference.expected(PERSONS))
    places = partitions_of_keys([key for key, _ in expected], partitions).tolist() if expected else []
    for partition in range(partitions):
        facts: dict[str, list[PersonFact]] = {}
        for (key, expectation), place in zip(expected, places, strict=True):
            if place == partition:
                facts.setdefault(key.decode(), []).extend(facts_of(topics.REFERENCE.name, expectation))
        for topic, of, row in _rows(client, known, reference, partition):
            if not is_too_old(row, limits):
                facts.setdefault(of, []).extend(facts_of_row(fold, topic, row) or ())
        for of, found in facts.items():
            if found:
                yield judged_then(of, kept(found), reference, known.at)


def units(client: Asked, known: Then, reference: Reference) -> Iterator[Person]:
    """Units and orders that have clocks, as who has no level. Raises `StatementFailed`."""
    facts: dict[str, list[UnitFact]] = {}
    expected, _ = reference.expectations(UNITS, 0, reference.expected(UNITS))
    for key, expectation in expected:
        facts.setdefault(key.decode(), []).append(reports.facts_of(expectation))
    table = EVENT_TABLES[topics.REPORTS.name]
    names, expressions = columns_of(topics.REPORTS.name, UNIT_FIELDS)
    said = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(expressions))
    for values in client.rows(f"SELECT {said} FROM {table.name} WHERE {rows_known(table, known)}"):
        row = dict(zip(names, values, strict=True))
        facts.setdefault(row[table.key], []).append(reports.facts_of(row))
    for of, found in facts.items():
        if of_unit := reports.clocks(found, reference, known.at):
            yield Person(of, RiskLevel.NONE, [*of_unit.values()])


def judged_then(token: str, facts: list[PersonFact], reference: Reference, as_of: int) -> Person:
    """A person's level and clocks from the facts of the state."""
    now = verdict(rules(reference).timeline(token, facts), as_of)
    return Person(token, RiskLevel[now.level] if now else RiskLevel.NONE, [*clocks(facts, reference, as_of).values()])


def _rows(client: Asked, known: Then, reference: Reference, partition: int) -> Iterator[tuple[str, str, Row]]:
    """Topic, token and fields of the rows of a partition that can matter. Without FINAL: facts are a union."""
    for topic, fields in FACT_FIELDS.items():
        table = EVENT_TABLES[topic]
        names, expressions = columns_of(topic, fields)
        said = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(expressions))
        where = f"partition = {partition} AND {rows_known(table, known)} AND {screened(topic, reference)}"
        for values in client.rows(f"SELECT {said} FROM {table.name} WHERE {where}"):
            row = dict(zip(names, values, strict=True))
            row["appended_at"] = min(row["appended_at"], known.at)
            yield topic, row["token"], row


def queue(found: Iterable[Person], as_of: int) -> list[Waiting]:
    """Open clocks, those first that are due first: what is overdue stands before what is not."""
    waiting = [
        Waiting(person.token, proven, clock)
        for person in found
        for clock in person.clocks
        if (proven := outcome(clock, as_of)) in OPEN_OUTCOMES
    ]
    return sorted(waiting, key=lambda one: (one.clock.due_at, one.token, one.clock.clock_id))


def overview(
    client: Asked, known: Then, reference: Reference, limits: Limits, partitions: int, known_until: int
) -> Overview:
    """Persons by level, clocks by outcome, records by topic, refused records by reason. Raises `StatementFailed`."""
    levels, outcomes, soon, overdue = Counter[RiskLevel](), Counter[tuple[str, ClockOutcome]](), 0, 0
    everybody = chain(persons(client, known, reference, limits, partitions), units(client, known, reference))
    for person in everybody:
        if is_token(person.token) and person.token.startswith("p"):
            levels[person.level] += 1
        for clock in person.clocks:
            proven = outcome(clock, known.at)
            outcomes[clock.deadline_class, proven] += 1
            overdue += proven is ClockOutcome.BREACHED
            soon += proven is ClockOutcome.OPEN and clock.due_at - known.at <= SOON_MS
    seen = _persons_seen(client, known, partitions)
    levels[RiskLevel.NONE] = seen - sum(number for level, number in levels.items() if level is not RiskLevel.NONE)
    return Overview(
        known.at,
        known_until,
        {level: levels[level] for level in RiskLevel},
        dict(sorted(outcomes.items())),
        soon,
        overdue,
        _records(client, known),
        dict(client.rows(f"SELECT reason, count() AS letters {_refused(known)} GROUP BY reason ORDER BY reason")),
    )


def _persons_seen(client: Asked, known: Then, partitions: int) -> int:
    """Persons of whom any event was known: a token has one partition."""
    total = 0
    for partition in range(partitions):
        tables = [EVENT_TABLES[topic] for topic in FACT_FIELDS]
        of_topics = " UNION ALL ".join(
            f"SELECT token FROM {table.name} "
            f"WHERE partition = {partition} AND startsWith(token, 'p') AND {rows_known(table, known)}"
            for table in tables
        )
        total += client.rows(f"SELECT uniqExact(token) FROM ({of_topics})")[0][0]
    return total


def _records(client: Asked, known: Then) -> list[Records]:
    counted = """
        SELECT topic, count(), countIf(outcome = 'STORED'), countIf(outcome = 'MARK'), countIf(outcome = 'REFUSED')
        FROM checkline.arrivals
        GROUP BY topic
    """
    by_topic = {topic: numbers for topic, *numbers in client.rows(as_known(counted, known))}
    found = []
    for topic in (topic.name for topic in topics.INPUT_TOPICS):
        records, stored, marks, refused = by_topic.get(topic, (0, 0, 0, 0))
        if topic == topics.URGENT_CARE.name:  # its table is not for those who ask here
            query = "SELECT uniqExact(identity), uniqExact(identity, content) FROM checkline.identities "
            events, contents = client.rows(as_known(f"{query} WHERE topic = '{topic}'", known))[0]
        else:
            table = EVENT_TABLES[topic]
            contents = client.rows(as_known(f"SELECT count() FROM {table.name}", known))[0][0]
            events = client.rows(as_known(f"SELECT count() FROM {_valid(table.name)}", known))[0][0]
        found.append(Records(topic, records, events, stored - contents, marks, refused))
    return found


def _valid(table: str) -> str:
    database, name = table.split(".")
    return f"{database}.valid_{name}"


def _refused(known: Then) -> str:
    """FROM clause: every refused record of an input topic once, those among them that are stored but not folded."""
    names = ", ".join(f"'{topic.name}'" for topic in topics.INPUT_TOPICS)
    return f"""
        FROM
        (
            SELECT DISTINCT topic, toInt64(partition) AS partition, offset, toString(reason) AS reason
            FROM checkline.dead_letters
            WHERE {known_by(known.at)}
            UNION DISTINCT
            SELECT topic, toInt64(partition), offset, toString(reason)
            FROM checkline.arrivals
            WHERE outcome = 'REFUSED' AND topic IN ({names}) AND {known_by(known.at)}
        )
    """
