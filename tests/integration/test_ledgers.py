"""Ledgers and cross-matches on the real engine: each says what a reader of the events would say, whatever was repeated,
contested or taken back."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from replay.known_then import NotKnownThen, as_known, then
from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.clickhouse import ClickHouse
from sinks.migrations import migrations
from sinks.view_sources import topics_behind
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.unit.sinks.log import DAY, HOUR, MINUTE, NOON, PARTITIONS, PERSONS, Gate, Log

NOW = NOON + 3 * DAY
"""The newest time that the log knows of: noon of 22 February in local time."""

LEDGERS = next(migration for migration in migrations() if migration.name == "ledgers")
VEHICLE = f"v00{'a' * 24}"
A, B, C, D, E = PERSONS[:5]
HOSPITAL, TOWN, SCHOOL = "hospital-1", "town-1", "school-1"


class Desk(Gate):
    """A source that publishes into the log of the ledgers."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.made: list[events.Event] = []

    def say(self, model: type[events.Event], at: int, **fields: Any) -> events.Event:
        made = self.event(model, at, **fields)
        self.made.append(made)
        return made

    def takes_back(self, wrong: events.Event, at: int) -> None:
        fields = {"corrects_source": wrong.source, "corrects_sequence": wrong.sequence, "reason": "wrong person"}
        self.say(events.Correction, at, token=wrong.record().key.decode(), **fields)


def screening(desk: Desk) -> None:
    due = {"population": "MARKET_TRADERS", "unit": TOWN}
    desk.say(events.TestDue, NOON, token=A, task="t-a", due_at=NOON + DAY, **due)
    desk.say(events.TestTaken, NOON + DAY, token=A, task="t-a")
    desk.say(events.TestReturned, NOON + DAY + HOUR, token=A, task="t-a", result="NEGATIVE")
    desk.say(events.TestDue, NOON, token=B, task="t-b", due_at=NOON + DAY, **due)
    desk.say(events.TestTaken, NOON + DAY + 1, token=B, task="t-b")
    desk.say(events.TestDue, NOON, token=C, task="t-c", due_at=NOON + DAY, **due)
    wrong = desk.say(events.TestTaken, NOON + HOUR, token=C, task="t-c")
    desk.takes_back(wrong, NOON + 2 * HOUR)
    desk.say(events.TestDue, NOON, token=D, task="t-d", due_at=NOW + HOUR, **due)
    desk.say(events.TestTaken, NOON, token=D, task="t-other", population="MARKET_TRADERS")


def pupils(desk: Desk) -> None:
    def reading(tenths: int, at: int, slot: str, **more: Any) -> events.Event:
        stated = {"value_tenths": tenths, "method": "NON_CONTACT", "site_kind": "SCHOOL", "slot": slot}
        return desk.say(events.Reading, at, token=A, **stated, **more)

    morning = NOON - 4 * HOUR
    reading(364, morning, "MORNING")
    reading(366, morning + MINUTE, "MORNING")
    reading(372, NOON, "NOON", symptoms=["FEVER"])
    desk.takes_back(reading(399, NOON + 6 * HOUR, "EVENING"), NOON + 7 * HOUR)
    desk.say(events.Absence, NOON + DAY, token=A, unit=SCHOOL, task="abs-1", reason="cough")
    desk.say(events.Attempt, NOON + DAY - HOUR, token=A, method="VISIT", outcome="MISSED", task="abs-2")
    attempt = {"method": "PHONE", "outcome": "SEEN_NOT_OK", "symptoms": ["DRY_COUGH"]}
    desk.say(events.Attempt, NOON + DAY + HOUR, token=A, task="abs-1", **attempt)
    desk.say(events.Absence, NOON + DAY, token=B, unit=SCHOOL)
    stated = {"reason": "funeral", "unit": SCHOOL}
    desk.say(events.Leave, NOON, token=B, task="l-1", due_at=NOON + 2 * DAY, **stated)
    desk.say(events.LeaveDecided, NOON + HOUR, token=B, task="l-1", approved=True, decided_by_role="HEAD_TEACHER")
    desk.say(events.Leave, NOON, token=C, task="l-2", due_at=NOON + DAY, **stated)
    desk.say(events.LeaveDecided, NOON + HOUR, token=C, task="l-2", approved=False, decided_by_role="HEAD_TEACHER")
    desk.say(events.Leave, NOON, token=D, task="l-3", due_at=NOON + 2 * DAY, **stated)
    desk.say(events.LeaveDecided, NOON + HOUR, token=D, task="l-3", approved=True, decided_by_role="HEAD_TEACHER")
    desk.say(events.LeaveEnded, NOON + DAY, token=D, task="l-3")


