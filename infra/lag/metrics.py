"""Every metric of the scrape, defined once: name, kind, unit, labels, meaning, and how many series it may have.

The names of kafka-lag-exporter, klag-exporter and kafka_exporter are kept with their labels, so that dashboards made
for those show this pipeline; they leave out the labels of members (member_host, consumer_id, client_id), which a label
matcher takes as empty. What is unknown has no series: never -1, never NaN. `checkline_source_up` and
`checkline_source_age_seconds` say why a series is missing.

A number that is recomputed from the tables may fall and is a gauge; "lately" is `operations.lately_seconds`.
"""

from typing import Literal, NamedTuple

Kind = Literal["gauge", "counter", "histogram", "summary"]
Unit = Literal["seconds", "bytes", "events", "offsets", "clocks", "records", "per hour", "per minute", "ratio", "count"]

QUANTILES = (0.5, 0.9, 0.95, 0.99)
BUCKETS = 24
"""Bounds that a distribution may have; more would be coarsened."""

# How many rows of each kind are shown by themselves; the rest are one row OTHER, or left out and counted.
SOURCES, QUESTIONS, PARTITIONS, TOPICS, GROUPS, PARTS = 6, 50, 1_500, 100, 100, 100
QUEUES, DELAYS, LETTERS, DISTRICTS, DEVICES, TOTALS, LANES, CHECKS, RULES = 1_000, 300, 300, 300, 50, 300, 200, 50, 60


class Metric(NamedTuple):
    """``name`` as it is scraped; ``meaning`` is a sentence; ``rows``: at most so many combinations of its labels."""

    name: str
    kind: Kind
    unit: Unit
    rows: int
    labels: tuple[str, ...]
    meaning: str

    @property
    def bound(self) -> int:
        """At most so many series."""
        series = {"gauge": 1, "counter": 1, "summary": len(QUANTILES), "histogram": BUCKETS + 3}
        return self.rows * series[self.kind]


def _known(name: str, unit: Unit, rows: int, labels: str, meaning: str) -> Metric:
    return Metric(name, "gauge", unit, rows, tuple(labels.split()), meaning)


def _own(name: str, kind: Kind, unit: Unit, rows: int, labels: str, meaning: str) -> Metric:
    return Metric(f"checkline_{name}", kind, unit, rows, tuple(labels.split()), meaning)


# ---- names of kafka-lag-exporter and klag-exporter
_IN_GROUP = "cluster_name group topic partition"
GROUP_OFFSET = _known(
    "kafka_consumergroup_group_offset",
    "offsets",
    PARTITIONS,
    _IN_GROUP,
    "Position that the group committed last; without a series where it never committed.",
)
GROUP_LAG = _known(
    "kafka_consumergroup_group_lag",
    "events",
    PARTITIONS,
    _IN_GROUP,
    "Positions of the partition, markers of transactions among them, that the group has not committed yet; from the "
    "start of the log where it never did.",
)
GROUP_LAG_SECONDS = _known(
    "kafka_consumergroup_group_lag_seconds",
    "seconds",
    PARTITIONS,
    _IN_GROUP,
    "Age of the record at the committed offset by its own timestamp, not interpolated; 0 when caught up.",
)
GROUP_MESSAGES_LOST = _known(
    "kafka_consumergroup_group_messages_lost",
    "events",
    PARTITIONS,
    _IN_GROUP,
    "Positions that retention deleted before the group read them.",
)
GROUP_MAX_LAG = _known(
    "kafka_consumergroup_group_max_lag",
    "events",
    GROUPS,
    "cluster_name group",
    "The largest lag of a partition of the group.",
)
GROUP_MAX_LAG_SECONDS = _known(
    "kafka_consumergroup_group_max_lag_seconds",
    "seconds",
    GROUPS,
    "cluster_name group",
    "The largest lag in seconds of a partition of the group; without a series while it is unknown of one of them.",
)
GROUP_SUM_LAG = _known(
    "kafka_consumergroup_group_sum_lag",
    "events",
    GROUPS,
    "cluster_name group",
    "Lag of the group over all partitions.",
)
GROUP_TOPIC_SUM_LAG = _known(
    "kafka_consumergroup_group_topic_sum_lag",
    "events",
    PARTITIONS,
    "cluster_name group topic",
    "Lag of the group over the partitions of a topic.",
)
GROUP_STATE_NUMBER = _known(
    "kafka_consumergroup_group_state",
    "count",
    GROUPS,
    "cluster_name group",
    "State of the group: 0 Unknown, 1 PreparingRebalance, 2 CompletingRebalance, 3 Stable, 4 Dead, 5 Empty, "
    "6 Assigning, 7 Reconciling.",
)
PARTITION_LATEST_OFFSET = _known(
    "kafka_partition_latest_offset",
    "offsets",
    PARTITIONS,
    "cluster_name topic partition",
    "Position after the last readable record of the partition.",
)

