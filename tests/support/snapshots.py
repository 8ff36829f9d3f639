"""Handmade snapshots of a pipeline: everything there, everything silent, nothing yet, and thousands of rows."""

from dataclasses import replace

from infra.alarms.alarm import Alarm
from infra.embedded.catch_up import GROUPS
from infra.lag.snapshot import (
    AuditState,
    CheckpointFlow,
    ClockQueue,
    Coverage,
    DeadLetterCount,
    DeviceState,
    Distribution,
    Forecast,
    GroupState,
    KafkaState,
    MissingReport,
    PartitionLag,
    PartState,
    QueryableDelay,
    Reading,
    ReportTotal,
    Snapshot,
    StoreState,
    TopicCount,
    WorkerState,
)
from schemas.topics import INPUT_TOPICS

AT = 1_582_203_600_000
"""2020-02-20 13:00:00 UTC, 21:00 in the zone of the deadlines."""

MINUTE, HOUR = 60_000, 3_600_000
MIDNIGHT = AT + 3 * HOUR
BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


def _delay(*counts: int) -> Distribution:
    return Distribution(BOUNDS, counts, float(sum(counts)))


FAST = _delay(220, 460, 240, 60, 15, 4, 1, 0, 0)
SLOW = _delay(2, 10, 30, 80, 160, 90, 40, 12, 7)


def kafka() -> KafkaState:
    """Temperatures wait 95 s on one partition, which stands still; all else is read as it comes."""
    partitions = []
    for group, topics in GROUPS.items():
        for topic in topics:
            for number in range(8 if topic != "reference" else 1):
                lag = (number * 7 + len(topic)) % 23
                partitions.append(
                    PartitionLag(group, topic, number, 90_000 + number, 90_000 + number + lag, lag, lag / 20)
                )
    stuck = PartitionLag("checkline-risk", "temperatures", 3, 41_200, 53_640, 12_440, 95.4, 88.2, None, 40_000.0, 0)
    partitions = [
        stuck if (one.group, one.topic, one.partition) == (stuck.group, stuck.topic, stuck.partition) else one
        for one in partitions
    ]
    groups = tuple(
        GroupState(group, "Stable", 2 if group == "checkline-risk" else 1, 3 if group == "checkline-risk" else 1)
        for group in GROUPS
    )
    return KafkaState(tuple(partitions), groups, 3, 3)


def store() -> StoreState:
    """An evening with work left to do."""
    clocks = (
        ClockQueue("SAME_DAY", "370214", 212, 31, 14, AT - 20 * HOUR, releases=False),
        ClockQueue("HOURS_24", "370281", 96, 12, 3, AT - 2 * HOUR, releases=False),
        ClockQueue("HOURS_48", "371002", 340, 4, 0, AT + 30 * MINUTE, releases=False),
        ClockQueue("TEST_DUE", "371000-ETDZ", 61, 9, 1, AT - 40 * MINUTE, releases=False),
        ClockQueue("THREE_CHECKS", "370202", 44, 0, 0, MIDNIGHT, releases=False),
        ClockQueue("RELEASE", "370214", 18, 2, 4, AT - 52 * HOUR, releases=True),
        ClockQueue("LIFTING", "371002", 3, 1, 1, AT - 5 * HOUR, releases=True),
        ClockQueue("TRANSFER", "370281", 7, 0, 0, AT + 2 * HOUR, releases=True),
    )
    topics = tuple(
        TopicCount(
            topic.name, 120_000 // (number + 1), 40 * (number == 0) + 3, 5_200 // (number + 1), number == 2, 900, 7
        )
        for number, topic in enumerate(INPUT_TOPICS)
    )
    devices = (
        DeviceState("gate-qd-017", "QD-MOTORWAY-03", "370214", True, 1_940.0, 0.4, 0),
        DeviceState("thermo-wh-003", "WH-RAIL-01", "371002", True, None, None, 0),
        DeviceState("gate-qd-020", "QD-RAIL-01", "370202", True, 3.2, -412.0, 0),
        DeviceState("desk-kz-001", None, None, False, 60.0, 0.2, 17),
        *(DeviceState(f"gate-qd-{n:03}", "QD-ROAD-02", "370202", True, 2.0, 0.1, 0) for n in range(30, 60)),
    )
    return StoreState(
        queryable=(
            QueryableDelay("check-ins", "370214", FAST),
            QueryableDelay("temperatures", "370214", SLOW),
            QueryableDelay("follow-ups", "371002", FAST),
        ),
        clocks=clocks,
        dead_letters=(
            DeadLetterCount("check-ins", "UNDECODABLE", 12, 9),
            DeadLetterCount("temperatures", "OUT_OF_RANGE", 31, 2),
            DeadLetterCount("follow-ups", "MISSING_FIELD", 4, 0),
            DeadLetterCount("check-ins", "SENT_AFTER_APPENDED", 2, 1),
        ),
        topics=topics,
        devices=devices,
        totals=(
            ReportTotal("DAILY_REPORT", "disputes", "2020-02-20", "DAY", 48, 3, 0.9375),
            ReportTotal("TWO_REPORTS", "absences", "2020-02-20", "EVENING", 120, 2, 0.98333),
        ),
        missing=(
            MissingReport("street-office-07", "370214", "DAILY_REPORT", "disputes", AT - HOUR),
            MissingReport("street-office-12", "370214", "DAILY_REPORT", "disputes", AT - HOUR),
            MissingReport("school-114", "370281", "TWO_REPORTS", "absences", AT - 3 * HOUR),
        ),
        coverage=(Coverage("check-ins", 0, 120_440, 0), Coverage("temperatures", 3, 41_200, 2)),
        flows=(
            CheckpointFlow("QD-MOTORWAY-03", "370214", "lane 2", 21.4, 64, SLOW),
            CheckpointFlow("QD-MOTORWAY-03", "370214", "lane 1", 33.0, 5, FAST),
            CheckpointFlow("WH-RAIL-01", "371002", "exit A", 12.2, None, None),
        ),
        breaches_recent=3,
        bytes_on_disk=7_340_000_000,
    )


