"""The Bayannur exercise on the real pipeline: what the plan says comes out of broker, workers and column store."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest

from infra.campaigning import FiguresDocument, compute_figures, now_of, publish_campaign
from infra.cli.story import story_of, tell
from infra.column_store import reader_address, writer_address
from infra.embedded.catch_up import wait_until_caught_up
from infra.home import Home
from replay.campaigns import campaign_named
from replay.campaigns.bayannur import NAME
from replay.campaigns.drafts import local
from sinks.clickhouse import ClickHouse
from tests.support.pipeline import installation
from tests.unit.replay.test_bayannur import COMMUNITIES, DATES, DEADLINES, EXCEPTIONS, ORDERS, URGENT

PARTITIONS = "2"


class Played(NamedTuple):
    """A home in which the exercise was published and everything has come out."""

    home: Home
    client: ClickHouse
    figures: FiguresDocument


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One installation for all tests of this module, which only ask it."""
    directory = tmp_path_factory.mktemp("bayannur")
    with installation(directory, variables={"CHECKLINE_PARTITIONS": PARTITIONS}) as (home, supervisor):
        campaign = campaign_named(NAME)
        publish_campaign(home, campaign, None, lambda _: supervisor.check())
        with ClickHouse(reader_address(home), "test") as client:
            wait_until_caught_up(home, client, supervisor.check, lambda _: None)
            yield Played(home, client, compute_figures(home, client, campaign))


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(local(text) / 1000, UTC)


@pytest.mark.row(*(f"A004-{number:02}" for number in range(1, 24)))
def test_the_exercise_comes_to_what_the_plan_says(played: Played) -> None:
    assert {one.ref: one.computed for one in played.figures.figures} == {
        one.ref: one.published for one in campaign_named(NAME).figures
    }


@pytest.mark.row("A004-22")
def test_every_order_is_lifted_late_or_overdue_as_it_should_be(played: Played) -> None:
    rows = played.client.rows(
        "SELECT lead_id, opened_at, due_at, toString(outcome) FROM checkline.sla_outcomes WHERE subject = 'ORDER'"
    )
    expected = {(name, moment(said.downgraded), moment(said.by), said.outcome.value) for name, said in ORDERS.items()}
    assert {(name, began, due, ended) for name, began, due, ended in rows} == expected
    standing = played.client.rows("SELECT order_id FROM checkline.closure_orders WHERE in_force")
    assert standing == [("by-order-market",)]


@pytest.mark.row("A004-02", "A004-04", "A004-10")
def test_every_deadline_of_a_person_ends_as_it_should(played: Played) -> None:
    rows = played.client.rows(
        "SELECT substring(clock_id, position(clock_id, '/') + 1), toString(outcome) FROM checkline.sla_outcomes"
        " WHERE subject = 'PERSON' AND deadline_class != 'ONE_TO_ONE_DAILY'"
    )
    assert dict(rows) == {name: ended.value for name, (ended, _) in DEADLINES.items()}


@pytest.mark.row("A004-01", "A004-06")
def test_t8_missing_and_late_reports_are_seen_and_lower_the_completeness(played: Played) -> None:
    rows = played.client.rows(
        "SELECT toString(schedule), unit_id, date, toString(state), late, value FROM checkline.report_states"
        " WHERE state = 'MISSING' OR late ORDER BY date"
    )
    assert rows == [
        ("DAILY_REPORT", "by-gacha-c", date(2020, 10, 28), "MISSING", False, None),
        ("DAILY_LEDGER", "by-community-b", date(2020, 11, 2), "MISSING", False, None),
        ("DAILY_REPORT", "by-gacha-d", date(2020, 11, 3), "REPORTED", True, 1),
    ]
    assert len(rows) == len(EXCEPTIONS)
    outcomes = "SELECT deadline_class, toString(outcome), count() FROM checkline.sla_outcomes"
    found = played.client.rows(f"{outcomes} WHERE subject = 'UNIT' GROUP BY 1, 2 ORDER BY 1, 2")
    assert found == [
        ("DAILY_LEDGER", "BREACHED", 1),
        ("DAILY_LEDGER", "MET", len(DATES) * len(COMMUNITIES) - 1),
        ("DAILY_REPORT", "BREACHED", 1),
        ("DAILY_REPORT", "LATE", 1),
        ("DAILY_REPORT", "MET", len(DATES) * len(COMMUNITIES) - 2),
    ]
    totals = "SELECT expected, missing, completeness, total FROM checkline.report_totals"
    of_day = "WHERE schedule = 'DAILY_REPORT' AND date = "
    assert played.client.rows(f"{totals} {of_day} '2020-10-28'") == [(4, 1, 0.75, 0)]
    # Restated from 2 to 3.
    assert played.client.rows(f"{totals} {of_day} '2020-10-30'") == [(4, 0, 1.0, 3)]


@pytest.mark.row("A004-18")
def test_urgent_needs_have_their_deadlines_where_analysts_do_not_read(played: Played) -> None:
    with ClickHouse(writer_address(played.home), "test") as writer:
        rows = writer.rows("SELECT need, toString(outcome) FROM checkline_restricted.urgent_needs")
    assert dict(rows) == {need: ended.value for need, (ended, _) in URGENT.items()}
    ((leaked,),) = played.client.rows(
        "SELECT count() FROM checkline.sla_clocks WHERE position(clock_id, 'by-care-line') > 0"
    )
    assert leaked == 0


@pytest.mark.row("A004-10")
def test_the_story_of_a_patient_who_ran_away_reads_well(played: Played) -> None:
    ((token,),) = played.client.rows(
        "SELECT token FROM checkline.valid_follow_ups WHERE kind = 'ABSCONDED' AND task = 'by-q-runaway'"
    )
    text = " ".join(tell(story_of(played.home, token, now_of(played.home))).split())
    assert "2020-10-28 20:00 Left isolation without leave 擅自脱离, unit by-hospital, task by-q-runaway" in text
    assert "2020-10-31 20:00 Found again 已找到, unit by-psb" in text
    assert "search for who left isolation 查找脱离隔离的患者 of by-q-runaway: done late 超时完成 (LATE)" in text
    assert "(2 d late)" in text