# ---- names of kafka_exporter
_OF_CONSUMERS = "consumergroup topic partition"
CONSUMERGROUP_LAG = _known(
    "kafka_consumergroup_lag",
    "events",
    PARTITIONS,
    _OF_CONSUMERS,
    "As kafka_consumergroup_group_lag; never -1.",
)
CONSUMERGROUP_LAG_SUM = _known(
    "kafka_consumergroup_lag_sum",
    "events",
    PARTITIONS,
    "consumergroup topic",
    "As kafka_consumergroup_group_topic_sum_lag.",
)
CONSUMERGROUP_CURRENT_OFFSET = _known(
    "kafka_consumergroup_current_offset",
    "offsets",
    PARTITIONS,
    _OF_CONSUMERS,
    "As kafka_consumergroup_group_offset; never -1.",
)
CONSUMERGROUP_MEMBERS = _known(
    "kafka_consumergroup_members",
    "count",
    GROUPS,
    "consumergroup",
    "Members of the group.",
)
TOPIC_PARTITION_CURRENT_OFFSET = _known(
    "kafka_topic_partition_current_offset",
    "offsets",
    PARTITIONS,
    "topic partition",
    "As kafka_partition_latest_offset.",
)
BROKERS = _known("kafka_brokers", "count", 1, "", "Brokers that answer.")

# ---- the scrape itself
SOURCE_UP = _own("source_up", "gauge", "count", SOURCES, "source", "1 while the source answers, 0 while it does not.")
SOURCE_AGE = _own(
    "source_age_seconds",
    "gauge",
    "seconds",
    SOURCES,
    "source",
    "Since the source answered last; without a series while it never did.",
)
SOURCE_TOOK = _own(
    "source_took_seconds", "gauge", "seconds", SOURCES, "source", "How long the source took for its last answer."
)
SERIES_CUT = _own(
    "series_cut",
    "gauge",
    "count",
    20,
    "section",
    "Rows of the section that have no series of their own: they are in OTHER or, of single devices, left out.",
)
CLOCK_SECONDS = _own(
    "clock_seconds",
    "gauge",
    "seconds",
    1,
    "clock",
    "Time of this installation's clock since 1970: the machine's, or that of the log.",
)

# ---- Kafka
_PLACE = "group topic partition"
COMMIT_STALENESS = _own(
    "commit_staleness_seconds",
    "gauge",
    "seconds",
    PARTITIONS,
    _PLACE,
    "How long the committed offset has stood still while there was something to read; 0 when caught up.",
)
DRAIN = _own(
    "drain_seconds",
    "gauge",
    "seconds",
    PARTITIONS,
    _PLACE,
    "Until nothing is left to read at the present pace; 0 when caught up, without a series while the lag grows.",
)
RETENTION_MARGIN = _own(
    "retention_margin_seconds",
    "gauge",
    "seconds",
    PARTITIONS,
    _PLACE,
    "Until the first unread record may be deleted, negative when it may be already; without a series when none is "
    "unread or the topic keeps all.",
)
GROUP_STATE = _own(
    "group_state",
    "gauge",
    "count",
    GROUPS * 9,
    "group state",
    "1 for the state in which the group is, 0 for the others.",
)
GROUP_MEMBERS = _own("group_members", "gauge", "count", GROUPS, "group", "Members of the group.")
GROUP_REBALANCES = _own(
    "group_rebalances_total",
    "counter",
    "count",
    GROUPS,
    "group",
    "How often the members' shares were dealt anew since the collector began to look.",
)
BROKERS_EXPECTED = _own("brokers_expected", "gauge", "count", 1, "", "Brokers that there should be.")
UNDER_REPLICATED = _own(
    "under_replicated_partitions",
    "gauge",
    "count",
    1,
    "",
    "Partitions with fewer copies in step than they should have.",
)

