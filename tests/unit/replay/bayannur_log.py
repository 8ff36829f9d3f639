"""The Bayannur exercise as its log has it: rows alone, without the script that they were written down in."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from replay.campaigns.bayannur import exercise, reference
from schemas import topics
from schemas.codes import DecisionOutcome, RiskTier, SiteKind
from schemas.divisions import DivisionTree
from schemas.policy import Policy, parse_policy, policy_text
from schemas.topics import Topic
from schemas.validity import Limits
from streams import person_clocks, reports, urgent
from streams.admission import Advice, Entry, advise
from streams.clocks import Clock
from streams.facts import PersonFact
from streams.facts import facts_of as person_facts_of
from streams.reference import PERSONS, UNITS, Reference
from streams.tiers import measures_at, notices_of, tier_at

Row = Mapping[str, Any]
_TRANSIT_MS = 100


@cache
def rows(topic: Topic) -> list[dict[str, Any]]:
    """All rows of a topic with their key and time of arrival, in the order of arrival."""
    found = []
    for event in (*reference(), *exercise()):
        name, key, row = event.record()
        if name == topic.name:
            model = type(event)
            found.append({**row, model.key_field: key.decode(), "appended_at": row["sent_at"] + _TRANSIT_MS})
    return sorted(found, key=lambda row: row["appended_at"])


def of_kind(topic: Topic, kind: str) -> list[dict[str, Any]]:
    """Rows of one kind."""
    return [row for row in rows(topic) if row["kind"] == kind]


def reference_at(at: int) -> Reference:
    """Reference data that had arrived by a time, UTC milliseconds."""
    known = Reference(Limits())
    for row in rows(topics.REFERENCE):
        if row["appended_at"] <= at:
            known.add(row["entity_id"], row, row["appended_at"])
    return known


@cache
def policy() -> Policy:
    """The plan, as the exercise publishes it."""
    (row,) = of_kind(topics.REFERENCE, "POLICY_VERSION")
    assert row["document"] == policy_text("bayannur-2020")
    return parse_policy(row["document"])


def tree() -> DivisionTree:
    return DivisionTree(of_kind(topics.REFERENCE, "DIVISION"))


def tier(place: str, at: int) -> RiskTier:
    """The tier whose measures reach a place."""
    return tier_at(policy(), place, at, notices_of(of_kind(topics.REFERENCE, "RISK_AREA")), tree())


def measures(place: str, at: int, site_kind: SiteKind = SiteKind.COMMUNITY) -> dict[str, bool]:
    """Measures of tiers at a place and whether they bind."""
    notices = notices_of(of_kind(topics.REFERENCE, "RISK_AREA"))
    found = measures_at(policy(), place, at, notices, tree(), site_kind)
    return {one.measure.name: one.measure.binding for one in found if one.notice is not None}


def advice(passage: Row) -> Advice:
    """What the system advises on a passage."""
    sites = {row["entity_id"]: row for row in of_kind(topics.REFERENCE, "SITE")}
    readings = [row for row in of_kind(topics.TEMPERATURES, "READING") if row["passage_id"] == passage["passage_id"]]
    site = sites[passage["site"]]
    value = readings[0]["value_tenths"] if readings and passage["subject_kind"] == "PERSON" else None
    entry = Entry.of_passage(passage, value, site["category"])
    applied = measures(site["division"], passage["occurred_at"], SiteKind[passage["site_kind"]])
    return advise(policy(), entry, applied)


def decided(passage: Row) -> DecisionOutcome:
    """What the guard did."""
    (row,) = (one for one in of_kind(topics.CHECK_INS, "DECISION") if one["passage_id"] == passage["passage_id"])
    return DecisionOutcome[row["decision"]]


def person_clocks_at(at: int) -> dict[str, Clock]:
    """Clocks of all persons from what had arrived by a time; ids name tasks and leads, which are nobody's twice."""
    known = reference_at(at)
    facts: dict[str, list[PersonFact]] = {}
    for topic in topics.PERSON_TOPICS:
        for row in rows(topic):
            if row["appended_at"] <= at:
                facts.setdefault(row["token"], []).extend(person_facts_of(topic.name, row))
    for member, row in known.expectations(PERSONS, 0, known.expected(PERSONS))[0]:
        facts.setdefault(member.decode(), []).extend(person_facts_of(topics.REFERENCE.name, row))
    found: dict[str, Clock] = {}
    for of_person in facts.values():
        found |= person_clocks.clocks(of_person, known, at)
    return found


def unit_facts_at(at: int) -> dict[str, list[reports.UnitFact]]:
    """Facts of units and orders from what had arrived by a time."""
    known = reference_at(at)
    facts: dict[str, list[reports.UnitFact]] = {}
    for row in rows(topics.REPORTS):
        if row["appended_at"] <= at:
            facts.setdefault(row["unit_id"], []).append(reports.facts_of(row))
    for key, row in known.expectations(UNITS, 0, known.expected(UNITS))[0]:
        facts.setdefault(key.decode(), []).append(reports.facts_of(row))
    return facts


def unit_clocks_at(at: int) -> dict[str, Clock]:
    """Clocks of all units and orders from what had arrived by a time."""
    known = reference_at(at)
    found: dict[str, Clock] = {}
    for facts in unit_facts_at(at).values():
        found |= reports.clocks(facts, known, at)
    return found


def urgent_clocks_at(at: int) -> dict[str, Clock]:
    """Clocks of urgent needs from what had arrived by a time."""
    known = reference_at(at)
    facts: dict[str, list[urgent.UrgentFact]] = {}
    for row in rows(topics.URGENT_CARE):
        if row["appended_at"] <= at:
            facts.setdefault(row["token"], []).append(urgent.facts_of(row))
    found: dict[str, Clock] = {}
    for of_person in facts.values():
        found |= urgent.clocks(of_person, known)
    return found
