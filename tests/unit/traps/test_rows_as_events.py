"""Rows of the source documents as events: what they need can be published, is read back as it was said, and what would
empty them of meaning is refused with the field named."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.edge.event_files import BadLine, GoodLine, read_events
from schemas.registry import default_registry
from schemas.topics import BY_NAME, DEFAULT_PARTITIONS
from schemas.validity import Limits, check
from schemas.wire.columns import ColumnCodec
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from tests.support.batches import Sent, record_batch
from tests.support.people import NOON, TOKEN

VEHICLE, VESSEL = "v00" + "b" * 24, "s00" + "c" * 24
AT = "2020-02-19T12:00:00+08:00"
LATER = "2020-03-04T12:00:00+08:00"

Fields = dict[str, Any]


def event(name: str, **fields: Any) -> Fields:
    """A line of an event file: ``name`` is TOPIC/KIND."""
    topic, _, kind = name.partition("/")
    common = {"topic": topic, "kind": kind, "source": "desk-1", "sequence": 1, "occurred_at": AT, "sent_at": AT}
    key = BY_NAME[topic].key
    named: Fields = {"token": TOKEN} if "token" in key else {}
    return {**common, **named, **fields}


def passage(**fields: Any) -> Fields:
    place = {"site": "site-1", "site_kind": "COMMUNITY", "direction": "ENTERING", "subject_kind": "PERSON"}
    return event("check-ins/PASSAGE", **{**place, **fields})


def reading(**fields: Any) -> Fields:
    return event("temperatures/READING", **{"value_tenths": 366, "method": "NON_CONTACT", **fields})


def indicator(name: str, unit_of_count: str, value: int, nature: str = "CUMULATIVE", **fields: Any) -> Fields:
    said = {"unit_id": "unit-1", "indicator": name, "unit_of_count": unit_of_count, "value": value, "nature": nature}
    return event("reports/INDICATOR", **{**said, **fields})


def reference(kind: str, entity_id: str, **fields: Any) -> Fields:
    return event(f"reference/{kind}", entity_id=entity_id, **{"valid_from": AT, **fields})


class Case(NamedTuple):
    """What a row needs to say, and a change to the first event that must be refused: None takes the field away."""

    row: str
    says: tuple[Fields, ...]
    field: str
    change: Any = None


CASES = [
    Case(
        "A000-04",  # every person and vehicle, in and out: temperature and registration
        (
            passage(direction="LEAVING", passage_id="p-1", identity_checked=True),
            reading(passage_id="p-1", site="site-1", site_kind="COMMUNITY"),
            passage(site_kind="WORKPLACE", subject_kind="VEHICLE", token=VEHICLE, passage_id="p-2"),
        ),
        "direction",
    ),
    Case(
        "A000-08",  # a bare refusal is a decision, and no category of cases
        (event("check-ins/DECISION", decision="REFUSED", decided_by_role="gate-keeper", decision_reason="拒绝登记"),),
        "category",
        "DISTURBING_ORDER",
    ),
    Case(
        "A000-20",
        (
            event("follow-ups/ATTEMPT", method="VISIT", outcome="SEEN_OK", task="care-1", needs="米、面、油;测体温"),
            indicator("hardship-found", "HOUSEHOLD", 3),
        ),
        "outcome",
    ),
    Case(
        "A001-07",
        (
            reference("CLOSURE_ORDER", "order-prison-1", division="511700", parent="prison-1", document="全封闭管理"),
            reference("SITE", "prison-1", site_kind="CUSTODY", name_en="Prison", name_zh="监狱", division="511700"),
        ),
        "division",
    ),
    Case(
        "A001-10",
        (
            reference("SITE", "dz-road-1", site_kind="ROAD", name_en="Checkpoint", category="grid", division="511700"),
            passage(site="dz-road-1", site_kind="ROAD"),
        ),
        "site_kind",
    ),
    Case(
        "A001-13",  # counts of leads and images, never an image
        (
            indicator("video-leads", "CLUE", 53_000, rounded_to=1000, lower_bound=True),
            indicator("key-frames", "IMAGE", 19_000, rounded_to=1000, lower_bound=True),
        ),
        "image",
        "/9j/4AAQ",
    ),
    Case("A001-16", (event("reports/HEARTBEAT", unit_id="vehicle-licence-line"),), "unit_id"),
    Case(
        "A001-18",  # one to one: a letter names the unit that must act, and why
        (
            event("enforcement/SUPERVISORY_NOTICE", case_id="letter-1", unit="firm-office", reason="督办函"),
            indicator("risk-assessments", "ITEM", 12),
        ),
        "reason",
    ),
    Case(
        "A001-20",
        (
            indicator("wildlife-trade-inspections", "TIME", 6),
            indicator("fresh-food-inspections", "TIME", 9),
            event("reports/ZERO_REPORT", unit_id="unit-1", indicator="extra-permits", period_until=AT),
        ),
        "unit_of_count",
    ),
    Case(
        "A002-08",
        (
            event("follow-ups/TRANSFER_STARTED", task="hit-1", unit="platform-desk", reason="旅居史"),
            event("follow-ups/TRANSFER_ACCEPTED", task="hit-1", unit="town-1"),
        ),
        "task",
    ),
    Case(
        "A002-14",
        (
            passage(site_kind="RAIL", zone="MEASURING"),
            passage(site_kind="RAIL", zone="WAITING"),
            passage(site_kind="RAIL", zone="CODE_CHECK", health_code="GREEN"),
            passage(site_kind="RAIL", zone="RISK_AREA_HANDLING", origin_area="420100", origin_tier="HIGH"),
            reading(method="THERMAL_IMAGER", instrument="imager-1", site_kind="RAIL"),
        ),
        "zone",
        "FIFTH",
    ),
    Case(
        "A002-15",  # who approved it, and when it ends
        (reference("VEHICLE_ALERT", VEHICLE, approver_role="traffic-brigade-3", valid_until=LATER),),
        "valid_until",
    ),
    Case(
        "A002-17",
        (
            reference("PASS", "pass-1", approver_role="transport-bureau", category="emergency-supplies"),
            passage(site_kind="MOTORWAY", subject_kind="VEHICLE", token=VEHICLE, pass_id="pass-1"),
        ),
        "valid_from",
    ),
    Case(
        "A002-18",
        (
            reference("UNIT", "carrier-1", name_en="Cold-chain carrier", name_zh="冷链运输企业", category="cold-chain"),
            reference("UNIT", "carrier-2", name_en="Container carrier", category="non-cold-container"),
        ),
        "name_en",
    ),
    Case(
        "A002-25",
        (
            reference("ROSTER", "pupil-1", parent="school-1", member=TOKEN, schedule="SCHOOL_CHECKS"),
            indicator("traced-to-wuhan", "PERSON_TIME", 100, lower_bound=True),
        ),
        "parent",
    ),
    Case(
        "A002-26",
        (
            passage(site_kind="AIRPORT", identity_checked=True),
            event("follow-ups/FOLLOW_UP_STARTED", task="track-1", programme="TRACK_14_DAYS", unit="foreign-affairs"),
            event("follow-ups/FOLLOW_UP_ENDED", task="track-1", reason="14天轨迹记录"),
        ),
        "site",
    ),
    Case("A002-30", (indicator("disputes-found", "CASE", 4), indicator("disputes-settled", "CASE", 4)), "token", TOKEN),
    Case(
        "A002-35",
        (
            event("follow-ups/TEST_TAKEN", task="test-1", population="MARKET_TRADERS"),
            event("follow-ups/TEST_TAKEN", task="test-2", population="CANTEEN_COLD_CHAIN"),
        ),
        "task",
    ),
    Case(
        "A003-04",
        (
            reference(
                "EVENT_PERMIT", "event-1", division="350500-TIZ", tier="LOW", approver_role="psb", category="refused"
            ),
            reference("CLOSURE_ORDER", "order-ktv", division="350500-TIZ", category="ktv", approver_role="hq"),
        ),
        "approver_role",
    ),
    Case(
        "A003-06",
        (
            reference("SITE", "hospital-1", site_kind="HOSPITAL", name_en="Designated hospital", division="350521"),
            reference("UNIT", "squad-1", name_en="Squad of hospital 1", parent="hospital-1", category="squad"),
        ),
        "site_kind",
        "CLINIC",
    ),
    Case(
        "A003-08",
        (
            event("enforcement/TIP", case_id="tip-1", unit="opinion-desk", reason="造谣传谣"),
            event("enforcement/CASE_REGISTERED", case_id="tip-1", category="RUMOUR", unit="opinion-desk"),
            event("reports/HEARTBEAT", unit_id="opinion-desk"),
        ),
        "unit",
    ),
    Case(
        "A003-09",
        (
            passage(site_kind="ROAD", subject_kind="VEHICLE", token=VEHICLE, lane="green", pass_id="pass-2"),
            indicator("resumption-checks", "OFFICE", 40),
            indicator("stress-tests", "TIME", 5),
        ),
        "lane",
        "绿色 通道",
    ),
    Case(
        "A003-12",
        (event("enforcement/EDUCATION", case_id="edu-1", unit="traffic-1", conduct="MINOR_TRAFFIC"),),
        "party_token",
        TOKEN,
    ),
    Case(
        "A004-01",
        (
            reference("SITE", "yard-1", site_kind="COMMUNITY", name_en="Yard 1", name_zh="一院", division="150802"),
            reference("SITE", "room-1", site_kind="COMMUNITY", name_en="Room 1", name_zh="一房", parent="yard-1"),
            reference("ROSTER", "rentals-1", parent="community-1", member="community-1", schedule="RENTAL_UPDATE"),
        ),
        "site_kind",
    ),
    Case(
        "A004-03",
        (
            event(
                "check-ins/DECLARATION",
                subject_kind="PERSON",
                expected_arrival_at=LATER,
                origin_area="110000",
                origin_tier="MEDIUM",
            ),
            passage(site_kind="WORKPLACE", origin_area="110000", origin_tier="MEDIUM", symptoms=["FEVER"]),
            reference("ROSTER", "from-risk-1", parent="community-1", member=TOKEN, programme="RISK_AREA_14_DAYS"),
        ),
        "expected_arrival_at",
    ),
    Case(
        "A004-09",
        (
            passage(site="hotel-1", site_kind="LODGING", identity_checked=True, role="OUTSIDER"),
            passage(site="petrol-1", site_kind="VENUE", identity_checked=True),
        ),
        "identity_checked",
        "shared papers",
    ),
    Case(
        "A004-10",
        (
            event("follow-ups/ABSCONDED", task="isolation-1", unit="police-1", reason="擅自脱离"),
            event("follow-ups/FOUND", task="isolation-1", unit="police-1"),
            event("enforcement/EDUCATION", case_id="edu-2", unit="police-1", conduct="OTHER"),
        ),
        "task",
    ),
    Case(
        "A004-11",
        (
            event("reports/HEARTBEAT", unit_id="guard-hospital-1"),
            reference("SITE", "isolation-1", site_kind="QUARANTINE_SITE", name_en="Isolation site"),
        ),
        "kind",
        "SILENCE",
    ),
    Case(
        "A004-13",
        (
            reading(value_tenths=385, site="road-1", site_kind="ROAD", symptoms=["FEVER", "DRY_COUGH"]),
            passage(site="road-1", site_kind="ROAD", lane="2"),
            event("follow-ups/TRANSFER_STARTED", task="suspect-1", unit="road-1", reason="疑似感染"),
        ),
        "value_tenths",
        3850,
    ),
    Case(
        "A004-15",
        (
            indicator("petitions", "CASE", 0),
            reference("RESOURCE", "reserve-1", item="emergency-reserve", quantity=60, unit_of_count="PERSON"),
        ),
        "token",
        TOKEN,
    ),
    Case(
        "A004-16",
        (
            passage(site="track-7", site_kind="BORDER", direction="LEAVING"),
            passage(site="track-7", site_kind="BORDER", subject_kind="VEHICLE", token=VEHICLE),
        ),
        "direction",
    ),
    Case(
        "A004-17",
        (reference("DEVICE", "terminal-1", parent="road-1", category="registration-terminal"),),
        "parent",
    ),
    Case(
        "A004-18",
        (
            event("urgent-care/URGENT_NEED", need="自伤风险", unit="community-1"),
            event(
                "urgent-care/RESPONSE", sequence=2, responds_source="desk-1", responds_sequence=1, unit="health-centre"
            ),
        ),
        "need",
    ),
    Case(
        "A004-19",
        (
            passage(health_code="GREEN", code_issuer="beijing"),
            passage(health_code="YELLOW", code_issuer="inner-mongolia"),
        ),
        "health_code",
        "BLUE",
    ),
    Case(
        "A004-20",
        (
            event("enforcement/FINDING", case_id="find-1", unit="banner-1", solved_on_site=False, reason="漏登"),
            indicator("officials-held-to-account", "PERSON", 1),
        ),
        "solved_on_site",
    ),
    Case(
        "A004-23",
        (
            event(
                "reports/SUPPLIES", unit_id="front-line-1", item="masks", unit_of_count="ARTICLE", issued=40, in_stock=9
            ),
            passage(site="hotel-1", site_kind="LODGING", identity_checked=False),
        ),
        "unit_of_count",
    ),
    Case(
        "A002-11",
        (
            passage(site="quay-1", site_kind="SEAPORT", subject_kind="VESSEL", token=VESSEL, direction="LEAVING"),
            event(
                "enforcement/CASE_REGISTERED",
                case_id="vessel-1",
                category="VESSEL",
                unit="coastguard",
                procedure="ADMINISTRATIVE",
            ),
        ),
        "subject_kind",
        "RAFT",
    ),
]


def judged(tmp_path: Path, *lines: Fields) -> list[GoodLine | BadLine]:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return [result for read in read_events(file) for result in read.results]


def read_back(topic: str, key: bytes, row: Fields) -> Fields:
    """A row as worker and sinks see it: through Avro, a record batch and the checks of the log."""
    registry = default_registry()
    sent = Sent(key, RowCodec(registry, topic).encode(row), NOON)
    codec = ColumnCodec(registry, topic)
    decoded = codec.decode([record_batch([sent])])
    assert not decoded.refused
    partitions = DEFAULT_PARTITIONS if BY_NAME[topic].partitioned else 1
    partition = partition_of_key(key, partitions)
    checked = check(decoded.frame, topic, partition, partitions, Limits())
    assert not checked.invalid
    (found,) = checked.frame.to_dicts()
    return found


cases = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.row, marks=pytest.mark.row(case.row)) for case in CASES]
)


@cases
def test_what_a_row_says_can_be_published_and_is_read_back_as_it_was_said(tmp_path: Path, case: Case) -> None:
    results = judged(tmp_path, *case.says)
    assert [result for result in results if isinstance(result, BadLine)] == []
    for result, line in zip(results, case.says, strict=True):
        assert isinstance(result, GoodLine)
        topic, key, row = result.event.record()
        assert (topic, row["kind"]) == (line["topic"], line["kind"])
        found = read_back(topic, key, row)
        assert found["key"] == key
        assert {name: found[name] for name in row} == row
        stated = set(line) - {"topic", result.event.key_field}
        assert all(found[name] is not None for name in stated)


@cases
def test_what_would_empty_a_row_of_meaning_is_refused(tmp_path: Path, case: Case) -> None:
    line = dict(case.says[0])
    if case.change is None:
        del line[case.field]
    else:
        line[case.field] = case.change
    (bad,) = judged(tmp_path, line)
    assert isinstance(bad, BadLine), bad
    assert bad.field == case.field
