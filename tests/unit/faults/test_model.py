"""The model's tables agree with the public contract, and it decides small cases as the design says."""

import ast
from pathlib import Path
from typing import Any

import pytest
from kafka.partitioner.default import murmur2 as kafka_murmur2

import tests.faults.model as model_package
from schemas.events import RANGES, required_fields
from tests.faults.model.judgement import BOUNDS, DAY, HOUR, MUST_STATE, murmur2
from tests.faults.scenarios.world import START
from tests.unit.faults.desk import PERSON, Desk


def test_the_model_imports_none_of_the_rooms_that_it_judges() -> None:
    for path in Path(next(iter(model_package.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] in ("streams", "sinks", "replay", "infra")]
            assert {name for name in names if name.startswith("schemas")} <= {"schemas.topics"}


@pytest.mark.parametrize("topic", MUST_STATE)
def test_what_must_be_stated_is_what_the_models_of_the_events_require(topic: str) -> None:
    required = {kind: set(fields) for kind, fields in required_fields(topic).items()}
    assert {kind: set(fields) for kind, fields in MUST_STATE[topic].items()} == required


def test_bounds_are_those_of_the_contract() -> None:
    assert {name: BOUNDS[name] for name in RANGES} == dict(RANGES)


def test_murmur2_is_kafka_s() -> None:
    for key in (b"", b"a", b"ab", b"abc", b"abcd", PERSON.encode(), "张三".encode()):
        assert murmur2(key) == kafka_murmur2(key) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("site_kind", "tenths", "high"),
    [("SCHOOL", 373, False), ("SCHOOL", 374, True), ("RAIL", 372, False), ("RAIL", 373, True)],
)
def test_schools_ask_for_more_than_the_threshold_stations_for_as_much(site_kind: str, tenths: int, high: bool) -> None:
    desk = Desk()
    desk.reading(START, tenths, site_kind=site_kind)
    assert desk.segments() == ([(START, START + DAY, "HIGH")] if high else [])


def test_a_reading_counts_until_it_is_confirmed() -> None:
    desk = Desk()
    desk.reading(START, 390)
    desk.reading(START + HOUR, 366, confirms_source="desk-1", confirms_sequence=1)
    assert desk.segments() == [(START, START + HOUR, "HIGH")]


def test_the_higher_level_counts_and_what_is_taken_back_does_not() -> None:
    desk = Desk()
    desk.reading(START, 366, symptoms=["FEVER"])
    desk.reading(START + HOUR, 390)
    assert [level for *_, level in desk.segments()] == ["MEDIUM", "HIGH", "MEDIUM"]
    fields: dict[str, Any] = {"corrects_source": "desk-1", "corrects_sequence": 2, "reason": "broken"}
    desk.say("follow-ups", "CORRECTION", START + 2 * HOUR, **fields)
    assert desk.segments() == [(START, START + 3 * DAY, "MEDIUM")]


@pytest.mark.parametrize(
    ("push_mode", "done_after", "outcome"),
    [
        ("BATCH", 24 * HOUR, "MET"),
        ("BATCH", 24 * HOUR + 1, "LATE"),
        ("ROUTINE", 16 * HOUR - 1, "MET"),
        ("ROUTINE", 16 * HOUR, "LATE"),
        ("BATCH", None, "BREACHED"),
    ],
)
def test_the_end_of_24_hours_is_in_time_and_midnight_is_not(
    push_mode: str, done_after: int | None, outcome: str
) -> None:
    desk = Desk()
    fields: dict[str, Any] = {
        "lead_id": "lead-1",
        "lead_source": "BIG_DATA",
        "push_mode": push_mode,
        "home_province": True,
    }
    desk.say("follow-ups", "LEAD_OPENED", START, received_at=START, **fields)
    if done_after is not None:
        desk.say("follow-ups", "LEAD_VERIFIED", START + done_after, lead_id="lead-1", method="PHONE")
    desk.mark(START + 3 * DAY)
    ((_, found),) = desk.model.outcomes().items()
    assert [one.outcome for one in found] == [outcome]
    assert [one.breached for one in found] == [outcome in ("LATE", "BREACHED")]


def test_of_two_contents_under_one_identity_the_one_sent_first_is_counted() -> None:
    desk = Desk()
    desk.reading(START + HOUR, 366, site="gate-1")
    desk.source.sequence = 0
    desk.reading(START, 367, site="gate-2")
    assert list(desk.model.cells()) == [("temperatures", START, "gate-2", "READING", "NOT_STATED")]
    assert len(desk.model.conflicts()) == 1
