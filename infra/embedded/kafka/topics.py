"""Topics are created explicitly, each with all its settings; an error of one topic is never passed over."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError, for_code

from infra.embedded.kafka.configuration import least_in_sync
from infra.errors import CannotRun
from infra.settings import Clock
from schemas.topics import ALL_TOPICS, FOREVER, LARGEST_STATE_BYTES, Topic, partitions_of

DELETIONS_KEPT_MS = 30 * 86_400_000
"""Longer than a worker trusts a store of its own: see `streams.worker.stores`."""


class TopicsRefused(CannotRun):
    """The broker did not create a topic, or has it with another number of partitions."""


class TopicSpec(NamedTuple):
    """A topic: its name, its number of partitions and its broker settings."""

    name: str
    partitions: int
    settings: Mapping[str, str]


def topic_spec(topic: Topic, *, partitions: int, clock: Clock, prefix: str = "") -> TopicSpec:
    """How a topic of ours is created in a home with this clock.

    An event-clock home holds records of long ago: their time is the one the producer sets, and none expires, or the
    broker would delete them at once. In a wall-clock home the time of a record is the broker's own word.
    """
    settings = {"cleanup.policy": "compact" if topic.compacted else "delete"}
    if clock == "event":
        settings |= {"message.timestamp.type": "CreateTime", "retention.ms": str(FOREVER)}
    else:
        settings |= {"message.timestamp.type": "LogAppendTime", "retention.ms": str(topic.retention_ms)}
    if topic.max_message_bytes is not None:
        settings |= {"max.message.bytes": str(topic.max_message_bytes)}
    return TopicSpec(prefix + topic.name, partitions_of(topic, partitions), settings)


def topic_specs(*, partitions: int, clock: Clock, prefix: str = "") -> list[TopicSpec]:
    """All topics of the system, as a home with this clock has them."""
    return [topic_spec(topic, partitions=partitions, clock=clock, prefix=prefix) for topic in ALL_TOPICS]


def changelog_spec(name: str, partitions: int) -> TopicSpec:
    """A compacted changelog of a table with this many partitions.

    Its times are the broker's own: nothing reads them, and a worker whose clock is an hour ahead would be refused.
    """
    settings = {
        "cleanup.policy": "compact",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(LARGEST_STATE_BYTES),
        "delete.retention.ms": str(DELETIONS_KEPT_MS),
    }
    return TopicSpec(name, partitions, settings)


def create_topics(
    bootstrap: str,
    specs: Sequence[TopicSpec],
    *,
    replication: int = 1,
    client_options: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """Create the topics that are not there yet; returns their names when every partition has a leader.

    A record is acknowledged when more than half of its `replication` replicas have it.

    Raises TopicsRefused, naming every topic that could not be created or has another number of partitions.
    """
    client = KafkaAdminClient(bootstrap_servers=bootstrap, client_id="checkline-topics", **client_options)
    try:
        present = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics()}
        refused = [
            f"{spec.name} has {present[spec.name]} partitions, not {spec.partitions} (they change only by a replay "
            "into new topics)"
            for spec in specs
            if present.get(spec.name, spec.partitions) != spec.partitions
        ]
        wanted = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": replication,
                "configs": {"min.insync.replicas": str(least_in_sync(replication)), **spec.settings},
            }
            for spec in specs
            if spec.name not in present
        }
        created = []
        if wanted:
            # The answer holds one error code per topic; with raise_errors the first would hide the others.
            for topic in client.create_topics(wanted, raise_errors=False)["topics"]:
                error = for_code(topic["error_code"])
                if topic["error_code"] == 0:
                    created.append(topic["name"])
                elif error is not TopicAlreadyExistsError:  # another process was faster
                    refused.append(f"{topic['name']}: {error.__name__}: {topic.get('error_message') or 'no reason'}")
        if refused:
            raise TopicsRefused(f"kafka at {bootstrap}: " + "; ".join(refused))
        client.wait_for_topics(sorted(wanted))
        return created
    finally:
        client.close()
