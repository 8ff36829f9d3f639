"""Queues at checkpoints on the real engine: who arrived, who waits, how long the others waited."""

from typing import Any

import pytest

from infra.lag.checkpoints import WAIT_BOUNDS, flows
from infra.lag.snapshot import CheckpointFlow
from schemas import events
from schemas.registry import default_registry
from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from tests.unit.sinks.log import HOUR, MINUTE, NOON, PARTITIONS, PERSONS, Gate, Log

LATELY_SECONDS = 300
SECOND = 1000
VEHICLE = f"v00{'a' * 24}"
A, B, SERVED_LATELY, REFERRED, UNDECIDED, NEWEST, LONG_AGO, TWO_ZONES, MISTAKEN = PERSONS[:9]


class Checkpoint(Gate):
    """A source whose passages and decisions go into a log."""

    def __init__(self, log: Log, site: str) -> None:
        super().__init__(f"gate-{site}")
        self.log, self.site = log, site

    def arrives(self, token: str, at: int, passage: str | None = None, **more: Any) -> events.Event:
        kind = "VEHICLE" if token == VEHICLE else "PERSON"
        made = self.passage(token, at, site=self.site, passage_id=passage, subject_kind=kind, **more)
        self.log.publish(made)
        return made

    def decides(self, token: str, at: int, passage: str, decision: str = "ADMITTED", **more: Any) -> None:
        stated = {"site": self.site, "decision": decision, "decided_by_role": "LEADER", **more}
        self.log.publish(self.event(events.Decision, at, token=token, passage_id=passage, **stated))


def everybody_is_decided_on(log: Log) -> None:
    gate = Checkpoint(log, "site-1")
    place = {"entity_id": "site-1", "site_kind": "MOTORWAY", "division": "370202", "name_en": "North toll gate"}
    log.publish(gate.event(events.Site, NOON - HOUR, **place))
    lane = {"lane": "lane-1"}
    for number, token in enumerate(PERSONS[9:15]):
        at = NOON - 30 * MINUTE + number * MINUTE
        gate.arrives(token, at, f"m-{number}", **lane)
        gate.decides(token, at + 90 * SECOND, f"m-{number}")
    gate.arrives(SERVED_LATELY, NOON - 8 * MINUTE, "m-g", **lane)
    gate.decides(SERVED_LATELY, NOON - 4 * MINUTE, "m-g", site=None)
    gate.arrives(REFERRED, NOON - 4 * MINUTE, "m-h", **lane)
    gate.decides(REFERRED, NOON - 4 * MINUTE + 20 * SECOND, "m-h", "REFERRED")
    gate.decides(REFERRED, NOON - MINUTE, "m-h", "RELEASED")  # only the first decision ends the wait
    waits = gate.arrives(UNDECIDED, NOON - 3 * MINUTE, "m-i", **lane)
    gate.decides(UNDECIDED, NOON + MINUTE, "m-i")  # not known at noon
    contested = {"sequence": waits.sequence, "sent_at": NOON + 2 * MINUTE, "lane": "lane-7"}
    Checkpoint(log, "site-1").arrives(UNDECIDED, NOON - 9 * MINUTE, "m-i", **contested)
    gate.sequence = 100
    gate.arrives(NEWEST, NOON - MINUTE, "m-j", **lane)
    gate.arrives(VEHICLE, NOON - MINUTE, "m-j", **lane)  # vehicles are never decided on here
    Checkpoint(log, "site-2").decides(NEWEST, NOON - 10 * SECOND, "m-j")  # of another site: not the end of this wait
    gate.arrives(LONG_AGO, NOON - 3 * HOUR, "m-k", **lane)  # too long ago to be waiting still
    gate.arrives(TWO_ZONES, NOON - 10 * MINUTE, "m-l", zone="MEASURING", **lane)
    gate.arrives(TWO_ZONES, NOON - 2 * MINUTE, "m-l", zone="CODE_CHECK", lane="lane-9")  # the same passage, not another
    gate.decides(TWO_ZONES, NOON - MINUTE, "m-l")
    wrong = gate.arrives(MISTAKEN, NOON - 2 * MINUTE, "m-m", **lane)
    taken_back = {"corrects_source": wrong.source, "corrects_sequence": wrong.sequence, "reason": "nobody was there"}
    log.publish(gate.event(events.Correction, NOON - MINUTE, token=MISTAKEN, **taken_back))


