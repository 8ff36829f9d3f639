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
import time
from collections.abc import Mapping

from schemas.wire.batches import RecordBatch
from streams.fold import Changes, Outputs
from streams.worker.agent import BatchAgent, Decide, Turn
from streams.worker.clock import BEFORE_TIME
from streams.worker.lateness import Lateness
from streams.worker.markers import Markers, as_changes
from streams.worker.metrics import (
    BATCHES,
    CHANGELOG_OFFSET,
    DUE_STATES,
    OLDEST_DUE_SECONDS,
    RECORDS,
    STORE_BYTES,
    TICKED_STATES,
    TRANSACTIONS,
    WATERMARK,
    Metrics,
)
from streams.worker.stores import PartitionedStore
from streams.worker.ticks import NOTHING_TICKED, StillDue, Ticked
from streams.worker.transactions import PartitionTransactions

MOST_COUNTED = 100_000
"""So many waiting states are counted for whoever asks; more would take too long."""

UNWRITTEN_OFFSETS = 10_000
"""How far a topic's marker may be ahead of what is written: what is read again after a crash, for nothing."""

log = logging.getLogger(__name__)


class OwnedPartition:
    """A partition that this worker was assigned."""

    def __init__(
        self, number: int, agent: BatchAgent, transactions: PartitionTransactions, metrics: Metrics | None = None
    ) -> None:
        self.number = number
        self.markers: Markers = {}
        """How far each topic is applied."""
        self._written: Markers = {}
        self._expected = 0
        """How many rows of what reference data expects are folded; from the first again after every start."""
        self.recovered = False
        """Whether reading goes on behind the markers: set by whoever seeks there."""
        self.ticked_at = 0.0
        """When it was ticked last, by a clock that only goes on."""
        self._agent = agent
        self._transactions = transactions
        self._store: PartitionedStore = agent.table.data
        self._changelog: str = agent.table.changelog_topic.get_topic_name()
        self._metrics = metrics or Metrics()
        self._lateness = Lateness(agent.clock, self._metrics)

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
        taken = [batch.count for found in fresh.values() for batch in found]
        self._metrics.add(BATCHES, len(taken), partition=self.number)
        self._metrics.add(RECORDS, sum(taken), partition=self.number)
        return Turn(self.number, fresh, self.markers, self._load) if fresh else None

    async def apply(self, decide: Decide) -> None:
        """Steps 1 to 4 for a turn; the next offsets, for the acknowledgement, are `next_offset` afterwards."""
        step = decide()
        markers = {**self.markers, **step.markers}
        if step.outputs or step.changes or self._far_ahead(markers):
            await self._write_all(step.outputs, step.changes, markers, step.as_of)
            self._lateness.learnt(self._past(step.changes, step.as_of))
        self.markers = markers

    async def tick(self, limit: int) -> Ticked:
        """Ticks at most ``limit`` states, in a transaction of their own. Raises `StillDue`."""
        as_of, self.ticked_at = self._agent.clock.as_of(self.markers), time.monotonic()
        if self._has_expectations(as_of):
            await self._expect(as_of)
            if self._has_expectations(as_of):
                # Before all of it is known, something might be told as missing that is expected no longer.
                return NOTHING_TICKED
        if self._agent.ticks is None or not self._is_due(as_of):
            return NOTHING_TICKED
        begun = time.monotonic()
        states = self._load(self._store.due(self.number, as_of, limit))
        covered = self._lateness.begin(states, self._agent.ticks.rule.next_due)
        announced = self._agent.ticks.handler(self.number, states, as_of)
        for key, state in states.items():
            self._require_settled(key, announced.changes.get(key, state), as_of)
        seconds = time.monotonic() - begun
        # With the markers: a clock that they moved must not fall back behind what was told by it.
        await self._write_all(announced.outputs, announced.changes, self.markers, as_of)
        self._lateness.tell(covered)
        self._metrics.add(TICKED_STATES, len(states), partition=self.number)
        return Ticked(len(states), seconds)

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
        if self._agent.ticks is not None:
            self._lateness.reached(as_of, self._store.has_due(self.number, as_of))
        return self._has_expectations(as_of) or (self._agent.ticks is not None and self._is_due(as_of))

    def look(self) -> None:
        """Sets the metrics that are looked up when somebody asks."""
        number, as_of = self.number, self._agent.clock.as_of(self.markers)
        self._metrics.set(STORE_BYTES, self._store.bytes_on_disk(number), partition=number)
        offset = self._store.changelog_offset(number)
        if offset is not None:
            self._metrics.set(CHANGELOG_OFFSET, offset, partition=number)
        if not self.recovered or as_of <= BEFORE_TIME:
            return
        first = self._store.first_due(number) if self._agent.ticks is not None else None
        waits = first is not None and first <= as_of
        self._metrics.set(WATERMARK, (first if waits and first is not None else as_of) / 1_000, partition=number)
        count = self._store.count_due(number, as_of, MOST_COUNTED) if waits else 0
        self._metrics.set(DUE_STATES, count, partition=number)
        seconds = self._lateness.waiting(first) if waits and first is not None else 0.0
        self._metrics.set(OLDEST_DUE_SECONDS, seconds, partition=number)

    def _has_expectations(self, as_of: int) -> bool:
        # Before any time is known nothing can be written: a record needs one.
        return as_of >= 0 and self._expected < self._agent.expected() and self._agent.may_decide(as_of)

    async def _expect(self, as_of: int) -> None:
        assert self._agent.expect is not None
        followed, end = self._agent.expect(self.number, self._expected, self._load, as_of)
        if followed.changes or followed.outputs:
            await self._write_all(followed.outputs, followed.changes, self.markers, as_of)
        self._expected = end

    def _past(self, changes: Changes, as_of: int) -> list[bytes]:
        """Keys whose new states are due already."""
        if self._agent.ticks is None:
            return []
        next_due = self._agent.ticks.rule.next_due
        dues = ((key, next_due(state)) for key, state in changes.items() if state is not None)
        return [key for key, due in dues if due is not None and due <= as_of]

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
        self._metrics.add(TRANSACTIONS, partition=self.number)
        self._store.write(self.number, written, offset)
        self._written = dict(markers)