def held(desk: Desk) -> None:
    desk.say(events.TransferStarted, NOON, token=A, task="tr-1", reason="RED", unit="station-1")
    desk.say(events.TransferAccepted, NOON + 90 * MINUTE, token=A, task="tr-1", unit=HOSPITAL)
    desk.say(events.TransferStarted, NOON, token=B, task="tr-2", reason="37.9", unit="station-1")
    started = {"place": "INSTITUTIONAL", "unit": "site-q", "programme": "CENTRAL_14_DAYS"}
    desk.say(events.QuarantineStarted, NOON - 14 * DAY, token=A, task="q-1", **started)
    desk.say(events.QuarantineStarted, NOON - 14 * DAY, token=B, task="q-2", **started)
    desk.say(events.QuarantineEnded, NOON, token=B, task="q-2", reason="14 days")
    desk.say(events.Absconded, NOON - DAY, token=A, task="q-1")
    desk.say(events.Found, NOON - DAY + HOUR, token=A, task="q-1")
    desk.say(events.FollowUpStarted, NOON, token=C, task="f-1", programme="RISK_AREA_ARRIVALS", unit=TOWN)
    desk.say(events.Attempt, NOON + HOUR, token=C, task="f-1", method="PHONE", outcome="UNREACHABLE")
    desk.say(events.Attempt, NOON + DAY, token=C, task="f-1", method="VISIT", outcome="SEEN_OK")
    desk.say(events.FollowUpStarted, NOON, token=D, task="f-2", programme="RISK_AREA_ARRIVALS", unit=TOWN)
    desk.say(events.FollowUpEnded, NOON + DAY, token=D, task="f-2", reason="negative twice")


def passages(desk: Desk) -> None:
    def enters(token: str, at: int, site: str, kind: str, direction: str = "ENTERING", **more: Any) -> events.Event:
        subject = "VEHICLE" if token == VEHICLE else "PERSON"
        place = {"site": site, "site_kind": kind, "direction": direction, "subject_kind": subject}
        return desk.say(events.Passage, at, token=token, **place, **more)

    for at in (NOON - DAY, NOON + HOUR, NOON + 2 * DAY):  # before the alert, under it, after it was withdrawn
        enters(VEHICLE, at, "motorway-1", "MOTORWAY", lane="lane-2")
    enters(A, NOON, "hotel-1", "LODGING", identity_checked=True)
    enters(A, NOON + HOUR, "hotel-2", "LODGING", identity_checked=True)
    enters(B, NOON, "hotel-1", "LODGING", identity_checked=True)
    enters(B, NOON + HOUR, "hotel-1", "LODGING", "LEAVING")
    enters(B, NOON + 2 * HOUR, "hotel-2", "LODGING", identity_checked=False)
    desk.takes_back(enters(C, NOON, "hotel-1", "LODGING"), NOON + MINUTE)
    stated = {"subject_kind": "PERSON", "origin_area": "area-1", "origin_tier": "HIGH"}
    desk.say(events.Declaration, NOON, token=C, expected_arrival_at=NOON + DAY, **stated)
    enters(C, NOON + DAY + HOUR, "rail-1", "RAIL")
    desk.say(events.Declaration, NOON, token=D, expected_arrival_at=NOON + DAY, **stated)
    desk.say(events.Declaration, NOON, token=E, expected_arrival_at=NOW + DAY, **stated)


def supervision(desk: Desk) -> None:
    def case(name: str, model: type[events.Event], at: int, **fields: Any) -> events.Event:
        return desk.say(model, at, case_id=name, **fields)

    case("f-1", events.Finding, NOON, unit="market-1", solved_on_site=True)
    case("f-2", events.Finding, NOON, unit="market-2", solved_on_site=False)
    case("f-2", events.SupervisoryNotice, NOON + HOUR, unit="market-2", reason="no masks")
    case("f-3", events.Finding, NOON, unit="market-3", solved_on_site=False)
    case("f-3", events.SupervisoryNotice, NOON + HOUR, unit="market-3", reason="no register")
    case("f-3", events.Rectified, NOON + DAY, unit="market-3")
    case("f-4", events.Finding, NOON, unit="market-4", solved_on_site=False)
    case("f-4", events.Withdrawal, NOON + HOUR, reason="another unit's")
    case("f-5", events.SupervisoryNotice, NOON, unit="market-5", reason="a notice without a finding")


