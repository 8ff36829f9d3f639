"""The forecast from the tables: who works where, what is open as of a time, and what became of earlier forecasts."""

from typing import Any

import pytest

from infra.lag.forecasting import Forecaster
from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.unit.sinks.log import DAY, HOUR, MINUTE, NOON, PARTITIONS, PERSONS, Gate, Log

NOW = NOON + 8 * HOUR
"""20:00 of the local day."""

MIDNIGHT = NOON + 12 * HOUR


def clock(log: Log, lead: str, **stated: Any) -> None:
    """A clock of the first person, as the rules of the policy publish it."""
    row = {"kind": "CLOCK", "as_of": NOW, "token": PERSONS[0], "lead_id": lead, "deadline_class": "SAME_DAY"}
    times = {"opened_at": NOW - 10 * HOUR, "due_at": MIDNIGHT, "done_at": None, "withdrawn_at": None}
    rest = {"policy": "p@1", "evidence": [], "subject": "PERSON", "duty": "SAME_DAY", "before_due": True}
    value = RowCodec(default_registry(), "sla-events").encode({**row, **times, **rest, **stated})
    log.append(log.place_of("sla-events", PERSONS[0].encode()), [Sent(f"{PERSONS[0]}/{lead}".encode(), value, NOW)])


def dispatched(desk: Gate, lead: str, unit: str) -> events.Event:
    return desk.event(events.LeadDispatched, NOW - 9 * HOUR, token=PERSONS[0], lead_id=lead, unit=unit)


def days_of_work(log: Log, desk: Gate) -> None:
    """Each day team 1 does six leads an hour around the clock and leaves three of the day's open; today 30 are left."""
    for day in range(4):
        ends = NOW - day * DAY
        for number in range(24 * 6):
            lead, done_at = f"done-{day}-{number}", ends - number * 10 * MINUTE - 5 * MINUTE
            times = {"opened_at": done_at - HOUR, "done_at": done_at, "due_at": done_at + 5 * MINUTE}
            clock(log, lead, **times)
            log.publish(dispatched(desk, lead, "team-1"))
        for number in range(3 if day else 30):
            lead = f"left-{day}-{number}"
            clock(log, lead, opened_at=ends - 10 * HOUR, due_at=MIDNIGHT - day * DAY)
            log.publish(dispatched(desk, lead, "team-2" if not day and number < 3 else "team-1"))


def others(log: Log, desk: Gate) -> None:
    order = {"subject": "ORDER", "duty": "LIFTING", "token": "order-1", "deadline_class": "OTHER"}
    clock(log, "order-1", **order, due_at=NOW + HOUR)
    clock(log, "order-2", **(order | {"token": "order-2"}), opened_at=NOW - DAY, done_at=NOW - HOUR, due_at=NOW + HOUR)
    report = {"subject": "UNIT", "duty": "DAILY_REPORT", "token": "team-1", "deadline_class": "OTHER"}
    clock(log, "cases/2020-02-19/EVENING", **report)
    clock(log, "cases/2020-02-18/EVENING", **report, done_at=NOW - 2 * HOUR)
    for number in (1, 2):
        place = {"name_en": f"Team {number}", "division": f"37020{number}"}
        log.publish(desk.event(events.Unit, NOW - 9 * DAY, entity_id=f"team-{number}", **place))
        stated = {"division": "370285", "tier": "HIGH", "announced_at": NOW - 9 * DAY, "document": "No. 3"}
        log.publish(
            desk.event(
                events.ClosureOrder, NOW - 9 * DAY, entity_id=f"order-{number}", valid_from=NOW - 9 * DAY, **stated
            )
        )
    log.publish(desk.event(events.Unit, NOW - 9 * DAY, entity_id="team-3", name_en="Team 3", division="370203"))
    log.mark("reference", 0, NOW)


@pytest.fixture(scope="module")
def client(migrated: ClickHouse) -> ClickHouse:
    log, desk = Log(), Gate("desk-leads")
    days_of_work(log, desk)
    others(log, desk)
    Writer(migrated, default_registry(), PARTITIONS, "test").write(log.spans())
    assert migrated.rows("SELECT count() FROM checkline.arrivals WHERE outcome = 'REFUSED'") == [(0,)]
    return migrated


def test_queues_are_forecast_by_the_district_of_whoever_works_on_them(client: ClickHouse) -> None:
    found = {(one.duty, one.district): one for one in Forecaster(client).forecast(NOW)}
    # Team 2 has leads and no pace that anybody has seen; reports are no queue.
    assert found.keys() == {("SAME_DAY", "370201"), ("LIFTING", "370285")}
    leads = found["SAME_DAY", "370201"]
    assert (leads.horizon, leads.due) == (MIDNIGHT, 27)
    assert leads.pace == pytest.approx(6, rel=0.05)
    assert leads.will_miss == pytest.approx(27 - 24, abs=3)
    assert leads.spare == ()  # 24 that team 1 could do by midnight, and 27 to be done


def test_earlier_forecasts_are_held_against_what_became_of_them(client: ClickHouse) -> None:
    """Three leads a day were left, though the pace would have sufficed: the first of these days could not know it."""
    (today,) = [one for one in Forecaster(client).forecast(NOW) if one.duty == "SAME_DAY"]
    assert today.error is not None
    assert 0.5 < today.error < 3


def test_nothing_is_forecast_from_empty_days(client: ClickHouse) -> None:
    assert Forecaster(client).forecast(NOW - 30 * DAY) == ()
