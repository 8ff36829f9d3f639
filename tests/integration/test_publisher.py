"""Publishing: what flush returned for is in the log, what cannot be published is raised with topic, key and reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from infra.edge.publisher import Publisher, PublishFailed, key_of_partition
from infra.embedded.kafka import EmbeddedKafka, TopicSpec, create_topics
from infra.embedded.ports import free_port
from infra.errors import MissingPart
from schemas.events import Reading
from schemas.registry import default_registry
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from tests.support.cluster import KafkaCluster

DAY_MS = 1_582_072_200_000
PARTITIONS = 8


def reading(sequence: int, person: int) -> Reading:
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    token = "p01" + letters[person // 32 % 32] + letters[person % 32] + "a" * 22
    return Reading(
        token=token,
        source="gate-1",
        sequence=sequence,
        occurred_at=DAY_MS + sequence,
        sent_at=DAY_MS + sequence,
        zone_offset_minutes=480,
        value_tenths=381,
        method="AXILLARY",
    )


def consume(bootstrap: str, topic: str, count: int) -> list[Any]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, consumer_timeout_ms=10_000)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    records: list[Any] = []
    for record in consumer:
        records.append(record)
        if len(records) == count:
            break
    consumer.close()
    return records


def test_events_arrive_whole_in_the_partition_of_their_key_with_the_time_that_was_given(
    kafka_cluster: KafkaCluster,
) -> None:
    prefix = kafka_cluster.fresh_topics()
    events = [reading(sequence, sequence % 100) for sequence in range(500)]
    with Publisher(kafka_cluster.bootstrap, prefix=prefix) as publisher:
        for event in events:
            publisher.publish(event, appended_at=event.sent_at + 7)
    codec = RowCodec(default_registry(), "temperatures")
    rows = {}
    for record in consume(kafka_cluster.bootstrap, prefix + "temperatures", len(events)):
        assert record.partition == partition_of_key(record.key, PARTITIONS)
        row = codec.decode(record.value)
        assert record.timestamp == row["sent_at"] + 7
        rows[row["sequence"]] = (record.key, row)
    expected = {event.sequence: (event.record().key, event.record().row) for event in events}
    assert rows == expected


def test_a_time_mark_reaches_the_partition_it_is_for_under_a_key_that_maps_there(kafka_cluster: KafkaCluster) -> None:
    prefix = kafka_cluster.fresh_topics()
    with Publisher(kafka_cluster.bootstrap, prefix=prefix) as publisher:
        for partition in range(PARTITIONS):
            publisher.publish_mark("check-ins", partition=partition, source="clock", sequence=1, at=DAY_MS)
    records = consume(kafka_cluster.bootstrap, prefix + "check-ins", PARTITIONS)
    assert Counter(record.partition for record in records) == dict.fromkeys(range(PARTITIONS), 1)
    assert all(partition_of_key(record.key, PARTITIONS) == record.partition for record in records)


def test_a_key_of_every_partition_is_found() -> None:
    assert [partition_of_key(key_of_partition(number, 64), 64) for number in range(64)] == list(range(64))
    with pytest.raises(ValueError, match="no partition 8"):
        key_of_partition(8, 8)


def test_a_record_that_is_too_large_is_raised_with_topic_and_key(kafka_cluster: KafkaCluster) -> None:
    prefix = kafka_cluster.fresh_topics()
    publisher = Publisher(kafka_cluster.bootstrap, prefix=prefix, compression="none")
    publisher.publish_encoded("reports", b"unit-7", b"x" * 2_000_000)
    with pytest.raises(PublishFailed, match=r"reports, key unit-7: .*MessageSizeTooLarge"):
        publisher.close()


@pytest.mark.expects_errors(r"^kafka\.")
def test_a_broker_that_is_gone_is_raised_when_the_delivery_time_is_over(tmp_path: Path) -> None:
    node = EmbeddedKafka(tmp_path, free_port(), free_port())
    node.start()
    try:
        create_topics(node.bootstrap, [TopicSpec("reports", 1, {})])
        publisher = Publisher(node.bootstrap, delivery_timeout_ms=1_500)
        publisher.publish_encoded("reports", b"unit-7", b"before")
        publisher.flush()
        node.kill()
        publisher.publish_encoded("reports", b"unit-8", b"after")
        with pytest.raises(PublishFailed, match="topic reports, key unit-8: not acknowledged"):
            publisher.close()
    finally:
        node.stop()


@pytest.mark.expects_errors("not found in cluster metadata")
def test_nothing_is_created_by_publishing_to_an_unknown_topic(kafka_cluster: KafkaCluster) -> None:
    publisher = Publisher(kafka_cluster.bootstrap, prefix="nowhere.", metadata_timeout_ms=500)
    with pytest.raises(PublishFailed, match=r"topic nowhere\.reports"):
        publisher.publish_encoded("reports", b"unit-7", b"value")
    publisher.close()


@pytest.mark.expects_errors(r"^kafka\.")
def test_no_broker_is_one_clear_line() -> None:
    with pytest.raises(MissingPart, match="does not answer") as caught:
        Publisher(f"127.0.0.1:{free_port()}", bootstrap_timeout_ms=300)
    assert "\n" not in str(caught.value)
