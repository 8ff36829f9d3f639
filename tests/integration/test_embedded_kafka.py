"""The embedded Kafka is a real one: it keeps what it acknowledged, and Apache Kafka's own tools read it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from infra.embedded.kafka import EmbeddedKafka, TopicSpec, create_topics, run_tool
from infra.embedded.kafka.jars import ensure, read_lock
from infra.embedded.kafka.tools import CONSOLE_CONSUMER, CONSUMER_GROUPS
from infra.embedded.kafka.topics import TopicsRefused, topic_specs
from infra.embedded.ports import free_port
from infra.errors import PortInUse
from tests.support.cluster import KafkaCluster

YEAR_2020_MS = 1_582_156_800_000


@pytest.fixture
def admin(kafka_cluster: KafkaCluster) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka_cluster.bootstrap)
    yield client
    client.close()


def produce(bootstrap: str, topic: str, values: list[bytes], timestamp_ms: int | None = None) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for value in values:
        producer.send(topic, value, timestamp_ms=timestamp_ms)
    producer.flush()
    producer.close()


def test_the_console_consumer_of_apache_kafka_reads_what_was_published(kafka_cluster: KafkaCluster) -> None:
    topic = kafka_cluster.fresh_topics() + "reports"
    produce(kafka_cluster.bootstrap, topic, [b"first", b"second"], YEAR_2020_MS)
    result = run_tool(
        CONSOLE_CONSUMER,
        *("--bootstrap-server", kafka_cluster.bootstrap, "--topic", topic),
        *("--from-beginning", "--max-messages", "2"),
    )
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.split()) == ["first", "second"]


def test_the_group_command_of_apache_kafka_runs(kafka_cluster: KafkaCluster) -> None:
    result = run_tool(CONSUMER_GROUPS, "--bootstrap-server", kafka_cluster.bootstrap, "--list")
    assert result.returncode == 0, result.stderr


@pytest.mark.expects_errors("Topic never-created not found")
def test_an_unknown_topic_is_not_created_by_naming_it(kafka_cluster: KafkaCluster, admin: KafkaAdminClient) -> None:
    consumer = KafkaConsumer("never-created", bootstrap_servers=kafka_cluster.bootstrap)
    consumer.poll(timeout_ms=200)
    consumer.close()
    assert "never-created" not in admin.list_topics()


@pytest.mark.parametrize(
    ("clock", "timestamp_type", "retention"), [("event", "CreateTime", "-1"), ("wall", "LogAppendTime", "-1")]
)
def test_the_clock_of_the_home_decides_the_timestamps_of_topics(
    kafka_cluster: KafkaCluster, admin: KafkaAdminClient, clock: str, timestamp_type: str, retention: str
) -> None:
    prefix = kafka_cluster.fresh_topics(clock=clock)  # type: ignore[arg-type]  # parametrize gives a plain str
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, prefix + "check-ins")])
    settings = described["topic"][prefix + "check-ins"]
    assert settings["message.timestamp.type"]["value"] == timestamp_type
    assert settings["retention.ms"]["value"] == retention


def test_topics_are_created_once_and_other_partitions_are_refused(kafka_cluster: KafkaCluster) -> None:
    prefix = kafka_cluster.fresh_topics(partitions=2)
    bootstrap = kafka_cluster.bootstrap
    assert create_topics(bootstrap, topic_specs(partitions=2, clock="event", prefix=prefix)) == []
    with pytest.raises(TopicsRefused, match=f"{prefix}check-ins has 2 partitions, not 3"):
        create_topics(bootstrap, topic_specs(partitions=3, clock="event", prefix=prefix))


def test_an_error_of_one_topic_is_raised_and_names_it(kafka_cluster: KafkaCluster) -> None:
    bad = TopicSpec("not a name", 1, {})
    with pytest.raises(TopicsRefused, match="not a name: InvalidTopic"):
        create_topics(kafka_cluster.bootstrap, [bad])


@pytest.mark.long  # as the short run of tests/faults shows
def test_acknowledged_records_survive_kill_and_restart(tmp_path: Path) -> None:
    node = EmbeddedKafka(tmp_path, free_port(), free_port())
    try:
        node.start()
        create_topics(node.bootstrap, [TopicSpec("kept", 1, {"retention.ms": "-1"})])
        produce(node.bootstrap, "kept", [b"a", b"b"], YEAR_2020_MS)
        node.kill()
        node.start()
        consumer = KafkaConsumer("kept", bootstrap_servers=node.bootstrap, auto_offset_reset="earliest", group_id=None)
        first = next(consumer)
        second = next(consumer)
        consumer.close()
        assert [(first.value, first.timestamp), (second.value, second.timestamp)] == [
            (b"a", YEAR_2020_MS),
            (b"b", YEAR_2020_MS),
        ]
    finally:
        node.stop()


def test_it_listens_on_the_loopback_only(kafka_cluster: KafkaCluster) -> None:
    assert kafka_cluster.node.pid is not None
    connections = psutil.Process(kafka_cluster.node.pid).net_connections("inet")
    addresses = {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} .* is in use") as caught:
            EmbeddedKafka(tmp_path, port, free_port()).start()
    assert "\n" not in str(caught.value)


def test_no_network_is_needed_once_the_jars_are_cached(
    kafka_cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(ensure()) == len(read_lock())
