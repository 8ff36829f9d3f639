"""The lag of consumer groups on a real broker, held against Apache Kafka's own command."""

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from infra.embedded.kafka import create_topics, run_tool
from infra.embedded.kafka.tools import CONSUMER_GROUPS
from infra.embedded.kafka.topics import TopicSpec
from infra.embedded.ports import LOOPBACK, free_port
from infra.errors import MissingPart
from infra.lag import kafka_python_private, kafka_state
from infra.lag.collector import LagCollector
from infra.lag.kafka_source import KafkaSource
from infra.lag.kafka_state import KafkaCollector
from infra.lag.snapshot import KafkaState, PartitionLag
from tests.support.cluster import KafkaCluster

# What a member's client says when it is closed while it asks who leads what.
pytestmark = pytest.mark.expects_errors(r"^kafka\.cluster: Metadata refresh: failed Cancelled")

AT = 1_580_000_000_000
"""A time of long ago, to the broker's clock."""

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
CREATE_TIME = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
DEADLINE_SECONDS = 30.0


class Broker:
    """The session's broker, with what the tests of this module do to it. Every name is used once."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self.source = KafkaSource(bootstrap, {})
        self.producer = KafkaProducer(bootstrap_servers=bootstrap)

    def topic(self, partitions: int = 1, settings: Mapping[str, str] = CREATE_TIME) -> str:
        name = f"lag-{secrets.token_hex(4)}"
        create_topics(self.bootstrap, [TopicSpec(name, partitions, settings)])
        return name

    def publish(self, topic: str, times: Collection[int], partition: int = 0, value: bytes = b"v") -> None:
        for at in times:
            self.producer.send(topic, value, partition=partition, timestamp_ms=at)
        self.producer.flush()

    def commit(self, group: str, topic: str, *positions: int) -> None:
        """The group's positions on the first partitions of the topic."""
        offsets = {TopicPartition(topic, n): OffsetAndMetadata(at, "", -1) for n, at in enumerate(positions)}

        def ask(client: KafkaAdminClient) -> None:
            # A coordinator that has just been made refuses for a moment; the client raises nothing for a partition.
            if refused := {error for error in client.alter_group_offsets(group, offsets).values() if error.errno}:
                raise refused.pop()

        self.source.ask(ask)

    def collector(self, *topics: str, group: str = "", clock: Callable[[], float] = time.monotonic) -> KafkaCollector:
        return KafkaCollector(self.bootstrap, {group or new_group(): topics}, {}, 1, monotonic=clock)

    def look(self, group: str, topic: str, now: int) -> PartitionLag:
        """The only partition of a topic, to a collector that looks for the first time."""
        with self.collector(topic, group=group) as collector:
            return only(collector.collect(now))


class Clock:
    """Seconds that the test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def broker(kafka_cluster: KafkaCluster) -> Iterator[Broker]:
    broker = Broker(kafka_cluster.bootstrap)
    yield broker
    broker.producer.close()
    broker.source.close()
    broker.admin.close()


def new_group() -> str:
    return f"group-{secrets.token_hex(4)}"


def only(state: KafkaState) -> PartitionLag:
    (partition,) = state.partitions
    return partition


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


def joined(broker: Broker, group: str, topic: str) -> KafkaConsumer:
    """A member that has its partitions."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="latest"
    )
    until(lambda: bool(consumer.partitions_for_topic(topic)))  # a share dealt in ignorance of them stays empty
    consumer.subscribe([topic])
    until(lambda: consumer.poll(timeout_ms=100) == {} and bool(consumer.assignment()))
    return consumer


def transactions(broker: Broker) -> "closing[KafkaProducer]":
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=new_group())
    producer.init_transactions()
    return closing(producer)


def table(text: str) -> list[list[str]]:
    """The rows of Apache Kafka's tables, without headings and remarks."""
    return [line.split() for line in text.splitlines() if line.startswith("group-")]


def number(cell: str) -> int | None:
    return None if cell == "-" else int(cell)


