"""The sink's own consumer group: whole record batches, read_committed, from where the ledger ends.

Positions are the account: a span is [where the last one ended, the consumer's position], and what lies in it without
being a record (transaction markers, aborted records, what compaction took) is covered with it. The group's committed
offset follows the ledger, for tools that show lag; it is never read.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError

from schemas.wire.aiokafka_private import fetcher_has_died, leave_group_when_stopped
from schemas.wire.batches import RecordBatch, hand_out_batches
from sinks.blocks import Span
from sinks.ledger import Place

SESSION_TIMEOUT_MS = 30_000
COMMIT_SECONDS = 1.0

log = logging.getLogger(__name__)

Positions = Callable[[], Awaitable[Mapping[Place, int]]]
Given = Callable[[Mapping[Place, int]], Awaitable[None]]
Taken = Callable[[Collection[Place]], None]


class FetcherDied(Exception):
    """aiokafka's fetcher has ended: nothing would be read any more."""


class OtherLog(Exception):
    """The ledger knows positions that the log does not have: the topic was made anew, or it is another cluster."""


class LogReader:
    """Reads some topics. ``prefix`` stands before every topic's name in Kafka, and nowhere else.

    ``positions``: ends of the ledger. ``given`` is told the partitions that are ours with the positions they start
    from, before anything of them is handed out; ``taken`` those that are ours no longer. ``instance`` stays the same
    over restarts: who is started again within the session has its partitions back at once, and no other is disturbed.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Iterable[str],
        group: str,
        instance: str,
        prefix: str,
        positions: Positions,
        given: Given,
        taken: Taken,
    ) -> None:
        self._prefix = prefix
        self._names = {prefix + topic: topic for topic in topics}
        self._positions, self._given, self._taken = positions, given, taken
        self._begins: dict[TopicPartition, int] = {}  # ours: where the next span begins
        self._batches: dict[TopicPartition, list[RecordBatch]] = defaultdict(list)
        self._failure: BaseException | None = None
        self._committed: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self.writing = asyncio.Lock()
        """Held while a turn is written, and while partitions are given away."""
        self.assigned = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            group_instance_id=instance,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=1 << 20,
        )
        hand_out_batches(self._consumer, self._names)

    async def start(self) -> None:
        """Join the group. Raises aiokafka's errors when no broker answers."""
        self._consumer.subscribe(list(self._names), listener=_Listener(self))
        await self._consumer.start()

    def leave(self) -> None:
        """Have `stop` leave the group, so that others have the partitions at once. Who fails keeps its place: it is
        started again under the same ``instance``."""
        leave_group_when_stopped(self._consumer)

    async def stop(self) -> None:
        """Hang up."""
        await self._consumer.stop()

    async def read(self, most_rows: int, seconds: float) -> None:
        """Collect until there are about ``most_rows`` records, or ``seconds`` after the first one arrived; returns
        after that time as well when nothing does. Raises `FetcherDied`, `OtherLog`, and aiokafka's errors."""
        deadline = time.monotonic() + seconds
        rows = 0
        while rows < most_rows and (left := deadline - time.monotonic()) > 0:
            self._check()
            try:
                got = await self._consumer.getmany(timeout_ms=int(left * 1000) + 1)
            except NoOffsetForPartitionError:
                continue  # asked for between the assignment and our seek; the seek has settled it, or will
            for partition, batches in got.items():
                if partition in self._begins:  # else it was fetched before a rebalance took it away
                    if not rows:
                        deadline = min(deadline + seconds, time.monotonic() + seconds)
                    self._batches[partition] += batches
                    rows += sum(batch.count for batch in batches)
        self._check()

    async def take(self) -> dict[Span, Sequence[RecordBatch]]:
        """What was collected, as spans that follow on the last ones. To be called with `writing` held."""
        spans: dict[Span, Sequence[RecordBatch]] = {}
        for partition, begin in list(self._begins.items()):
            end = await self._consumer.position(partition)
            if end > begin and partition in self._begins:
                span = Span(self._names[partition.topic], partition.partition, begin, end)
                spans[span] = self._batches.pop(partition, [])
                self._begins[partition] = end
        return spans

    async def commit(self, at_once: bool = False) -> None:
        """Tell the group where the ledger ends, once a second at most."""
        if not at_once and time.monotonic() - self._committed_at < COMMIT_SECONDS:
            return
        self._committed_at = time.monotonic()
        new = {partition: end for partition, end in self._begins.items() if self._committed.get(partition) != end}
        try:
            if new:
                await self._consumer.commit(new)
                self._committed.update(new)
        except (KafkaError, IllegalStateError) as error:
            log.info("offsets not committed, the ledger has them: %r", error)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if fetcher_has_died(self._consumer):
            raise FetcherDied("aiokafka's fetcher has ended, see the log before this line: start the sink again")

    # ---- rebalances
    async def give(self, partitions: Collection[TopicPartition]) -> None:
        try:
            places = {partition: self._place(partition) for partition in partitions}
            ledger = await self._positions()
            first = await self._consumer.beginning_offsets(list(partitions)) if partitions else {}
            last = await self._consumer.end_offsets(list(partitions)) if partitions else {}
            begins = {}
            for partition, place in places.items():
                begin = ledger.get(place, first[partition])
                if begin > last[partition]:
                    raise OtherLog(
                        f"{partition.topic}/{partition.partition}: the ledger ends at {begin}, the log at "
                        f"{last[partition]}: it is not the log that was read before. Empty the tables, or bring it back"
                    )
                if begin < first[partition]:
                    log.error(
                        "%s/%s: the log begins at %s, the ledger ends at %s: what lay between was never read",
                        *(partition.topic, partition.partition, first[partition], begin),
                    )
                    begin = first[partition]
                begins[partition] = begin
            await self._given({places[partition]: begin for partition, begin in begins.items()})
            for partition, begin in begins.items():
                self._consumer.seek(partition, begin)
            self._begins = begins
            self._committed.clear()
            self._batches.clear()
            self.assigned.set()
        except Exception as error:  # aiokafka would only log it: `read` raises it
            self._failure = error

    async def take_away(self, partitions: Collection[TopicPartition]) -> None:
        async with self.writing:
            for partition in partitions:
                self._begins.pop(partition, None)
                self._batches.pop(partition, None)
            self._taken([self._place(partition) for partition in partitions])

    def _place(self, partition: TopicPartition) -> Place:
        return self._names[partition.topic], partition.partition


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._reader.take_away(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._reader.give(assigned)
