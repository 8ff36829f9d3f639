"""The pipeline as it is drawn: stages from the devices to the tables, each with its lag in events and in seconds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from infra.console.naming import APPS, Name, topic_name
from infra.console.quantiles import merged, quantile
from infra.embedded.catch_up import SINK_GROUP, WORKER_GROUPS
from infra.lag.snapshot import AuditState, DeviceState, KafkaState, PartitionLag, Reading, Snapshot, StoreState
from infra.settings import OperationsSettings
from schemas import topics
from streams.worker.names import AppName, app_id

State = Literal["ok", "late", "stopped", "unknown"]
"""Of a stage. ``stopped``: it stands still, nobody does its work, or its result is wrong."""

(SINKS,) = SINK_GROUP
_APP_OF_PART = re.compile(r"worker-(.+?)(-\d+)?")
_APPS: tuple[AppName, ...] = ("risk", "enforcement", "reports", "urgent-care")
_DERIVED: Mapping[AppName, tuple[str, ...]] = {
    "risk": (topics.RISK_CHANGES.name, topics.SLA_EVENTS.name, topics.DEAD_LETTERS.name),
    "enforcement": (topics.SLA_EVENTS.name, topics.DEAD_LETTERS.name),
    "reports": (topics.SLA_EVENTS.name, topics.DEAD_LETTERS.name),
    "urgent-care": (topics.URGENT_CLOCKS.name, topics.DEAD_LETTERS.name),
}


class Lag(NamedTuple):
    """What waits. ``seconds``: age of the oldest that could be read, None where none could; ``at_least``: not of every
    partition on which something waits it could."""

    events: int
    seconds: float | None
    at_least: bool


class Fact(NamedTuple):
    """A number beside a node; the messages of the page say what ``name`` is and in which unit it is shown."""

    name: str
    value: float | None


class Node(NamedTuple):
    """Something that events pass. ``why``: the word of the messages for what is wrong; ``feeds``: nodes it flows to;
    ``behind``: the section whose question is behind its numbers; ``source``: the section of the snapshot they are of.
    """

    name: str
    label: Name
    source: str
    behind: str
    state: State
    why: str | None = None
    lag: Lag | None = None
    facts: tuple[Fact, ...] = ()
    feeds: tuple[str, ...] = ()


class Stage(NamedTuple):
    """Nodes side by side."""

    name: str
    nodes: tuple[Node, ...]


def stages(snapshot: Snapshot, settings: OperationsSettings) -> tuple[Stage, ...]:
    """The whole drawing. What a source said last stays in it, in the state ``unknown``, while it does not answer."""
    return (
        Stage("devices", (_devices(snapshot.store, settings),)),
        Stage("topics", tuple(_input_topic(snapshot, topic.name, settings) for topic in topics.INPUT_TOPICS)),
        Stage("workers", tuple(_app(snapshot, app, settings) for app in _APPS)),
        Stage("derived", tuple(_derived_topic(snapshot, topic.name, settings) for topic in topics.DERIVED_TOPICS)),
        Stage("sinks", (_sinks(snapshot, settings),)),
        Stage("tables", (_tables(snapshot.store, settings), _audit(snapshot.audit))),
    )


def is_silent(device: DeviceState, settings: OperationsSettings) -> bool:
    """Whether an expected device was not heard of for too long, or never."""
    return device.expected and (device.silent_seconds is None or device.silent_seconds > settings.silence_seconds)


def is_skewed(device: DeviceState, settings: OperationsSettings) -> bool:
    """Whether a device's clock is too far from the broker's."""
    return device.skew_seconds is not None and abs(device.skew_seconds) > settings.skew_seconds


def lag_of(partitions: Iterable[PartitionLag]) -> Lag | None:
    """What waits on partitions together; None without any."""
    found = list(partitions)
    if not found:
        return None
    ages = [one.lag_seconds for one in found if one.lag]
    known = [age for age in ages if age is not None]
    seconds = max(known) if known else 0.0 if not ages else None
    return Lag(sum(one.lag for one in found), seconds, len(known) < len(ages))


def _judge(
    kafka: Reading[KafkaState], group: str, found: Sequence[PartitionLag], settings: OperationsSettings
) -> tuple[State, str | None]:
    state = kafka.known
    if state is None or not found:
        return "unknown", None
    lag = lag_of(found)
    assert lag is not None
    members = next((one.members for one in state.groups if one.group == group), None)
    if lag.events and members == 0:
        return "stopped", "nobody_reads"
    if any(one.lag and one.commit_age_seconds > settings.stuck_seconds for one in found):
        return "stopped", "stands_still"
    if any(one.lost for one in found):
        return "stopped", "lost_unread"
    if lag.seconds is None:
        return "unknown", "age_not_read"
    return ("late", "behind") if lag.seconds > settings.lag_seconds else ("ok", None)


def _of(kafka: Reading[KafkaState], group: str, topic: str | None = None) -> list[PartitionLag]:
    if kafka.value is None:
        return []
    return [one for one in kafka.value.partitions if one.group == group and topic in (None, one.topic)]


def _devices(store: Reading[StoreState], settings: OperationsSettings) -> Node:
    label = Name("devices and desks", "设备与岗位")
    if store.value is None:
        return Node("devices", label, "store", "devices", "unknown", feeds=_input_names())
    devices = store.value.devices
    silent = sum(is_silent(one, settings) for one in devices)
    skewed = sum(is_skewed(one, settings) for one in devices)
    arrived = sum(one.recent_arrived for one in store.value.topics)
    facts = (
        Fact("devices", len(devices)),
        Fact("silent", silent),
        Fact("skewed", skewed),
        Fact("with_gaps", sum(one.missing > 0 for one in devices)),
        Fact("arrivals_per_minute", 60 * arrived / settings.lately_seconds),
    )
    state: State = "late" if silent or skewed else "ok"
    why = "devices_silent" if silent else "devices_skewed" if skewed else None
    if store.known is None:
        state, why = "unknown", None
    return Node("devices", label, "store", "devices", state, why, None, facts, _input_names())


def _input_names() -> tuple[str, ...]:
    return tuple(topic.name for topic in topics.INPUT_TOPICS)


def _input_topic(snapshot: Snapshot, topic: str, settings: OperationsSettings) -> Node:
    """An input topic by the group that decides on it; reference data by the sinks: workers read it without a group."""
    apps = [app for app in _APPS if topic in WORKER_GROUPS[app_id(app)]]
    group = app_id(apps[0]) if apps else SINKS
    found = _of(snapshot.kafka, group, topic)
    state, why = _judge(snapshot.kafka, group, found, settings)
    facts: tuple[Fact, ...] = ()
    if apps and (waiting := lag_of(_of(snapshot.kafka, SINKS, topic))) is not None:
        facts = (Fact("sinks_wait", waiting.events),)
    feeds = tuple(node_of(app) for app in apps or ("risk", "reports"))
    return Node(topic, topic_name(topic), "kafka", "partitions", state, why, lag_of(found), facts, (*feeds, "sinks"))


def _derived_topic(snapshot: Snapshot, topic: str, settings: OperationsSettings) -> Node:
    found = _of(snapshot.kafka, SINKS, topic)
    state, why = _judge(snapshot.kafka, SINKS, found, settings)
    return Node(topic, topic_name(topic), "kafka", "partitions", state, why, lag_of(found), (), ("sinks",))


def _app(snapshot: Snapshot, app: AppName, settings: OperationsSettings) -> Node:
    group = app_id(app)
    found = _of(snapshot.kafka, group)
    state, why = _judge(snapshot.kafka, group, found, settings)
    facts = []
    if snapshot.kafka.value and (known := next((g for g in snapshot.kafka.value.groups if g.group == group), None)):
        facts += [Fact("members", known.members), Fact("rebalances", known.rebalances)]
    workers = [one for one in snapshot.workers.value or () if app_of(one.part) == app]
    if workers:
        marks = [mark for one in workers for mark in one.watermarks.values()]
        if marks:
            facts.append(Fact("watermark_lag", max(0.0, (snapshot.now - min(marks)) / 1000)))
        facts.append(Fact("due_waiting", sum(one.due_waiting for one in workers)))
        recovering = any(one.recovering for one in workers)
        if recovering and snapshot.workers.known is not None and state in ("ok", "late"):
            state, why = "late", "recovering"
    return Node(
        node_of(app), APPS[app], "kafka", "partitions", state, why, lag_of(found), tuple(facts), (*_DERIVED[app],)
    )


def node_of(app: str) -> str:
    """The node of an app; some topics have the name of their app."""
    return f"worker-{app}"


def app_of(part: str) -> str | None:
    """The app of a worker's part: `worker-risk-2` is one of risk."""
    named = _APP_OF_PART.fullmatch(part)
    return named.group(1) if named else None


