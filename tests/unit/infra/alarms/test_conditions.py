"""Every rule: what it finds, what it leaves alone, and that it does not judge what is unknown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from infra.alarms.alarm import Condition
from infra.alarms.conditions import FINDERS, judge
from infra.alarms.conditions.judgement import Judgement, Unsure
from infra.alarms.conditions.memory import Memory
from infra.alarms.rules import RULES
from infra.lag.snapshot import (
    AuditState,
    CheckpointFlow,
    ClockQueue,
    Coverage,
    DeadLetterCount,
    DeviceState,
    Distribution,
    GroupState,
    MissingReport,
    PartitionLag,
    Reading,
    Snapshot,
    TopicCount,
)
from tests.unit.infra.alarms.snapshots import (
    AT,
    FORECAST,
    GROUPS,
    HOUR,
    KAFKA,
    SETTINGS,
    STORE,
    WORKERS,
    kafka,
    later,
    part,
    parts,
    silent,
    snapshot,
    store,
    workers,
)

SLOW = Distribution((1.0, 5.0, 60.0), (50, 0, 50, 0), 1000.0)


def judged(*looks: Snapshot) -> list[Judgement]:
    """What the last of several looks finds."""
    memory, found = Memory(), list[Judgement]()
    for look in looks:
        found, memory = judge(look, memory, SETTINGS)
    return found


def conditions(rule: str, *looks: Snapshot) -> list[Condition]:
    return [one for one in judged(*looks) if isinstance(one, Condition) and one.rule == rule]


def subjects(rule: str, *looks: Snapshot) -> list[str]:
    return [one.subject for one in conditions(rule, *looks)]


def unsure(rule: str, *looks: Snapshot) -> list[str | None]:
    return [one.subject for one in judged(*looks) if isinstance(one, Unsure) and one.rule == rule]


class Case(NamedTuple):
    """Sections with which a rule finds something, the subject, and sections that are nearly the same and well."""

    rule: str
    wrong: dict[str, Any]
    subject: str
    well: dict[str, Any]


def device(**changes: Any) -> dict[str, Any]:
    return {"store": store(devices=(STORE.devices[0]._replace(**changes),))}


def queue(**changes: Any) -> dict[str, Any]:
    return {"store": store(clocks=(ClockQueue("RELEASE", "370285", 3, 0, 1, AT - HOUR, True)._replace(**changes),))}


def flow(**changes: Any) -> dict[str, Any]:
    return {"store": store(flows=(STORE.flows[0]._replace(**changes),))}


def letters(recent: int, arrived: int, refused: int) -> dict[str, Any]:
    counts = TopicCount("check-ins", 1000, refused, 0, 0, arrived, refused)
    return {"store": store(topics=(counts,), dead_letters=(DeadLetterCount("check-ins", "TRUNCATED", 9, recent),))}


def audit(**changes: Any) -> dict[str, Any]:
    return {"audit": AuditState(AT - 60_000, 30.0, {"arrivals": 0}, ())._replace(**changes)}


def missing(due_at: int) -> dict[str, Any]:
    return {"store": store(missing=(MissingReport("unit-1", "370285", "DAILY_REPORT", "tested", due_at),))}


STUCK = {"lag": 5, "lag_seconds": 12.0}
CASES = (
    Case(
        "PartitionStuck",
        {"kafka": kafka(0, **STUCK, commit_age_seconds=10.0)},
        "checkline-risk/check-ins",
        {"kafka": kafka(0, **STUCK, commit_age_seconds=9.0)},
    ),
    Case(
        "GroupLagging",
        {"kafka": kafka(1, lag=5, lag_seconds=61.0)},
        "checkline-sinks/check-ins",
        {"kafka": kafka(1, lag=5, lag_seconds=59.0)},
    ),
    Case(
        "GroupWithoutMembers",
        {"kafka": KAFKA._replace(groups=tuple(one._replace(members=one.group != GROUPS[0]) for one in KAFKA.groups))},
        "checkline-risk",
        {"kafka": KAFKA._replace(groups=(*KAFKA.groups, GroupState("somebody-else", "Empty", 0, 0)))},
    ),
    Case(
        "UnreadDataExpiring",
        {"kafka": kafka(0, **STUCK, retention_seconds=3600.0)},
        "checkline-risk/check-ins",
        {"kafka": kafka(0, **STUCK, retention_seconds=48 * 3600.0)},
    ),
    Case(
        "UnreadDataLost", {"kafka": kafka(0, **STUCK, lost=3)}, "checkline-risk/check-ins", {"kafka": kafka(0, **STUCK)}
    ),
    Case(
        "WorkerDown",
        {"parts": parts(worker_risk_1=("backing off", 1))},
        "worker-risk-1",
        {"parts": parts(worker_risk_1=("starting", 0), sink=("starting", 1))},
    ),
    Case("SinkDown", {"parts": parts(sink=("starting", 1))}, "sink", {"parts": parts(sink=("waiting", 0))}),
    Case("PartDown", {"parts": parts(clickhouse=("failed", 8))}, "clickhouse", {"parts": parts(sink=("failed", 8))}),
    Case("BrokerDown", {"kafka": KAFKA._replace(brokers=2, brokers_expected=3)}, "brokers", {"kafka": KAFKA}),
    Case("BrokerDown", {"kafka": KAFKA._replace(under_replicated=4)}, "copies", {"kafka": KAFKA}),
    Case("DeviceSkewed", device(skew_seconds=-121.0), "gate-1", device(skew_seconds=119.0)),
    Case("DeadLettersGrowing", letters(10, 100_000, 10), "check-ins", letters(9, 100_000, 9)),
    Case("DeadLettersGrowing", letters(3, 100, 3), "check-ins", letters(2, 100, 2)),
    Case("AuditDifference", audit(differences={"cells": 2}), "cells", audit(differences={"cells": 0})),
    Case("AuditDifference", {"store": store(not_read_back=1)}, "read-back", {"store": store(not_read_back=0)}),
    Case("AuditStandsStill", audit(finished_at=AT - 901_000), "audit", audit(finished_at=AT - 901_000, seconds=31.0)),
    Case("BreachWave", {"store": store(breaches_recent=20)}, "deadlines", {"store": store(breaches_recent=19)}),
    Case("ReleaseOverdue", queue(), "RELEASE/370285", queue(releases=False)),
    Case("ReportsMissing", missing(AT - HOUR), "DAILY_REPORT/tested", missing(AT - 25 * HOUR)),
    Case(
        "TicksLate",
        {"workers": workers("worker-reports", tick_lateness=SLOW)},
        "worker-reports",
        {"workers": workers("worker-reports", tick_lateness=SLOW, recovering=True)},
    ),
    Case(
        "TicksLate",
        {"workers": workers("worker-reports", oldest_due_seconds=6.0)},
        "worker-reports",
        {"workers": workers("worker-reports", oldest_due_seconds=4.0)},
    ),
    Case("Congestion", flow(waiting=50), "site-1", flow(waiting=49)),
    Case("Congestion", flow(wait=Distribution((60.0, 900.0), (5, 5, 0), 9.0)), "site-1", flow(waiting=None, wait=None)),
    Case(
        "DeadlinesWillBeMissed",
        {"forecast": (FORECAST._replace(will_miss=14.0, low=9.0, high=19.0),)},
        "LEAD_24H/370285",
        {"forecast": (FORECAST._replace(will_miss=1.0, low=0.0, high=4.0),)},
    ),
)


def names(case: Case) -> str:
    return f"{case.rule}-{case.subject}"


def test_where_all_is_well_no_rule_finds_anything() -> None:
    looks = [later(snapshot(), 1000 * second) for second in range(30)]
    assert judged(*looks) == []


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_rule_finds_what_is_wrong_and_tells_it_in_both_languages(case: Case) -> None:
    found = conditions(case.rule, snapshot(**case.wrong))
    assert [one.subject for one in found] == [case.subject]
    assert found[0].detail_en.isascii()
    assert not found[0].detail_zh.isascii()


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_rule_leaves_alone_what_is_nearly_the_same(case: Case) -> None:
    assert conditions(case.rule, snapshot(**case.well)) == []


@pytest.mark.parametrize("rule", [rule for rule, finder in FINDERS.items() if finder.section is not None])
def test_a_rule_whose_evidence_is_unknown_is_unsure_and_finds_nothing(rule: str) -> None:
    section = FINDERS[rule].section
    assert section is not None
    wrong = next((case.wrong for case in CASES if case.rule == rule), {})
    value = wrong.get(section)
    found = snapshot(**{**wrong, section: silent(value, AT)})
    assert conditions(rule, found) == []
    assert None in unsure(rule, found)


def test_every_rule_of_the_catalogue_is_judged() -> None:
    assert list(FINDERS) == [rule.name for rule in RULES]


# ---- starting, recovering
def test_a_partition_of_a_process_that_starts_or_recovers_is_not_called_stuck() -> None:
    stuck = kafka(0, **STUCK, commit_age_seconds=60.0)
    starting = snapshot(kafka=stuck, parts=parts(worker_risk_1=("starting", 0)))
    recovering = snapshot(kafka=stuck, workers=workers("worker-risk-1", recovering=True, recovery_remaining=9))
    for found in (starting, recovering):
        assert subjects("PartitionStuck", found) == []
        assert unsure("PartitionStuck", found) == ["checkline-risk/check-ins"]
    again = snapshot(kafka=stuck, parts=parts(worker_risk_1=("starting", 1)))
    assert subjects("PartitionStuck", again) == ["checkline-risk/check-ins"]


def test_a_part_that_was_ready_just_now_for_the_first_time_is_given_time_to_join() -> None:
    stuck = kafka(0, **STUCK, commit_age_seconds=60.0)

    def ready(seconds: int, restarts: int) -> Snapshot:
        since = datetime.fromtimestamp(AT / 1000 - seconds, UTC).isoformat()
        fresh = tuple(one._replace(since=since, restarts=restarts) for one in parts())
        return snapshot(kafka=stuck, parts=fresh)

    assert unsure("PartitionStuck", ready(29, 0)) == ["checkline-risk/check-ins"]
    assert subjects("PartitionStuck", ready(29, 0)) == []
    assert subjects("PartitionStuck", ready(31, 0)) == ["checkline-risk/check-ins"]
    assert subjects("PartitionStuck", ready(1, 1)) == ["checkline-risk/check-ins"]


def test_while_everything_starts_and_parts_are_unknown_nothing_is_called_stuck() -> None:
    found = snapshot(kafka=kafka(0, **STUCK, commit_age_seconds=60.0), parts=silent())
    assert unsure("PartitionStuck", found, later(found, 119_000)) == ["checkline-risk/check-ins"]
    assert subjects("PartitionStuck", found, later(found, 120_000)) == ["checkline-risk/check-ins"]


def test_stuck_partitions_of_one_group_and_topic_are_one_condition_that_names_them() -> None:
    state = KAFKA._replace(
        partitions=tuple(
            PartitionLag("checkline-risk", "check-ins", number, 1, 6, 5, 12.0, commit_age_seconds=20.0)
            for number in range(8)
        )
    )
    (found,) = conditions("PartitionStuck", snapshot(kafka=state))
    assert "check-ins/0, check-ins/1" in found.detail_en
    assert "40 events wait" in found.detail_en


def test_a_group_that_kafka_does_not_know_has_no_members() -> None:
    state = KAFKA._replace(groups=KAFKA.groups[:-1])
    assert subjects("GroupWithoutMembers", snapshot(kafka=state)) == ["checkline-sinks"]
    starting = snapshot(kafka=state, parts=parts(sink=("waiting", 0)))
    assert subjects("GroupWithoutMembers", starting) == []
    assert unsure("GroupWithoutMembers", starting) == ["checkline-sinks"]


# ---- processes over time
def test_a_worker_that_died_and_is_ready_again_before_anybody_looked_was_down() -> None:
    before = snapshot()
    after = snapshot(AT + 1000, parts=parts(worker_risk_1=("ready", 1)))
    assert subjects("WorkerDown", before, after) == ["worker-risk-1"]
    assert subjects("WorkerDown", before, after, later(after, 6000)) == []


def test_restarts_from_before_the_first_look_are_no_news() -> None:
    assert subjects("WorkerDown", snapshot(parts=parts(worker_risk_1=("ready", 5)))) == []


def test_three_deaths_in_five_minutes_are_a_part_that_restarts_again_and_again() -> None:
    looks = [snapshot(AT + 60_000 * number, parts=parts(sink=("ready", number))) for number in range(4)]
    assert subjects("PartRestarting", *looks[:3]) == []
    assert subjects("PartRestarting", *looks) == ["sink"]
    assert subjects("PartRestarting", *looks, later(looks[-1], 300_000)) == []


def test_a_worker_that_runs_and_does_not_answer_for_long_is_down() -> None:
    hung = snapshot(workers=tuple(one for one in WORKERS if one.part != "worker-reports"))
    assert subjects("WorkerDown", hung, later(hung, 4000)) == []
    assert subjects("WorkerDown", hung, later(hung, 5000)) == ["worker-reports"]


def test_whether_workers_are_down_that_do_not_answer_is_open_while_none_of_them_can_be_asked() -> None:
    assert "worker-reports" in unsure("WorkerDown", snapshot(workers=silent(WORKERS, AT)))


def test_a_recovery_stalls_when_nothing_moves_and_not_while_it_gets_on() -> None:
    def recovering(seconds: int, remaining: int) -> Snapshot:
        found = workers("worker-risk-1", recovering=True, recovery_remaining=remaining)
        return snapshot(AT + seconds * 1000, workers=found)

    assert subjects("RecoveryStalled", recovering(0, 9), recovering(29, 9)) == []
    assert subjects("RecoveryStalled", recovering(0, 9), recovering(30, 9)) == ["worker-risk-1"]
    assert subjects("RecoveryStalled", recovering(0, 9), recovering(30, 8)) == []
    assert subjects("RecoveryStalled", recovering(0, 9), snapshot(AT + 30_000), recovering(31, 9)) == []


# ---- sources
def test_a_source_is_silent_after_some_seconds_of_failure_and_not_after_one_refused_call() -> None:
    failing = snapshot(store=silent(STORE, AT))
    assert subjects("SourceSilent", failing) == []
    again = later(failing, 4000)
    assert subjects("SourceSilent", failing, again) == ["store"]
    assert subjects("SourceSilent", failing, later(snapshot(), 2000), again) == []


def test_a_source_that_was_never_heard_of_is_silent_after_the_time_of_a_start() -> None:
    never = snapshot(store=silent())
    assert subjects("SourceSilent", never, later(never, 119_000)) == []
    assert subjects("SourceSilent", never, later(never, 120_000)) == ["store"]


def test_a_source_that_takes_its_time_for_a_first_answer_is_given_it() -> None:
    unheard = snapshot(audit=Reading())
    assert subjects("SourceSilent", unheard, later(unheard, 3_600_000)) == []
    assert subjects("SourceSilent", unheard, later(unheard, 3_720_000)) == ["audit"]


def test_a_source_whose_words_are_old_is_silent_though_nothing_failed() -> None:
    assert subjects("SourceSilent", snapshot(kafka=Reading(KAFKA, AT - 31_000))) == ["kafka"]


@pytest.mark.expects_errors("cannot be judged")
def test_a_rule_that_fails_is_an_alarm_of_its_own_and_the_others_are_judged() -> None:
    wrong = next(case.wrong for case in CASES if case.rule == "UnreadDataLost")
    broken = snapshot(forecast=(FORECAST._replace(low=None),), **wrong)  # type: ignore[arg-type]
    found = judged(broken)
    assert "rule-DeadlinesWillBeMissed" in [one.subject for one in found if isinstance(one, Condition)]
    assert Unsure("DeadlinesWillBeMissed") in found
    assert "UnreadDataLost" in [one.rule for one in found if isinstance(one, Condition)]


# ---- silence
def devices(*silences: float | None, site: str | None = "site-1") -> dict[str, Any]:
    found = [DeviceState(f"gate-{number}", site, None, True, one, 0.0, 0) for number, one in enumerate(silences, 1)]
    return {"store": store(devices=tuple(found))}


def test_a_silent_device_is_named_and_a_site_of_which_all_are_silent_as_well_once() -> None:
    assert subjects("CheckpointSilent", snapshot(**devices(301.0, 2.0))) == ["gate-1"]
    assert subjects("CheckpointSilent", snapshot(**devices(301.0, 900.0))) == ["site-1"]
    assert subjects("CheckpointSilent", snapshot(**devices(301.0, site=None))) == ["gate-1"]
    assert subjects("CheckpointSilent", snapshot(**devices(299.0, 299.0))) == []


def test_a_device_that_nobody_expects_may_be_silent() -> None:
    assert subjects("CheckpointSilent", snapshot(**device(silent_seconds=900.0, expected=False))) == []


def test_a_device_that_was_never_heard_of_is_silent_once_we_have_listened_for_as_long() -> None:
    never = snapshot(**devices(None))
    assert subjects("CheckpointSilent", never, later(never, 299_000)) == []
    assert unsure("CheckpointSilent", never, later(never, 299_000)) == ["site-1", "gate-1"]
    assert subjects("CheckpointSilent", never, later(never, 300_000)) == ["gate-1"]


def test_nobody_is_called_silent_for_what_the_sinks_have_not_read() -> None:
    behind = kafka(1, lag=5, lag_seconds=250.0)
    found = snapshot(kafka=behind, **devices(301.0))
    assert subjects("CheckpointSilent", found) == []
    assert unsure("CheckpointSilent", found) == ["site-1", "gate-1"]
    assert subjects("CheckpointSilent", snapshot(kafka=behind, **devices(551.0))) == ["gate-1"]
    unknown = snapshot(kafka=kafka(1, lag=5, lag_seconds=None), **devices(301.0))
    assert unsure("CheckpointSilent", unknown) == [None]
    assert unsure("CheckpointSilent", snapshot(kafka=silent(KAFKA, AT), **devices(301.0))) == [None]


def test_an_old_answer_about_devices_makes_nobody_silent() -> None:
    old = store(devices=devices(301.0)["store"].devices, asked_at=(("devices_lately", AT - 10_000),))
    assert subjects("CheckpointSilent", snapshot(store=old)) == []
    assert unsure("CheckpointSilent", snapshot(store=old)) == ["site-1", "gate-1"]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("GroupLagging", {"kafka": kafka(1, lag=5, lag_seconds=86_400.0)}),
        ("CheckpointSilent", devices(86_400.0)),
        ("DeviceSkewed", device(skew_seconds=86_400.0)),
        ("DeadLettersGrowing", letters(10, 100_000, 10)),
        ("BreachWave", {"store": store(breaches_recent=20)}),
    ],
)
def test_what_compares_times_of_records_with_the_machine_is_not_judged_in_a_home_of_the_event_clock(
    rule: str, wrong: dict[str, Any]
) -> None:
    assert subjects(rule, snapshot(**wrong))
    assert subjects(rule, snapshot(clock="event", **wrong)) == []


# ---- the ledger
def ledger(at: int, covered: int, uncounted: int = 0, committed: int = 100) -> Snapshot:
    coverage = (Coverage("check-ins", 0, covered, uncounted),)
    return snapshot(
        at, store=store(coverage=coverage, asked_at=(("coverage", at),)), kafka=kafka(1, committed=committed)
    )


def test_what_was_committed_before_the_ledger_was_asked_must_be_in_it() -> None:
    assert subjects("LedgerBehind", ledger(AT, 100), ledger(AT + 5000, 90)) == ["check-ins"]
    assert subjects("LedgerBehind", ledger(AT, 100), ledger(AT + 5000, 100, committed=999)) == []


def test_the_ledger_is_not_judged_by_one_answer() -> None:
    assert unsure("LedgerBehind", ledger(AT, 90)) == [None]
    assert subjects("LedgerBehind", ledger(AT, 90), later(ledger(AT, 90), 0)) == []


@pytest.mark.parametrize(
    ("counts", "covered", "behind"),
    [
        ((3, 3, 3), (100, 100, 100), True),  # nothing moves, and hours wait
        ((3, 4, 5), (100, 150, 200), True),  # more and more of them
        ((3, 3, 3), (100, 150, 200), False),  # the present hour always waits
        ((3, 2, 3), (100, 100, 100), False),
        ((0, 0, 0), (100, 100, 100), False),
    ],
)
def test_hours_that_wait_to_be_counted_must_become_fewer(
    counts: Sequence[int], covered: Sequence[int], behind: bool
) -> None:
    looks = [
        ledger(AT + 31_000 * number, until, waiting)
        for number, (waiting, until) in enumerate(zip(counts, covered, strict=True))
    ]
    assert subjects("LedgerBehind", *looks) == (["check-ins"] if behind else [])


# ---- conflicts
def conflicting(at: int, number: int) -> Snapshot:
    return snapshot(at, store=store(topics=(STORE.topics[0]._replace(conflicts=number),)))


def test_new_conflicts_are_found_for_a_while_and_old_ones_are_no_news() -> None:
    assert subjects("ConflictsSeen", conflicting(AT, 5)) == []
    assert subjects("ConflictsSeen", conflicting(AT, 5), conflicting(AT + 1000, 6)) == ["check-ins"]
    assert subjects("ConflictsSeen", conflicting(AT, 5), conflicting(AT + 1000, 6), conflicting(AT + 60_000, 6))
    assert subjects("ConflictsSeen", conflicting(AT, 5), conflicting(AT + 1000, 6), conflicting(AT + 302_000, 6)) == []


# ---- words
def test_a_lane_that_sends_no_decisions_is_not_congested_and_one_that_does_is_named() -> None:
    slow = CheckpointFlow("site-1", None, "lane-2", 3.0, 4, Distribution((60.0,), (1, 9), 9000.0))
    (found,) = conditions("Congestion", snapshot(store=store(flows=(*STORE.flows, slow))))
    assert "lane-2" in found.detail_zh
    assert "lane-1" not in found.detail_zh


def test_the_part_that_looks_is_not_judged_by_itself() -> None:
    assert subjects("PartDown", snapshot(parts=(part("operations", "starting", 1),))) == []