# ---- parts and workers
PART_UP = _own("part_up", "gauge", "count", PARTS, "part", "1 while the part is ready, 0 in any other state.")
PART_STATE = _own(
    "part_state",
    "gauge",
    "count",
    PARTS * 7,
    "part state",
    "1 for the state in which the supervisor has the part, 0 for the others.",
)
PART_RESTARTS = _own(
    "part_restarts_total",
    "counter",
    "count",
    PARTS,
    "part",
    "How often the part was started again since the installation was started.",
)
PART_MEMORY = _own(
    "part_resident_memory_bytes", "gauge", "bytes", PARTS, "part", "Resident memory of the part's process."
)
PART_CPU = _own(
    "part_cpu_seconds_total", "counter", "seconds", PARTS, "part", "Processor time that the part's process has used."
)
WORKER_RECOVERING = _own(
    "worker_recovering",
    "gauge",
    "count",
    PARTS,
    "part",
    "1 while the worker waits for its partitions or reads their state back, 0 when it folds events.",
)
WORKER_RECOVERY_SECONDS = _own(
    "worker_recovery_seconds",
    "gauge",
    "seconds",
    PARTS,
    "part",
    "Since the recovery under way began; when there is none, how long the last one took.",
)
WORKER_RECOVERY_REMAINING = _own(
    "worker_recovery_remaining_offsets",
    "gauge",
    "offsets",
    PARTS,
    "part",
    "Changelog offsets that the worker still has to read.",
)
WATERMARK_LAG = _own(
    "watermark_lag_seconds",
    "gauge",
    "seconds",
    PARTITIONS,
    "part partition",
    "How far the time up to which the partition's clocks are announced is behind the installation's clock.",
)
DUE_WAITING = _own(
    "clocks_due_waiting",
    "gauge",
    "clocks",
    PARTS,
    "part",
    "Clocks whose deadline has come and that the worker has not announced yet.",
)
OLDEST_DUE = _own(
    "clocks_oldest_due_waiting_seconds",
    "gauge",
    "seconds",
    PARTS,
    "part",
    "For how long the earliest deadline that the worker has not announced has been covered; 0 when none waits.",
)
TICK_LATENESS = _own(
    "tick_lateness_seconds",
    "histogram",
    "seconds",
    PARTS,
    "part",
    "From a deadline, or the start of the tick that covers it if that is later, to its announcement being readable; "
    "since the worker started.",
)
TICK_LATENESS_LATELY = _own(
    "tick_lateness_lately_seconds", "summary", "seconds", PARTS, "part", "As checkline_tick_lateness_seconds, lately."
)
WORKER_STORE = _own("worker_store_bytes", "gauge", "bytes", PARTS, "part", "Size of the worker's store on disk.")
WORKER_MEMORY = _own(
    "worker_resident_memory_bytes", "gauge", "bytes", PARTS, "part", "Resident memory of the worker by its own words."
)
WORKER_REBALANCES = _own(
    "worker_rebalances_total",
    "counter",
    "count",
    PARTS,
    "part",
    "How often partitions were given to the worker or taken from it since it started.",
)