def test_every_number_of_apache_kafkas_own_command_is_ours(broker: Broker) -> None:
    topic, behind, caught_up, never, live = broker.topic(4), *(new_group() for _ in range(4))
    for partition in range(4):
        broker.publish(topic, [AT] * 10 * (partition + 1), partition)
    broker.commit(behind, topic, 3, 20, 0)
    broker.commit(caught_up, topic, 10, 20, 30, 40)
    broker.commit(live, topic, 9)
    broker.admin.delete_records({TopicPartition(topic, 0): 5})
    with closing(joined(broker, live, topic)), transactions(broker) as producer:
        producer.begin_transaction()
        producer.send(topic, b"v", partition=3, timestamp_ms=AT)  # left open: it lies in the log and is counted
        producer.flush()
        groups = (behind, caught_up, never, live)
        with KafkaCollector(broker.bootstrap, {group: [topic] for group in groups}, {}, 1) as collector:
            state = collector.collect(AT)
        asked = ["--bootstrap-server", broker.bootstrap, "--timeout", "60000", "--describe"]
        named = [word for group in (behind, caught_up, live) for word in ("--group", group)]
        offsets, states = (run_tool(CONSUMER_GROUPS, *asked, *named, *words) for words in ([], ["--state"]))
        producer.abort_transaction()
    assert offsets.returncode == states.returncode == 0, offsets.stderr + states.stderr
    ours = {lag[:3]: (lag.committed, lag.end, lag.lag) for lag in state.partitions}
    theirs = {(row[0], row[1], int(row[2])): tuple(map(number, row[3:6])) for row in table(offsets.stdout)}
    # Their table leaves out what nobody committed and no member has; of the rest it prints no lag without a position.
    assert {key: numbers[:2] for key, numbers in ours.items() if key in theirs} == {
        key: numbers[:2] for key, numbers in theirs.items()
    }
    assert {key: numbers[2] for key, numbers in theirs.items() if numbers[0] is not None} == {
        key: numbers[2] for key, numbers in ours.items() if numbers[0] is not None
    }
    assert len(theirs) == 3 + 4 + 4, offsets.stdout
    assert theirs[caught_up, topic, 3] == (40, 41, 1)
    assert theirs[live, topic, 3][0] is None
    assert (ours[live, topic, 3], ours[never, topic, 0]) == ((None, 41, 41), (None, 10, 5))
    ours_of_groups = {group.group: (group.state, group.members) for group in state.groups}
    assert ours_of_groups == {row[0]: (row[-2], int(row[-1])) for row in table(states.stdout)} | {never: ("Dead", 0)}
    assert ours_of_groups[live] == ("Stable", 1)


def test_seconds_are_the_age_of_the_record_that_waits_and_nothing_where_none_does(broker: Broker) -> None:
    topic, group, idle = broker.topic(), new_group(), AT + YEAR_MS
    broker.publish(topic, [AT, AT + 1000, AT + 5000])
    assert broker.look(group, topic, AT + 60_000).lag_seconds == 60.0
    broker.commit(group, topic, 2)
    assert broker.look(group, topic, AT + 60_000).lag_seconds == 55.0
    broker.commit(group, topic, 3)
    lag = broker.look(group, topic, idle)
    assert (lag.lag, lag.lag_seconds, lag.commit_age_seconds, lag.drain_seconds) == (0, 0.0, 0.0, 0.0)
    broker.publish(topic, [idle - 500] * 1000)  # a burst is as old as it is, however long nothing came before
    lag = broker.look(group, topic, idle)
    assert (lag.lag, lag.lag_seconds, lag.commit_age_seconds) == (1000, 0.5, 0.0)


def test_a_burst_is_told_to_stand_still_and_to_drain(broker: Broker) -> None:
    topic, group, clock = broker.topic(), new_group(), Clock()
    broker.commit(group, topic, 0)
    with broker.collector(topic, group=group, clock=clock) as collector:

        def look(seconds: float) -> PartitionLag:
            clock.seconds = seconds
            return only(collector.collect(AT))

        assert [look(seconds).commit_age_seconds for seconds in (0.0, 2.0, 4.0)] == [0.0] * 3
        broker.publish(topic, [AT] * 100)
        assert (look(5.0).commit_age_seconds, look(15.0).commit_age_seconds) == (0.0, 10.0)
        assert look(15.0).drain_seconds is None
        broker.commit(group, topic, 11)
        assert look(16.0).commit_age_seconds == 0.0
        broker.commit(group, topic, 22)  # 22 in the 12 s since it waits
        moving = look(17.0)
    assert moving.drain_seconds == pytest.approx(78 / (22 / 12))


def test_markers_and_aborted_records_are_positions_and_no_wait(broker: Broker) -> None:
    topic, group, clock = broker.topic(), new_group(), Clock()
    with transactions(broker) as producer, broker.collector(topic, group=group, clock=clock) as collector:

        def look(lag: int) -> PartitionLag:
            until(lambda: only(collector.collect(AT + 9000)).lag == lag)  # markers come a moment after the end
            return only(collector.collect(AT + 9000))

        producer.begin_transaction()
        producer.send(topic, b"v", partition=0, timestamp_ms=AT)
        producer.commit_transaction()
        broker.commit(group, topic, 1)
        nothing = look(1)
        assert (nothing.lag_seconds, nothing.drain_seconds) == (0.0, 0.0)
        producer.begin_transaction()
        producer.send(topic, b"v", partition=0, timestamp_ms=AT + 4000)
        producer.flush()
        assert look(2).lag_seconds == 5.0  # still open: nobody gets past it
        producer.abort_transaction()
        nothing = look(3)
        clock.seconds = 60.0
        for seen in (nothing, look(3)):
            assert (seen.lag_seconds, seen.commit_age_seconds, seen.drain_seconds) == (0.0, 0.0, 0.0)
        broker.publish(topic, [AT + 8000])
        assert look(4).lag_seconds == 1.0


