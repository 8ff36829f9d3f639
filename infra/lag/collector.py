"""How far each consumer group is behind, by partition, from Kafka alone.

Seconds are the age of the record at the committed offset, read from the log and not interpolated; a partition that is
caught up has a lag of zero, however long it has been idle.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaConnectionError, KafkaError, RetriableError

from infra.errors import MissingPart, kafka_is_silent
from schemas.topics import INPUT_TOPICS

T = TypeVar("T")

FETCH_MS = 3000
ATTEMPTS = 10
INPUTS = {topic.name for topic in INPUT_TOPICS if topic.partitioned}
RETRY_SECONDS = 0.2
COORDINATOR_SECONDS = 30.0
"""A coordinator moves in a few seconds when its broker dies; one that has just been made takes a moment too."""


class PartitionLag(NamedTuple):
    """One group's state on one partition. ``committed`` is None where the group never committed: ``lag`` then counts
    from the start of the log. ``lag_seconds`` is None where the waiting record could not be read in time."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    lag_seconds: float | None


class LagCollector:
    """Asks one Kafka for the lag of groups, over connections that are kept; a context manager.

    ``groups`` is {group: topics it reads}. Raises MissingPart when no broker answers.
    """

    def __init__(self, bootstrap: str, groups: Mapping[str, Iterable[str]], client_options: Mapping[str, Any]) -> None:
        servers = bootstrap.split(",")
        self._several = len(servers) > 1
        self._groups = {group: tuple(topics) for group, topics in groups.items()}
        try:
            self._connect_consumer: Callable[[], Any] = partial(
                KafkaConsumer,
                bootstrap_servers=servers,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                **client_options,
            )
            self._consumer = self._connect_consumer()
            self._connect_admin: Callable[[], Any] = partial(
                KafkaAdminClient, bootstrap_servers=servers, **client_options
            )
            self._admin = self._connect_admin()
        except KafkaError as error:
            raise kafka_is_silent(bootstrap, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(KafkaError):
            self._consumer.close()
        self._admin.close()

    def collect(self, now_ms: int | None = None) -> list[PartitionLag]:
        """Lag of all groups, sorted. At ``now_ms`` (UTC milliseconds) each waiting record has an age; without it no
        record is read, and ages are None. Raises MissingPart when the broker stops to answer."""
        return self._while_one_is_down(
            lambda: sorted(
                lag for group, topics in self._groups.items() for lag in self._of_group(group, topics, now_ms)
            )
        )

    def _while_one_is_down(self, ask: Callable[[], T]) -> T:
        """Asks again where one of several brokers refuses the connection: another leads its partitions in a moment."""
        deadline = time.monotonic() + (COORDINATOR_SECONDS if self._several else 0.0)
        while True:
            try:
                return ask()
            except KafkaConnectionError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY_SECONDS)
            with suppress(KafkaError):  # a client that knew the old leaders may go on asking them
                self._consumer.close()
                self._consumer = self._connect_consumer()

    def newest_record(self) -> int:
        """Time of the newest event of all input topics that are read, UTC milliseconds; 0 while there is none.

        Derived topics are left out: the markers that end their transactions carry the broker's own clock. So is
        reference data, which a campaign publishes ahead of its time.
        """
        partitions = {
            place: OffsetSpec.MAX_TIMESTAMP
            for topic in {topic for topics in self._groups.values() for topic in topics} & INPUTS
            for place in self._partitions(topic)
        }
        newest = self._while_one_is_down(lambda: self._admin.list_partition_offsets(partitions))
        return max((found.timestamp for found in newest.values()), default=0) if newest else 0

    def _partitions(self, topic: str) -> list[Any]:
        return [TopicPartition(topic, number) for number in self._partitions_of(topic)]

    def _of_group(self, group: str, topics: Iterable[str], now_ms: int | None) -> Iterable[PartitionLag]:
        partitions = [place for topic in topics for place in self._partitions(topic)]
        ends, starts = self._offsets("end_offsets", partitions), self._offsets("beginning_offsets", partitions)
        committed = {place: found.offset for place, found in self._committed(group).items() if found.offset >= 0}
        behind = {place: at for place in partitions if (at := committed.get(place, starts[place])) < ends[place]}
        waiting = self._timestamps(behind) if now_ms is not None else {}
        for place in partitions:
            lag = max(0, ends[place] - committed.get(place, starts[place]))
            timestamp = waiting.get(place)
            seconds = None if now_ms is None or timestamp is None else max(0.0, (now_ms - timestamp) / 1000)
            seconds = seconds if lag else 0.0
            yield PartitionLag(group, place.topic, place.partition, committed.get(place), ends[place], lag, seconds)

    def _partitions_of(self, topic: str) -> Iterable[int]:
        for _ in range(ATTEMPTS):
            if found := self._consumer.partitions_for_topic(topic):
                numbers: set[int] = found
                return sorted(numbers)
            time.sleep(RETRY_SECONDS)
        raise MissingPart(f"kafka knows no topic {topic}; topics are created by checkline up")

    def _offsets(self, which: str, partitions: list[Any]) -> dict[Any, int]:
        for _ in range(ATTEMPTS):
            # kafka-python raises KeyError for a partition whose leader did not answer in time.
            with suppress(KeyError):
                offsets: dict[Any, int] = getattr(self._consumer, which)(partitions)
                return offsets
        raise MissingPart(
            f"kafka does not tell the {which.replace('_', ' ')} of {partitions[0].topic}: is it overloaded?"
        )

    def _committed(self, group: str) -> dict[Any, Any]:
        deadline = time.monotonic() + COORDINATOR_SECONDS
        moved = False
        while True:
            try:
                if moved:  # a client asks once who the coordinator is, and for ever after the same node
                    self._admin.close()
                    self._admin = self._connect_admin()
                found: dict[Any, Any] = self._admin.list_group_offsets({group: None}).get(group, {})
                return found
            except RetriableError as error:  # it moves, or has just been made
                if time.monotonic() > deadline:
                    raise MissingPart(
                        f"kafka has no coordinator for the group {group} ({error!r}): is it still starting?"
                    ) from error
            moved = True
            time.sleep(RETRY_SECONDS)

    def _timestamps(self, positions: Mapping[Any, int]) -> dict[Any, int]:
        """Time of the first record at or after each position, UTC milliseconds."""
        if not positions:
            return {}
        self._consumer.assign(list(positions))
        for place, offset in positions.items():
            self._consumer.seek(place, offset)
        found: dict[Any, int] = {}
        while len(found) < len(positions):
            records = self._consumer.poll(timeout_ms=FETCH_MS, max_records=100)
            if not records:  # nothing but transaction markers, or a broker that does not answer in time
                break
            for place, batch in records.items():
                found.setdefault(place, batch[0].timestamp)
                self._consumer.pause(place)
        return found
