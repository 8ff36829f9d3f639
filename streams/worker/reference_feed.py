"""The worker's own reader of the topic `reference`: all versions, from the beginning, in no consumer group.

What was appended at *a* may be judged once the reader has passed a time mark appended at or after *a* minus five
seconds: reference data takes effect no earlier than the allowed skew and five seconds after its arrival.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from mode import Service

from schemas.registry import Registry
from schemas.topics import REFERENCE
from schemas.validity import Limits
from schemas.wire.aiokafka_private import fetcher_has_died
from schemas.wire.batches import RecordBatch, hand_out_batches
from streams.reference import SETTLING_MS
from streams.reference_log import AddReference, ReferenceLog
from streams.worker.faust_private import FetcherDied

_POLL_MS = 200
_PARTITION = 0


class ReferenceFeed(Service):
    """Feeds ``add``, and is the gate of a batch agent, see `streams.worker.agent.ReferenceGate`."""

    def __init__(self, bootstrap: str, registry: Registry, limits: Limits, add: AddReference, prefix: str = "") -> None:
        super().__init__()
        self._bootstrap = bootstrap
        self._topic = prefix + REFERENCE.name
        self._log = ReferenceLog(registry, limits, add)
        self._more = asyncio.Event()

    @property
    def passed(self) -> int | None:
        """Append time, UTC milliseconds, of the latest time mark that was read."""
        return self._log.passed

    def covers(self, moment: int) -> bool:
        return self.passed is not None and self.passed >= moment - SETTLING_MS

    async def wait_for_more(self, timeout: float) -> None:
        self._more.clear()
        try:
            await asyncio.wait_for(self._more.wait(), timeout)
        except TimeoutError:
            return

    @Service.task
    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        hand_out_batches(consumer, (self._topic,))
        await consumer.start()
        try:
            source = TopicPartition(self._topic, _PARTITION)
            consumer.assign([source])
            await consumer.seek_to_beginning(source)
            while not self.should_stop:
                fetched = await consumer.getmany(timeout_ms=_POLL_MS)
                if fetcher_has_died(consumer):
                    raise FetcherDied(
                        "the reader of reference data has lost its fetcher; its last words are in the log"
                    )
                for batches in fetched.values():
                    self.take(batches)
        finally:
            await consumer.stop()

    def take(self, batches: list[RecordBatch]) -> None:
        """Adds the usable rows of batches. What is unusable is logged; the sinks account for it."""
        self._log.take(batches)
        self._more.set()
