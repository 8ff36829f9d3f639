"""Reading the log by position: an assign-style reader, which joins no group, commits nothing and moves nobody.

Whole record batches, read_committed. What lies between two positions without being a record (markers of transactions,
aborted records, what compaction took) is passed over; positions are the account.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from schemas.topics import Topic, partitions_of
from schemas.wire.batches import RecordBatch, hand_out_batches
from sinks.blocks import Span
from sinks.ledger import Place

STALLED_SECONDS = 30.0
FETCH_BYTES = 4 << 20
_POLL_MS = 500


class LogGone(Exception):
    """A range that is to be read is in the log no more, the log gives nothing of it, or a partition is not known."""


class Extent(NamedTuple):
    """Where partitions begin and end; ends are those of read_committed."""

    begins: Mapping[Place, int]
    ends: Mapping[Place, int]

    def spans(self, most: int | None = None) -> list[Span]:
        """All of it, a span a partition, or of at most ``most`` positions."""
        found = []
        for place in sorted(self.ends):
            begin, end = self.begins[place], self.ends[place]
            size = most or max(end - begin, 1)
            found += [Span(*place, start, min(start + size, end)) for start in range(begin, end, size)]
        return found


class Log:
    """A connection to the brokers, to be used with ``with``, by one thread. ``prefix`` stands before every topic's name
    in Kafka, and nowhere else; ``options`` are more of aiokafka's (TLS, SASL)."""

    def __init__(self, bootstrap: str, prefix: str = "", options: Mapping[str, Any] | None = None) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._options = dict(options or {})
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.close()

    def extent(self, topics: Iterable[Topic], partitions: int) -> Extent:
        """Where each partition of some topics begins and ends now; ``partitions`` is that of the person topics.

        Raises `LogGone` where a partition is not known, and aiokafka's errors when no broker answers.
        """
        places = [(topic.name, number) for topic in topics for number in range(partitions_of(topic, partitions))]
        return self._runner.run(self._extent(places))

    def positions_at(self, places: Iterable[Place], at: int) -> dict[Place, int]:
        """The first position of each place whose timestamp is ``at`` (UTC, ms) or later; absent where none is."""
        return self._runner.run(self._positions_at(list(places), at))

    def read(self, spans: Iterable[Span]) -> Iterator[tuple[Span, list[RecordBatch]]]:
        """The record batches of some spans of different partitions, piece by piece as they come: of one partition in
        order, and all pieces of a span together are the span. Raises `LogGone`."""
        waiting = {self._partition(span.topic, span.partition): span for span in spans if span.end > span.begin}
        consumer = self._runner.run(self._reader(waiting))
        begins = {partition: span.begin for partition, span in waiting.items()}
        try:
            moved = time.monotonic()
            while waiting:
                found, positions = self._runner.run(self._more(consumer, waiting))
                for partition, position in positions.items():
                    span, begin = waiting[partition], begins[partition]
                    end = min(position, span.end)
                    if end <= begin:
                        continue
                    moved, begins[partition] = time.monotonic(), end
                    if end == span.end:
                        del waiting[partition]
                    batches = [batch for batch in found.get(partition, []) if batch.base_offset < end]
                    if batches:
                        batches[-1].wanted_until = end
                    yield span._replace(begin=begin, end=end), batches
                    moved = time.monotonic()  # not the time that the caller took
                if time.monotonic() - moved > STALLED_SECONDS:
                    span = next(iter(waiting.values()))
                    raise LogGone(
                        f"kafka gives nothing of {span.topic}/{span.partition} up to offset {span.end} for "
                        f"{STALLED_SECONDS:.0f} s; see checkline status"
                    )
        finally:
            self._runner.run(consumer.stop())

    def _partition(self, topic: str, number: int) -> TopicPartition:
        return TopicPartition(self._prefix + topic, number)

    def _place(self, partition: TopicPartition) -> Place:
        return partition.topic.removeprefix(self._prefix), partition.partition

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=8 * FETCH_BYTES,
            fetch_max_wait_ms=100,
            **self._options,
        )

    async def _extent(self, places: Sequence[Place]) -> Extent:
        consumer = self._consumer()
        try:
            await consumer.start()
            partitions = [self._partition(*place) for place in places]
            # Asked for by number: the client knows nothing of the partitions of topics it does not subscribe to.
            consumer.assign(partitions)
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()
        if missing := [one for one in partitions if one not in begins or one not in ends]:
            raise LogGone(f"kafka knows no partition {missing[0].partition} of {missing[0].topic}; run checkline up")
        return Extent(
            {self._place(one): offset for one, offset in begins.items()},
            {self._place(one): offset for one, offset in ends.items()},
        )

    async def _positions_at(self, places: Sequence[Place], at: int) -> dict[Place, int]:
        consumer = self._consumer()
        try:
            await consumer.start()
            asked = {self._partition(*place): at for place in places}
            consumer.assign(list(asked))
            found = await consumer.offsets_for_times(asked)
        finally:
            await consumer.stop()
        return {self._place(one): first.offset for one, first in found.items() if first is not None}

    async def _reader(self, spans: Mapping[TopicPartition, Span]) -> AIOKafkaConsumer:
        consumer = self._consumer()
        hand_out_batches(consumer, {partition.topic for partition in spans})
        try:
            await consumer.start()
            consumer.assign(list(spans))
            for partition, span in spans.items():
                consumer.seek(partition, span.begin)
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _more(
        self, consumer: AIOKafkaConsumer, waiting: Mapping[TopicPartition, Span]
    ) -> tuple[dict[TopicPartition, list[RecordBatch]], dict[TopicPartition, int]]:
        """What has come of the partitions that are waited for, and the positions after it."""
        for partition in consumer.assignment():
            if partition not in waiting and partition not in consumer.paused():
                consumer.pause(partition)
        try:
            found = await consumer.getmany(*waiting, timeout_ms=_POLL_MS)
        except OffsetOutOfRangeError as error:
            raise LogGone(f"kafka no longer holds a range that is to be read ({error.args[0]})") from error
        return found, {partition: await consumer.position(partition) for partition in waiting}