def _sinks(snapshot: Snapshot, settings: OperationsSettings) -> Node:
    found = _of(snapshot.kafka, SINKS)
    state, why = _judge(snapshot.kafka, SINKS, found, settings)
    facts: list[Fact] = []
    if snapshot.kafka.value and (known := next((g for g in snapshot.kafka.value.groups if g.group == SINKS), None)):
        facts += [Fact("members", known.members), Fact("rebalances", known.rebalances)]
    if snapshot.store.value is not None:
        facts.append(Fact("uncounted", sum(one.uncounted for one in snapshot.store.value.coverage)))
    return Node(
        "sinks", Name("sinks", "入库"), "kafka", "partitions", state, why, lag_of(found), tuple(facts), ("tables",)
    )


def _tables(store: Reading[StoreState], settings: OperationsSettings) -> Node:
    label = Name("tables", "数据表")
    if store.value is None:
        return Node("tables", label, "store", "queryable", "unknown", feeds=("audit",))
    together = merged(one.delay for one in store.value.queryable)
    facts: list[Fact] = []
    state: State = "ok"
    why = None
    if together is not None:
        for name, share in (("queryable_p50", 0.5), ("queryable_p95", 0.95), ("queryable_p99", 0.99)):
            found = quantile(together, share)
            facts.append(Fact(name + "_above" * (found is not None and found.above), found.seconds if found else None))
        half = quantile(together, 0.5)
        if half is not None and half.seconds > settings.lag_seconds:
            state, why = "late", "rows_late"
    facts.append(Fact("bytes_on_disk", store.value.bytes_on_disk))
    if store.known is None:
        state, why = "unknown", None
    return Node("tables", label, "store", "queryable", state, why, None, tuple(facts), ("audit",))


def _audit(audit: Reading[AuditState]) -> Node:
    label = Name("audit", "核查")
    if audit.value is None:
        return Node("audit", label, "audit", "audit", "unknown")
    differences = sum(audit.value.differences.values())
    state: State = "stopped" if differences else "ok"
    why = "audit_differs" if differences else None
    if audit.known is None:
        state, why = "unknown", None
    facts = (Fact("differences", differences), Fact("audited_at", audit.value.finished_at))
    return Node("audit", label, "audit", "audit", state, why, None, facts)