def workers() -> tuple[WorkerState, ...]:
    """One of the two risk workers recovers."""
    marks = dict.fromkeys(range(4), AT - 1400)
    return (
        WorkerState("worker-risk-1", False, 2.1, 0, marks, 3, FAST, 235_000_000, 412_000_000, 3),
        WorkerState("worker-risk-2", True, 6.4, 48_200, {4: AT - 8_000}, 0, None, 120_000_000, 388_000_000, 3),
        WorkerState("worker-enforcement", False, 0.4, 0, marks, 0, FAST, 2_000_000, 190_000_000, 1),
        WorkerState("worker-reports", False, 0.5, 0, marks, 0, FAST, 9_000_000, 201_000_000, 1),
        WorkerState("worker-urgent-care", False, 0.3, 0, marks, 0, FAST, 1_000_000, 188_000_000, 1),
    )


def parts() -> tuple[PartState, ...]:
    """All that `checkline up` runs; a worker was started again."""
    text = "kafka-1 kafka-2 kafka-3 clickhouse reference-clock worker-risk-1 worker-risk-2"
    names = f"{text} worker-enforcement worker-reports worker-urgent-care sink operations".split()
    return tuple(
        PartState(
            name,
            "backing off" if name == "worker-risk-2" else "ready",
            None if name == "worker-risk-2" else 4_000 + number,
            4 if name == "worker-risk-2" else 0,
            "2020-02-20T12:00:00+00:00",
            310_000_000 + number * 9_000_000,
            612.0 + number,
        )
        for number, name in enumerate(names)
    )


def audit() -> AuditState:
    """Two rows are not what the log says."""
    differences = {"coverage": 0, "digest": 0, "rows": 2, "identities": 0, "cells": 0, "log": 0}
    places = ("check-ins/4 [118200, 118400): 2 rows are missing in checkline.check_ins; run checkline audit --repair",)
    return AuditState(AT - 90_000, 41.0, differences, places)


def forecasts() -> tuple[Forecast, ...]:
    """Fourteen leads will miss midnight."""
    spare = (("Chengyang police station 4", 6.5), ("Jiaozhou team B", 3.0))
    return (
        Forecast("SAME_DAY", "370214", MIDNIGHT, 60, 15.2, 14.0, 9.0, 20.0, 3.0, spare),
        Forecast("HOURS_24", "370281", MIDNIGHT, 22, 9.1, 0.2, 0.0, 3.0, None, ()),
    )


def rich() -> Snapshot:
    """Every section has something to say, and several have something wrong."""
    return Snapshot(
        AT,
        AT,
        "wall",
        kafka=Reading(kafka(), AT - 900, 0.21),
        parts=Reading(parts(), AT - 700, 0.02),
        workers=Reading(workers(), AT - 800, 0.05),
        store=Reading(store(), AT - 2_100, 0.4),
        audit=Reading(audit(), AT - 90_000, 41.0),
        forecast=Reading(forecasts(), AT - 20_000, 0.3),
    )


def silent() -> Snapshot:
    """No source answers any more; each has its last words."""
    reasons = {
        "kafka": "kafka at 127.0.0.1:9092 does not answer (no brokers available)",
        "parts": "no answer for 31 s",
        "workers": "connection refused",
        "store": "clickhouse: Code: 210. Connection refused (127.0.0.1:9000)",
        "audit": "no answer for 700 s",
        "forecast": "clickhouse does not answer",
    }
    found = rich()
    readings = {
        name: replace(getattr(found, name), failure=reason, taken_at=AT - 9 * MINUTE)
        for name, reason in reasons.items()
    }
    return replace(found, **readings)


