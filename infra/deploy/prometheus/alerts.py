"""Every rule of the catalogue of alarms as an alert over the scrape.

An alert asks what the rule of the same name asks (`infra.alarms.conditions`), as far as the scrape tells it, and keeps
its labels by installation. What is unknown has no series and raises nothing; SourceSilent, ScrapeSilent and Watchdog
stand for that. Thresholds are the defaults of `OperationsSettings`: an installation that changes them renders anew.
"""

from typing import NamedTuple

from infra.alarms.conditions import processes, sources, tables
from infra.alarms.conditions.judgement import START_SECONDS
from infra.alarms.rules import RULES
from infra.embedded.catch_up import GROUPS, SINK_GROUP
from infra.settings import OperationsSettings
from schemas import topics

SCRAPE_SECONDS = 5
JOB = "checkline"


def _either(*expressions: str) -> str:
    return " or ".join(f"({one})" for one in expressions)


_HOME = "job, instance"
_WALL = f'on ({_HOME}) checkline_clock_seconds{{clock="wall"}}'


def _during_wall(*expressions: str) -> str:
    """Any of them, where time is the machine's."""
    return f"({_either(*expressions)}) and {_WALL}"


_SINKS = next(iter(SINK_GROUP))
_FROM_DEVICES = "|".join(topic.name for topic in (topics.CHECK_INS, topics.TEMPERATURES, topics.REPORTS))
_FIRST_START = (
    f'checkline_part_state{{state=~"waiting|starting"}} == 1 and on ({_HOME}, part) checkline_part_restarts_total == 0'
)

_JUST_STARTED = (
    f"checkline_part_up == 1 and on ({_HOME}, part) checkline_part_restarts_total == 0 "
    f"unless on ({_HOME}, part) checkline_part_up offset {processes.JOINING_SECONDS:g}s == 1"
)

STARTING = "checkline:group:starting"
STARTING_EXPRESSION = (
    "label_replace(label_replace("
    f"max by ({_HOME}, part) ({_either('checkline_worker_recovering == 1', _FIRST_START, _JUST_STARTED)}), "
    '"group", "checkline-$1", "part", "worker-(.+?)(-[0-9]+)?"), '
    f'"group", "{_SINKS}", "part", "sink(-.+)?")'
)
"""Groups whose process starts for the first time, has just joined or recovers: to stand is no fault then."""


class Alert(NamedTuple):
    """``subject``: what it is about, from its labels; ``hold_seconds``: how long the expression must hold."""

    name: str
    expression: str
    subject: str
    hold_seconds: int = 0


def _labels(*names: str) -> str:
    return "/".join(f"{{{{ $labels.{name} }}}}" for name in names)


def _down(parts: str) -> str:
    """Not ready, or started again within the last samples: it may be ready again before anybody looked."""
    own = f"checkline_part_up{{{parts}}}"
    return _either(
        f"{own} == 0 unless on ({_HOME}, part) ({_FIRST_START})",
        f"increase(checkline_part_restarts_total{{{parts}}}[{4 * SCRAPE_SECONDS}s]) > 0",
    )


def _of_kafka(settings: OperationsSettings) -> list[Alert]:
    by_topic = f"{_HOME}, group, topic"
    not_starting = f"unless on ({_HOME}, group) {STARTING}"
    unknown_groups = [
        f'label_replace(checkline_source_up{{source="kafka"}} == 1 '
        f'unless on ({_HOME}) checkline_group_members{{group="{group}"}}, "group", "{group}", "", "")'
        for group in GROUPS
    ]
    return [
        Alert(
            "PartitionStuck",
            f"max by ({by_topic}) (checkline_commit_staleness_seconds) >= {settings.stuck_seconds:g} {not_starting}",
            _labels("group", "topic"),
        ),
        Alert(
            "GroupLagging",
            f"max by ({by_topic}) (kafka_consumergroup_group_lag_seconds) > {settings.lag_seconds:g} and {_WALL}",
            _labels("group", "topic"),
            SCRAPE_SECONDS,
        ),
        Alert(
            "GroupWithoutMembers",
            f"({_either(f'max by ({_HOME}, group) (checkline_group_members) == 0', *unknown_groups)}) {not_starting}",
            _labels("group"),
            SCRAPE_SECONDS,
        ),
        Alert(
            "UnreadDataExpiring",
            f"min by ({by_topic}) (checkline_retention_margin_seconds) < {settings.retention_seconds:g}",
            _labels("group", "topic"),
            SCRAPE_SECONDS,
        ),
        Alert(
            "UnreadDataLost",
            f"sum by ({by_topic}) (kafka_consumergroup_group_messages_lost) > 0",
            _labels("group", "topic"),
        ),
        Alert(
            "BrokerDown",
            _either(
                f"kafka_brokers < on ({_HOME}) checkline_brokers_expected", "checkline_under_replicated_partitions > 0"
            ),
            "Kafka",
            SCRAPE_SECONDS,
        ),
    ]


