"""What is known of the running pipeline at one moment, from every source that was asked.

The exporter, the alarm rules, the console and the command line read this and nothing else, so that they never
disagree. A source that does not answer keeps its last words with their time and the reason: they are never taken for
now, and what was never heard is None, never zero. Times are UTC milliseconds unless a name says seconds.
"""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """What a source said last. ``value`` is None until it has answered once; ``taken_at``: when it answered (the
    machine's clock); ``took_seconds``: how long that took; ``failure``: why it does not answer now, None when it does.
    """

    value: T_co | None = None
    taken_at: int | None = None
    took_seconds: float | None = None
    failure: str | None = None

    @property
    def known(self) -> T_co | None:
        """The value, if the source answers; None where what we have is only its last words."""
        return None if self.failure else self.value


# ---- Kafka
class PartitionLag(NamedTuple):
    """One group's state on one partition. ``committed`` is None where the group never committed: ``lag`` then counts
    from the start of the log. ``end`` and ``lag`` are positions, as Apache Kafka's own tool counts them: markers of
    transactions, and records of transactions that are still open, are among them.

    ``lag_seconds``: age of the first unread record by its own timestamp, 0 when there is none (also where nothing but
    markers is left), None where it could not be read in time. ``commit_age_seconds``: how long the committed offset has
    stood still while there was something to read, as far as was looked at, 0 when caught up. ``drain_seconds``: until
    nothing is left at the present pace, 0 when caught up, None where the lag does not shrink, or nothing is known of
    the pace yet. ``retention_seconds``: until the first unread record may be deleted (negative: it may already be; as
    whole segments are deleted, it may be kept for longer), None where nothing is unread, its time is unknown, or the
    topic keeps all. ``lost``: positions that were deleted before they were read.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    lag_seconds: float | None
    commit_age_seconds: float = 0.0
    drain_seconds: float | None = None
    retention_seconds: float | None = None
    lost: int = 0


class GroupState(NamedTuple):
    """A consumer group: ``state`` in Kafka's words (Stable, PreparingRebalance, Empty, Dead ...), its members now,
    and how often the members' shares were dealt anew since the collector began to look."""

    group: str
    state: str
    members: int
    rebalances: int


class KafkaState(NamedTuple):
    """All groups on all partitions they read; ``brokers``: how many nodes answer of the ``brokers_expected``;
    ``under_replicated``: partitions with fewer copies in step than they should have."""

    partitions: tuple[PartitionLag, ...]
    groups: tuple[GroupState, ...]
    brokers: int
    brokers_expected: int
    under_replicated: int = 0


# ---- parts of this installation
class PartState(NamedTuple):
    """A process of this installation as the supervisor and the kernel see it; ``state`` in the supervisor's words."""

    name: str
    state: str
    pid: int | None
    restarts: int
    since: str
    resident_bytes: int | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Distribution:
    """Observations in buckets: ``counts[i]`` of them were at most ``bounds[i]`` and above the bound before; the last of
    ``counts`` (one more than bounds) were above all. Seconds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The bound that at least this share of the observations does not exceed, straight between two bounds; None
        without observations, infinity where only the last bucket holds it."""
        wanted, seen, lower = share * self.count, 0, 0.0
        if not self.count:
            return None
        for bound, count in zip(self.bounds, self.counts, strict=False):
            if count and seen + count >= wanted:
                return lower + (bound - lower) * max(0.0, wanted - seen) / count
            seen, lower = seen + count, bound
        return float("inf")


class WorkerState(NamedTuple):
    """What a worker says of itself. ``watermarks``: {partition: as of when its clocks are announced};
    ``tick_lateness``: from a deadline, or from the start of the tick that covers it if that is later, to its
    announcement being readable. ``tick_lateness_so_far``: the same of all ticks since the worker started: it only
    grows, as a histogram that is scraped must. ``oldest_due_seconds``: for how long the earliest deadline that still
    waits has been covered, 0 where none waits, None where no time is known yet: what is never announced is in no
    histogram."""

    part: str
    recovering: bool
    recovery_seconds: float | None
    recovery_remaining: int
    watermarks: dict[int, int]
    due_waiting: int
    tick_lateness: Distribution | None
    store_bytes: int | None
    resident_bytes: int | None
    rebalances: int
    tick_lateness_so_far: Distribution | None = None
    oldest_due_seconds: float | None = None


# ---- the column store
class QueryableDelay(NamedTuple):
    """Seconds from the time of events to their rows being read back from the tables, of the rows written lately.
    ``so_far``: of all rows since the collector began to look, each block once: it only grows."""

    topic: str
    district: str
    delay: Distribution
    so_far: Distribution | None = None


