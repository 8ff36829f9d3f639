"""Snapshots made by hand: a pipeline in which all is well, and what is changed in it."""

from dataclasses import replace
from typing import Any

from infra.lag.snapshot import (
    AuditState,
    CheckpointFlow,
    ClockQueue,
    Coverage,
    DeviceState,
    Distribution,
    Forecast,
    GroupState,
    KafkaState,
    PartitionLag,
    PartState,
    Reading,
    Snapshot,
    StoreState,
    TopicCount,
    WorkerState,
)
from infra.settings import OperationsSettings

AT = 1_790_000_000_000
SINCE = "2026-09-21T13:00:00+00:00"
SETTINGS = OperationsSettings()
HOUR = 3_600_000

GROUPS = ("checkline-risk", "checkline-enforcement", "checkline-reports", "checkline-urgent-care", "checkline-sinks")
PARTS = ("kafka", "clickhouse", "worker-risk-1", "worker-enforcement", "worker-reports", "worker-urgent-care", "sink")

KAFKA = KafkaState(
    partitions=(
        PartitionLag("checkline-risk", "check-ins", 0, committed=100, end=100, lag=0, lag_seconds=0.0),
        PartitionLag("checkline-sinks", "check-ins", 0, committed=100, end=100, lag=0, lag_seconds=0.0),
        PartitionLag("checkline-sinks", "check-ins", 1, committed=100, end=100, lag=0, lag_seconds=0.0),
    ),
    groups=tuple(GroupState(group, "Stable", 1, 0) for group in GROUPS),
    brokers=1,
    brokers_expected=1,
)
WORKERS = tuple(
    WorkerState(part, False, 1.0, 0, {0: AT}, 0, Distribution((1.0, 5.0), (99, 1, 0), 10.0), None, None, 0)
    for part in PARTS
    if part.startswith("worker-")
)
STORE = StoreState(
    queryable=(),
    clocks=(ClockQueue("LEAD_24H", "370285", 10, 2, 0, None, releases=False),),
    dead_letters=(),
    topics=(TopicCount("check-ins", 200, 0, 0, 0, recent_arrived=100, recent_refused=0),),
    devices=(DeviceState("gate-1", "site-1", "370285", True, 2.0, 0.1, 0),),
    totals=(),
    missing=(),
    coverage=(Coverage("check-ins", 0, 100, 0), Coverage("check-ins", 1, 100, 0)),
    flows=(CheckpointFlow("site-1", "370285", "lane-1", 12.0, 3, Distribution((60.0, 900.0), (10, 0, 0), 300.0)),),
    breaches_recent=0,
    bytes_on_disk=1,
)
FORECAST = Forecast("LEAD_24H", "370285", AT + HOUR, 10, 12.0, 0.0, 0.0, 0.4, None, (("unit-1", 3.0),))


def part(name: str, state: str = "ready", restarts: int = 0) -> PartState:
    """A part as the supervisor sees it."""
    return PartState(name, state, 7, restarts, SINCE)


def snapshot(at: int = AT, clock: str = "wall", **sections: Any) -> Snapshot:
    """All is well, but for these sections: a value, or a whole Reading."""
    healthy: dict[str, Any] = {
        "kafka": KAFKA,
        "parts": tuple(map(part, PARTS)),
        "workers": WORKERS,
        "store": STORE,
        "audit": AuditState(AT - 60_000, 30.0, {"arrivals": 0}, ()),
        "forecast": (FORECAST,),
    }
    readings = {
        name: value if isinstance(value, Reading) else Reading(value, at)
        for name, value in {**healthy, **sections}.items()
    }
    return Snapshot(at, at, clock, **readings)


def silent(value: Any = None, taken_at: int | None = None) -> Reading[Any]:
    """A source that does not answer, with what it said last."""
    return Reading(value, taken_at, None, "no answer")


def kafka(number: int = 0, **changes: Any) -> KafkaState:
    """Kafka with one of its partitions changed."""
    partitions = list(KAFKA.partitions)
    partitions[number] = partitions[number]._replace(**changes)
    return KAFKA._replace(partitions=tuple(partitions))


def store(**changes: Any) -> StoreState:
    """The tables, with something else in them."""
    return STORE._replace(**changes)


def parts(**states: tuple[str, int]) -> tuple[PartState, ...]:
    """The parts, some of them in another state: name with underscores = (state, restarts)."""
    changed = {name.replace("_", "-"): value for name, value in states.items()}
    return tuple(part(name, *changed.get(name, ("ready", 0))) for name in PARTS)


def workers(part_name: str, **changes: Any) -> tuple[WorkerState, ...]:
    """The workers, one of them changed."""
    return tuple(one._replace(**changes) if one.part == part_name else one for one in WORKERS)


def later(found: Snapshot, milliseconds: int) -> Snapshot:
    """The same, seen later: every source that answers has answered again."""
    moved = {
        name: replace(reading, taken_at=reading.taken_at + milliseconds)
        for name in ("kafka", "parts", "workers", "store", "audit", "forecast")
        if (reading := getattr(found, name)).failure is None and reading.taken_at is not None
    }
    return replace(found, at=found.at + milliseconds, now=found.now + milliseconds, **moved)
