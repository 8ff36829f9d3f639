"""One partition of the worker: what happens to a batch, in five steps.

1. **Fold**: records above the markers become changes, outputs and dead letters; pure, in memory. What matters is sifted
   out for several partitions at once, see `streams.worker.batch`; from there on each goes by itself.
   Dying here: nothing has happened.
2. **Transaction**: outputs, changes and markers go to Kafka, all or nothing. A turn without outputs and changes (most
   records are screened out) has none: its markers go with the next one, or when they are `UNWRITTEN_OFFSETS` ahead.
   Dying before its end: the broker or the next owner aborts it, readers never see it, the batch is folded again.
   Dying after it: the changelog has all of it; the next owner recovers from there and goes on behind the markers.
   What was read behind them and changed nothing is read once more, and changes nothing.
3. **Store**: changes, markers and the changelog offset in one local write.
   Dying before it: recovery reads from the stored offset on and finds what is missing.
4. **Index**: markers and due times in memory.
   Dying here: both are rebuilt from the store.
5. **Acknowledge**: the offsets are handed to Faust, which commits them now and then.
   Dying before the commit: it is only a hint for lag tools; the markers say where to go on.

A step that raises stops the worker with the reason, and none of the later steps happens.
"""

import asyncio
import logging
from collections.abc import Mapping

from schemas.wire.batches import RecordBatch
from streams.fold import Changes, Outputs
from streams.worker.agent import BatchAgent, Decide, Turn
from streams.worker.markers import Markers, as_changes
from streams.worker.stores import PartitionedStore
from streams.worker.ticks import TickIndex
from streams.worker.transactions import PartitionTransactions

TICK_CHUNK = 5_000
"""States ticked in one transaction: the stream must keep room."""

UNWRITTEN_OFFSETS = 10_000
"""How far a topic's marker may be ahead of what is written: what is read again after a crash, for nothing."""

_INDEX_CHUNK = 20_000

log = logging.getLogger(__name__)


class OwnedPartition:
    """A partition that this worker was assigned."""

    def __init__(self, number: int, agent: BatchAgent, transactions: PartitionTransactions) -> None:
        self.number = number
        self.markers: Markers = {}
        """How far each topic is applied."""
        self._written: Markers = {}
        self.recovered = False
        """Whether reading goes on behind the markers: set by whoever seeks there."""
        self._agent = agent
        self._transactions = transactions
        self._store: PartitionedStore = agent.table.data
        self._changelog: str = agent.table.changelog_topic.get_topic_name()
        self._ticks = TickIndex(agent.ticks.next_due) if agent.ticks else None

    async def start(self) -> None:
        """Fences the former owner: from here on the changelog can only grow by our own hand."""
        await self._transactions.start()

    async def stop(self) -> None:
        await self._transactions.stop()

    async def recover(self) -> None:
        """Reads markers and due times back, once the store has caught up with the changelog."""
        self._written = self._store.markers(self.number, self._agent.topics)
        self.markers = dict(self._written)
        if self._ticks is not None:
            chunk = []
            for item in self._store.states(self.number):
                chunk.append(item)
                if len(chunk) == _INDEX_CHUNK:
                    self._ticks.arm(chunk)
                    chunk.clear()
                    await asyncio.sleep(0)
            self._ticks.arm(chunk)
            log.info("partition %d: %d states wait for a tick", self.number, len(self._ticks))

    def next_offset(self, topic: str) -> int:
        """Where reading the topic goes on; 0, the beginning, where nothing was applied."""
        marker = self.markers.get(topic)
        return marker.offset + 1 if marker else 0

    def turn(self, batches: Mapping[str, list[RecordBatch]]) -> Turn | None:
        """What of the batches lies above the markers; None: nothing."""
        fresh = {topic: new for topic, found in batches.items() if (new := self._above_marker(topic, found))}
        return Turn(self.number, fresh, self.markers, self._load) if fresh else None

    async def apply(self, decide: Decide) -> None:
        """Steps 1 to 4 for a turn; the next offsets, for the acknowledgement, are `next_offset` afterwards."""
        step = decide()
        markers = {**self.markers, **step.markers}
        if step.outputs or step.changes or self._far_ahead(markers):
            await self._write_all(step.outputs, step.changes, markers, step.as_of)
        self.markers = markers

    async def tick(self) -> None:
        """Ticks at most `TICK_CHUNK` states, in a transaction of their own."""
        if self._ticks is None or self._agent.ticks is None:
            return
        as_of = self._agent.clock.as_of(self.markers)
        if not self._ticks.has_due(as_of) or not self._agent.may_decide(as_of):
            return
        keys = self._ticks.due(as_of, TICK_CHUNK)
        announced = self._agent.ticks.handler(self.number, self._load(keys), as_of)
        # With the markers: a clock that they moved must not fall back behind what was told by it.
        await self._write_all(announced.outputs, announced.changes, self.markers, as_of)
        self._ticks.require_settled(keys, as_of)

    def has_due(self) -> bool:
        """Whether states wait for a tick right now."""
        if self._ticks is None:
            return False
        as_of = self._agent.clock.as_of(self.markers)
        return self._ticks.has_due(as_of) and self._agent.may_decide(as_of)

    def _above_marker(self, topic: str, batches: list[RecordBatch]) -> list[RecordBatch]:
        first = self.next_offset(topic)
        return [batch for batch in batches if batch.last_offset >= first]

    def _far_ahead(self, markers: Markers) -> bool:
        written = {topic: marker.offset for topic, marker in self._written.items()}
        return any(marker.offset - written.get(topic, -1) >= UNWRITTEN_OFFSETS for topic, marker in markers.items())

    def _load(self, keys: list[bytes]) -> Mapping[bytes, bytes]:
        return self._store.load(self.number, keys)

    async def _write_all(self, outputs: Outputs, changes: Changes, markers: Markers, as_of: int) -> None:
        """Writes with all markers that are not written yet, and takes note of the states."""
        unwritten = {topic: marker for topic, marker in markers.items() if self._written.get(topic) != marker}
        await self._write(outputs, {**changes, **as_changes(unwritten)}, as_of)
        self._written = dict(markers)
        self._arm(changes)

    async def _write(self, outputs: Outputs, changes: Changes, as_of: int) -> None:
        offset = await self._transactions.write(outputs, self._changelog, changes, as_of)
        self._store.write(self.number, changes, offset)

    def _arm(self, changes: Changes) -> None:
        if self._ticks is not None:
            self._ticks.arm(changes.items())
