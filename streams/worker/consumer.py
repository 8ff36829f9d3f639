"""The drain: fetches whole batches, hands each partition its part, and keeps partitions through rebalance and stop."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth, server_list
from faust.types import TP
from mode import ServiceT

from schemas.wire.batches import RecordBatch
from streams.worker.agent import BatchAgent
from streams.worker.faust_private import DrainingConsumer, Fetched
from streams.worker.hang import exit_after_hang
from streams.worker.metrics import (
    CHANGELOG_OFFSET,
    DUE_STATES,
    OLDEST_DUE_SECONDS,
    REBALANCES,
    STORE_BYTES,
    WATERMARK,
)
from streams.worker.partition import OwnedPartition
from streams.worker.recovery import ChangelogRecovery, RecoveryProgress
from streams.worker.ticks import Ticked, TickPace
from streams.worker.transactions import PartitionTransactions, StatesUnknown, states_left

POLL_SECONDS = 0.05
"""Longest wait for records: a tick that becomes due meanwhile is late by so much."""

SECOND_FETCH_SECONDS = 0.005
"""aiokafka holds back the next fetch until its buffer is drained, so what comes first is a turn old: ask once more."""

BROKER_PORT = 9092
RECORDS_TOGETHER = 10_000
"""Partitions with few records are looked at together, for columns cost about 2 ms for each topic, be it for one record
or for a thousand. Those with many are not: the transaction of one is under way while the next is folded."""

FEW_RECORDS = 2_000
TURN_SECONDS = 0.025
REST_SECONDS = 0.05
"""Where little arrives, turns begin at least `TURN_SECONDS` apart, and the worker rests as long as the last one took,
at most `REST_SECONDS`: a look at columns and a transaction cost the same for one record and for a hundred."""

OF_PARTITIONS = (WATERMARK, DUE_STATES, OLDEST_DUE_SECONDS, STORE_BYTES, CHANGELOG_OFFSET)
"""Metrics of partitions, which are not ours for ever. Counters stay: they are of this process."""

GATE_SECONDS = 0.05
_GATE_WARNING_TURNS = 200

T = TypeVar("T")
PartitionBatches = dict[str, list[RecordBatch]]

log = logging.getLogger(__name__)


class NotCoPartitioned(Exception):
    """A partition was assigned without that of the same number of another input topic."""


class BatchConsumer(DrainingConsumer):
    """Faust's consumer for apps that have a batch agent."""

    app: Any  # a BatchApp; Faust types it as an interface that lacks half of it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._agent: BatchAgent = self.app.declared
        self._owned: dict[int, OwnedPartition] = {}
        self._acknowledged: dict[TP, int] = {}
        # A fetch moves positions and so does a seek: were one to fall into the other, what was fetched might be dropped
        # as stale although nothing will fetch it again. Held from a fetch to the end of its turn, and for a seek.
        self._positions = asyncio.Lock()
        self._pace = TickPace()
        self._progress = RecoveryProgress(self.app.metrics)
        self.app.metrics.ask(self._look)
        self._recovery: ChangelogRecovery | None = None
        self._idle = asyncio.Event()  # no turn is under way
        self._idle.set()
        exit_after_hang(self.app.conf.broker_session_timeout)

    # -- the loop ------------------------------------------------------------------------------------------------

    async def drain(self, fetcher: ServiceT) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                    continue
                begun = time.monotonic()
                count = await self._fetch_and_work()
                if count is None:
                    await asyncio.sleep(POLL_SECONDS)
                elif 0 < count < FEW_RECORDS and not self._has_due():
                    took = time.monotonic() - begun
                    await asyncio.sleep(max(TURN_SECONDS - took, min(took, REST_SECONDS)))
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not self.app.should_stop:
                raise

    async def _fetch_and_work(self) -> int | None:
        """One turn; returns the number of records that were fetched, None when there is nothing to fetch from."""
        async with self._positions:
            fetched = await self._fetch_twice()
            if fetched is None:
                return None
            # When the flow was stopped meanwhile, this is dropped: a seek precedes every new start of the flow.
            if self.flow_active:
                # Before the turn's task begins: a revocation in between must wait for it.
                self._idle.clear()
                # A stop cancels this task; the turn under way is finished all the same, see `wait_empty`.
                await asyncio.shield(self._turn(fetched))
        return sum(batch.count for found in fetched.values() for batch in found)

    async def _fetch_twice(self) -> Fetched | None:
        fetched = await self.fetch(0.0 if self._has_due() else POLL_SECONDS)
        if fetched and self.flow_active:
            for tp, batches in (await self.fetch(SECOND_FETCH_SECONDS) or {}).items():
                have = fetched.setdefault(tp, [])
                last = have[-1].last_offset if have else -1
                have += [batch for batch in batches if batch.last_offset > last]
        return fetched

    def _has_due(self) -> bool:
        return any(partition.has_due() for partition in self._owned.values() if partition.recovered)

    def _look(self) -> None:
        for metric in OF_PARTITIONS:
            self.app.metrics.forget(metric)
        for partition in self._owned.values():
            if partition.number in self._agent.table.data.opened():
                partition.look()

    async def _turn(self, fetched: Fetched) -> None:
        try:
            waiting = self._sorted(fetched)
            await self._work(waiting)
            turns = 0
            while waiting and self.flow_active and not self.should_stop:
                turns += 1
                if turns % _GATE_WARNING_TURNS == 0:
                    log.warning("partitions %s wait for reference data: are its time marks sent?", sorted(waiting))
                assert self._agent.reference is not None
                await self._agent.reference.wait_for_more(GATE_SECONDS)
                await self._work(waiting)
            if self.app.tables.recovery.in_recovery:
                await self._changelog_recovery().signal_end()
        except Exception as error:
            self.stop_flow()
            log.critical("the worker stops, nothing of this turn is acknowledged: %r", error, exc_info=error)
            await self.app.crash(error)
        finally:
            self._idle.set()

    def _sorted(self, fetched: Fetched) -> dict[int, PartitionBatches]:
        """Applies what recovers a table; returns the rest by partition."""
        by_partition: dict[int, PartitionBatches] = defaultdict(dict)
        for found, batches in fetched.items():
            tp = TP(*found)
            if tp.topic in self.app.tables.changelog_topics:
                if tp.partition in self._owned:
                    self._changelog_recovery().apply(tp, batches)
            elif tp.partition in self._owned and self._owned[tp.partition].recovered:
                by_partition[tp.partition][tp.topic] = batches
        return dict(by_partition)

    async def _work(self, waiting: dict[int, PartitionBatches]) -> None:
        """One turn of every partition; takes from ``waiting`` what could be decided."""
        ready = {number: batches for number, batches in waiting.items() if self._agent.may_decide(_latest(batches))}
        for number in ready:
            del waiting[number]
        # Round trips to the broker overlap. All must have ended before the turn has, whatever one of them raises.
        under_way: list[asyncio.Future[None]] = []
        try:
            for together in _together(ready):
                turns = [turn for number in together if (turn := self._owned[number].turn(ready[number])) is not None]
                for turn, decide in zip(turns, self._agent.handler(turns), strict=True):
                    under_way.append(asyncio.ensure_future(self._owned[turn.partition].apply(decide)))
                await asyncio.sleep(0)  # these are on their way before the next are looked at
        finally:
            await _all(under_way)
        # Behind the stream: what has just come is not held up by deadlines.
        await self._tick()
        idle = (owned for owned in self._owned.values() if owned.recovered and owned.number not in ready)
        await _all([asyncio.ensure_future(owned.settle()) for owned in idle if owned.is_unsettled])
        for number, batches in ready.items():
            self._acknowledged.update({TP(topic, number): self._owned[number].next_offset(topic) for topic in batches})

    async def _tick(self) -> None:
        """One round of ticks of all partitions that have something due."""
        due = [owned for owned in self._owned.values() if owned.recovered and owned.has_due()]
        if not due:
            return
        due = sorted(due, key=lambda owned: owned.ticked_at)[: self._pace.partitions]
        begun, share = time.monotonic(), self._pace.share(len(due))
        ticked = await _all([asyncio.ensure_future(owned.tick(share)) for owned in due])
        total = Ticked(sum(one.states for one in ticked), sum(one.seconds for one in ticked))
        self._pace.took(total, time.monotonic() - begun)

    def take_acknowledged(self) -> Mapping[TP, int]:
        taken, self._acknowledged = self._acknowledged, {}
        return taken

    def _changelog_recovery(self) -> ChangelogRecovery:
        if self._recovery is None:
            recovery, store = self.app.tables.recovery, self._agent.table.data
            self._recovery = ChangelogRecovery(self, recovery, store, self._progress)
        return self._recovery

    # -- rebalance -----------------------------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        try:
            await self._release()
            self.app.metrics.add(REBALANCES)
            self._owned = {number: self._own(number) for number in self._co_partitioned(assigned)}
            self._progress.begin(self._owned)
            left = await self._states_left()
            # Before recovery asks for the end of the changelog: behind that end nobody may append but us.
            await asyncio.gather(*(owned.start(left.get(owned.transactional_id)) for owned in self._owned.values()))
        except Exception as error:  # aiokafka would log it and go on
            log.critical("partitions cannot be taken over: %r", error, exc_info=error)
            await self.app.crash(error)
            return
        await super().on_partitions_assigned(assigned, generation_id)

    async def _states_left(self) -> Mapping[str, str]:
        """How the last transactions of our partitions ended."""
        names = [owned.transactional_id for owned in self._owned.values()]
        try:
            return await asyncio.to_thread(states_left, server_list(self.transport.url, BROKER_PORT), names)
        except StatesUnknown as error:
            log.warning("not known how the last transactions ended, none is made sure of: %s", error)
            return {}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.stop_flow()
        await self._idle.wait()  # the turn under way is finished ...
        await self.commit()  # ... and committed before Faust forgets the partitions
        await super().on_partitions_revoked(revoked)
        await self._release()

    def _co_partitioned(self, assigned: set[TP]) -> set[int]:
        by_topic = {topic: {tp.partition for tp in assigned if tp.topic == topic} for topic in self._agent.topics}
        if len({frozenset(partitions) for partitions in by_topic.values()}) > 1:
            raise NotCoPartitioned(f"assigned {by_topic}: the input topics must have equally many partitions")
        return next(iter(by_topic.values()))

    def _own(self, number: int) -> OwnedPartition:
        conf = self.app.conf
        transactions = PartitionTransactions(
            server_list(self.transport.url, BROKER_PORT),
            conf.id,
            number,
            credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
            [self._agent.table.changelog_topic.get_topic_name(), *self.app.settings.outputs],
        )
        return OwnedPartition(number, self._agent, transactions, self.app.metrics)

    async def _release(self) -> None:
        owned, self._owned = self._owned, {}
        self._acknowledged = {}
        await asyncio.gather(*(partition.stop() for partition in owned.values()), return_exceptions=True)

    async def perform_seek(self) -> None:
        """Called when the table is recovered. The markers, not the committed offsets, say where to go on."""
        async with self._positions:
            for owned in self._owned.values():
                await owned.recover()
            await super().seek_wait(
                {
                    TP(topic, owned.number): owned.next_offset(topic)
                    for owned in self._owned.values()
                    for topic in self._agent.topics
                }
            )
            for owned in self._owned.values():
                owned.recovered = True  # what was fetched before lies elsewhere, and was dropped
            # Who applied them may have died before the commit. Where nothing follows nothing else would bring one, and
            # what is applied would seem to wait for ever.
            for owned in self._owned.values():
                self._acknowledged |= {TP(topic, owned.number): owned.next_offset(topic) for topic in owned.markers}
            self._progress.end()

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        async with self._positions:
            await super().seek_wait(partitions)

    # -- stop ----------------------------------------------------------------------------------------------------

    async def wait_empty(self) -> None:
        await self._idle.wait()
        await super().wait_empty()

    async def on_stop(self) -> None:
        await super().on_stop()
        await self._release()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's guess at slow partitions reads what only its per-record path keeps."""


async def _all(under_way: Sequence[asyncio.Future[T]]) -> list[T]:
    """Waits until all have ended, and raises what the first of those that failed raised."""
    results = await asyncio.gather(*under_way, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _together(ready: Mapping[int, PartitionBatches]) -> Iterator[list[int]]:
    """Partitions to be looked at together: of not much more than `RECORDS_TOGETHER` records, or a single one."""
    together: list[int] = []
    count = 0
    for number, batches in ready.items():
        count += _count(batches)
        together.append(number)
        if count > RECORDS_TOGETHER:
            yield together
            together, count = [], 0
    if together:
        yield together


def _count(batches: PartitionBatches) -> int:
    return sum(batch.count for found in batches.values() for batch in found)


def _latest(batches: PartitionBatches) -> int:
    return max(batch.max_timestamp for found in batches.values() for batch in found)
