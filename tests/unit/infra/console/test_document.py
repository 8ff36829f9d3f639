"""The document behind the page: bounded, named, and without a number for what nobody knows."""

import json
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from infra.alarms.rules import RULES
from infra.console.document import MOST_ALARMS, document
from infra.console.naming import district_name, duty_name
from infra.console.plain import plain
from infra.console.quantiles import Quantile, merged, quantile
from infra.console.rows import MOST_ROWS
from infra.lag.snapshot import Distribution, KafkaState, PartitionLag, Reading, Snapshot
from infra.settings import OperationsSettings
from tests.support import snapshots

SETTINGS = OperationsSettings()


def _document(snapshot: Snapshot, alarms: Any = ()) -> dict[str, Any]:
    found = document(snapshot, alarms, RULES, SETTINGS)
    json.dumps(found, allow_nan=False)
    return found


def _node(found: dict[str, Any], name: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [node for stage in found["pipeline"] for node in stage["nodes"]]
    return next(node for node in nodes if node["name"] == name)


def test_every_section_of_a_rich_snapshot_is_there() -> None:
    found = _document(snapshots.rich(), snapshots.alarms())
    assert all(section is not None for section in found["sections"].values())
    assert all(source["known"] for source in found["sources"].values())
    assert [stage["name"] for stage in found["pipeline"]] == [
        "devices",
        "topics",
        "workers",
        "derived",
        "sinks",
        "tables",
    ]


def test_a_node_tells_what_waits_in_events_and_in_seconds() -> None:
    node = _node(_document(snapshots.rich()), "temperatures")
    assert node["lag"] == {
        "events": 12_440 + sum((n * 7 + 12) % 23 for n in range(8) if n != 3),
        "seconds": 95.4,
        "at_least": False,
    }
    assert (node["state"], node["why"]) == ("stopped", "stands_still")


def test_what_a_silent_source_said_last_stays_with_its_time_and_in_the_state_unknown() -> None:
    found = _document(snapshots.silent())
    assert {node["state"] for stage in found["pipeline"] for node in stage["nodes"]} == {"unknown"}
    assert _node(found, "temperatures")["lag"]["seconds"] == 95.4
    source = found["sources"]["kafka"]
    assert (source["known"], source["taken_at"]) == (False, snapshots.AT - 9 * snapshots.MINUTE)
    assert "no brokers available" in source["failure"]


def test_what_was_never_known_is_null_and_no_zero() -> None:
    found = _document(snapshots.never_known())
    assert all(section is None for section in found["sections"].values())
    nodes = [node for stage in found["pipeline"] for node in stage["nodes"]]
    assert all(node["lag"] is None and not node["facts"] and node["state"] == "unknown" for node in nodes)


def test_words_that_are_too_old_are_last_words_even_without_a_failure() -> None:
    rich = snapshots.rich()
    old = replace(rich, kafka=replace(rich.kafka, taken_at=rich.at - 31_000))
    found = _document(old)
    assert found["sources"]["kafka"] == {
        "known": False, "taken_at": rich.at - 31_000, "took_seconds": 0.21, "failure": None, "stale": True
    }  # fmt: skip
    assert _node(found, "check-ins")["state"] == "unknown"
    assert _node(found, "tables")["state"] == "ok"


def test_a_source_that_takes_long_may_be_older() -> None:
    rich = snapshots.rich()
    slow = replace(rich, kafka=replace(rich.kafka, taken_at=rich.at - 31_000, took_seconds=9.0))
    assert _document(slow)["sources"]["kafka"]["known"]


@pytest.mark.parametrize(
    ("change", "members", "state", "why"),
    [
        ({}, 1, "ok", None),
        ({"lag": 5, "lag_seconds": 61.0}, 1, "late", "behind"),
        ({"lag": 5, "lag_seconds": 1.0}, 0, "stopped", "nobody_reads"),
        ({"lag": 0}, 0, "ok", None),
        ({"lag": 5, "lag_seconds": None}, 1, "unknown", "age_not_read"),
        ({"lag": 5, "lag_seconds": 11.0, "commit_age_seconds": 11.0}, 1, "stopped", "stands_still"),
        ({"lost": 1}, 1, "stopped", "lost_unread"),
    ],
)
def test_the_state_of_a_topic_follows_from_its_partitions(
    change: dict[str, Any], members: int, state: str, why: str | None
) -> None:
    idle = PartitionLag("checkline-reports", "reports", 0, 9, 9, 0, 0.0)
    group = snapshots.kafka().groups[0]._replace(group="checkline-reports", members=members)
    kafka = KafkaState((idle._replace(**change),), (group,), 1, 1)
    found = _document(replace(snapshots.empty(), kafka=Reading(kafka, snapshots.AT)))
    node = _node(found, "reports")
    assert (node["state"], node["why"]) == (state, why)


def test_an_age_that_could_not_be_read_of_all_partitions_is_a_lower_bound() -> None:
    first = PartitionLag("checkline-reports", "reports", 0, 1, 9, 8, 3.0)
    kafka = KafkaState((first, first._replace(partition=1, lag_seconds=None)), (), 1, 1)
    node = _node(_document(replace(snapshots.empty(), kafka=Reading(kafka, snapshots.AT))), "reports")
    assert node["lag"] == {"events": 16, "seconds": 3.0, "at_least": True}


def test_thousands_of_rows_make_a_small_document_with_the_worst_first() -> None:
    found = _document(snapshots.crowded(), snapshots.alarms() * 100)
    assert len(json.dumps(found)) < 120_000
    silent = found["sections"]["devices"]["silent"]
    assert (len(silent["rows"]), silent["total"]) == (MOST_ROWS, 5_000)
    assert silent["rows"][0]["device"] == "device-4999"
    assert found["alarms"]["alarms"]["total"] == 500
    assert len(found["alarms"]["alarms"]["rows"]) == MOST_ALARMS
    overdue = found["sections"]["clocks"]["follow_ups"]
    assert overdue["overdue"] == sum(range(1, 5_000, 2))
    assert overdue["queues"]["rows"][0]["overdue"] == 4_999


def test_a_device_that_was_never_heard_of_is_silent_longest_and_one_nobody_expects_is_not() -> None:
    rows = _document(snapshots.rich())["sections"]["devices"]["silent"]["rows"]
    assert [(row["device"], row["silent_seconds"]) for row in rows] == [
        ("thermo-wh-003", None),
        ("gate-qd-017", 1_940.0),
    ]


def test_releases_stand_beside_follow_ups() -> None:
    clocks = _document(snapshots.rich())["sections"]["clocks"]
    assert (clocks["follow_ups"]["overdue"], clocks["releases"]["overdue"]) == (18, 5)
    assert clocks["releases"]["queues"]["rows"][0]["duty"] == {"en": "release from follow-up", "zh": "解除隔离、随访"}


def test_a_lane_that_sends_no_decisions_has_no_queue_instead_of_an_empty_one() -> None:
    lanes = _document(snapshots.rich())["sections"]["checkpoints"]["lanes"]["rows"]
    assert {lane["lane"]: lane["waiting"] for lane in lanes}["exit A"] is None
    assert [lane["congested"] for lane in lanes] == [True, False, False]


def test_alarms_that_cannot_be_had_are_not_no_alarms() -> None:
    found = _document(snapshots.rich(), None)["alarms"]
    assert found["failure"]
    assert found["alarms"] == {"rows": [], "total": 0}


def test_an_alarm_of_a_rule_that_nobody_knows_is_shown_by_its_name() -> None:
    (row,) = _document(snapshots.rich(), [snapshots.alarm("NewRule", "x", ("a", "b"))])["alarms"]["alarms"]["rows"]
    assert (row["title"]["en"], row["remedy"]) == ("NewRule", None)


def test_a_section_that_is_asked_for_less_often_tells_its_own_time() -> None:
    rich = snapshots.rich()
    assert rich.store.value
    asked = (("devices", 100), ("devices_lately", 300), ("sites", 200), ("clocks", 400))
    found = _document(replace(rich, store=replace(rich.store, value=rich.store.value._replace(asked_at=asked))))
    assert found["as_of"] == {"devices": 100, "clocks": 400}


def test_a_quantile_above_all_bounds_says_so() -> None:
    far = Distribution((1.0, 2.0), (0, 0, 5), 50.0)
    assert quantile(far, 0.5) == Quantile(2.0, above=True)
    assert quantile(Distribution((1.0,), (0, 0), 0.0), 0.5) is None
    assert merged([far, Distribution((1.0,), (1, 0), 0.0)]) is None
    together = merged([far, Distribution((1.0, 2.0), (5, 0, 0), 1.0)])
    assert together is not None
    assert together.counts == (5, 0, 5)


def test_plain_knows_names_and_refuses_what_it_does_not_know() -> None:
    class Pair(NamedTuple):
        one: float
        other: tuple[int, ...]

    assert plain(Pair(float("inf"), (1, 2))) == {"one": None, "other": [1, 2]}
    assert plain({"a": float("nan")}) == {"a": None}
    with pytest.raises(TypeError, match="has no form"):
        plain(object())


def test_names_of_duties_and_districts() -> None:
    assert duty_name("SAME_DAY").zh == "当日清零"
    assert duty_name("CENTRAL_QUARANTINE/RELEASE").zh == "解除隔离、随访：集中医学隔离"
    assert duty_name("NEW_DUTY").en == "NEW_DUTY"
    names = [district_name(code) for code in ("370214", "371000-ETDZ", "370214001", "NOT_STATED", None, "OTHER")]
    assert [name and name.zh for name in names] == [
        "城阳区",
        "威海经济技术开发区",
        "城阳区 370214001",
        None,
        None,
        "其他辖区",
    ]