def _of_processes(settings: OperationsSettings) -> list[Alert]:
    worker, sink, other = 'part=~"worker-.+"', 'part=~"sink(-.+)?"', 'part!~"worker-.+|sink(-.+)?|operations"'
    patience = f"{processes.RECOVERY_PATIENCE * settings.stuck_seconds:g}s"
    unanswered = (
        f'checkline_part_up{{{worker}}} == 1 and on ({_HOME}) checkline_source_up{{source="workers"}} == 1 '
        f"unless on ({_HOME}, part) last_over_time(checkline_worker_recovering[{settings.stuck_seconds:g}s])"
    )
    late = (
        f'max by ({_HOME}, part) (checkline_tick_lateness_lately_seconds{{quantile="0.99"}}) '
        f"> {settings.tick_late_seconds:g}",
        f"checkline_clocks_oldest_due_waiting_seconds > {settings.tick_late_seconds:g}",
    )
    recovers, left = "checkline_worker_recovering", "checkline_worker_recovery_remaining_offsets"
    return [
        Alert("WorkerDown", _either(_down(worker), unanswered), _labels("part")),
        Alert("SinkDown", _down(sink), _labels("part")),
        Alert("PartDown", _down(other), _labels("part")),
        Alert(
            "PartRestarting",
            f"increase(checkline_part_restarts_total[{settings.lately_seconds}s]) >= {processes.DEATHS}",
            _labels("part"),
        ),
        Alert(
            "TicksLate",
            # What is never announced is late, and in no histogram.
            f"({_either(*late)}) unless on ({_HOME}, part) {recovers} == 1",
            _labels("part"),
            SCRAPE_SECONDS,
        ),
        Alert(
            "RecoveryStalled",
            f"{recovers} == 1 and on ({_HOME}, part) {recovers} offset {patience} == 1 "
            f"and on ({_HOME}, part) changes({left}[{patience}]) == 0",
            _labels("part"),
        ),
    ]


def _of_sources(settings: OperationsSettings) -> list[Alert]:
    place = f"{_HOME}, source"
    silent = "checkline_source_up == 0"
    old = [
        f'checkline_source_age_seconds{{source="{source}"}} > {seconds:g}'
        for source, seconds in sources.OLDEST_SECONDS.items()
    ]
    # Whether it fails or only takes long is not scraped: a first round of the audit gets its hour.
    never = [
        f'checkline_source_up{{source="{source}"}} == 0 '
        f'and checkline_source_up{{source="{source}"}} offset {START_SECONDS + seconds:g}s == 0 '
        f"unless on ({place}) checkline_source_age_seconds"
        for source, seconds in sources.OLDEST_SECONDS.items()
    ]
    audit = "checkline_audit_age_seconds"
    return [
        Alert(
            "SourceSilent",
            _either(f"{silent} and on ({place}) checkline_source_age_seconds", *old, *never),
            _labels("source"),
            SCRAPE_SECONDS,
        ),
        Alert("AuditDifference", "checkline_audit_differences > 0", _labels("check")),
        Alert(
            "AuditStandsStill",
            f"{audit} > {sources.AUDIT_SECONDS:g} "
            f"and {audit} > {sources.AUDIT_ROUNDS / settings.audit_share:g} * checkline_audit_round_seconds",
            "audit",
            SCRAPE_SECONDS,
        ),
    ]


