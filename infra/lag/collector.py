"""How far each consumer group is behind, by partition, in events: positions alone, for whoever waits for the rest.

`infra.lag.kafka_state` says all that can be said of the groups, in seconds too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from infra.lag.kafka_source import (
    PATIENCE_SECONDS,
    Cluster,
    KafkaSource,
    Positions,
    cluster_of,
    newest_timestamp,
    positions_of,
)
from infra.lag.snapshot import PartitionLag
from schemas.topics import INPUT_TOPICS

INPUTS = {topic.name for topic in INPUT_TOPICS if topic.partitioned}


class LagCollector:
    """Asks one Kafka for the positions of groups, over a connection that is kept; a context manager, which may be
    entered again.

    ``groups`` is {group: topics it reads}. Every question raises MissingPart when Kafka has not answered for
    ``patience_seconds``; with several brokers one may be down, and is waited for that long until another leads its
    partitions.
    """

    def __init__(
        self,
        bootstrap: str,
        groups: Mapping[str, Iterable[str]],
        client_options: Mapping[str, Any],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.groups = {group: tuple(topics) for group, topics in groups.items()}
        self.topics = sorted({topic for topics in self.groups.values() for topic in topics})
        self.source = KafkaSource(bootstrap, client_options, patience_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def collect(self) -> list[PartitionLag]:
        """Lag of all groups in events, sorted; no record is read, and every partition that is behind has an unknown
        age."""

        def ask(client: Any) -> list[PartitionLag]:
            cluster = cluster_of(client, self.topics)
            positions = positions_of(client, self.groups, cluster.leaders)
            return sorted(lags_of(self.groups, cluster, positions))

        return self.source.ask(ask)

    def newest_record(self) -> int:
        """Time of the newest event of all input topics that are read, UTC milliseconds; 0 while there is none.

        Derived topics are left out: the markers that end their transactions carry the broker's own clock. So is
        reference data, which a campaign publishes ahead of its time.
        """
        topics = INPUTS.intersection(self.topics)
        return self.source.ask(lambda client: newest_timestamp(client, cluster_of(client, topics).leaders))


def lags_of(groups: Mapping[str, Iterable[str]], cluster: Cluster, positions: Positions) -> Iterator[PartitionLag]:
    """Every group on every partition it reads, as the positions have it."""
    for group, topics in groups.items():
        committed, read = positions.committed.get(group, {}), set(topics)
        for place in cluster.leaders:
            if place.topic in read:
                at, begin, end = committed.get(place), positions.starts[place], positions.ends[place]
                lag = max(0, end - (begin if at is None else at))
                lost = 0 if at is None else max(0, begin - at)
                yield PartitionLag(group, place.topic, place.partition, at, end, lag, None if lag else 0.0, lost=lost)
