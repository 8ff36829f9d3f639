"""Rules about groups, partitions and brokers."""

from collections import defaultdict
from collections.abc import Iterator

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import START_SECONDS, Judgement, Look, Unsure
from infra.alarms.conditions.memory import place
from infra.alarms.conditions.processes import first_starting, just_started, parts_of_group, recovering
from infra.alarms.words import lasting, some
from infra.embedded.catch_up import GROUPS
from infra.lag.snapshot import KafkaState, PartitionLag


def partition_stuck(look: Look) -> Iterator[Judgement]:
    """Something to read, and the committed offset has not moved for too long. Not while the group's process starts for
    the first time or recovers: that has an alarm of its own when it stalls."""
    kafka = look.kafka
    for (group, topic), partitions in _by_topic(kafka).items():
        stuck = [one for one in partitions if one.lag > 0 and one.commit_age_seconds >= look.settings.stuck_seconds]
        if not stuck:
            continue
        subject = f"{group}/{topic}"
        if _is_starting(look, group):
            yield Unsure("PartitionStuck", subject)
            continue
        longest = lasting(max(one.commit_age_seconds for one in stuck))
        lag, where = sum(one.lag for one in stuck), some(place(topic, one.partition) for one in stuck)
        yield Condition(
            "PartitionStuck",
            subject,
            f"{where}: {lag} events wait and group {group} has not moved for {longest}",
            f"{where}：{lag} 条待处理，消费组 {group} 已 {longest} 未前进",
        )


def group_lagging(look: Look) -> Iterator[Judgement]:
    """The first unread record of a topic is too old. An event-clock home's records are as old as its campaign."""
    kafka = look.kafka
    for (group, topic), partitions in _by_topic(kafka).items():
        subject = f"{group}/{topic}"
        seconds = [one.lag_seconds for one in partitions if one.lag_seconds is not None]
        worst = max(seconds, default=0.0)
        if worst > look.settings.lag_seconds:
            lag = sum(one.lag for one in partitions)
            drains = [one.drain_seconds for one in partitions if one.lag > 0]
            known = [one for one in drains if one is not None]
            until = lasting(max(known)) if known and len(known) == len(drains) else None
            yield Condition(
                "GroupLagging",
                subject,
                f"{group} is {lasting(worst)} and {lag} events behind on {topic}; "
                + (f"caught up in about {until}" if until else "not shrinking"),
                f"{group} 在 {topic} 滞后 {lasting(worst)}、{lag} 条；"
                + (f"约 {until} 后追平" if until else "未见缩小"),
            )
        elif len(seconds) < len(partitions):
            yield Unsure("GroupLagging", subject)


def group_without_members(look: Look) -> Iterator[Judgement]:
    """A group of this pipeline that has no members."""
    kafka = look.kafka
    groups = {one.group: one for one in kafka.groups}
    for group in GROUPS:
        found = groups.get(group)
        if found is not None and found.members > 0:
            continue
        if look.snapshot.parts.known is None or _is_starting(look, group):
            yield Unsure("GroupWithoutMembers", group)
            continue
        state = found.state if found else "unknown to Kafka"
        names = ", ".join(part.name for part in parts_of_group(look.snapshot.parts.known, group)) or "another machine's"
        yield Condition(
            "GroupWithoutMembers",
            group,
            f"group {group} has no members ({state}); its parts: {names}",
            f"消费组 {group} 无成员（{state}）；其进程：{names}",
        )


def unread_data_expiring(look: Look) -> Iterator[Judgement]:
    """Unread records whose retention ends soon."""
    kafka = look.kafka
    for (group, topic), partitions in _by_topic(kafka).items():
        margins = [one.retention_seconds for one in partitions if one.retention_seconds is not None]
        if margins and (left := min(margins)) < look.settings.retention_seconds:
            yield Condition(
                "UnreadDataExpiring",
                f"{group}/{topic}",
                f"the first events of {topic} that {group} has not read may be deleted in {lasting(left)}"
                if left > 0
                else f"the first events of {topic} that {group} has not read may be deleted at any moment",
                f"{topic} 中 {group} 未读的数据将在 {lasting(max(0.0, left))} 后可被删除",
            )


def unread_data_lost(look: Look) -> Iterator[Judgement]:
    """Positions that were deleted before they were read."""
    kafka = look.kafka
    for (group, topic), partitions in _by_topic(kafka).items():
        if losing := [one for one in partitions if one.lost > 0]:
            lost = sum(one.lost for one in losing)
            where = some(f"{place(topic, one.partition)} from {one.committed or 0}" for one in losing)
            yield Condition(
                "UnreadDataLost",
                f"{group}/{topic}",
                f"{lost} positions were deleted before {group} read them: {where}",
                f"{lost} 个位置在 {group} 读取前已被删除：{where}",
            )


def broker_down(look: Look) -> Iterator[Judgement]:
    """Fewer brokers than there should be, or partitions with too few copies in step."""
    kafka = look.kafka
    if kafka.brokers < kafka.brokers_expected:
        yield Condition(
            "BrokerDown",
            "brokers",
            f"{kafka.brokers} of {kafka.brokers_expected} brokers answer",
            f"{kafka.brokers_expected} 个节点中 {kafka.brokers} 个应答",
        )
    if kafka.under_replicated:
        yield Condition(
            "BrokerDown",
            "copies",
            f"{kafka.under_replicated} partitions have too few copies in step",
            f"{kafka.under_replicated} 个分区副本不足",
        )


def _by_topic(kafka: KafkaState) -> dict[tuple[str, str], list[PartitionLag]]:
    found: dict[tuple[str, str], list[PartitionLag]] = defaultdict(list)
    for one in kafka.partitions:
        found[one.group, one.topic].append(one)
    return found


def _is_starting(look: Look, group: str) -> bool:
    parts = look.snapshot.parts.known
    if parts is None:
        return look.watched_seconds < START_SECONDS
    return any(
        first_starting(part) or just_started(part, look.snapshot.at) or recovering(look, part.name)
        for part in parts_of_group(parts, group)
    )
