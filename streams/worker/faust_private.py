"""Every private name of faust-streaming 0.15.3 that is touched, and why. A test fails when another version changes one.

| name | why |
| --- | --- |
| `Consumer._drain_messages` | replaced: Faust hands records on one by one, at 77 to 430 us each |
| `Consumer._getmany, _get_active_partitions` | what a drain fetches with |
| `Consumer._filter_committable_offsets` | replaced: what is acknowledged is a range, not a list of single offsets |
| `Consumer._new_consumer_thread` | to have the thread below |
| `AIOKafkaConsumerThread._create_worker_consumer` | extended: whole batches, read_committed, a short fetch wait |
| `AIOKafkaConsumerThread._fetch_records` | extended: a dead fetcher must not stay unnoticed |
| `AIOKafkaConsumerThread.on_thread_stop` | extended: the `_consumer` it stops leaves the group before |
| `TableManager.on_start` | replaced: it waits a second for tables that are declared while the app starts |
| `TableManager._update_channels` | what that start does |

aiokafka's private names stand in `schemas.wire.aiokafka_private`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import ServiceT

from schemas.wire.aiokafka_private import (
    fetcher_has_died,
    leave_group_when_stopped,
    set_fetch_max_wait,
    set_read_committed,
)
from schemas.wire.batches import RecordBatch, hand_out_batches

FAUST_VERSION = "0.15.3"

FETCH_MAX_WAIT_MS = 20
"""Faust's 1500 ms make the long poll of an idle partition delay all others, and every step of a recovery."""

TOUCHED: tuple[tuple[type, str], ...] = (
    (driver.Consumer, "_drain_messages"),
    (driver.Consumer, "_getmany"),
    (driver.Consumer, "_get_active_partitions"),
    (driver.Consumer, "_filter_committable_offsets"),
    (driver.Consumer, "_new_consumer_thread"),
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer"),
    (driver.AIOKafkaConsumerThread, "_fetch_records"),
    (driver.AIOKafkaConsumerThread, "on_thread_stop"),
    (TableManager, "on_start"),
    (TableManager, "_update_channels"),
)

Fetched = dict[TP, list[RecordBatch]]


class FetcherDied(Exception):
    """aiokafka's background fetcher ended: the worker would wait for records for ever."""


class _Everything:
    """Contains every topic."""

    def __contains__(self, topic: object) -> bool:
        return True


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread with aiokafka's consumer, which hands out whole record batches of committed records."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        hand_out_batches(consumer, _Everything())
        set_read_committed(consumer)
        set_fetch_max_wait(consumer, FETCH_MAX_WAIT_MS)
        return consumer

    async def _fetch_records(self, consumer: AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        if fetcher_has_died(consumer):
            raise FetcherDied("aiokafka's fetcher has ended; its last words are in the log")
        return await super()._fetch_records(consumer, *args, **kwargs)

    async def on_thread_stop(self) -> None:
        """A worker that is stopped leaves its group, so that others have its partitions at once. One that crashed keeps
        its place: it is started again under the same ``group.instance.id``, and nobody else need be disturbed."""
        if self._consumer is not None and not self.app.crashed:
            leave_group_when_stopped(self._consumer)
        await super().on_thread_stop()


class PromptTableManager(TableManager):
    """Starts at once: our only table is declared before the app is started."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class DrainingConsumer(driver.Consumer):
    """Faust's consumer with three hooks in place of its per-record path: `drain`, `fetch` and `take_acknowledged`."""

    async def drain(self, fetcher: ServiceT) -> None:
        """Runs as Faust's Fetcher service until one of both should stop."""
        raise NotImplementedError

    def take_acknowledged(self) -> Mapping[TP, int]:
        """Next offsets to commit; asked at every commit."""
        raise NotImplementedError

    async def fetch(self, timeout: float) -> Fetched | None:
        """Waits at most ``timeout`` seconds for batches of active partitions; None when no partition is active."""
        active = self._get_active_partitions()
        if not active:  # to aiokafka an empty set means all partitions
            return None
        return dict(await self._getmany(active, timeout))

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        await self.drain(fetcher)

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        return dict(self.take_acknowledged())
