"""One partition of the worker: what happens to a batch, in five steps.

1. **Fold**: records above the markers become changes, outputs and dead letters; pure, in memory. What matters is sifted
   out for several partitions at once, see `streams.worker.batch`; from there on each goes by itself.
   Dying here: nothing has happened.
2. **Transaction**: outputs, changes and markers go to Kafka, all or nothing. A turn without outputs and changes (most
   records are screened out) has none: its markers go with the next one, or when they are `UNWRITTEN_OFFSETS` ahead.
   Dying before its end: the broker or the next owner aborts it, readers never see it, the batch is folded again.
   Dying after it: the changelog has all of it; the next owner recovers from there and goes on behind the markers.
   What was read behind them and changed nothing is read once more, and changes nothing.
3. **Store**: changes, markers, the changelog offset and the index of due times in one local write.
   Dying before it: recovery reads from the stored offset on and finds what is missing.
4. **Markers**: in memory.
   Dying here: they are read from the store.
5. **Acknowledge**: the offsets are handed to Faust, which commits them now and then.
   Dying before the commit: it is only a hint for lag tools; the markers say where to go on, and the next owner commits
   what they say.

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
from streams.worker.ticks import StillDue
from streams.worker.transactions import PartitionTransactions

TICK_CHUNK = 5_000
"""States ticked in one transaction: the stream must keep room."""

UNWRITTEN_OFFSETS = 10_000
"""How far a topic's marker may be ahead of what is written: what is read again after a crash, for nothing."""

log = logging.getLogger(__name__)


class OwnedPartition:
    """A partition that this worker was assigned."""

    def __init__(self, number: int, agent: BatchAgent, transactions: PartitionTransactions) -> None:
        self.number = number
        self.markers: Markers = {}
        """How far each topic is applied."""
        self._written: Markers = {}
        self._expected = 0
        """How many rows of what reference data expects are folded; from the first again after every start."""
        self.recovered = False
        """Whether reading goes on behind the markers: set by whoever seeks there."""
        self._agent = agent
        self._transactions = transactions
        self._store: PartitionedStore = agent.table.data
        self._changelog: str = agent.table.changelog_topic.get_topic_name()

    @property
    def transactional_id(self) -> str:
        """Of the partition, whoever owns it."""
        return self._transactions.transactional_id

    async def start(self, left: str | None) -> None:
        """Fences the former owner: from here on the changelog can only grow by our own hand. ``left``: the state of its
        last transaction."""
        await self._transactions.start(left)

    async def stop(self) -> None:
        await self._transactions.stop()

    async def recover(self) -> None:
        """Reads the markers back, once the store has caught up with the changelog."""
        for seen in self._store.make_index(self.number):
            log.info("partition %d: due times of %d states are indexed by the present rule", self.number, seen)
            await asyncio.sleep(0)
        self._written = self._store.markers(self.number, self._agent.topics)
        self.markers = dict(self._written)

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
        """Ticks at most `TICK_CHUNK` states, in a transaction of their own. Raises `StillDue`."""
        as_of = self._agent.clock.as_of(self.markers)
        if self._has_expectations(as_of):
            await self._expect(as_of)
            if self._has_expectations(as_of):
                return  # before all of it is known, something might be told as missing that is expected no longer
        if self._agent.ticks is None or not self._is_due(as_of):
            return
        states = self._load(self._store.due(self.number, as_of, TICK_CHUNK))
        announced = self._agent.ticks.handler(self.number, states, as_of)
        for key, state in states.items():
            self._require_settled(key, announced.changes.get(key, state), as_of)
        # With the markers: a clock that they moved must not fall back behind what was told by it.
        await self._write_all(announced.outputs, announced.changes, self.markers, as_of)

    @property
    def is_unsettled(self) -> bool:
        """Whether `settle` is due: once, a while after the last write."""
        return self._transactions.is_unsettled

    async def settle(self) -> None:
        """Makes sure that readers see what was written, whatever the broker went through."""
        await self._transactions.settle()

    def has_due(self) -> bool:
        """Whether states wait for a tick right now, or for what reference data expects of them."""
        as_of = self._agent.clock.as_of(self.markers)
        return self._has_expectations(as_of) or (self._agent.ticks is not None and self._is_due(as_of))

    def _has_expectations(self, as_of: int) -> bool:
        # Before any time is known nothing can be written: a record needs one.
        return as_of >= 0 and self._expected < self._agent.expected() and self._agent.may_decide(as_of)

    async def _expect(self, as_of: int) -> None:
        assert self._agent.expect is not None
        followed, end = self._agent.expect(self.number, self._expected, self._load, as_of)
        if followed.changes or followed.outputs:
            await self._write_all(followed.outputs, followed.changes, self.markers, as_of)
        self._expected = end

    def _is_due(self, as_of: int) -> bool:
        return self._store.has_due(self.number, as_of) and self._agent.may_decide(as_of)

    def _require_settled(self, key: bytes, state: bytes | None, as_of: int) -> None:
        due = self._agent.ticks.rule.next_due(state) if self._agent.ticks and state is not None else None
        if due is not None and due <= as_of:
            raise StillDue(
                f"the state of {key!r} is still due at {due} after its tick at {as_of}: the rule must note in the "
                "state that it announced this deadline"
            )

    def _above_marker(self, topic: str, batches: list[RecordBatch]) -> list[RecordBatch]:
        first = self.next_offset(topic)
        return [batch for batch in batches if batch.last_offset >= first]

    def _far_ahead(self, markers: Markers) -> bool:
        written = {topic: marker.offset for topic, marker in self._written.items()}
        return any(marker.offset - written.get(topic, -1) >= UNWRITTEN_OFFSETS for topic, marker in markers.items())

    def _load(self, keys: list[bytes]) -> Mapping[bytes, bytes]:
        return self._store.load(self.number, keys)

    async def _write_all(self, outputs: Outputs, changes: Changes, markers: Markers, as_of: int) -> None:
        """Writes with all markers that are not written yet."""
        unwritten = {topic: marker for topic, marker in markers.items() if self._written.get(topic) != marker}
        written: Changes = {**changes, **as_changes(unwritten)}
        offset = await self._transactions.write(outputs, self._changelog, written, as_of)
        self._store.write(self.number, written, offset)
        self._written = dict(markers)
