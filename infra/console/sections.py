"""What each section of the page shows, from one snapshot: bounded, named in both languages, the worst first.

A section is None where its source never answered. Its last words are shown as long as it does not answer now; how old
they are, and why, stands in the document's `sources`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from infra.console.drawing import Lag, is_silent, is_skewed, lag_of
from infra.console.naming import Name, district_name, duty_name, reason_name, topic_name
from infra.console.quantiles import Quantile, Spread, merged, quantile, spread
from infra.console.rows import Rows, worst
from infra.lag.snapshot import (
    AuditState,
    CheckpointFlow,
    ClockQueue,
    DeviceState,
    Forecast,
    KafkaState,
    MissingReport,
    PartitionLag,
    PartState,
    ReportTotal,
    Snapshot,
    StoreState,
    WorkerState,
)
from infra.settings import OperationsSettings

FEW = 5
FEWER = 8


# ---- follow-ups and releases
class Queue(NamedTuple):
    duty: Name
    district: Name | None
    open: int
    due_soon: int
    overdue: int
    oldest_due_at: int | None


class Queues(NamedTuple):
    open: int
    due_soon: int
    overdue: int
    queues: Rows[Queue]


class Clocks(NamedTuple):
    """Overdue follow-ups, and beside them those whom, or what, somebody holds until they are done."""

    follow_ups: Queues
    releases: Queues
    breaches_recent: int


def clocks(store: StoreState) -> Clocks:
    """The queues of open clocks."""
    return Clocks(
        _queues(one for one in store.clocks if not one.releases),
        _queues(one for one in store.clocks if one.releases),
        store.breaches_recent,
    )


def _queues(found: Iterable[ClockQueue]) -> Queues:
    queues = list(found)
    rows = worst(queues, lambda one: (one.overdue, one.due_soon, one.open), _queue)
    return Queues(
        sum(one.open for one in queues),
        sum(one.due_soon for one in queues),
        sum(one.overdue for one in queues),
        rows,
    )


def _queue(one: ClockQueue) -> Queue:
    return Queue(
        duty_name(one.duty), district_name(one.district), one.open, one.due_soon, one.overdue, one.oldest_due_at
    )


# ---- the forecast
class Spare(NamedTuple):
    unit: str
    per_hour: float


class Outlook(NamedTuple):
    duty: Name
    district: Name | None
    horizon: int
    due: int
    pace: float
    will_miss: float
    low: float
    high: float
    error: float | None
    spare: Rows[Spare]


class Outlooks(NamedTuple):
    """``will_miss``: the sum of the single forecasts."""

    will_miss: float
    outlooks: Rows[Outlook]


def forecast(forecasts: tuple[Forecast, ...]) -> Outlooks:
    """What the present pace comes to."""
    return Outlooks(
        sum(one.will_miss for one in forecasts), worst(forecasts, lambda one: one.will_miss, _outlook, most=FEWER)
    )


def _outlook(one: Forecast) -> Outlook:
    spare = worst(one.spare, lambda unit: unit[1], lambda unit: Spare(*unit), most=3)
    names = duty_name(one.duty), district_name(one.district)
    return Outlook(*names, one.horizon, one.due, one.pace, one.will_miss, one.low, one.high, one.error, spare)


# ---- reports
class Completeness(NamedTuple):
    schedule: Name
    indicator: str
    date: str
    slot: str
    expected: int
    missing: int
    completeness: float | None


class Missing(NamedTuple):
    unit: str
    district: Name | None
    schedule: Name
    indicator: str
    due_at: int


class Reports(NamedTuple):
    expected: int
    missing: int
    totals: Rows[Completeness]
    units: Rows[Missing]


def reports(store: StoreState) -> Reports:
    """Reports that are missing, and how complete each total is."""
    return Reports(
        sum(one.expected for one in store.totals),
        sum(one.missing for one in store.totals),
        worst(store.totals, lambda one: (one.missing, one.expected), _completeness),
        worst(store.missing, lambda one: -one.due_at, _missing),
    )


def _completeness(one: ReportTotal) -> Completeness:
    return Completeness(duty_name(one.schedule), *one[1:])


def _missing(one: MissingReport) -> Missing:
    return Missing(one.unit, district_name(one.district), duty_name(one.schedule), one.indicator, one.due_at)


# ---- dead letters and arrivals
class Reason(NamedTuple):
    topic: Name
    reason: Name
    code: str
    open: int
    recent: int


class Arrivals(NamedTuple):
    topic: Name
    arrived: int
    refused: int
    repeats: int
    conflicts: int
    recent_arrived: int
    recent_refused: int


class DeadLetters(NamedTuple):
    open: int
    recent: int
    reasons: Rows[Reason]
    topics: Rows[Arrivals]


def dead_letters(store: StoreState) -> DeadLetters:
    """Why records could not be used, and of how many that arrived."""
    counts = store.dead_letters
    reasons = worst(
        counts,
        lambda one: (one.recent, one.open),
        lambda one: Reason(topic_name(one.topic), reason_name(one.reason), one.reason, one.open, one.recent),
    )
    arrivals = worst(
        store.topics,
        lambda one: (one.recent_refused, one.arrived),
        lambda one: Arrivals(topic_name(one.topic), *one[1:]),
    )
    return DeadLetters(sum(one.open for one in counts), sum(one.recent for one in counts), reasons, arrivals)


# ---- devices
class Device(NamedTuple):
    device: str
    site: str | None
    district: Name | None
    silent_seconds: float | None
    skew_seconds: float | None
    missing: int


class Devices(NamedTuple):
    expected: int
    known: int
    silent: Rows[Device]
    skewed: Rows[Device]
    gaps: Rows[Device]


def devices(store: StoreState, settings: OperationsSettings) -> Devices:
    """Devices that are silent, whose clock is wrong, or whose counters have holes. Never heard of is silent longest."""
    everything = store.devices
    silent = [one for one in everything if is_silent(one, settings)]
    skewed = [one for one in everything if is_skewed(one, settings)]
    gaps = [one for one in everything if one.missing]
    longest = float("inf")
    return Devices(
        sum(one.expected for one in everything),
        len(everything),
        worst(silent, lambda one: longest if one.silent_seconds is None else one.silent_seconds, _device),
        worst(skewed, lambda one: abs(one.skew_seconds or 0.0), _device),
        worst(gaps, lambda one: one.missing, _device),
    )


def _device(one: DeviceState) -> Device:
    return Device(one.device, one.site, district_name(one.district), one.silent_seconds, one.skew_seconds, one.missing)


# ---- checkpoints
class Lane(NamedTuple):
    site: str
    district: Name | None
    lane: str
    per_minute: float
    waiting: int | None
    wait: Spread | None
    congested: bool


class Checkpoints(NamedTuple):
    per_minute: float
    lanes: Rows[Lane]


def checkpoints(store: StoreState, settings: OperationsSettings) -> Checkpoints:
    """Lanes of checkpoints, those where people wait longest first."""

    def lane(one: CheckpointFlow) -> Lane:
        wait = spread(one.wait) if one.wait else None
        return Lane(
            one.site, district_name(one.district), one.lane, one.per_minute, one.waiting, wait, congested(one, settings)
        )

    def badness(one: CheckpointFlow) -> tuple[float, float]:
        slow = quantile(one.wait, 0.95) if one.wait else None
        return one.waiting or 0, slow.seconds if slow else 0.0

    return Checkpoints(sum(one.per_minute for one in store.flows), worst(store.flows, badness, lane))


def congested(flow: CheckpointFlow, settings: OperationsSettings) -> bool:
    """Whether a lane is what the sources demand never to be."""
    slow = quantile(flow.wait, 0.95) if flow.wait else None
    too_many = (flow.waiting or 0) > settings.congestion_waiting
    return too_many or (slow is not None and slow.seconds > settings.congestion_wait_seconds)


# ---- event time to queryable
class Delay(NamedTuple):
    topic: Name
    district: Name | None
    delay: Spread


class Queryable(NamedTuple):
    """``not_read_back``: rows that the ledger names and the tables do not hold."""

    together: Spread | None
    delays: Rows[Delay]
    bytes_on_disk: int
    not_read_back: int


def queryable(store: StoreState) -> Queryable:
    """From the time of events until their rows can be asked for."""

    def slowest(found: Quantile | None) -> float:
        return -1.0 if found is None else found.seconds + found.above

    together = merged(one.delay for one in store.queryable)
    delays = worst(
        store.queryable,
        lambda one: slowest(quantile(one.delay, 0.95)),
        lambda one: Delay(topic_name(one.topic), district_name(one.district), spread(one.delay)),
    )
    return Queryable(spread(together) if together else None, delays, store.bytes_on_disk, store.not_read_back)


# ---- the ledger
class Uncounted(NamedTuple):
    topic: Name
    partition: int
    covered_until: int
    uncounted: int


class Ledger(NamedTuple):
    uncounted: int
    partitions: Rows[Uncounted]


def ledger(store: StoreState) -> Ledger:
    """Hours that were touched and are not counted again yet."""
    behind = [one for one in store.coverage if one.uncounted]
    rows = worst(behind, lambda one: one.uncounted, lambda one: Uncounted(topic_name(one.topic), *one[1:]))
    return Ledger(sum(one.uncounted for one in behind), rows)


# ---- Kafka
class Group(NamedTuple):
    group: str
    state: str
    members: int
    rebalances: int
    lag: Lag | None


class Kafka(NamedTuple):
    """``partitions``: those on which something waits, or of which something was lost."""

    brokers: int
    brokers_expected: int
    under_replicated: int
    groups: tuple[Group, ...]
    partitions: Rows[PartitionLag]


def kafka(state: KafkaState) -> Kafka:
    """Groups, and their partitions with the oldest unread records."""
    groups = tuple(
        Group(*group, lag_of(one for one in state.partitions if one.group == group.group)) for group in state.groups
    )
    behind = [one for one in state.partitions if one.lag or one.lost]
    longest = float("inf")

    def badness(one: PartitionLag) -> tuple[float, int]:
        return (longest if one.lag_seconds is None else one.lag_seconds), one.lag

    partitions = worst(behind, badness, lambda one: one, most=FEWER)
    return Kafka(state.brokers, state.brokers_expected, state.under_replicated, groups, partitions)


# ---- parts, workers
class Worker(NamedTuple):
    """``watermark_lag``: seconds from the time as of which the clocks of its last partition are announced."""

    part: str
    recovering: bool
    recovery_seconds: float | None
    recovery_remaining: int
    watermark_lag: float | None
    due_waiting: int
    tick_lateness: Spread | None
    store_bytes: int | None
    resident_bytes: int | None


def parts(found: tuple[PartState, ...]) -> Rows[PartState]:
    """Processes, those that do not run first."""
    return worst(found, lambda one: (one.state != "ready", one.restarts), lambda one: one, most=40)


def workers(found: tuple[WorkerState, ...], now: int) -> Rows[Worker]:
    """Workers, those that recover first."""

    def shown(one: WorkerState) -> Worker:
        marks = one.watermarks.values()
        return Worker(
            one.part,
            one.recovering,
            one.recovery_seconds,
            one.recovery_remaining,
            max(0.0, (now - min(marks)) / 1000) if marks else None,
            one.due_waiting,
            spread(one.tick_lateness) if one.tick_lateness else None,
            one.store_bytes,
            one.resident_bytes,
        )

    return worst(found, lambda one: (one.recovering, one.due_waiting), shown, most=40)


# ---- the audit
class Check(NamedTuple):
    name: str
    differences: int


class Audit(NamedTuple):
    finished_at: int
    seconds: float
    differences: int
    checks: tuple[Check, ...]
    places: Rows[str]


def audit(state: AuditState) -> Audit:
    """The last round of the account of the log against the tables."""
    checks = tuple(Check(name, count) for name, count in sorted(state.differences.items()))
    places = Rows(state.places[:FEW], len(state.places))
    return Audit(state.finished_at, state.seconds, sum(state.differences.values()), checks, places)


class Sections(NamedTuple):
    """All of them."""

    clocks: Clocks | None
    forecast: Outlooks | None
    reports: Reports | None
    dead_letters: DeadLetters | None
    devices: Devices | None
    checkpoints: Checkpoints | None
    queryable: Queryable | None
    ledger: Ledger | None
    kafka: Kafka | None
    parts: Rows[PartState] | None
    workers: Rows[Worker] | None
    audit: Audit | None


def sections(snapshot: Snapshot, settings: OperationsSettings) -> Sections:
    """Every section from what its source said last."""
    store, state = snapshot.store.value, snapshot.kafka.value
    return Sections(
        clocks=clocks(store) if store else None,
        forecast=None if snapshot.forecast.value is None else forecast(snapshot.forecast.value),
        reports=reports(store) if store else None,
        dead_letters=dead_letters(store) if store else None,
        devices=devices(store, settings) if store else None,
        checkpoints=checkpoints(store, settings) if store else None,
        queryable=queryable(store) if store else None,
        ledger=ledger(store) if store else None,
        kafka=kafka(state) if state else None,
        parts=None if snapshot.parts.value is None else parts(snapshot.parts.value),
        workers=None if snapshot.workers.value is None else workers(snapshot.workers.value, snapshot.now),
        audit=audit(snapshot.audit.value) if snapshot.audit.value else None,
    )