def stores(desk: Desk) -> None:
    def line(item: str, at: int, **fields: Any) -> events.Event:
        return desk.say(events.Supplies, at, unit_id="stores-1", item=item, unit_of_count="ARTICLE", **fields)

    line("masks", NOON - 60 * DAY, received=2_517_000, issued=2_204_000, in_stock=313_000)
    line("masks", NOON - 20 * DAY, issued=100_000)
    line("masks", NOON, issued=60_000, in_stock=153_000)
    line("gowns", NOON - 10 * DAY, received=18_834, issued=4_859)
    line("gowns", NOON, issued=10_000, in_stock=3_000)
    line("goggles", NOON, received=331_000)


def register(desk: Desk) -> None:
    def entry(entity: str, model: type[events.Event], at: int, **fields: Any) -> events.Event:
        return desk.say(model, at, entity_id=entity, **fields)

    before = NOON - 30 * DAY
    roster = {"parent": "list-1", "valid_from": before, "schedule": "MARKET_TRADERS"}
    for number, token in enumerate((A, B, C)):
        entry(f"list-1-{number}", events.Roster, before, member=token, **roster)
    entry("list-1-2", events.Roster, NOON, member=C, **roster, valid_until=NOON + 12 * HOUR)
    programme = {"parent": "list-2", "valid_from": before, "programme": "KEY_POPULATION"}
    entry("list-2-1", events.Roster, before, member=D, **programme)
    entry("list-2-2", events.Roster, before, member=C, **programme, valid_until=NOON)
    alert = {"valid_from": NOON, "approver_role": "BUREAU_CHIEF"}
    entry(VEHICLE, events.VehicleAlert, NOON - HOUR, **alert, valid_until=NOON + 9 * DAY)
    entry(VEHICLE, events.VehicleAlert, NOON + DAY, **alert, valid_until=NOON + DAY)
    order = {"division": "371002001", "tier": "MEDIUM", "announced_at": NOON - DAY, "document": "No. 3"}
    entry("order-1", events.ClosureOrder, NOON - DAY, **order, valid_from=NOON)
    entry("order-1", events.ClosureOrder, NOON + DAY, **order, valid_from=NOON, valid_until=NOON + DAY)
    entry("order-2", events.ClosureOrder, NOON - DAY, **order, valid_from=NOON)
    entry("order-2", events.ClosureOrder, NOON, **{**order, "tier": "HIGH"}, valid_from=NOON + DAY)
    entry("order-3", events.ClosureOrder, NOON, **order, valid_from=NOW + DAY)
    for name, until in (("pass-1", None), ("pass-2", NOON), ("pass-3", NOW + DAY)):
        entry(name, events.Pass, before, valid_from=before, valid_until=until, category="EMERGENCY_VEHICLE")
    entry("firm-1", events.Unit, before, name_en="Frozen Fish", category="COLD_CHAIN")
    entry("firm-1", events.Unit, NOON, name_en="Frozen Fish and Meat", category="COLD_CHAIN")
    entry("firm-2", events.Unit, before, name_en="Boxes", category="NON_COLD_CONTAINER")
    entry("firm-3", events.Unit, before, name_en="A bakery", category="FOOD")
    permit = {"valid_from": NOON, "tier": "LOW", "approver_role": "BUREAU_CHIEF", "category": "FAIR"}
    entry("event-1", events.EventPermit, NOON, division="371002001", **permit)
    entry(
        "lab-1", events.Resource, before, valid_from=before, item="tests-a-day", quantity=6400, unit_of_count="SAMPLE"
    )
    entry("lab-1", events.Resource, NOON, valid_from=NOON, item="tests-a-day", quantity=7200, unit_of_count="SAMPLE")