class ClockQueue(NamedTuple):
    """Clocks of one class (duty, as the policy names it) in one district: all that are open, of those due within the
    hour, and overdue. ``releases``: whether somebody is held, or something closed, until they are done."""

    duty: str
    district: str
    open: int
    due_soon: int
    overdue: int
    oldest_due_at: int | None
    releases: bool


class DeadLetterCount(NamedTuple):
    """Dead letters of one topic and reason: that wait for somebody, and that came in the last minutes (`recent`)."""

    topic: str
    reason: str
    open: int
    recent: int


class TopicCount(NamedTuple):
    """Records of one input topic: all that arrived, refused ones among them, repeats of what was there, and pairs of
    contents under one identity. The second pair: of the last minutes."""

    topic: str
    arrived: int
    refused: int
    repeats: int
    conflicts: int
    recent_arrived: int
    recent_refused: int


class DeviceState(NamedTuple):
    """A device (or desk). ``site`` and ``district`` are None where reference data names none; ``expected``: reference
    data names it. ``silent_seconds``: since its last record was appended, None: never heard of. ``skew_seconds``: its
    clock less the broker's, at its newest record (transport included, so at most that). ``missing``: counters that no
    stored event carries."""

    device: str
    site: str | None
    district: str | None
    expected: bool
    silent_seconds: float | None
    skew_seconds: float | None
    missing: int


class ReportTotal(NamedTuple):
    """Reports of one schedule and indicator for one period: expected, missing, and the share that came."""

    schedule: str
    indicator: str
    date: str
    slot: str
    expected: int
    missing: int
    completeness: float | None


class MissingReport(NamedTuple):
    """A report that was due and did not come."""

    unit: str
    district: str | None
    schedule: str
    indicator: str
    due_at: int


class Coverage(NamedTuple):
    """The ledger of one topic and partition: up to which position it holds blocks without a hole, and how many hours
    that were touched are not counted again yet."""

    topic: str
    partition: int
    covered_until: int
    uncounted: int


class CheckpointFlow(NamedTuple):
    """One lane of a checkpoint in the last minutes. ``waiting``: passages without a decision so far, None where the
    lane sends no decisions; ``wait``: seconds from arrival to decision, None likewise."""

    site: str
    district: str | None
    lane: str
    per_minute: float
    waiting: int | None
    wait: Distribution | None


class StoreState(NamedTuple):
    """What the tables say."""

    queryable: tuple[QueryableDelay, ...]
    clocks: tuple[ClockQueue, ...]
    dead_letters: tuple[DeadLetterCount, ...]
    topics: tuple[TopicCount, ...]
    devices: tuple[DeviceState, ...]
    totals: tuple[ReportTotal, ...]
    missing: tuple[MissingReport, ...]
    coverage: tuple[Coverage, ...]
    flows: tuple[CheckpointFlow, ...]
    breaches_recent: int
    """Deadlines that passed unproven in the last minutes."""
    bytes_on_disk: int
    not_read_back: int = 0
    """Rows of the blocks written lately that stand in the ledger and were not found in the tables: a difference."""
    asked_at: tuple[tuple[str, int], ...] = ()
    """When each question was answered, by its name (`infra.lag.questions`): dear ones are asked less often."""


# ---- the audit
class AuditState(NamedTuple):
    """The last round of the rolling audit: when it ended, how long it took, and its differences by check;
    ``places``: the first few in words."""

    finished_at: int
    seconds: float
    differences: dict[str, int]
    places: tuple[str, ...]


# ---- the forecast
class Forecast(NamedTuple):
    """What the present pace comes to for one class and district: of ``due`` clocks that end by ``horizon``, about
    ``will_miss`` will not be done by then, between ``low`` and ``high`` with nine in ten probability. ``pace``: done
    per hour lately. ``error``: mean absolute difference of such forecasts made earlier for times that have passed
    since, None while there are none. ``spare``: units that could take more: (unit, clocks per hour)."""

    duty: str
    district: str
    horizon: int
    due: int
    pace: float
    will_miss: float
    low: float
    high: float
    error: float | None
    spare: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Snapshot:
    """All of it. ``now``: the time of this home's clock, that of its log in an event-clock home; ``at``: the
    machine's."""

    at: int
    now: int
    clock: str
    kafka: Reading[KafkaState] = Reading()
    parts: Reading[tuple[PartState, ...]] = Reading()
    workers: Reading[tuple[WorkerState, ...]] = Reading()
    store: Reading[StoreState] = Reading()
    audit: Reading[AuditState] = Reading()
    forecast: Reading[tuple[Forecast, ...]] = Reading()
