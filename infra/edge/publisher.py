"""Publishing to Kafka: what `flush()` returned for is acknowledged by all replicas, what failed is raised.

The broker drops what the client library resends (idempotence), and an event keeps its identity and its `sent_at`
whoever publishes it again, so publishing twice changes nothing downstream.
"""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from types import MappingProxyType, TracebackType
from typing import Any, Literal, NamedTuple, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import CannotRun, kafka_is_silent
from schemas import topics
from schemas.events import Event, TimeMark
from schemas.registry import default_registry
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec

Compression = Literal["lz4", "gzip", "none"]

BATCH_BYTES = 256 * 1024
REQUEST_BYTES = 8 * 1024 * 1024
# kafka-python keeps every unacknowledged record in memory, without a bound of its own.
UNACKNOWLEDGED_LIMIT = 100_000
# By default a client stays away for up to half a minute from a broker that was started again.
RECONNECT_BACKOFF_MS = 1_000
REMEMBERED_KEYS = 1 << 18
# The client library itself fails a record when its delivery time is over; this is only a guard behind it.
FLUSH_MARGIN_SECONDS = 15.0


class PublishFailed(CannotRun):
    """A record was not acknowledged; the text names its topic, its key and the broker's or the client's reason."""


class _Sent(NamedTuple):
    """A record handed to the client library, until its acknowledgement has been seen."""

    future: Any
    topic: str
    key: bytes | None


class Publisher:
    """Publishes events from one thread; a context manager that flushes and closes.

    `prefix` stands before every topic name; `delivery_timeout_ms` is how long one record is retried before it fails.
    Raises MissingPart when no broker answers.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_options: Mapping[str, Any] = MappingProxyType({}),
        prefix: str = "",
        compression: Compression = "lz4",
        linger_ms: int = 50,
        delivery_timeout_ms: int = 120_000,
        metadata_timeout_ms: int = 15_000,
        bootstrap_timeout_ms: int = 10_000,
    ) -> None:
        self._prefix = prefix
        self._delivery_seconds = delivery_timeout_ms / 1_000
        self._sent: deque[_Sent] = deque()
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap.split(","),
                client_id="checkline-publisher",
                enable_idempotence=True,
                acks="all",
                compression_type=None if compression == "none" else compression,
                batch_size=BATCH_BYTES,
                max_request_size=REQUEST_BYTES,
                linger_ms=linger_ms,
                delivery_timeout_ms=delivery_timeout_ms,
                request_timeout_ms=min(30_000, max(1_000, delivery_timeout_ms - linger_ms)),
                max_block_ms=metadata_timeout_ms,
                bootstrap_timeout_ms=bootstrap_timeout_ms,
                reconnect_backoff_max_ms=RECONNECT_BACKOFF_MS,
                metrics_enabled=False,
                **client_options,
            )
        except KafkaError as error:
            raise kafka_is_silent(bootstrap, error) from error
        self._partitions: dict[str, int] = {}

    def publish(self, event: Event, *, appended_at: int | None = None) -> None:
        """Publish an event as it is; `appended_at` (UTC milliseconds) is the record's time on CreateTime topics.

        Returns before it is acknowledged. Raises PublishFailed when it, or an earlier record, failed.
        """
        topic, key, row = event.record()
        self.publish_encoded(topic, key, row_codec(topic).encode(row), appended_at=appended_at)

    def publish_mark(
        self,
        topic: str,
        *,
        partition: int,
        source: str,
        sequence: int,
        at: int,
        appended_at: int | None = None,
    ) -> None:
        """Write a time mark (`at`, UTC milliseconds) to one partition, under a key that maps to it."""
        row = TimeMark(source=source, sequence=sequence, at=at).row(topic)
        key = key_of_partition(partition, self._partitions_of(topic))
        self.publish_encoded(topic, key, row_codec(topic).encode(row), partition=partition, appended_at=appended_at)

    def publish_encoded(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        appended_at: int | None = None,
    ) -> None:
        """Publish a framed value (None: a record without one).

        Without `partition` the key decides it, as Kafka's own partitioner does. Raises ValueError without both.
        """
        if partition is None:
            if key is None:
                raise ValueError("a record without a key needs a partition")
            partition = _partition(key, self._partitions.get(topic) or self._partitions_of(topic))
        try:
            future = self._producer.send(
                self._prefix + topic, value, key, partition=partition, timestamp_ms=appended_at
            )
        except (KafkaError, ValueError, AssertionError) as error:
            raise self._failure(topic, key, error) from error
        self._sent.append(_Sent(future, topic, key))
        self._settle()

    def flush(self) -> None:
        """Return when every record published so far is acknowledged. Raises PublishFailed for the first that is not."""
        try:
            self._producer.flush(timeout=self._delivery_seconds + FLUSH_MARGIN_SECONDS)
        except KafkaError as error:
            first = self._sent[0]
            raise self._failure(first.topic, first.key, error) from error
        while self._sent:
            self._settle_first()

    def close(self) -> None:
        """Flush and let go of the connection. Raises PublishFailed."""
        try:
            self.flush()
        finally:
            self._producer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with suppress(KafkaError):  # the error that is under way says more
                self._producer.close(timeout=1)

    def _settle(self) -> None:
        """Look at the acknowledgements that have come in; wait when too many have not."""
        while self._sent and (self._sent[0].future.is_done or len(self._sent) > UNACKNOWLEDGED_LIMIT):
            self._settle_first()

    def _settle_first(self) -> None:
        future, topic, key = self._sent.popleft()
        try:
            future.get(timeout=self._delivery_seconds)
        except KafkaError as error:
            raise self._failure(topic, key, error) from error

    def _partitions_of(self, topic: str) -> int:
        if topic not in self._partitions:
            try:
                found = self._producer.partitions_for(self._prefix + topic)
            except KafkaError as error:
                raise PublishFailed(
                    f"topic {self._prefix}{topic}: {error}; topics are created by checkline up, not by publishing"
                ) from error
            if not found:
                raise PublishFailed(
                    f"topic {self._prefix}{topic} is not there; topics are created by checkline up, not by publishing"
                )
            self._partitions[topic] = len(found)
        return self._partitions[topic]

    def _failure(self, topic: str, key: bytes | None, error: BaseException) -> PublishFailed:
        return PublishFailed(
            f"topic {self._prefix}{topic}, key {(key or b'').decode(errors='replace')}: not acknowledged: "
            f"{type(error).__name__}: {error}; publish again from there, repeated events do no harm"
        )


# Hashing a key in Python costs as much as all else; most persons are seen more than once.
_partition = lru_cache(REMEMBERED_KEYS)(partition_of_key)


@cache
def row_codec(topic: str) -> RowCodec:
    """The codec of a topic's newest schema."""
    return RowCodec(default_registry(), topics.BY_NAME[topic].name)


@cache
def key_of_partition(partition: int, partitions: int) -> bytes:
    """A key that Kafka's partitioner puts into this partition: that of its time marks. Raises ValueError."""
    if not 0 <= partition < partitions:
        raise ValueError(f"there is no partition {partition} of {partitions}")
    number = 0
    while partition_of_key(key := f"time-mark-{number}".encode(), partitions) != partition:
        number += 1
    return key