def release_clocks(log: Log) -> None:
    """Deadlines of release, as the rules of the policy publish them."""
    codec = RowCodec(default_registry(), "sla-events")
    for token, task in ((A, "q-1"), (B, "q-2"), (C, "f-1")):
        row = {"kind": "CLOCK", "as_of": NOON, "token": token, "lead_id": task, "deadline_class": "OTHER"}
        times = {"opened_at": NOON - 14 * DAY, "due_at": NOON + DAY if task != "f-1" else NOW + DAY}
        proof: dict[str, Any] = {"done_at": None, "withdrawn_at": None, "policy": "p@1", "evidence": []}
        new = {"subject": "PERSON", "duty": "RELEASE", "before_due": False}
        value = codec.encode({**row, **times, **proof, **new})
        key = f"{token}/{task}/RELEASE".encode()
        log.append(log.place_of("sla-events", token.encode()), [Sent(key, value, NOON)])


Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(migrated: ClickHouse) -> Ask:
    """The ledgers of all these events, of which every third came twice, and of contradictions that lost."""
    log, made = Log(), []
    for write in (screening, pupils, held, passages, supervision, stores, register):
        desk = Desk(f"desk-{write.__name__}")
        write(desk)
        made += desk.made
    for event in made:
        log.publish(event)
    log.publish(*made[::3])
    contested = Gate("desk-screening")
    log.publish(
        contested.event(events.TestDue, NOON, sequence=1, sent_at=NOON + MINUTE, token=A, task="t-a", due_at=NOON - DAY)
    )
    contested = Gate("desk-stores")
    line = {"unit_id": "stores-1", "item": "goggles", "unit_of_count": "ARTICLE", "received": 9_999_999}
    log.publish(contested.event(events.Supplies, NOON, sequence=6, sent_at=NOON + MINUTE, **line))
    release_clocks(log)
    log.mark("reference", 0, NOW)
    writer = Writer(migrated, default_registry(), PARTITIONS, "test")
    writer.write(log.spans())
    refused = migrated.rows(
        "SELECT topic, toString(reason), count() FROM checkline.arrivals WHERE outcome = 'REFUSED' GROUP BY ALL"
    )
    assert refused == []
    assert migrated.rows("SELECT count() FROM checkline.conflicts FINAL") == [(2,)]
    assert migrated.rows("SELECT toUnixTimestamp64Milli(known_until) FROM checkline.known_until") == [(NOW,)]
    return migrated.rows


def at(column: str) -> str:
    """SQL: minutes since the noon that everything is told by; NULL stays NULL."""
    return f"intDiv(toUnixTimestamp64Milli({column}) - {NOON}, {MINUTE})"


IN_HOURS, IN_DAYS = 60, 24 * 60


@pytest.mark.row("A002-03", "A002-35")
def test_a_test_is_in_time_late_overdue_awaited_or_unasked(ask: Ask) -> None:
    query = "SELECT task, toString(population), outcome, toString(result) FROM checkline.tests ORDER BY task"
    assert ask(query) == [
        ("t-a", "MARKET_TRADERS", "TESTED", "NEGATIVE"),
        ("t-b", "MARKET_TRADERS", "LATE", None),
        ("t-c", "MARKET_TRADERS", "OVERDUE", None),
        ("t-d", "MARKET_TRADERS", "AWAITED", None),
        ("t-other", "MARKET_TRADERS", "UNASKED", None),
    ]


@pytest.mark.row("A002-07")
def test_who_should_have_been_tested_and_was_not_is_named(ask: Ask) -> None:
    query = f"SELECT token, task, {at('due_at')}, population, unit FROM checkline.tests_overdue"
    assert ask(query) == [(C, "t-c", IN_DAYS, "MARKET_TRADERS", TOWN)]


@pytest.mark.row("A002-07")
def test_each_day_what_was_due_is_matched_with_what_was_tested(ask: Ask) -> None:
    query = "SELECT toString(day), * EXCEPT (day, population) FROM checkline.test_cross_match ORDER BY day"
    assert ask(query) == [
        ("2020-02-19", 0, 0, 0, 0, 0, 1, 3, 0),
        ("2020-02-20", 3, 1, 1, 1, 0, 2, 2, 2),
        ("2020-02-22", 1, 0, 0, 0, 1, 0, 2, 0),
    ]


