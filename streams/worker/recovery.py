"""Recovery of a table from its changelog, in bulk: Faust's own applies one event at a time and loses what fails.

Faust finds the end of the changelog, seeks to the stored offset and starts the flow; from there on it is done here. The
end is judged by the position of the consumer and not by the last record seen: what lies at the end may be a transaction
marker, which has an offset and is no record, or may be compacted away.
"""

import logging
import time

from faust.tables.recovery import Recovery
from faust.types import TP

from schemas.wire.batches import RecordBatch
from streams.fold import Changes
from streams.worker.faust_private import DrainingConsumer
from streams.worker.stores import PartitionedStore

PROGRESS_SECONDS = 2.0

log = logging.getLogger(__name__)


class ChangelogRecovery:
    """Applies changelog batches to a store, and tells Faust when all active partitions are through."""

    def __init__(self, consumer: DrainingConsumer, recovery: Recovery, store: PartitionedStore) -> None:
        self._consumer = consumer
        self._recovery = recovery
        self._store = store
        self._applied = 0
        self._next_report = 0.0

    def apply(self, tp: TP, batches: list[RecordBatch]) -> None:
        """Writes the records above the stored offset. Raises CorruptBatch, and what the store raises."""
        stored = self._store.changelog_offset(tp.partition)
        first = 0 if stored is None else stored + 1
        fresh = [batch for batch in batches if batch.last_offset >= first]
        if not fresh:
            return
        changes: Changes = {}
        for batch in fresh:
            for record in batch.records():
                if record.offset >= first and record.key is not None:
                    changes[record.key] = record.value
                    self._applied += 1
        self._store.write(tp.partition, changes, fresh[-1].last_offset, recovered=True)

    async def signal_end(self) -> None:
        """To be called after every turn while Faust recovers."""
        recovery = self._recovery
        for tp in recovery.active_tps:
            position = await self._consumer.position(tp)
            if position:
                recovery.active_offsets[tp] = max(recovery.active_offsets[tp] or -1, position - 1)
        self._report()
        if not recovery.need_recovery():
            # A pulse: left set, it would end the next recovery before it began.
            recovery.signal_recovery_end.set()
            recovery.signal_recovery_end.clear()

    def _report(self) -> None:
        now = time.monotonic()
        if now < self._next_report:
            return
        self._next_report = now + PROGRESS_SECONDS
        remaining = sum(max(0, left) for left in self._recovery.active_remaining().values())
        log.info("recovery: %d changelog records applied, %d offsets to go", self._applied, remaining)