def _of_tables(settings: OperationsSettings) -> list[Alert]:
    lag = f'kafka_consumergroup_group_lag_seconds{{group="{_SINKS}", topic=~"{_FROM_DEVICES}"}}'
    never = "checkline_devices_never_heard"
    silent = _either(
        f"checkline_devices_silent - {never} > 0",
        f"{never} > 0 and {never} offset {settings.silence_seconds:g}s > 0",
    )
    refused, arrived = "checkline_records_refused_lately", "checkline_records_arrived_lately"
    spot = f"{_HOME}, topic, partition"
    covered, uncounted = "checkline_ledger_covered_offset", "checkline_ledger_uncounted"
    still, patience = f"{settings.stuck_seconds:g}s", f"{settings.lag_seconds:g}s"
    committed = f'max by ({spot}) (kafka_consumergroup_group_offset{{group="{_SINKS}"}})'
    hole = (
        f"{committed} > on ({spot}) {covered} and on ({spot}) {covered} offset {still} "
        f"and on ({spot}) changes({covered}[{still}]) == 0"
    )
    waiting = (
        f"{uncounted} > 0 and {uncounted} offset {patience} > 0 and resets({uncounted}[{patience}]) == 0 "
        f"and (changes({uncounted}[{patience}]) > 0 or changes({covered}[{patience}]) == 0)"
    )
    return [
        Alert(
            "CheckpointSilent",
            f'({silent}) and {_WALL} and on ({_HOME}) checkline_source_up{{source="kafka"}} == 1 '
            # What arrived and is not in the tables yet may be theirs.
            f"unless on ({_HOME}) max by ({_HOME}) ({lag}) > {settings.lag_seconds:g}",
            _labels("district"),
        ),
        Alert("DeviceSkewed", f"checkline_devices_skewed > 0 and {_WALL}", _labels("district"), SCRAPE_SECONDS),
        Alert(
            "DeadLettersGrowing",
            _during_wall(
                f"sum by ({_HOME}, topic) (checkline_dead_letters_lately) >= {settings.dead_letters_lately}",
                f"sum by ({_HOME}, topic) ({refused}) >= {settings.dead_letters_lately}",
                f"sum by ({_HOME}, topic) ({refused} / ({arrived} > 0)) > {settings.dead_letter_ratio:g} "
                f"and sum by ({_HOME}, topic) ({refused}) >= {tables.FEWEST_REFUSED}",
            ),
            _labels("topic"),
        ),
        Alert(
            "LedgerBehind",
            f"max by ({_HOME}, topic) ({_either(hole, waiting)})",
            _labels("topic"),
            # The two sources are asked at different moments: what one has read the other may not have told yet.
            2 * SCRAPE_SECONDS,
        ),
        Alert("ConflictsSeen", f"delta(checkline_conflicts[{settings.lately_seconds}s]) > 0", _labels("topic")),
    ]


def _of_work(settings: OperationsSettings) -> list[Alert]:
    site = f"{_HOME}, site"
    return [
        Alert("BreachWave", f"checkline_breaches_lately >= {settings.breaches_lately} and {_WALL}", "deadlines"),
        Alert("ReleaseOverdue", "checkline_releases_overdue > 0", _labels("duty", "district"), SCRAPE_SECONDS),
        Alert("ReportsMissing", "checkline_reports_missing_new > 0", _labels("schedule", "district"), SCRAPE_SECONDS),
        Alert(
            "Congestion",
            _either(
                f"sum by ({site}) (checkline_checkpoint_waiting) >= {settings.congestion_waiting}",
                f'max by ({site}) (checkline_checkpoint_wait_seconds{{quantile="0.9"}}) '
                f"> {settings.congestion_wait_seconds:g}",
            ),
            _labels("site"),
            SCRAPE_SECONDS,
        ),
        Alert(
            "DeadlinesWillBeMissed", "checkline_forecast_misses_low >= 1", _labels("duty", "district"), SCRAPE_SECONDS
        ),
    ]


def alerts(settings: OperationsSettings) -> list[Alert]:
    """An alert for every rule, in the order of the catalogue."""
    found = [
        *_of_kafka(settings),
        *_of_processes(settings),
        *_of_sources(settings),
        *_of_tables(settings),
        *_of_work(settings),
    ]
    order = [rule.name for rule in RULES]
    return sorted(found, key=lambda alert: order.index(alert.name))


class Guard(NamedTuple):
    """An alert on the alerting itself, which no rule of ours can be."""

    name: str
    expression: str
    severity: str
    summary: str
    remedy: str
    hold_seconds: int = 0


GUARDS = (
    Guard(
        "ScrapeSilent",
        f'up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}}) '
        f'or (up{{job="{JOB}"}} == 1 unless on ({_HOME}) checkline_source_up)',
        "critical",
        "Nothing is scraped: no alert of this pipeline can be raised · 监测数据中断",
        "checkline status: is the part operations ready? CHECKLINE_HOME/logs/operations.log, last line. If it is, ask "
        "whether Prometheus reaches its address and has the job checkline. Until then look at checkline lag by hand.",
        SCRAPE_SECONDS,
    ),
    Guard(
        "Watchdog",
        "vector(1)",
        "none",
        "Always raised: whoever does not receive it any more receives no alert at all · 常态告警",
        "Have a receiver outside of this machine call you when it stays away.",
    ),
)
