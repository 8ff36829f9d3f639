"""What Kafka's admin API says of groups and logs, over one connection that is kept.

Every question is about all partitions or groups at once: a look is a handful of requests, however many there are.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import (
    GroupIdNotFoundError,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NotCoordinatorError,
    RetriableError,
    UnknownBrokerIdError,
    UnknownTopicOrPartitionError,
)

from infra.errors import kafka_is_silent
from infra.lag.kafka_python_private import connect

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""A coordinator moves in a few seconds when its broker dies; one that has just been made takes a moment too."""

ATTEMPTS_IN_PATIENCE = 3
"""A node that hangs must not use up the time in which another would take over."""

INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state")
NO_LEADER = -1
_RETRY_SECONDS = 0.2
_NO_GROUP = GroupIdNotFoundError.__name__


class Cluster(NamedTuple):
    """The partitions of some topics, each with the node that leads it, the nodes that run, and how many partitions
    have fewer copies in step than they should have (Kafka's own topics of offsets and transactions among them)."""

    leaders: dict[Any, int]
    nodes: frozenset[int]
    under_replicated: int


class Group(NamedTuple):
    """A group's state in Kafka's words, and its members: each with the partitions it was given (encoded)."""

    state: str
    members: frozenset[tuple[str, bytes]]


class Positions(NamedTuple):
    """What each group has committed (nothing for what it never did), where each log begins, and where it ends: behind
    the last record, whether the transaction it belongs to has ended or not, as Apache Kafka's own tool counts."""

    committed: dict[str, dict[Any, int]]
    starts: dict[Any, int]
    ends: dict[Any, int]


class KafkaSource:
    """Connects at the first question, and anew after one that failed."""

    def __init__(
        self, bootstrap: str, client_options: Mapping[str, Any], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._bootstrap = bootstrap
        self._options = dict(client_options)
        self._patience = patience_seconds
        self._several = "," in bootstrap
        self._client: KafkaAdminClient | None = None

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        """The answer to a question, asked again while another node takes over from one that died.

        Raises MissingPart when that takes longer than our patience, and at once where the only broker is gone.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                if self._client is None:
                    self._client = self._connect()
                return question(self._client)
            except (RetriableError, UnknownBrokerIdError) as error:
                # A client asks once who the coordinator is, and for ever after the same node.
                self.close()
                gone = isinstance(error, KafkaConnectionError) and not self._several
                if gone or time.monotonic() >= deadline:
                    raise kafka_is_silent(self._bootstrap, error) from error
            except KafkaError as error:
                self.close()
                raise kafka_is_silent(self._bootstrap, error) from error
            time.sleep(_RETRY_SECONDS)

    def _connect(self) -> KafkaAdminClient:
        attempt_ms = int(self._patience * 1000) // ATTEMPTS_IN_PATIENCE
        return connect(
            bootstrap_servers=self._bootstrap.split(","),
            client_id="checkline-lag",
            request_timeout_ms=attempt_ms,
            bootstrap_timeout_ms=attempt_ms,
            **self._options,
        )


def cluster_of(client: KafkaAdminClient, topics: Collection[str]) -> Cluster:
    """Raises kafka-python's errors, retriable ones where a topic is not there or a partition has no leader."""
    leaders, under_replicated = {}, 0
    for topic in client.describe_topics([*topics, *INTERNAL_TOPICS]):
        name = topic["name"]
        if topic["error_code"] and name in topics:
            raise UnknownTopicOrPartitionError(f"topic {name}; topics are created by checkline up")
        for partition in topic["partitions"]:
            under_replicated += len(partition["isr_nodes"]) < len(partition["replica_nodes"])
            if name in topics:
                leaders[TopicPartition(name, partition["partition_index"])] = partition["leader_id"]
    if without := [f"{place.topic}/{place.partition}" for place, leader in leaders.items() if leader == NO_LEADER]:
        raise LeaderNotAvailableError(f"no broker leads {', '.join(sorted(without)[:3])}, {len(without)} in all")
    brokers = client.describe_cluster()["brokers"]
    nodes = frozenset(broker["broker_id"] for broker in brokers if not broker.get("is_fenced"))
    return Cluster(leaders, nodes, under_replicated)


def positions_of(client: KafkaAdminClient, groups: Collection[str], places: Collection[Any]) -> Positions:
    """Raises kafka-python's errors. The ends are asked for last: no group is ahead of one, and none is taken to be
    caught up that is not."""
    committed = {
        # Kafka says -1 where there is nothing: a number that must not reach a sum.
        group: {place: found.offset for place, found in offsets.items() if found.offset >= 0}
        for group, offsets in client.list_group_offsets(dict.fromkeys(groups)).items()
    }
    return Positions(
        committed, _offsets(client, places, OffsetSpec.EARLIEST), _offsets(client, places, OffsetSpec.LATEST)
    )


def _offsets(client: KafkaAdminClient, places: Iterable[Any], which: OffsetSpec) -> dict[Any, int]:
    found = client.list_partition_offsets(dict.fromkeys(places, which))
    return {place: one.offset for place, one in found.items()}


def newest_timestamp(client: KafkaAdminClient, places: Collection[Any]) -> int:
    """Time of the newest record of these partitions, UTC ms; 0 while there is none. Raises kafka-python's errors."""
    newest = client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.MAX_TIMESTAMP))
    return max((0, *(int(found.timestamp) for found in newest.values())))


def groups_of(client: KafkaAdminClient, groups: Collection[str]) -> dict[str, Group]:
    """A group that nobody ever joined is Dead. Raises kafka-python's errors."""
    found = {}
    for name, group in client.describe_groups(list(groups)).items():
        if group["error"] and _NO_GROUP not in group["error"]:  # most often its coordinator moves
            raise NotCoordinatorError(f"group {name}: {group['error']}")
        members = frozenset(
            (member["group_instance_id"] or member["member_id"], repr(member["member_assignment"]).encode())
            for member in group["members"]
        )
        found[name] = Group(group["group_state"] or "Dead", members)
    return found


def retention_of(client: KafkaAdminClient, topics: Collection[str]) -> dict[str, int | None]:
    """How long each topic keeps a record, in ms; None: for ever, as far as time goes. Raises kafka-python's errors."""
    names = ("retention.ms", "cleanup.policy")
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic, list(names)) for topic in topics]
    settings = client.describe_configs(asked, config_filter="all")["topic"]
    kept = {}
    for topic in topics:
        retention, policy = (settings[topic][name]["value"] for name in names)
        kept[topic] = int(retention) if "delete" in policy and int(retention) >= 0 else None
    return kept