@pytest.mark.row("A002-25")
def test_everybody_has_one_record_a_day_of_readings_symptoms_absence_leave_and_tests(ask: Ask) -> None:
    of_pupil = (
        f"SELECT toString(day), * EXCEPT (token, day) FROM checkline.health_ledger WHERE token = '{A}' ORDER BY day"
    )
    assert ask(of_pupil) == [
        ("2020-02-19", 366, 372, None, 372, 3, ["FEVER"], 0, 0, 0, None),
        ("2020-02-20", None, None, None, None, 0, ["DRY_COUGH"], 1, 0, 1, "NEGATIVE"),
    ]
    on_leave = "SELECT token, groupArray(toString(day)) FROM (SELECT * FROM checkline.health_ledger ORDER BY day)"
    assert ask(f"{on_leave} WHERE on_leave GROUP BY token ORDER BY token") == [
        (B, ["2020-02-19", "2020-02-20", "2020-02-21"]),
        (D, ["2020-02-19", "2020-02-20"]),
    ]


@pytest.mark.row("A002-23")
def test_an_absence_is_traced_by_the_attempt_of_its_task(ask: Ask) -> None:
    query = f"SELECT token, task, reason, {at('traced_at')}, outcome FROM checkline.absences ORDER BY token"
    assert ask(query) == [
        (A, "abs-1", "cough", IN_DAYS + IN_HOURS, "SEEN_NOT_OK"),
        (B, None, None, None, None),
    ]


@pytest.mark.row("A002-36")
def test_leave_is_approved_or_not_and_somebody_may_not_be_back(ask: Ask) -> None:
    query = "SELECT leave, state, approved FROM checkline.leaves ORDER BY leave"
    assert ask(query) == [("l-1", "OVERDUE", True), ("l-2", "REFUSED", False), ("l-3", "BACK", True)]


@pytest.mark.row("A002-13", "A002-08")
def test_a_transfer_takes_minutes_until_it_is_accepted(ask: Ask) -> None:
    query = "SELECT task, from_unit, reason, accepted_by, minutes FROM checkline.transfers ORDER BY task"
    assert ask(query) == [("tr-1", "station-1", "RED", HOSPITAL, 90.0), ("tr-2", "station-1", "37.9", None, None)]


@pytest.mark.row("A002-01", "A004-10")
def test_a_quarantine_past_its_release_is_overdue(ask: Ask) -> None:
    query = f"""
        SELECT task, place, {at("ended_at")}, {at("release_due_at")}, overdue, {at("absconded_at")}, {at("found_at")}
        FROM checkline.quarantines ORDER BY task
    """
    assert ask(query) == [
        ("q-1", "INSTITUTIONAL", None, IN_DAYS, 1, -IN_DAYS, -IN_DAYS + IN_HOURS),
        ("q-2", "INSTITUTIONAL", 0, IN_DAYS, 0, None, None),
    ]


@pytest.mark.row("A002-34")
def test_who_stands_under_a_programme_is_told_with_what_holds_them(ask: Ask) -> None:
    query = f"SELECT task, {at('ended_at')}, end_reason, attempts, seen FROM checkline.followed_persons ORDER BY task"
    assert ask(query) == [("f-1", None, None, 2, 1), ("f-2", IN_DAYS, "negative twice", 0, 0)]
    query = "SELECT token, programme, held_by, name, overdue FROM checkline.persons_under_programme ORDER BY token"
    assert ask(query) == [
        (A, "CENTRAL_14_DAYS", "QUARANTINE", "q-1", 1),
        (C, "RISK_AREA_ARRIVALS", "FOLLOW_UP", "f-1", 0),
        (D, "KEY_POPULATION", "ROSTER", "list-2-1", 0),
    ]


@pytest.mark.row("A002-15")
def test_a_vehicle_is_a_hit_only_while_its_alert_holds(ask: Ask) -> None:
    query = f"SELECT vehicle, {at('passed_at')}, site, lane, known_then FROM checkline.vehicle_alert_hits"
    assert ask(query) == [(VEHICLE, IN_HOURS, "motorway-1", "lane-2", 1)]


@pytest.mark.row("A004-09", "A004-23")
def test_no_lodging_without_identity_and_not_two_at_a_time(ask: Ask) -> None:
    query = "SELECT token, conflict, site, other_site FROM checkline.lodging_conflicts ORDER BY token"
    assert ask(query) == [(A, "TWO_LODGINGS", "hotel-2", "hotel-1"), (B, "IDENTITY_NOT_CHECKED", "hotel-2", None)]


