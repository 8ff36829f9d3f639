"""The body of a sink process: read, write, count again, until told to stop."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.registry import Registry, default_registry
from schemas.topics import ALL_TOPICS, DEFAULT_PARTITIONS
from schemas.validity import Limits
from sinks.clickhouse import Address, ClickHouse
from sinks.counts import Recounter
from sinks.ledger import Ledger, Place
from sinks.reader import LogReader
from sinks.standstill import SameTables, TablesExchanged, exchanging, wait_until_over
from sinks.writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")


def _process_name() -> str:
    return f"sink-{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True)
class SinkSettings:
    """What a sink process needs to know. ``partitions`` is that of the person topics.

    A turn ends after about ``rows_per_turn`` records or ``seconds_per_turn``; hours that were touched are counted
    again every ``seconds_per_recount``. ``prefix`` stands before every topic's name in Kafka. ``instance`` tells the
    sinks of a group apart, and stays the same over restarts.
    """

    bootstrap: str
    clickhouse: Address
    topics: Sequence[str] = tuple(topic.name for topic in ALL_TOPICS)
    partitions: int = DEFAULT_PARTITIONS
    group: str = "checkline-sinks"
    instance: str = "sink-1"
    prefix: str = ""
    rows_per_turn: int = 100_000
    seconds_per_turn: float = 0.5
    seconds_per_recount: float = 1.0
    limits: Limits = field(default_factory=Limits)
    name: str = field(default_factory=_process_name)


async def run(
    settings: SinkSettings,
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
    registry: Registry | None = None,
) -> None:
    """Run a sink until ``stop`` is set; then finish the turn that is being written, count what is due, and leave.

    ``on_ready`` is called when the first partitions are ours. The migrations must have been run. Raises whatever
    makes it impossible to go on; nothing of the turn in question is acknowledged then.
    """
    with (
        ClickHouse(settings.clickhouse, f"{settings.name}-write") as write_client,
        ClickHouse(settings.clickhouse, f"{settings.name}-count") as count_client,
        _Thread() as write_thread,  # ends before its connection is closed
        _Thread() as count_thread,
    ):

        async def asked() -> str | None:
            return await count_thread.do(exchanging, count_client)

        await wait_until_over(asked, stop)
        tables = await count_thread.do(SameTables, count_client)
        registry = registry or default_registry()
        writer = Writer(
            write_client, registry, settings.partitions, settings.name, settings.limits, still_ours=tables.require
        )
        recounter = Recounter(count_client, settings.name)
        ledger = Ledger(count_client, settings.name)

        async def require_same() -> None:
            await count_thread.do(tables.require, count_client)

        sink = _Sink(settings, writer, recounter, ledger, asked, require_same, write_thread, count_thread)
        await sink.run(stop, on_ready)


class _Thread(ThreadPoolExecutor):
    """One thread, the only one that uses a connection."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)

    async def do(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self, function, *arguments)


class _Sink:
    def __init__(
        self,
        settings: SinkSettings,
        writer: Writer,
        recounter: Recounter,
        ledger: Ledger,
        exchanging: Callable[[], Awaitable[str | None]],
        require_same: Callable[[], Awaitable[None]],
        write_thread: _Thread,
        count_thread: _Thread,
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._recounter = recounter
        self._ledger = ledger
        self._exchanging = exchanging
        self._exchanged: str | None = None
        self._require_same = require_same
        self._write_thread = write_thread
        self._count_thread = count_thread
        self._reader = LogReader(
            settings.bootstrap,
            settings.topics,
            settings.group,
            settings.instance,
            settings.prefix,
            self._positions,
            self._given,
            self._taken,
        )

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        reading = counting = None
        try:
            await self._reader.start()
            reading = asyncio.ensure_future(self._read(stop))
            counting = asyncio.ensure_future(self._count(stop))
            ready = asyncio.ensure_future(self._tell(on_ready))
            await asyncio.wait({stopping, reading, counting}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            stop.set()
            await reading
            await counting
            await self._recount()
            await self._reader.commit(at_once=True)
            self._reader.leave()
            if self._exchanged:
                raise TablesExchanged(f"tables are to be exchanged for those of replay {self._exchanged}")
        finally:
            tasks = [task for task in (stopping, reading, counting) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._reader.stop()

    async def _tell(self, on_ready: Callable[[], None]) -> None:
        await self._reader.assigned.wait()
        on_ready()

    async def _read(self, stop: asyncio.Event) -> None:
        writing: asyncio.Future[None] | None = None
        try:
            while not stop.is_set():
                await self._reader.read(self._settings.rows_per_turn, self._settings.seconds_per_turn)
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(self._write())  # while the next turn is collected
        finally:
            if writing is not None:
                await writing

    async def _write(self) -> None:
        async with self._reader.writing:
            spans = await self._reader.take()
            if spans:
                blocks = await self._write_thread.do(self._writer.write, spans)
                self._recounter.add(blocks)
        await self._reader.commit()

    async def _count(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), self._settings.seconds_per_recount)
            except TimeoutError:
                await self._recount()
                self._exchanged = await self._exchanging()
                if self._exchanged:
                    return

    async def _recount(self) -> None:
        await self._require_same()
        await self._count_thread.do(self._recounter.run)

    # ---- what the reader asks and tells
    async def _positions(self) -> Mapping[Place, int]:
        # We are in the group by now: whoever exchanges tables from here on waits for us.
        if name := await self._exchanging():
            raise TablesExchanged(f"tables are being exchanged for those of replay {name}")
        await self._require_same()
        return await self._count_thread.do(self._ledger.positions)

    async def _given(self, begins: Mapping[Place, int]) -> None:
        await self._count_thread.do(self._recounter.own, begins)
        log.info("reading %s partitions", len(begins))

    def _taken(self, places: Collection[Place]) -> None:
        self._recounter.disown(places)