def test_until_when_what_waits_is_kept_and_what_was_lost(broker: Broker) -> None:
    now = time.time_ns() // 1_000_000
    kept = {**CREATE_TIME, "retention.ms": str(HOUR_MS)}
    topic, compacted, group = broker.topic(1, kept), broker.topic(1, kept | {"cleanup.policy": "compact"}), new_group()
    for name in (topic, compacted):
        broker.producer.send(name, b"v", key=b"k", partition=0, timestamp_ms=now - HOUR_MS // 2)
        broker.publish(topic, [now - HOUR_MS // 2, now - HOUR_MS // 4, now])
    broker.commit(group, topic, 1)
    lag = broker.look(group, topic, now)
    assert lag.retention_seconds == pytest.approx(1800, abs=30)
    assert (lag.lag_seconds, lag.lost) == (1800.0, 0)
    assert broker.look(group, compacted, now).retention_seconds is None
    broker.admin.delete_records({TopicPartition(topic, 0): 2})
    lag = broker.look(group, topic, now)
    assert (lag.committed, lag.lost, lag.lag_seconds) == (1, 1, 900.0)
    assert lag.retention_seconds == pytest.approx(2700, abs=30)


def test_members_and_how_often_their_shares_were_dealt_are_told_in_every_state(broker: Broker) -> None:
    topic, group = broker.topic(), new_group()

    def seen() -> tuple[str, int, int]:
        (state,) = collector.collect(AT).groups
        return state[1:]

    with broker.collector(topic, group=group) as collector:
        assert seen() == ("Dead", 0, 0)
        with closing(joined(broker, group, topic)):
            until(lambda: seen() == ("Stable", 1, 1))
        # Without a position that it committed, a group that nobody is in is forgotten.
        until(lambda: seen() in (("Empty", 0, 2), ("Dead", 0, 2)))
    with collector:  # once more: the history goes on
        assert seen()[2] == 2
        assert collector.collect(AT)[2:] == (1, 1, 0)


def test_what_waits_in_many_partitions_is_read_at_once(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, groups = broker.topic(8), (new_group(), new_group())
    for partition in range(8):
        broker.publish(topic, [AT, AT + partition], partition)
    broker.commit(groups[1], topic, *[1] * 8)
    requests: list[Any] = []
    send = kafka_python_private.send

    def counted(*arguments: Any) -> Any:
        requests.append(arguments)
        return send(*arguments)

    monkeypatch.setattr(kafka_python_private, "send", counted)
    with KafkaCollector(broker.bootstrap, {group: [topic] for group in groups}, {}, 1) as collector:
        state = collector.collect(AT + 10)
        assert {lag[:3:2]: lag.lag_seconds for lag in state.partitions} == {
            **{(groups[0], partition): 0.01 for partition in range(8)},
            **{(groups[1], partition): (10 - partition) / 1000 for partition in range(8)},
        }
        assert len(requests) == len(groups)  # a request holds a partition once
        assert collector.collect(AT + 10).partitions[0].lag_seconds == 0.01
        assert len(requests) == len(groups)  # known


def test_batches_that_are_larger_than_what_is_read_first_are_read_too(broker: Broker) -> None:
    topic = broker.topic(4)
    for partition in range(4):
        broker.publish(topic, [AT + partition * 1000], partition, secrets.token_bytes(200_000))
    with broker.collector(topic) as collector:
        assert [lag.lag_seconds for lag in collector.collect(AT + 9000).partitions] == [9.0, 8.0, 7.0, 6.0]


def test_an_age_that_could_not_be_read_in_time_is_unknown_and_not_zero(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, group = broker.topic(), new_group()
    broker.publish(topic, [AT])
    monkeypatch.setattr(kafka_state, "READ_SECONDS", 0.0)
    lag = broker.look(group, topic, AT)
    assert (lag.lag, lag.lag_seconds, lag.drain_seconds) == (1, None, None)


def test_positions_alone_are_told_without_reading_a_record(broker: Broker) -> None:
    topic, group = broker.topic(2), new_group()
    broker.publish(topic, [AT, AT])
    broker.commit(group, topic, 1)
    with LagCollector(broker.bootstrap, {group: [topic]}, {}) as collector:
        assert collector.collect() == [
            PartitionLag(group, topic, 0, 1, 2, 1, None),
            PartitionLag(group, topic, 1, None, 0, 0, 0.0),
        ]


@pytest.mark.expects_errors(r"^kafka\.(net|cluster)")
def test_a_kafka_that_is_not_there_is_named() -> None:
    nowhere = f"{LOOPBACK}:{free_port()}"
    threads = threading.active_count()
    collector = KafkaCollector(nowhere, {"group": ["topic"]}, {}, 1, patience_seconds=0.2)
    with collector, pytest.raises(MissingPart, match=f"kafka at {nowhere} does not answer"):
        collector.collect(AT)
    until(lambda: threading.active_count() <= threads)  # it may be asked again for days


def test_a_topic_that_is_not_there_is_named(broker: Broker) -> None:
    collector = KafkaCollector(broker.bootstrap, {"group": ["not-there"]}, {}, 1, patience_seconds=0.5)
    with collector, pytest.raises(MissingPart, match="topic not-there; topics are created by checkline up"):
        collector.collect(AT)
