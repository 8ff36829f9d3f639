"""Recovery of a table from its changelog, in bulk: Faust's own applies one event at a time and loses what fails.

Faust finds the end of the changelog, seeks to the stored offset and starts the flow; from there on it is done here. The
end is judged by the position of the consumer and not by the last record seen: what lies at the end may be a transaction
marker, which has an offset and is no record, or may be compacted away.
"""

import logging
import time
from collections import Counter
from collections.abc import Collection

from faust.tables.recovery import Recovery
from faust.types import TP

from schemas.wire.batches import RecordBatch
from streams.fold import Changes
from streams.worker.faust_private import DrainingConsumer
from streams.worker.metrics import RECOVERING, RECOVERY_APPLIED, RECOVERY_REMAINING, RECOVERY_SECONDS, Metrics
from streams.worker.stores import PartitionedStore

PROGRESS_SECONDS = 2.0

log = logging.getLogger(__name__)


class RecoveryProgress:
    """How far a recovery is, in the log and as metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._applied: Counter[int] = Counter()
        self._began = self._told = time.monotonic()
        metrics.set(RECOVERING, 1)

    def begin(self, partitions: Collection[int]) -> None:
        """Partitions were assigned: their state is to be read back."""
        self._began = self._told = time.monotonic()
        self._applied = Counter(dict.fromkeys(partitions, 0))
        self._metrics.set(RECOVERING, 1)
        self._metrics.set(RECOVERY_SECONDS, 0)
        self._metrics.forget(RECOVERY_APPLIED)
        self._metrics.forget(RECOVERY_REMAINING)
        for partition in partitions:
            self._metrics.set(RECOVERY_APPLIED, 0, partition=partition)

    def applied(self, partition: int, records: int) -> None:
        """Records were written to the store."""
        self._applied[partition] += records
        self._metrics.set(RECOVERY_APPLIED, self._applied[partition], partition=partition)

    def remaining(self, offsets: dict[int, int]) -> None:
        """``offsets``: partition to the offsets that are still to be read."""
        now = time.monotonic()
        self._metrics.set(RECOVERY_SECONDS, now - self._began)
        for partition, left in offsets.items():
            self._metrics.set(RECOVERY_REMAINING, left, partition=partition)
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            done, left = self._applied.total(), sum(offsets.values())
            log.info(
                "recovery: %d changelog records applied, %d offsets to go (%d %% done) after %.1f s",
                done,
                left,
                100 * done // max(1, done + left),
                now - self._began,
            )

    def end(self) -> None:
        """Events are folded from now on."""
        seconds = time.monotonic() - self._began
        self._metrics.set(RECOVERING, 0)
        self._metrics.set(RECOVERY_SECONDS, seconds)
        for partition in self._applied:
            self._metrics.set(RECOVERY_REMAINING, 0, partition=partition)
        log.info(
            "recovery: done, %d changelog records of %d partitions applied in %.1f s",
            self._applied.total(),
            len(self._applied),
            seconds,
        )


class ChangelogRecovery:
    """Applies changelog batches to a store, and tells Faust when all active partitions are through."""

    def __init__(
        self, consumer: DrainingConsumer, recovery: Recovery, store: PartitionedStore, progress: RecoveryProgress
    ) -> None:
        self._consumer = consumer
        self._recovery = recovery
        self._store = store
        self._progress = progress

    def apply(self, tp: TP, batches: list[RecordBatch]) -> None:
        """Writes the records above the stored offset. Raises CorruptBatch, and what the store raises."""
        stored = self._store.changelog_offset(tp.partition)
        first = 0 if stored is None else stored + 1
        fresh = [batch for batch in batches if batch.last_offset >= first]
        if not fresh:
            return
        changes: Changes = {}
        count = 0
        for batch in fresh:
            for record in batch.records():
                if record.offset >= first and record.key is not None:
                    changes[record.key] = record.value
                    count += 1
        self._store.write(tp.partition, changes, fresh[-1].last_offset, recovered=True)
        self._progress.applied(tp.partition, count)

    async def signal_end(self) -> None:
        """To be called after every turn while Faust recovers."""
        recovery = self._recovery
        for tp in recovery.active_tps:
            position = await self._consumer.position(tp)
            if position:
                recovery.active_offsets[tp] = max(recovery.active_offsets[tp] or -1, position - 1)
        remaining = recovery.active_remaining()
        self._progress.remaining({tp.partition: max(0, left) for tp, left in remaining.items()})
        if not recovery.need_recovery():
            # A pulse: left set, it would end the next recovery before it began.
            recovery.signal_recovery_end.set()
            recovery.signal_recovery_end.clear()