def never_known() -> Snapshot:
    """Nothing was ever heard of any source, and each says why."""
    return Snapshot(AT, AT, "wall", **{name: Reading(failure="connection refused") for name in _SECTIONS})


def empty() -> Snapshot:
    """A home that was just made: everything answers, and there is nothing yet."""
    partitions = tuple(
        PartitionLag(group, topic, number, None, 0, 0, 0.0)
        for group, topics in GROUPS.items()
        for topic in topics
        for number in range(8 if topic != "reference" else 1)
    )
    groups = tuple(GroupState(group, "Stable", 1, 1) for group in GROUPS)
    nothing = StoreState((), (), (), (), (), (), (), (), (), 0, 0)
    quiet = tuple(one._replace(state="ready", restarts=0) for one in parts())
    return Snapshot(
        AT,
        AT,
        "wall",
        kafka=Reading(KafkaState(partitions, groups, 1, 1), AT, 0.1),
        parts=Reading(quiet, AT, 0.1),
        workers=Reading((), AT, 0.1),
        store=Reading(nothing, AT, 0.1),
        audit=Reading(AuditState(AT, 0.1, {"coverage": 0}, ()), AT, 0.1),
        forecast=Reading((), AT, 0.1),
    )


def crowded(many: int = 5_000) -> Snapshot:
    """Thousands of everything."""
    found = rich()
    base = store()
    large = base._replace(
        clocks=tuple(ClockQueue(f"DUTY_{n}", "370214", n, n, n, AT - n, releases=n % 2 == 0) for n in range(many)),
        devices=tuple(
            DeviceState(f"device-{n}", f"site-{n}", "370202", True, 400.0 + n, 200.0 + n, n) for n in range(many)
        ),
        missing=tuple(MissingReport(f"unit-{n}", "370214", "DAILY_REPORT", "disputes", AT - n) for n in range(many)),
        dead_letters=tuple(DeadLetterCount("check-ins", f"REASON_{n}", n, n) for n in range(many)),
        flows=tuple(CheckpointFlow(f"site-{n}", "370214", f"lane {n}", 1.0, n, SLOW) for n in range(many)),
        queryable=tuple(QueryableDelay("check-ins", f"district-{n}", SLOW) for n in range(many)),
        coverage=tuple(Coverage("check-ins", n, n, 1) for n in range(many)),
    )
    lags = tuple(PartitionLag("checkline-risk", "check-ins", n, n, 2 * n, n, float(n)) for n in range(1, many))
    more = KafkaState(lags, (GroupState("checkline-risk", "Stable", 9, 9),), 3, 3)
    forecast = forecasts()[0]
    return replace(
        found,
        store=Reading(large, AT, 1.0),
        kafka=Reading(more, AT, 1.0),
        forecast=Reading(tuple(forecast._replace(district=f"district-{n}") for n in range(many)), AT, 1.0),
    )


_SECTIONS = ("kafka", "parts", "workers", "store", "audit", "forecast")


def alarm(rule: str, subject: str, detail: tuple[str, str], severity: str = "critical", minutes: int = 3) -> Alarm:
    """An alarm that was raised so many minutes ago and that nobody took on."""
    raised = AT - minutes * MINUTE
    identity = f"{rule}/{subject}/{raised}"
    found = Alarm(identity, rule, subject, "warning", *detail, raised, None, None, None, 0)
    return found._replace(severity="critical") if severity == "critical" else found


def alarms() -> list[Alarm]:
    """What is wrong with the rich snapshot, the worst first."""
    stuck = ("stands at 41200 for 88 s, 12,440 events wait", "停在 41200 已 88 秒，积压 12,440 条")
    held = ("4 releases are overdue, the oldest for 2 d 4 h", "4 人超期未解除，最早已超 2 天 4 小时")
    audit = ("2 differences: rows", "2 处差异：行")
    congestion = ("64 wait, 19 of 20 for up to 60 s", "64 人等候")
    silence = ("not heard of for 32 min", "已 32 分钟无消息")
    return [
        alarm("PartitionStuck", "checkline-risk temperatures/3", stuck, minutes=1),
        alarm("AuditDifference", "rows", audit, minutes=2),
        alarm("ReleaseOverdue", "RELEASE 370214", held, minutes=190)._replace(
            acknowledged_at=AT - 170 * MINUTE, acknowledged_by="wang.li"
        ),
        alarm("Congestion", "QD-MOTORWAY-03 lane 2", congestion, "warning", 12)._replace(level=1),
        alarm("CheckpointSilent", "gate-qd-017", silence, "warning", 27)._replace(cleared_at=AT - 4 * MINUTE),
    ]