@pytest.mark.row("A002-28")
def test_the_stock_is_balanced_and_lasts_a_month_or_not(ask: Ask) -> None:
    query = """
        SELECT item, received, issued, in_stock, balanced, round(days_of_reserve, 1), lasts_a_month
        FROM checkline.supplies_ledger ORDER BY item
    """
    assert ask(query) == [
        ("goggles", 331_000, None, None, None, None, None),
        ("gowns", 18_834, 14_859, 3_000, 0, 3.0, False),
        ("masks", 2_517_000, 2_364_000, 153_000, 1, 28.7, False),
    ]


@pytest.mark.row("A004-03")
def test_a_declared_arrival_has_come_is_awaited_or_has_not_come(ask: Ask) -> None:
    query = f"SELECT token, state, {at('arrived_at')}, arrived_site FROM checkline.declared_arrivals ORDER BY token"
    assert ask(query) == [
        (C, "ARRIVED", IN_DAYS + IN_HOURS, "rail-1"),
        (D, "NOT_ARRIVED", None, None),
        (E, "AWAITED", None, None),
    ]


@pytest.mark.row("A002-32")
def test_a_finding_is_solved_on_the_spot_or_followed_by_a_notice(ask: Ask) -> None:
    query = "SELECT case_id, state FROM checkline.findings ORDER BY case_id"
    assert ask(query) == [("f-1", "SOLVED_ON_SITE"), ("f-2", "NOTICED"), ("f-3", "RECTIFIED")]


@pytest.mark.row("A004-22")
def test_an_order_is_announced_holds_and_is_lifted(ask: Ask) -> None:
    query = f"""
        SELECT order_id, toString(tier), {at("announced_at")}, {at("in_force_from")}, {at("lifted_at")}, in_force
        FROM checkline.closure_orders ORDER BY order_id, in_force_from
    """
    assert ask(query) == [
        ("order-1", "MEDIUM", -IN_DAYS, 0, IN_DAYS, 0),
        ("order-2", "MEDIUM", -IN_DAYS, 0, None, 0),  # replaced by the next, and not lifted
        ("order-2", "HIGH", -IN_DAYS, IN_DAYS, None, 1),
        ("order-3", "MEDIUM", -IN_DAYS, 4 * IN_DAYS, None, 0),
    ]


@pytest.mark.row("A002-04", "A002-17", "A002-18", "A003-04", "A004-08", "A004-12")
def test_the_registers_hold_what_is_in_effect(ask: Ask) -> None:
    assert ask("SELECT pass_id FROM checkline.passes_in_force ORDER BY pass_id") == [("pass-1",), ("pass-3",)]
    assert ask("SELECT firm, category, name_en FROM checkline.cold_chain_firms ORDER BY firm") == [
        ("firm-1", "COLD_CHAIN", "Frozen Fish and Meat"),
        ("firm-2", "NON_COLD_CONTAINER", "Boxes"),
    ]
    assert ask("SELECT permit, toString(tier), category FROM checkline.event_permits") == [("event-1", "LOW", "FAIR")]
    assert ask("SELECT resource, quantity, toString(unit_of_count) FROM checkline.resources") == [
        ("lab-1", 7200, "SAMPLE")
    ]


VIEWS = re.findall(r"CREATE OR REPLACE VIEW checkline\.(\w+) @OnCluster", LEDGERS.text)


@pytest.mark.parametrize("view", VIEWS)
def test_a_ledger_can_be_asked_as_of_a_time(view: str, ask: Ask, migrated: ClickHouse) -> None:
    """Save those that read clocks, of which only the last word is kept."""
    query = f"SELECT count() FROM checkline.{view}"
    if "sla-events" in topics_behind(view):
        with pytest.raises(NotKnownThen, match="sla_clocks holds only what was known last"):
            as_known(query, then(migrated, NOW))
    else:
        assert ask(as_known(query, then(migrated, NOW + DAY))) == ask(query)


def test_what_was_not_yet_known_stood_in_no_ledger(ask: Ask, migrated: ClickHouse) -> None:
    query = "SELECT task, outcome FROM checkline.tests ORDER BY task"
    assert ask(as_known(query, then(migrated, NOON + HOUR + MINUTE))) == [
        ("t-a", "AWAITED"),
        ("t-b", "AWAITED"),
        ("t-c", "TESTED"),  # the correction came an hour later
        ("t-d", "AWAITED"),
        ("t-other", "UNASKED"),
    ]
