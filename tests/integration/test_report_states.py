"""Reports in three states and totals with their completeness, from the clocks that the rules tell to the views."""

import pytest

from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.clickhouse import ClickHouse
from streams.reports import UnitFold
from tests.integration.test_sinks import Sink
from tests.support.batches import Sent
from tests.support.people import DAY, HOUR, FoldBench
from tests.support.policies import Registry, reference_with
from tests.unit.sinks.log import Log
from tests.unit.streams.test_unit_clocks import CLOSES, CUT_OFF, Unit, order, tier, village

UNITS = ("east", "north", "south", "west")


class Office(Unit):
    def __init__(self, unit_id: str) -> None:
        super().__init__(f"desk-{unit_id}")
        self._unit = unit_id

    def event(self, model: type[events.Event], at: int = CLOSES, **fields: object) -> events.Event:
        return super().event(model, at, **{"unit_id": self._unit, **fields})


@pytest.fixture(scope="module")
def reported(migrated: ClickHouse) -> ClickHouse:
    """Four units of whom a daily report is expected, on two days; one order that outlasts its reason."""
    registry = Registry()
    entry = {"schedule": "DAILY_REPORT", "indicator": "cases-found", "valid_from": CLOSES - DAY - 1}
    rows = [registry.roster(f"daily-{unit}", unit, **entry) for unit in UNITS]
    orders = [village(registry), order(registry), tier(registry, "MEDIUM", CLOSES - DAY), tier(registry, "LOW", CLOSES)]
    east, north, south = Office("east"), Office("north"), Office("south")
    first = [east.number(3, CLOSES, CLOSES), north.zero(CLOSES, CLOSES + HOUR), south.number(2, CLOSES, CLOSES)]
    second = [
        east.number(4, CLOSES + DAY, CLOSES + DAY),
        east.number(5, CLOSES + DAY, CUT_OFF + DAY + 2 * HOUR),  # restated, after the cut-off
        south.number(7, CLOSES + DAY, CUT_OFF + DAY + HOUR),  # late
    ]
    bench = FoldBench(reference_with(*rows, *orders), UnitFold)
    bench.expect(as_of=CLOSES - DAY)
    log, codec = Log(), RowCodec(default_registry(), "sla-events")
    for event in sorted((*first, *second), key=lambda one: one.sent_at):
        bench.publish(event, as_of=event.sent_at)
        bench.tick(event.sent_at)
        log.publish(event)
    bench.tick(CUT_OFF + DAY + 3 * HOUR)
    for told in bench.told:
        key = f"{told.row['token']}/{told.row['duty']}/{told.row['lead_id']}".encode()
        log.append(log.place_of("sla-events", key), [Sent(key, codec.encode(told.row), told.row["as_of"])])
    Sink(migrated, log).run()
    return migrated


@pytest.mark.row("A001-01", "A004-06")
def test_t8_every_expected_report_is_reported_zero_or_missing(reported: ClickHouse) -> None:
    query = "SELECT unit_id, toString(date), state, value, late FROM checkline.report_states ORDER BY date, unit_id"
    assert reported.rows(query) == [
        ("east", "2020-02-19", "REPORTED", 3, False),
        ("north", "2020-02-19", "ZERO", 0, False),
        ("south", "2020-02-19", "REPORTED", 2, False),
        ("west", "2020-02-19", "MISSING", None, False),
        ("east", "2020-02-20", "REPORTED", 5, False),
        ("north", "2020-02-20", "MISSING", None, False),
        ("south", "2020-02-20", "REPORTED", 7, True),
        ("west", "2020-02-20", "MISSING", None, False),
    ]


@pytest.mark.row("A001-01")
def test_a_total_carries_its_completeness_and_a_late_report_restates_it(reported: ClickHouse) -> None:
    query = """
        SELECT toString(date), expected, reported, zero, missing, late, completeness, unit_of_count, total
        FROM checkline.report_totals ORDER BY date
    """
    assert reported.rows(query) == [
        ("2020-02-19", 4, 2, 1, 1, 0, 0.75, "CASE", 5),
        ("2020-02-20", 4, 2, 0, 2, 1, 0.5, "CASE", 12),
    ]


@pytest.mark.row("A004-22")
def test_a_unit_that_is_silent_and_an_order_that_outlasts_its_reason_are_overdue(reported: ClickHouse) -> None:
    query = "SELECT subject, duty, token, about FROM checkline.overdue ORDER BY due_at, token"
    assert reported.rows(query) == [
        ("UNIT", "DAILY_REPORT", "west", "cases-found/2020-02-19/DAY"),
        ("UNIT", "DAILY_REPORT", "north", "cases-found/2020-02-20/DAY"),
        ("UNIT", "DAILY_REPORT", "west", "cases-found/2020-02-20/DAY"),
    ]
    query = "SELECT deadline_class, outcome FROM checkline.sla_outcomes WHERE subject = 'ORDER'"
    assert reported.rows(query) == [("LIFTING", "OPEN")]
