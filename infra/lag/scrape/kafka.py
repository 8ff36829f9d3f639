"""Lag, groups and brokers."""

from collections.abc import Iterable, Sequence

from infra.lag import metrics as m
from infra.lag.scrape.bounded_rows import Section
from infra.lag.scrape.merging import largest
from infra.lag.scrape.text_format import Exposition
from infra.lag.snapshot import GroupState, KafkaState, PartitionLag

# In klag-exporter's numbers: the five states of the classic protocol, and those that KIP-848 adds; the last has none.
GROUP_STATES = (
    "Unknown",
    "PreparingRebalance",
    "CompletingRebalance",
    "Stable",
    "Dead",
    "Empty",
    "Assigning",
    "Reconciling",
    "NotReady",
)


def _worst_partition(rows: Sequence[PartitionLag]) -> PartitionLag:
    """One row for several partitions: lags are added, times are the worst; offsets of several mean nothing."""
    margins = [row.retention_seconds for row in rows if row.retention_seconds is not None]
    return rows[0]._replace(
        committed=None,
        end=0,
        lag=sum(row.lag for row in rows),
        lag_seconds=largest(row.lag_seconds for row in rows),
        commit_age_seconds=max(row.commit_age_seconds for row in rows),
        drain_seconds=largest(row.drain_seconds for row in rows),
        retention_seconds=min(margins, default=None),
        lost=sum(row.lost for row in rows),
    )


_PARTITIONS: Section[PartitionLag] = Section(
    lambda row: (row.group, row.topic, row.partition),
    _worst_partition,
    m.PARTITIONS,
    rank=lambda row: (row.lost, row.lag),
    fold=2,
)
_TOPICS_OF_GROUPS: Section[PartitionLag] = Section(
    lambda row: (row.group, row.topic), _worst_partition, m.PARTITIONS, rank=lambda row: row.lag, fold=1
)
_LAGS_OF_GROUPS: Section[PartitionLag] = Section(
    lambda row: (row.group,), _worst_partition, m.GROUPS, rank=lambda row: row.lag
)
_LARGEST_OF_GROUPS: Section[PartitionLag] = Section(
    lambda row: (row.group,),
    lambda rows: _worst_partition(rows)._replace(lag=max(row.lag for row in rows)),
    m.GROUPS,
    rank=lambda row: row.lag,
)
_ENDS: Section[tuple[str, int, int]] = Section(
    lambda row: row[:2], lambda rows: max(rows, key=lambda row: row[2]), m.PARTITIONS
)
_GROUPS: Section[GroupState] = Section(
    lambda row: (row.group,),
    lambda rows: rows[0]._replace(
        state=rows[0].state if len({row.state for row in rows}) == 1 else "Unknown",
        members=sum(row.members for row in rows),
        rebalances=sum(row.rebalances for row in rows),
    ),
    m.GROUPS,
)


def put_kafka(page: Exposition, kafka: KafkaState, cluster: str) -> None:
    found, cut = _PARTITIONS.bound(kafka.partitions)
    page.put(m.SERIES_CUT, cut, ("partitions",))
    for place, row in found.items():
        named = (cluster, *place)
        page.put(m.GROUP_LAG, row.lag, named)
        page.put(m.CONSUMERGROUP_LAG, row.lag, place)
        page.put(m.GROUP_LAG_SECONDS, row.lag_seconds, named)
        page.put(m.GROUP_MESSAGES_LOST, row.lost, named)
        page.put(m.GROUP_OFFSET, row.committed, named)
        page.put(m.CONSUMERGROUP_CURRENT_OFFSET, row.committed, place)
        page.put(m.COMMIT_STALENESS, row.commit_age_seconds, place)
        page.put(m.DRAIN, row.drain_seconds, place)
        page.put(m.RETENTION_MARGIN, row.retention_seconds, place)
    for place, row in _TOPICS_OF_GROUPS.bound(kafka.partitions).rows.items():
        page.put(m.GROUP_TOPIC_SUM_LAG, row.lag, (cluster, *place))
        page.put(m.CONSUMERGROUP_LAG_SUM, row.lag, place)
    for place, row in _LAGS_OF_GROUPS.bound(kafka.partitions).rows.items():
        page.put(m.GROUP_SUM_LAG, row.lag, (cluster, *place))
    for place, row in _LARGEST_OF_GROUPS.bound(kafka.partitions).rows.items():
        page.put(m.GROUP_MAX_LAG, row.lag, (cluster, *place))
        page.put(m.GROUP_MAX_LAG_SECONDS, row.lag_seconds, (cluster, *place))
    for place, (_, _, end) in _ENDS.bound(ends(kafka)).rows.items():
        page.put(m.PARTITION_LATEST_OFFSET, end, (cluster, *place))
        page.put(m.TOPIC_PARTITION_CURRENT_OFFSET, end, place)
    _put_groups(page, kafka.groups, cluster)
    page.put(m.BROKERS, kafka.brokers)
    page.put(m.BROKERS_EXPECTED, kafka.brokers_expected)
    page.put(m.UNDER_REPLICATED, kafka.under_replicated)


def ends(kafka: KafkaState) -> Iterable[tuple[str, int, int]]:
    """Every partition that is read: topic, number, and the position after its last readable record."""
    return {(row.topic, row.partition): (row.topic, row.partition, row.end) for row in kafka.partitions}.values()


def _put_groups(page: Exposition, groups: Sequence[GroupState], cluster: str) -> None:
    found, cut = _GROUPS.bound(groups)
    page.put(m.SERIES_CUT, cut, ("groups",))
    for place, group in found.items():
        state = _group_state(group.state)
        # A state that klag-exporter has no number for is unknown to its dashboards.
        number = GROUP_STATES.index(state)
        page.put(m.GROUP_STATE_NUMBER, number if number < GROUP_STATES.index("NotReady") else 0, (cluster, *place))
        for one in GROUP_STATES:
            page.put(m.GROUP_STATE, int(one == state), (*place, one))
        page.put(m.CONSUMERGROUP_MEMBERS, group.members, place)
        page.put(m.GROUP_MEMBERS, group.members, place)
        page.put(m.GROUP_REBALANCES, group.rebalances, place)


def _group_state(words: str) -> str:
    """Kafka's tools write PREPARING_REBALANCE and PreparingRebalance."""
    plain = words.replace("_", "").lower()
    return next((state for state in GROUP_STATES if state.lower() == plain), GROUP_STATES[0])
