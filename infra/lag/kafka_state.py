"""The whole state of consumer groups, from Kafka alone: what waits, for how long, until when, and who reads it.

Seconds are the age of the record that waits, read from the log; a partition in which nothing waits has a lag of 0 s,
however long it has been idle, also where its last positions are markers of transactions.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from kafka import TopicPartition

from infra.lag.collector import LagCollector, lags_of
from infra.lag.kafka_source import (
    PATIENCE_SECONDS,
    Cluster,
    Group,
    Positions,
    cluster_of,
    groups_of,
    positions_of,
    retention_of,
)
from infra.lag.pace import Look, Pace
from infra.lag.rebalances import Rebalances
from infra.lag.snapshot import GroupState, KafkaState, PartitionLag
from infra.lag.waiting import Place, WaitingRecords

READ_SECONDS = 1.0
"""So long at most waiting records are read in one look; the age of the others is unknown."""

SETTINGS_SECONDS = 60.0
"""How a topic keeps its records seldom changes."""

_MS = 1000.0


class KafkaCollector:
    """Looks at the groups of one Kafka; a context manager, which may be entered again: its history goes on.

    ``groups`` is {group: topics it reads}, ``brokers_expected`` the number of nodes the cluster should have.
    ``monotonic`` counts the seconds between looks. For one thread at a time.
    """

    def __init__(
        self,
        bootstrap: str,
        groups: Mapping[str, Iterable[str]],
        client_options: Mapping[str, Any],
        brokers_expected: int,
        patience_seconds: float = PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._brokers_expected = brokers_expected
        self._monotonic = monotonic
        self._lags = LagCollector(bootstrap, groups, client_options, patience_seconds)
        self._waiting = WaitingRecords()
        self._paces: dict[tuple[str, str, int], Pace] = {}
        self._rebalances: dict[str, Rebalances] = {}
        self._retention: dict[str, int | None] = {}
        self._retention_asked = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lags.source.close()

    def newest_record(self) -> int:
        """See `LagCollector.newest_record`."""
        return self._lags.newest_record()

    def collect(self, now_ms: int) -> KafkaState:
        """The state at ``now_ms``, the time of the home's clock in UTC milliseconds, to which records have an age.

        What goes by the machine's clocks whatever the home's: how long a position has stood still, when what waits is
        read, and until when it is kept, for a broker deletes by its own. Raises MissingPart when Kafka does not answer.
        """
        groups = self._lags.groups

        def ask(client: Any) -> tuple[Cluster, Positions, dict[str, Group], dict[Place, int | None]]:
            cluster = cluster_of(client, self._lags.topics)
            positions = positions_of(client, groups, cluster.leaders)
            states = groups_of(client, groups)
            if self._monotonic() - self._retention_asked >= SETTINGS_SECONDS:
                self._retention = retention_of(client, self._lags.topics)
                self._retention_asked = self._monotonic()
            lags = lags_of(groups, cluster, positions)
            places = {_first_unread(lag, positions): None for lag in lags if lag.lag}
            return cluster, positions, states, self._waiting.times(client, cluster.leaders, list(places), READ_SECONDS)

        cluster, positions, states, times = self._lags.source.ask(ask)
        at, machine_ms = self._monotonic(), time.time_ns() // 1_000_000
        partitions = [
            self._with_times(lag, _first_unread(lag, positions), times, now_ms, machine_ms, at)
            for lag in lags_of(groups, cluster, positions)
        ]
        return KafkaState(
            tuple(sorted(partitions)),
            tuple(self._group_state(name, states[name]) for name in sorted(groups)),
            len(cluster.nodes),
            self._brokers_expected,
            cluster.under_replicated,
        )

    def _with_times(
        self,
        lag: PartitionLag,
        place: Place,
        times: Mapping[Place, int | None],
        now_ms: int,
        machine_ms: int,
        at: float,
    ) -> PartitionLag:
        made = times.get(place) if lag.lag else None
        # What could not be read is taken to wait: it is unknown, and not nothing.
        waits = bool(lag.lag) and (place not in times or made is not None)
        key = lag[:3]
        pace = self._paces[key] = self._paces.get(key, Pace()).after(Look(at, place.position, lag.end, waits))
        kept_ms = self._retention[lag.topic]
        return lag._replace(
            lag_seconds=0.0 if not waits else None if made is None else max(0.0, (now_ms - made) / _MS),
            commit_age_seconds=pace.standing_seconds,
            drain_seconds=pace.drain_seconds,
            retention_seconds=None if made is None or kept_ms is None else (made + kept_ms - machine_ms) / _MS,
        )

    def _group_state(self, name: str, group: Group) -> GroupState:
        seen = self._rebalances.get(name, Rebalances()).after(group.state, group.members)
        self._rebalances[name] = seen
        return GroupState(name, group.state, len(group.members), seen.count)


def _first_unread(lag: PartitionLag, positions: Positions) -> Place:
    """Where a group goes on: at the beginning of the log when it never committed, or what it wants next is deleted."""
    partition = TopicPartition(lag.topic, lag.partition)
    return Place(partition, max(lag.committed or 0, positions.starts[partition]))
