"""The worker's own reader of the topic `reference`: all versions, from the beginning, in no consumer group.

What was appended at *a* may be judged once the reader has passed a time mark appended at or after *a* minus five
seconds: reference data takes effect no earlier than the allowed skew and five seconds after its arrival.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from mode import Service

from schemas.registry import Registry
from schemas.topics import REFERENCE
from schemas.validity import Limits, check
from schemas.wire.aiokafka_private import fetcher_has_died
from schemas.wire.batches import RecordBatch, hand_out_batches
from schemas.wire.columns import ColumnCodec
from streams.reference import SETTLING_MS
from streams.worker.faust_private import FetcherDied

_POLL_MS = 200
_PARTITION = 0

AddReference = Callable[[str, Mapping[str, Any], int], None]
"""``add(entity_id, row, appended_at)``; raises ValueError when the row says something that cannot be used."""

log = logging.getLogger(__name__)


class ReferenceFeed(Service):
    """Feeds ``add``, and is the gate of a batch agent, see `streams.worker.agent.ReferenceGate`."""

    def __init__(self, bootstrap: str, registry: Registry, limits: Limits, add: AddReference, prefix: str = "") -> None:
        super().__init__()
        self._bootstrap = bootstrap
        self._topic = prefix + REFERENCE.name
        self._codec = ColumnCodec(registry, REFERENCE.name)
        self._limits = limits
        self._add = add
        self._passed: int | None = None
        self._more = asyncio.Event()

    @property
    def passed(self) -> int | None:
        """Append time, UTC milliseconds, of the latest time mark that was read."""
        return self._passed

    def covers(self, moment: int) -> bool:
        return self._passed is not None and self._passed >= moment - SETTLING_MS

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
        frame, refused = self._codec.decode(batches)
        checked = check(frame, REFERENCE.name, _PARTITION, 1, self._limits)
        unusable = [(bad.offset, bad.reason, bad.detail) for bad in refused]
        unusable += [(bad.offset, bad.reason, bad.detail) for bad in checked.invalid]
        for offset, reason, detail in unusable:
            log.error("%s/%d: reference record refused: %s: %s", self._topic, offset, reason.value, detail)
        for row in checked.frame.to_dicts():
            key, appended_at = row.pop("key"), row["appended_at"]
            if row["kind"] == "TIME_MARK":
                self._passed = appended_at if self._passed is None else max(self._passed, appended_at)
                continue
            try:
                self._add(key.decode(), row, appended_at)
            except ValueError as error:
                log.error("%s/%d: reference record cannot be used: %s", self._topic, row["offset"], error)
        self._more.set()