# ---- the column store
QUERYABLE = _own(
    "queryable_seconds",
    "histogram",
    "seconds",
    DELAYS,
    "topic district",
    "From the time of an event to its row being read back from the tables; every block of rows counts once, since the "
    "collector began to look.",
)
QUERYABLE_LATELY = _own(
    "queryable_lately_seconds",
    "summary",
    "seconds",
    DELAYS,
    "topic district",
    "As checkline_queryable_seconds, of the rows written lately; the highest bound where a quantile lies above it.",
)
_QUEUE = "duty district"
CLOCKS_OPEN = _own(
    "clocks_open", "gauge", "clocks", QUEUES, _QUEUE, "Clocks of the duty in the district that are open."
)
CLOCKS_DUE_SOON = _own(
    "clocks_due_soon", "gauge", "clocks", QUEUES, _QUEUE, "Open clocks that are due within the hour."
)
CLOCKS_OVERDUE = _own(
    "clocks_overdue", "gauge", "clocks", QUEUES, _QUEUE, "Open clocks whose deadline has passed without proof."
)
CLOCKS_OLDEST = _own(
    "clocks_oldest_overdue_seconds",
    "gauge",
    "seconds",
    QUEUES,
    _QUEUE,
    "How long ago the deadline of the oldest open clock passed; 0 when none is overdue.",
)
RELEASES_OVERDUE = _own(
    "releases_overdue",
    "gauge",
    "clocks",
    QUEUES,
    _QUEUE,
    "Overdue clocks until which somebody is held or something closed.",
)
DEAD_LETTERS_OPEN = _own(
    "dead_letters_open", "gauge", "records", LETTERS, "topic reason", "Dead letters that wait for somebody."
)
DEAD_LETTERS_LATELY = _own(
    "dead_letters_lately", "gauge", "records", LETTERS, "topic reason", "Dead letters that came lately."
)
DEAD_LETTER_RATIO = _own(
    "dead_letter_ratio",
    "gauge",
    "ratio",
    LETTERS,
    "topic reason",
    "Share of the topic's records that arrived lately which became dead letters for this reason; without a series "
    "when nothing arrived.",
)
ARRIVED = _own("records_arrived", "gauge", "records", TOPICS, "topic", "Records of the topic, refused ones among them.")
ARRIVED_LATELY = _own(
    "records_arrived_lately", "gauge", "records", TOPICS, "topic", "Records of the topic that arrived lately."
)
REFUSED = _own("records_refused", "gauge", "records", TOPICS, "topic", "Records of the topic that were refused.")
REFUSED_LATELY = _own(
    "records_refused_lately", "gauge", "records", TOPICS, "topic", "Records of the topic that were refused lately."
)
DUPLICATES = _own(
    "duplicates", "gauge", "records", TOPICS, "topic", "Records of the topic that repeat one that was there."
)
CONFLICTS = _own(
    "conflicts", "gauge", "records", TOPICS, "topic", "Pairs of different contents under one identity in the topic."
)
DEVICES_KNOWN = _own("devices", "gauge", "count", DISTRICTS, "district", "Devices that are expected or were heard of.")
DEVICES_SILENT = _own(
    "devices_silent",
    "gauge",
    "count",
    DISTRICTS,
    "district",
    "Expected devices of which nothing came for operations.silence_seconds, or ever.",
)
DEVICES_NEVER = _own(
    "devices_never_heard", "gauge", "count", DISTRICTS, "district", "Expected devices of which nothing ever came."
)
DEVICES_SKEWED = _own(
    "devices_skewed",
    "gauge",
    "count",
    DISTRICTS,
    "district",
    "Devices whose clock differs from the broker's by more than operations.skew_seconds.",
)
DEVICES_GAPS = _own(
    "devices_missing_events",
    "gauge",
    "events",
    DISTRICTS,
    "district",
    "Counters of the district's devices that no stored event carries.",
)
_DEVICE = "device site district"
DEVICE_SILENCE = _own(
    "device_silence_seconds",
    "gauge",
    "seconds",
    DEVICES,
    _DEVICE,
    "Since the device's last record was appended, of the expected devices that are silent longest.",
)
DEVICE_SKEW = _own(
    "device_skew_seconds",
    "gauge",
    "seconds",
    DEVICES,
    _DEVICE,
    "The device's clock less the broker's at its newest record, of the devices that are furthest off.",
)
DEVICE_GAPS = _own(
    "device_missing_events",
    "gauge",
    "events",
    DEVICES,
    _DEVICE,
    "Counters of the device that no stored event carries, of the devices with most of them.",
)
REPORTS_MISSING = _own(
    "reports_missing",
    "gauge",
    "count",
    TOTALS,
    "schedule district",
    "Reports of the schedule that were due and did not come.",
)
REPORTS_MISSING_NEW = _own(
    "reports_missing_new",
    "gauge",
    "count",
    TOTALS,
    "schedule district",
    "Reports of the schedule that were due within the last day and did not come.",
)
REPORTS_EXPECTED = _own(
    "reports_expected",
    "gauge",
    "count",
    TOTALS,
    "schedule indicator",
    "Reports that make up the newest total of the indicator.",
)
REPORT_COMPLETENESS = _own(
    "report_completeness_ratio",
    "gauge",
    "ratio",
    TOTALS,
    "schedule indicator",
    "Share of the reports that make up the newest total of the indicator which came.",
)
LEDGER_COVERED = _own(
    "ledger_covered_offset",
    "gauge",
    "offsets",
    PARTITIONS,
    "topic partition",
    "Position up to which the ledger holds blocks without a hole.",
)
LEDGER_BEHIND = _own(
    "ledger_behind_offsets",
    "gauge",
    "offsets",
    PARTITIONS,
    "topic partition",
    "Positions of the log, markers of transactions among them, that the ledger does not cover; without a series while "
    "Kafka does not answer.",
)
LEDGER_UNCOUNTED = _own(
    "ledger_uncounted",
    "gauge",
    "count",
    PARTITIONS,
    "topic partition",
    "Hours that were touched and are not counted again yet.",
)
_LANE = "site district lane"
PASSAGES = _own(
    "checkpoint_passages_per_minute", "gauge", "per minute", LANES, _LANE, "Passages of the lane in a minute, lately."
)
WAITING = _own(
    "checkpoint_waiting",
    "gauge",
    "count",
    LANES,
    _LANE,
    "Passages without a decision so far; without a series where the lane sends no decisions.",
)
WAIT = _own(
    "checkpoint_wait_seconds",
    "summary",
    "seconds",
    LANES,
    _LANE,
    "From arrival to decision lately; without a series where the lane sends no decisions.",
)
NOT_READ_BACK = _own(
    "rows_not_read_back",
    "gauge",
    "records",
    1,
    "",
    "Rows that the ledger says were written lately and that were not found in the tables.",
)
QUESTION_AGE = _own(
    "question_age_seconds",
    "gauge",
    "seconds",
    QUESTIONS,
    "question",
    "Since the tables answered the question last: dear ones are asked less often.",
)
BREACHES_LATELY = _own("breaches_lately", "gauge", "clocks", 1, "", "Deadlines that passed unproven lately.")
COLUMN_STORE = _own("column_store_bytes", "gauge", "bytes", 1, "", "Size of the tables on disk.")

