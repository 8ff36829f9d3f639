"""Samples on which an alert fires, and samples like them on which it does not: what promtool test rules is given.

A sample every five seconds, in promtool's notation: 0+5x4 is 0 5 10 15 20, and stale is a scrape without the series.
The fault begins at 0; what must be told within 15 s is looked at after 15 s.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Labels = Mapping[str, str]


class Case(NamedTuple):
    """``at``: seconds after which it is looked; ``fires``: the labels of every alert that is raised then."""

    alert: str
    what: str
    samples: Mapping[str, str]
    at: int
    fires: Sequence[Labels] = ()

    @property
    def name(self) -> str:
        """As it is shown when it fails."""
        return f"{self.alert}: {self.what}"


_WALL = {'checkline_clock_seconds{clock="wall"}': "1581000000+5x200"}
_EVENT = {'checkline_clock_seconds{clock="event"}': "1581000000+5x200"}
_KAFKA_UP = {'checkline_source_up{source="kafka"}': "1+0x200"}
_RISK = 'group="checkline-risk", topic="check-ins", partition="3"'
_RISK_LABELS = {"group": "checkline-risk", "topic": "check-ins"}
_SINKS = 'group="checkline-sinks", topic="check-ins", partition="3"'
_MEMBERS = {
    f'checkline_group_members{{group="{group}"}}': "1+0x200"
    for group in ("checkline-enforcement", "checkline-reports", "checkline-urgent-care", "checkline-sinks")
}


def _restarts(part: str, values: str) -> dict[str, str]:
    return {f'checkline_part_restarts_total{{part="{part}"}}': values}


def _part(part: str, values: str, restarts: str = "0+0x200") -> dict[str, str]:
    return {f'checkline_part_up{{part="{part}"}}': values} | _restarts(part, restarts)


def _down(alert: str, part: str, other: str) -> list[Case]:
    starting = {f'checkline_part_state{{part="{part}", state="starting"}}': "1+0x200"}
    return [
        Case(alert, "dead", _part(part, "1 0+0x200", "0+0x200"), 15, [{"part": part}]),
        Case(
            alert,
            "killed and started again before anybody looked",
            _part(part, "1+0x200", "0 1+0x200"),
            15,
            [{"part": part}],
        ),
        Case(alert, "ready again for a minute", _part(part, "1+0x200", "0 1+0x200"), 65),
        Case(alert, "on its way to its first readiness", _part(part, "0+0x200") | starting, 15),
        Case(alert, "another part is dead", _part(part, "1+0x200") | _part(other, "0+0x200"), 15),
        Case(alert, "the supervisor does not answer", _part(part, "0 stale", "0 stale"), 15),
    ]


CASES: tuple[Case, ...] = (
    Case(
        "PartitionStuck",
        "something to read, and the offset stands",
        {f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+5x200"},
        15,
        [_RISK_LABELS],
    ),
    Case("PartitionStuck", "an idle topic", {f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+0x200"}, 60),
    Case(
        "PartitionStuck", "Kafka does not answer", {f"checkline_commit_staleness_seconds{{{_RISK}}}": "5 10 stale"}, 60
    ),
    Case(
        "PartitionStuck",
        "its worker recovers",
        {
            f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+5x200",
            'checkline_worker_recovering{part="worker-risk-1"}': "1+0x200",
        },
        60,
    ),
    Case(
        "PartitionStuck",
        "the worker of another group recovers",
        {
            f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+5x200",
            'checkline_worker_recovering{part="worker-urgent-care"}': "1+0x200",
        },
        15,
        [_RISK_LABELS],
    ),
    Case(
        "PartitionStuck",
        "its worker has been ready for a moment",
        {f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+5x200"} | _part("worker-risk-1", "0 0 1+0x200"),
        35,
    ),
    Case(
        "PartitionStuck",
        "its worker has been ready for a minute",
        {f"checkline_commit_staleness_seconds{{{_RISK}}}": "0+5x200"} | _part("worker-risk-1", "1+0x200"),
        60,
        [_RISK_LABELS],
    ),
    Case(
        "GroupLagging",
        "what is read now is old",
        {f"kafka_consumergroup_group_lag_seconds{{{_RISK}}}": "61+5x200"} | _WALL,
        15,
        [_RISK_LABELS],
    ),
    Case("GroupLagging", "an idle topic", {f"kafka_consumergroup_group_lag_seconds{{{_RISK}}}": "0+0x200"} | _WALL, 60),
    Case(
        "GroupLagging",
        "the records of a campaign are old",
        {f"kafka_consumergroup_group_lag_seconds{{{_RISK}}}": "90000+5x200"} | _EVENT,
        60,
    ),
    Case(
        "GroupLagging",
        "one look at a burst",
        {f"kafka_consumergroup_group_lag_seconds{{{_RISK}}}": "0 61 0+0x200"} | _WALL,
        10,
    ),
    Case(
        "GroupWithoutMembers",
        "nobody is left",
        _KAFKA_UP | _MEMBERS | {'checkline_group_members{group="checkline-risk"}': "1 0+0x200"},
        15,
        [{"group": "checkline-risk"}],
    ),
    Case(
        "GroupWithoutMembers",
        "Kafka does not know the group",
        _KAFKA_UP | _MEMBERS,
        15,
        [{"source": "kafka", "group": "checkline-risk"}],
    ),
    Case(
        "GroupWithoutMembers",
        "Kafka does not answer",
        {'checkline_source_up{source="kafka"}': "0+0x200"},
        60,
    ),
    Case(
        "GroupWithoutMembers",
        "its worker starts for the first time",
        _KAFKA_UP
        | _MEMBERS
        | _restarts("worker-risk-1", "0+0x200")
        | {
            'checkline_group_members{group="checkline-risk"}': "0+0x200",
            'checkline_part_state{part="worker-risk-1", state="starting"}': "1+0x200",
        },
        30,
    ),
    Case(
        "UnreadDataExpiring",
        "less than a day is left",
        {f"checkline_retention_margin_seconds{{{_RISK}}}": "86399-5x200"},
        15,
        [_RISK_LABELS],
    ),
    Case(
        "UnreadDataExpiring", "nothing is unread", {f"checkline_retention_margin_seconds{{{_RISK}}}": "80000 stale"}, 60
    ),
    Case(
        "UnreadDataLost",
        "deleted before it was read",
        {f'kafka_consumergroup_group_messages_lost{{cluster_name="checkline", {_RISK}}}': "0 12+0x200"},
        15,
        [_RISK_LABELS],
    ),
    Case(
        "UnreadDataLost",
        "nothing was",
        {f'kafka_consumergroup_group_messages_lost{{cluster_name="checkline", {_RISK}}}': "0+0x200"},
        60,
    ),
    *_down("WorkerDown", "worker-risk-1", "sink"),
    Case(
        "WorkerDown",
        "it runs and does not answer",
        _part("worker-risk-1", "1+0x200")
        | {
            'checkline_source_up{source="workers"}': "1+0x200",
            'checkline_worker_recovering{part="worker-risk-1"}': "0 stale",
        },
        15,
        [{"part": "worker-risk-1"}],
    ),
    Case(
        "WorkerDown",
        "no worker is asked",
        _part("worker-risk-1", "1+0x200") | {'checkline_source_up{source="workers"}': "0+0x200"},
        60,
    ),
    *_down("SinkDown", "sink", "worker-risk-1"),
    *_down("PartDown", "clickhouse", "sink"),
    Case(
        "PartRestarting",
        "three deaths in five minutes",
        _restarts("sink", "0+0x5 1+0x5 2+0x5 3+0x50"),
        120,
        [{"part": "sink"}],
    ),
    Case("PartRestarting", "two", _restarts("sink", "0+0x5 1+0x5 2+0x50"), 120),
    Case("PartRestarting", "the installation was started anew", _restarts("sink", "7+0x5 0+0x50"), 120),
    Case(
        "BrokerDown",
        "one of three does not answer",
        {"kafka_brokers": "3 2+0x200", "checkline_brokers_expected": "3+0x200"},
        15,
        [{}],
    ),
    Case("BrokerDown", "too few copies", {"checkline_under_replicated_partitions": "0 4+0x200"}, 15, [{}]),
    Case(
        "BrokerDown",
        "all answer",
        {
            "kafka_brokers": "3+0x200",
            "checkline_brokers_expected": "3+0x200",
            "checkline_under_replicated_partitions": "0+0x200",
        },
        60,
    ),
    Case(
        "BrokerDown",
        "Kafka does not answer at all",
        {"kafka_brokers": "2 stale", "checkline_brokers_expected": "3 stale"},
        60,
    ),
    Case(
        "SourceSilent",
        "it fails",
        {
            'checkline_source_up{source="store"}': "1 0+0x200",
            'checkline_source_age_seconds{source="store"}': "1 6+5x200",
        },
        15,
        [{"source": "store"}],
    ),
    Case(
        "SourceSilent",
        "it says nothing new",
        {'checkline_source_up{source="kafka"}': "1+0x200", 'checkline_source_age_seconds{source="kafka"}': "0+5x200"},
        45,
        [{"source": "kafka"}],
    ),
    Case(
        "SourceSilent", "never heard of", {'checkline_source_up{source="kafka"}': "0+0x200"}, 165, [{"source": "kafka"}]
    ),
    Case("SourceSilent", "it starts", {'checkline_source_up{source="kafka"}': "0+0x200"}, 100),
    Case(
        "SourceSilent",
        "the audit takes its time",
        {
            'checkline_source_up{source="audit"}': "1+0x200",
            'checkline_source_age_seconds{source="audit"}': "3000+5x200",
        },
        60,
    ),
    Case(
        "CheckpointSilent",
        "an expected device says nothing",
        _WALL
        | _KAFKA_UP
        | {
            'checkline_devices_silent{district="370203"}': "0 1+0x200",
            'checkline_devices_never_heard{district="370203"}': "0+0x200",
        },
        15,
        [{"district": "370203"}],
    ),
    Case(
        "CheckpointSilent",
        "a device was never heard of in five minutes",
        _WALL
        | _KAFKA_UP
        | {
            'checkline_devices_silent{district="370203"}': "1+0x200",
            'checkline_devices_never_heard{district="370203"}': "1+0x200",
        },
        310,
        [{"district": "370203"}],
    ),
    Case(
        "CheckpointSilent",
        "a new installation has heard of none yet",
        _WALL
        | _KAFKA_UP
        | {
            'checkline_devices_silent{district="370203"}': "9+0x200",
            'checkline_devices_never_heard{district="370203"}': "9+0x200",
        },
        200,
    ),
    Case(
        "CheckpointSilent",
        "the sinks lag: what it said may wait unread",
        _WALL
        | _KAFKA_UP
        | {
            'checkline_devices_silent{district="370203"}': "1+0x200",
            'checkline_devices_never_heard{district="370203"}': "0+0x200",
            f"kafka_consumergroup_group_lag_seconds{{{_SINKS}}}": "400+5x200",
        },
        60,
    ),
    Case(
        "CheckpointSilent",
        "the devices of a campaign",
        _EVENT
        | _KAFKA_UP
        | {
            'checkline_devices_silent{district="370203"}': "1+0x200",
            'checkline_devices_never_heard{district="370203"}': "0+0x200",
        },
        60,
    ),
    Case(
        "DeviceSkewed",
        "a clock is wrong",
        _WALL | {'checkline_devices_skewed{district="370203"}': "0 1+0x200"},
        15,
        [{"district": "370203"}],
    ),
    Case("DeviceSkewed", "in a campaign", _EVENT | {'checkline_devices_skewed{district="370203"}': "1+0x200"}, 60),
    Case(
        "DeadLettersGrowing",
        "ten lately, for two reasons",
        _WALL
        | {
            'checkline_dead_letters_lately{topic="check-ins", reason="UNDECODABLE"}': "0 4+0x200",
            'checkline_dead_letters_lately{topic="check-ins", reason="BAD_FIELD"}': "0 6+0x200",
        },
        15,
        [{"topic": "check-ins"}],
    ),
    Case(
        "DeadLettersGrowing",
        "three of a hundred",
        _WALL
        | {
            'checkline_records_refused_lately{topic="reports"}': "0 3+0x200",
            'checkline_records_arrived_lately{topic="reports"}': "90 100+0x200",
        },
        15,
        [{"topic": "reports"}],
    ),
    Case(
        "DeadLettersGrowing",
        "two of a few",
        _WALL
        | {
            'checkline_records_refused_lately{topic="reports"}': "0 2+0x200",
            'checkline_records_arrived_lately{topic="reports"}': "2 4+0x200",
        },
        60,
    ),
    Case(
        "DeadLettersGrowing",
        "an idle topic with old dead letters",
        _WALL
        | {
            'checkline_dead_letters_lately{topic="check-ins", reason="UNDECODABLE"}': "0+0x200",
            'checkline_dead_letters_open{topic="check-ins", reason="UNDECODABLE"}': "400+0x200",
            'checkline_records_refused_lately{topic="check-ins"}': "0+0x200",
            'checkline_records_arrived_lately{topic="check-ins"}': "0+0x200",
        },
        60,
    ),
    Case(
        "AuditDifference",
        "one",
        {'checkline_audit_differences{check="counts"}': "0 1+0x200"},
        15,
        [{"check": "counts"}],
    ),
    Case("AuditDifference", "none", {'checkline_audit_differences{check="counts"}': "0+0x200"}, 60),
    Case(
        "AuditStandsStill",
        "for a quarter of an hour",
        {"checkline_audit_age_seconds": "895+5x200", "checkline_audit_round_seconds": "5+0x200"},
        20,
        [{}],
    ),
    Case(
        "AuditStandsStill",
        "a long round at its share of the processor",
        {"checkline_audit_age_seconds": "895+5x200", "checkline_audit_round_seconds": "120+0x200"},
        60,
    ),
    Case(
        "LedgerBehind",
        "a hole: the sinks read on and it stands",
        {
            f"kafka_consumergroup_group_offset{{{_SINKS}}}": "100+50x200",
            'checkline_ledger_covered_offset{topic="check-ins", partition="3"}': "100+0x200",
        },
        30,
        [{"topic": "check-ins"}],
    ),
    Case(
        "LedgerBehind",
        "nobody counts again",
        {
            'checkline_ledger_covered_offset{topic="check-ins", partition="3"}': "100+0x200",
            'checkline_ledger_uncounted{topic="check-ins", partition="3"}': "2+0x200",
        },
        90,
        [{"topic": "check-ins"}],
    ),
    Case(
        "LedgerBehind",
        "it keeps up",
        {
            f"kafka_consumergroup_group_offset{{{_SINKS}}}": "150+50x200",
            'checkline_ledger_covered_offset{topic="check-ins", partition="3"}': "100+50x200",
            'checkline_ledger_uncounted{topic="check-ins", partition="3"}': "2 1 2 1 0 2 1 2 0 1 2 1 2 1 0 2 1 2 1 0",
        },
        90,
    ),
    Case(
        "LedgerBehind",
        "an idle topic",
        {
            f"kafka_consumergroup_group_offset{{{_SINKS}}}": "100+0x200",
            'checkline_ledger_covered_offset{topic="check-ins", partition="3"}': "100+0x200",
            'checkline_ledger_uncounted{topic="check-ins", partition="3"}': "0+0x200",
        },
        60,
    ),
    Case("BreachWave", "twenty in five minutes", _WALL | {"checkline_breaches_lately": "3 20+0x200"}, 15, [{}]),
    Case("BreachWave", "in a campaign", _EVENT | {"checkline_breaches_lately": "3 20+0x200"}, 60),
    Case("BreachWave", "a few", _WALL | {"checkline_breaches_lately": "3+0x200"}, 60),
    Case("BreachWave", "the tables do not answer", _WALL | {"checkline_breaches_lately": "30 stale"}, 60),
    Case(
        "ReleaseOverdue",
        "somebody is held too long",
        {'checkline_releases_overdue{duty="RELEASE", district="370203"}': "0 1+0x200"},
        15,
        [{"duty": "RELEASE", "district": "370203"}],
    ),
    Case(
        "ReleaseOverdue",
        "another duty is overdue",
        {
            'checkline_releases_overdue{duty="RELEASE", district="370203"}': "0+0x200",
            'checkline_clocks_overdue{duty="HOURS_24", district="370203"}': "5+0x200",
        },
        60,
    ),
    Case(
        "ReportsMissing",
        "due today",
        {'checkline_reports_missing_new{schedule="DAILY", district="370203"}': "0 2+0x200"},
        15,
        [{"schedule": "DAILY", "district": "370203"}],
    ),
    Case(
        "ReportsMissing",
        "due last week",
        {
            'checkline_reports_missing_new{schedule="DAILY", district="370203"}': "0+0x200",
            'checkline_reports_missing{schedule="DAILY", district="370203"}': "2+0x200",
        },
        60,
    ),
    Case(
        "TicksLate",
        "one in a hundred takes over five seconds",
        {'checkline_tick_lateness_lately_seconds{part="worker-risk-1", quantile="0.99"}': "0.4 6+0x200"},
        15,
        [{"part": "worker-risk-1"}],
    ),
    Case(
        "TicksLate",
        "a deadline waits that is never announced",
        {'checkline_clocks_oldest_due_waiting_seconds{part="worker-risk-1"}': "0+5x200"},
        15,
        [{"part": "worker-risk-1"}],
    ),
    Case(
        "TicksLate",
        "after a recovery",
        {
            'checkline_tick_lateness_lately_seconds{part="worker-risk-1", quantile="0.99"}': "6+0x200",
            'checkline_worker_recovering{part="worker-risk-1"}': "1+0x200",
        },
        60,
    ),
    Case(
        "TicksLate",
        "no deadline lately",
        {'checkline_tick_lateness_lately_seconds{part="worker-risk-1", quantile="0.99"}': "6 stale"},
        60,
    ),
    Case(
        "RecoveryStalled",
        "it does not get on",
        {
            'checkline_worker_recovering{part="worker-risk-1"}': "1+0x200",
            'checkline_worker_recovery_remaining_offsets{part="worker-risk-1"}': "900+0x200",
        },
        45,
        [{"part": "worker-risk-1"}],
    ),
    Case(
        "RecoveryStalled",
        "it gets on",
        {
            'checkline_worker_recovering{part="worker-risk-1"}': "1+0x200",
            'checkline_worker_recovery_remaining_offsets{part="worker-risk-1"}': "90000-100x200",
        },
        120,
    ),
    Case(
        "RecoveryStalled",
        "it has recovered",
        {
            'checkline_worker_recovering{part="worker-risk-1"}': "1 0+0x200",
            'checkline_worker_recovery_remaining_offsets{part="worker-risk-1"}': "0+0x200",
        },
        120,
    ),
    Case(
        "Congestion",
        "fifty wait at the lanes of a site",
        {
            'checkline_checkpoint_waiting{site="north", district="370203", lane="1"}': "0 20+0x200",
            'checkline_checkpoint_waiting{site="north", district="370203", lane="2"}': "0 30+0x200",
        },
        15,
        [{"site": "north"}],
    ),
    Case(
        "Congestion",
        "nine of ten wait too long",
        {'checkline_checkpoint_wait_seconds{site="north", lane="1", quantile="0.9"}': "60 900+0x200"},
        15,
        [{"site": "north"}],
    ),
    Case(
        "Congestion",
        "few wait, and not for long",
        {
            'checkline_checkpoint_waiting{site="north", district="370203", lane="1"}': "4+0x200",
            'checkline_checkpoint_wait_seconds{site="north", lane="1", quantile="0.9"}': "60+0x200",
            'checkline_checkpoint_wait_seconds{site="north", lane="1", quantile="0.99"}': "900+0x200",
        },
        60,
    ),
    Case(
        "Congestion",
        "a lane that sends no decisions",
        {'checkline_checkpoint_passages_per_minute{site="north", district="370203", lane="1"}': "80+0x200"},
        60,
    ),
    Case(
        "DeadlinesWillBeMissed",
        "even by the low end",
        {'checkline_forecast_misses_low{duty="HOURS_24", district="370203"}': "0 3+0x200"},
        15,
        [{"duty": "HOURS_24", "district": "370203"}],
    ),
    Case(
        "DeadlinesWillBeMissed",
        "perhaps",
        {
            'checkline_forecast_misses_low{duty="HOURS_24", district="370203"}': "0+0x200",
            'checkline_forecast_misses{duty="HOURS_24", district="370203"}': "3+0x200",
        },
        60,
    ),
    Case(
        "ConflictsSeen",
        "a new one",
        {'checkline_conflicts{topic="check-ins"}': "4 5+0x200"},
        15,
        [{"topic": "check-ins"}],
    ),
    Case("ConflictsSeen", "old ones", {'checkline_conflicts{topic="check-ins"}': "4+0x200"}, 60),
    Case("ScrapeSilent", "the page does not answer", {'up{job="checkline"}': "1 0+0x200"}, 15, [{"job": "checkline"}]),
    Case("ScrapeSilent", "nothing is scraped", {}, 15, [{"job": "checkline"}]),
    Case(
        "ScrapeSilent",
        "something else answers",
        {'up{job="checkline", instance="a"}': "1+0x200"},
        15,
        [{"job": "checkline", "instance": "a"}],
    ),
    Case(
        "ScrapeSilent",
        "all is scraped",
        {
            'up{job="checkline", instance="a"}': "1+0x200",
            'checkline_source_up{job="checkline", instance="a", source="kafka"}': "0+0x200",
        },
        60,
    ),
    Case("Watchdog", "always", {}, 0, [{}]),
)
"""Every alert has at least one that fires, and, but for the watchdog, one that does not."""
