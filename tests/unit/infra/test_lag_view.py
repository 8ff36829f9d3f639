"""What `checkline lag` shows of a state, in tables and on the page that is redrawn."""

import io
import re

import pytest
from rich.console import Console

from infra.cli.lag_view import Row, cells, columns, page, rows, verdict, worst_first
from infra.lag.snapshot import GroupState, KafkaState, PartitionLag

STUCK_SECONDS = 10.0


def lag(topic: str, partition: int, **changed: float | int | None) -> PartitionLag:
    """A partition in which nothing waits, but for what is changed."""
    idle = PartitionLag("sinks", topic, partition, 100, 100, 0, 0.0, 0.0, 0.0)
    return idle._replace(**changed)  # type: ignore[arg-type]  # each by its own name


STUCK = lag("reports", 1, lag=8, lag_seconds=40.04, commit_age_seconds=12.0, drain_seconds=None, retention_seconds=90.0)
DRAINING = lag("reports", 0, lag=90, lag_seconds=2.0, commit_age_seconds=0.0, drain_seconds=5.0)
UNKNOWN = lag("temperatures", 0, lag=3, lag_seconds=None, drain_seconds=None)
MARKERS = lag("follow-ups", 0, lag=1)
LOST = lag("check-ins", 0, lag=1, lag_seconds=1.0, drain_seconds=1.0, lost=7)
EXPIRING = lag("urgent-care", 0, lag=1, lag_seconds=1.0, drain_seconds=1.0, retention_seconds=-4.0)
IDLE = lag("reference", 0)


def state(*partitions: PartitionLag, under_replicated: int = 0) -> KafkaState:
    return KafkaState(partitions, (GroupState("sinks", "Empty", 0, 3),), 2, 3, under_replicated)


def row(*partitions: PartitionLag) -> Row:
    (only,) = rows(state(*partitions), by_partition=False)
    return only


def drawn(found: KafkaState, height: int = 50, width: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system="truecolor")
    with console.capture() as captured:
        console.print(page(found, "heading", False, height, STUCK_SECONDS))
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()]


def test_a_topic_has_the_sum_of_its_events_and_the_ages_of_its_worst_partitions() -> None:
    assert row(DRAINING, STUCK) == Row("sinks", "reports", 2, 98, 0, 40.04, 12.0, None, 90.0, 0, 0)
    assert cells(row(DRAINING, STUCK)) == ("sinks", "reports", 2, 98, 0, 40.0, 12.0, None, 90.0, None)


def test_nothing_is_told_of_what_is_idle_but_that_it_is() -> None:
    assert cells(row(IDLE)) == ("sinks", "reference", 1, 0, None, 0.0, None, None, None, None)


def test_an_unknown_age_is_a_question_mark_and_never_zero() -> None:
    assert cells(row(UNKNOWN))[5] == "?"
    assert cells(row(UNKNOWN, IDLE._replace(topic="temperatures", partition=1)))[5] == "?"


def test_one_partition_in_a_row_where_that_is_asked_for() -> None:
    assert [one.which for one in rows(state(DRAINING, STUCK), by_partition=True)] == [0, 1]
    assert (columns(True)[2], columns(False)[2]) == ("partition", "partitions")


@pytest.mark.parametrize(
    ("partition", "word"),
    [
        *((LOST, "LOST"), (EXPIRING, "EXPIRING"), (UNKNOWN, "UNKNOWN"), (STUCK, "STUCK")),
        *((DRAINING, "draining"), (DRAINING._replace(drain_seconds=None), "waits"), (MARKERS, "ok"), (IDLE, "ok")),
    ],
)
def test_every_row_is_judged_in_a_word(partition: PartitionLag, word: str) -> None:
    assert verdict(row(partition), STUCK_SECONDS)[0] == word


def test_the_worst_comes_first() -> None:
    found = rows(state(IDLE, MARKERS, DRAINING._replace(topic="a"), UNKNOWN, STUCK, LOST), by_partition=False)
    assert [one.topic for one in worst_first(found)] == [
        *("check-ins", "temperatures", "reports", "a", "follow-ups", "reference")
    ]


def test_the_page_says_everything_in_words() -> None:
    lines = drawn(state(IDLE, STUCK, under_replicated=4))
    assert lines[0] == "heading  2 of 3 brokers, 4 partitions with too few copies"
    assert lines[2].split() == ["sinks", "Empty", "0", "3"]
    assert [line.split()[:3] for line in lines[5:7]] == [["STUCK", "sinks", "reports"], ["ok", "sinks", "reference"]]


def test_a_low_terminal_shows_the_worst_and_tells_how_many_rows_are_left_out() -> None:
    idle = [lag(f"topic-{number}", 0) for number in range(20)]
    lines = drawn(state(*idle, STUCK, DRAINING._replace(topic="a")), height=8)
    assert [line.split()[0] for line in lines[5:-1]] == ["STUCK"]
    assert lines[-1] == "21 more rows, 1 of them behind"
    assert len(lines) < 8