# ---- the audit
AUDIT_DIFFERENCES = _own(
    "audit_differences",
    "gauge",
    "count",
    CHECKS,
    "check",
    "Differences between the log and the tables that the last round found.",
)
AUDIT_AGE = _own("audit_age_seconds", "gauge", "seconds", 1, "", "Since the last round of the audit ended.")
AUDIT_ROUND = _own("audit_round_seconds", "gauge", "seconds", 1, "", "How long the last round of the audit took.")

# ---- the forecast
FORECAST_DUE = _own(
    "forecast_due", "gauge", "clocks", QUEUES, _QUEUE, "Open clocks that end by the horizon of the forecast."
)
FORECAST_HORIZON = _own(
    "forecast_horizon_seconds", "gauge", "seconds", QUEUES, _QUEUE, "Until the horizon of the forecast."
)
FORECAST_PACE = _own("forecast_pace_per_hour", "gauge", "per hour", QUEUES, _QUEUE, "Clocks done in an hour, lately.")
FORECAST_MISSES = _own(
    "forecast_misses",
    "gauge",
    "clocks",
    QUEUES,
    _QUEUE,
    "Of the clocks that are due, about so many will not be done by the horizon at the present pace.",
)
FORECAST_LOW = _own(
    "forecast_misses_low", "gauge", "clocks", QUEUES, _QUEUE, "At least so many will be missed, at nine in ten."
)
FORECAST_HIGH = _own(
    "forecast_misses_high", "gauge", "clocks", QUEUES, _QUEUE, "At most so many will be missed, at nine in ten."
)
FORECAST_ERROR = _own(
    "forecast_error",
    "gauge",
    "clocks",
    QUEUES,
    _QUEUE,
    "Mean absolute error of earlier forecasts for times that have passed; without a series while there are none.",
)
FORECAST_SPARE = _own(
    "forecast_spare_per_hour", "gauge", "per hour", QUEUES, _QUEUE, "Clocks that units with room could do in an hour."
)

# ---- alarms
ALARMS_OPEN = _own(
    "alarms_open", "gauge", "count", RULES, "rule severity", "Alarms that are open: not over, or not acknowledged."
)
ALARMS_UNACKNOWLEDGED = _own(
    "alarms_unacknowledged", "gauge", "count", RULES, "rule severity", "Open alarms that nobody has acknowledged."
)

METRICS: tuple[Metric, ...] = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
"""The catalogue, in the order of the scrape."""

SERIES_BOUND = sum(metric.bound for metric in METRICS)
"""A scrape never has more series than this, however large the installation."""