def nobody_is_decided_on(log: Log) -> None:
    gate = Checkpoint(log, "site-3")
    for number in range(10):
        gate.arrives(A, NOON - number * MINUTE)


def only_refusals_are_written_down(log: Log) -> None:
    gate = Checkpoint(log, "site-4")
    for number in range(20):
        gate.arrives(B, NOON - HOUR + number * MINUTE, f"r-{number}")
    for number in range(4, 20, 3):
        gate.decides(B, NOON - MINUTE, f"r-{number}", "REFUSED")


@pytest.fixture(scope="module")
def client(migrated: ClickHouse) -> ClickHouse:
    """The tables with what three checkpoints sent, some of it twice."""
    log = Log()
    for write in (everybody_is_decided_on, nobody_is_decided_on, only_refusals_are_written_down):
        write(log)
    writer = Writer(migrated, default_registry(), PARTITIONS, "test")
    writer.write(log.spans())
    assert migrated.rows("SELECT count() FROM checkline.arrivals WHERE outcome = 'REFUSED'") == [(0,)]
    assert migrated.rows("SELECT count() FROM checkline.conflicts FINAL") == [(1,)]
    return migrated


def lane(client: ClickHouse, site: str, now: int = NOON) -> CheckpointFlow:
    (found,) = [one for one in flows(client, now, LATELY_SECONDS) if one.site == site]
    return found


def counted(flow: CheckpointFlow) -> dict[float, int]:
    """How many waits ended lately, by the smallest bound that they did not exceed."""
    assert flow.wait is not None
    assert flow.wait.bounds == WAIT_BOUNDS
    bounds = (*WAIT_BOUNDS, float("inf"))
    return {bound: count for bound, count in zip(bounds, flow.wait.counts, strict=True) if count}


@pytest.mark.row("A004-13")
def test_a_lane_tells_arrivals_a_minute_who_waits_and_how_long_the_others_waited(client: ClickHouse) -> None:
    flow = lane(client, "site-1")
    assert (flow.district, flow.lane) == ("370202", "lane-1")
    assert flow.per_minute == 4 / 5  # three persons and the vehicle
    assert flow.waiting == 2  # one undecided, and the newest
    assert counted(flow) == {30.0: 1, 300.0: 1, 600.0: 1}  # 20 s, 240 s, 540 s
    assert flow.wait is not None
    assert flow.wait.total == 800.0


def test_where_nobody_is_decided_on_who_waits_is_unknown(client: ClickHouse) -> None:
    flow = lane(client, "site-3")
    assert (flow.district, flow.per_minute, flow.waiting, flow.wait) == (None, 1.0, None, None)


def test_where_only_refusals_are_written_down_silence_is_not_waiting(client: ClickHouse) -> None:
    flow = lane(client, "site-4")
    assert flow.waiting is None
    assert counted(flow) == {3600.0: 6}


def test_when_the_desk_stops_deciding_the_queue_goes_on_growing(client: ClickHouse) -> None:
    flow = lane(client, "site-1", NOON + HOUR)
    assert (flow.waiting, flow.per_minute) == (1, 0.0)  # the other was let through one minute after noon


@pytest.mark.row("A004-13")
def test_the_views_say_the_same_of_all_hours(client: ClickHouse) -> None:
    of_site = "FROM checkline.checkpoint_waits WHERE site = 'site-1'"
    assert client.rows(f"SELECT count(), count(decided_at), sum(wait_seconds) {of_site}") == [
        (13, 10, 6 * 90.0 + 240 + 20 + 240 + 540)
    ]
    assert client.rows(f"SELECT lane, decision {of_site} AND token = '{REFERRED}'") == [("lane-1", "REFERRED")]
    per_minute = "SELECT sum(passages), sum(decided), max(passages) FROM checkline.checkpoint_passages"
    assert client.rows(f"{per_minute} WHERE site = 'site-1' AND lane = 'lane-1'") == [(13, 10, 2)]
    assert client.rows(f"{per_minute} WHERE site = 'site-4'") == [(20, 6, 1)]
