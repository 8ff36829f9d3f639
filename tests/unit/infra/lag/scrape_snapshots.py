"""Snapshots to scrape: one of a city, and one of an installation that is far too large."""

from infra.alarms.alarm import Alarm
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
from schemas.topics import ALL_TOPICS

NOW = 1_581_000_000_000
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
DELAY = Distribution(BOUNDS, (0, 40, 30, 20, 5, 2, 1, 1, 0, 0, 0, 0, 0, 1), 2_137.5)
GROUPS = {
    "checkline-risk": ("check-ins", "temperatures", "follow-ups"),
    "checkline-enforcement": ("enforcement",),
    "checkline-reports": ("reports",),
    "checkline-urgent-care": ("urgent-care",),
    "checkline-sinks": tuple(topic.name for topic in ALL_TOPICS),
}


def alarm(rule: str, acknowledged_at: int | None = None, cleared_at: int | None = None) -> Alarm:
    """An alarm of a rule."""
    return Alarm(f"{rule}-1", rule, "x", "critical", "", "", NOW, cleared_at, acknowledged_at, None, 0)


def snapshot(
    *, districts: int = 8, devices: int = 400, partitions: int = 8, groups: int = 0, duties: int = 12, lanes: int = 40
) -> Snapshot:
    """What a city looks like, or with larger numbers what none does."""
    topics_of = dict(GROUPS) | {f"group-{number}": ("check-ins",) for number in range(groups)}
    names = [f"3702{number:04d}" for number in range(districts)]
    kafka = KafkaState(
        tuple(
            PartitionLag(group, topic, number, 10_000 + number, 10_007, 7 - number % 8, 1.5, 0.2, 0.8, 600_000.0)
            for group, topics in topics_of.items()
            for topic in topics
            for number in range(partitions)
        ),
        tuple(GroupState(group, "Stable", 1, 2) for group in topics_of),
        brokers=3,
        brokers_expected=3,
    )
    parts = tuple(
        PartState(name, "ready", 100, 0, "", 200_000_000, 12.5)
        for name in ("kafka-1", "clickhouse", "worker-risk-1", "worker-enforcement", "sink", "operations")
    )
    workers = tuple(
        WorkerState(
            name, False, 3.2, 0, dict.fromkeys(range(partitions), NOW - 900), 0, DELAY, 10**8, 10**8, 1, DELAY, 0.0
        )
        for name in ("worker-risk-1", "worker-enforcement")
    )
    topics = GROUPS["checkline-sinks"]
    store = StoreState(
        queryable=tuple(
            QueryableDelay(topic, district, DELAY, DELAY)
            for topic in ("check-ins", "temperatures", "follow-ups", "reports")
            for district in names
        ),
        clocks=tuple(
            ClockQueue(f"DUTY_{duty}", district, 20, 3, duty % 2, NOW - 60_000, duty == 1)
            for duty in range(duties)
            for district in names
        ),
        dead_letters=tuple(
            DeadLetterCount(topic, reason, 4, 1) for topic in topics for reason in ("UNDECODABLE", "BAD_FIELD")
        ),
        topics=tuple(TopicCount(topic, 10_000, 3, 40, 1, 500, 2) for topic in topics),
        devices=tuple(
            DeviceState(
                f"device-{number}",
                f"site-{number % 97}",
                names[number % districts],
                number % 10 != 0,
                None if number % 50 == 49 else float(number % 700),
                number % 200 - 100.0,
                number % 7,
            )
            for number in range(devices)
        ),
        totals=tuple(
            ReportTotal(f"DAILY-{number}", "CHECKED", date, "", districts, 1, 1 - 1 / districts)
            for number in range(10)
            for date in ("2020-02-19", "2020-02-20")
        ),
        missing=tuple(MissingReport(f"unit-{one}", one, "DAILY-1", "CHECKED", NOW) for one in names),
        coverage=tuple(Coverage(topic, number, 10_000, 1) for topic in topics for number in range(partitions)),
        flows=tuple(
            CheckpointFlow(f"site-{number}", names[number % districts], "1", 4.5, number % 9, DELAY)
            for number in range(lanes)
        ),
        breaches_recent=2,
        bytes_on_disk=10**9,
        asked_at=(("clocks", NOW - 1_000), ("devices", NOW - 30_000)),
    )
    forecasts = tuple(
        Forecast(f"DUTY_{duty}", district, NOW + 3_600_000, 20, 4.0, 2.5, 1.0, 5.0, 1.2, (("unit", 3.0),))
        for duty in range(duties)
        for district in names
    )
    audit = AuditState(NOW - 30_000, 2.5, {"rows": 0, "counts": 2}, ())
    return Snapshot(
        NOW,
        NOW,
        "wall",
        Reading(kafka, NOW, 0.1),
        Reading(parts, NOW, 0.1),
        Reading(workers, NOW, 0.1),
        Reading(store, NOW - 2_000, 0.4),
        Reading(audit, NOW, 2.5),
        Reading(forecasts, NOW, 0.1),
    )


def absurd() -> Snapshot:
    """10,000 devices in 5,000 districts, 300 groups, and so on."""
    return snapshot(districts=5_000, devices=10_000, partitions=64, groups=300, duties=6, lanes=3_000)
