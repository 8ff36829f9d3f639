"""A herd of timers: many deadlines due at one instant, announced by real workers on a real broker while events flow.

`python -m tests.benchmarks.timer_herd --clocks 500000 --workers 1 2`. One lead of each person is due at the same moment
of the machine's clock. Once all are folded and the moment has come, every notice is watched as a reader of committed
records sees it: how long after the deadline, and how long after the start of the tick that covers it (its ``as_of``).
A steady flow of fever readings of other persons runs from before the moment until after the last notice; for each, the
time from its hand-over to its person's risk timeline is taken.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from numpy.typing import NDArray

from infra.embedded.parts import TOPICS, parts
from infra.embedded.supervisor import Supervisor
from infra.home import Home
from infra.settings import read_settings
from schemas import events, topics
from schemas.codes import ThermometryMethod
from schemas.registry import default_registry
from schemas.wire.aiokafka_private import set_fetch_max_wait
from schemas.wire.batches import RecordBatch, hand_out_batches
from schemas.wire.columns import ColumnCodec
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec
from tests.support.steady_flow import token_of

HOUR_MS = 3_600_000
FLOW_FROM = 1 << 40
"""Number of the flow's first person, far behind those of the herd."""

FLOW_ROUND_SECONDS = 0.1
FLOW_BEFORE_SECONDS = 5.0
FLOW_AFTER_SECONDS = 3.0
LONGEST_SECONDS = 300.0
FOLDED_PER_SECOND = 3_000
"""How many leads are folded in a second at least, on a busy machine: the moment is set by it."""

SLOWEST_START_SECONDS = 20
_CHUNK = 20_000
_BATCH_BYTES = 900_000
MEGABYTE = 1 << 20


class Result(NamedTuple):
    """One herd. Times in seconds; each triple is of the median, the 99th percentile and the longest.

    ``after_tick``: from the start of the tick that covers a deadline to its notice being readable; ``after_due``: from
    the deadline itself; ``drained``: from the deadline to the last notice; ``flow``: from the hand-over of a reading to
    its risk timeline, of those handed over between the deadline and the last notice; ``flow_before``: of those before;
    ``cpu``: of all workers, from the deadline to the last notice; ``resident_mb``: of the largest worker, at its most.
    """

    clocks: int
    workers: int
    after_tick: tuple[float, float, float]
    after_due: tuple[float, float, float]
    drained: float
    flow: tuple[float, float, float]
    flow_before: tuple[float, float, float]
    cpu: float
    resident_mb: float


class Seen(NamedTuple):
    """A batch of derived records, and when a reader got it (UTC seconds)."""

    at: float
    batch: RecordBatch


class Watch:
    """Reads derived topics as their readers do, and keeps what it saw and when."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.seen: dict[str, list[Seen]] = {topics.SLA_EVENTS.name: [], topics.RISK_CHANGES.name: []}
        self.counts: Counter[str] = Counter()
        self._places = [TopicPartition(topic, number) for topic in self.seen for number in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        hand_out_batches(self._consumer, frozenset(self.seen))
        set_fetch_max_wait(self._consumer, 20)

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._consumer.start()
        try:
            self._consumer.assign(self._places)
            await self._consumer.seek_to_beginning(*self._places)
            while True:
                found = await self._consumer.getmany(timeout_ms=50)
                now = time.time()
                for place, batches in found.items():
                    self.seen[place.topic] += (Seen(now, batch) for batch in batches)
                    self.counts[place.topic] += sum(batch.count for batch in batches)
        finally:
            await self._consumer.stop()


class Flow:
    """A reading for each partition in every round."""

    def __init__(self, producer: AIOKafkaProducer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._codec = RowCodec(default_registry(), topics.TEMPERATURES.name)
        self.sent: dict[bytes, float] = {}
        """Key to when it was handed over, UTC seconds."""

    async def run(self) -> None:
        """Until it is cancelled."""
        fresh = _persons(FLOW_FROM, self._partitions)
        numbers = count()
        begun = time.monotonic()
        for turn in count(1):
            waiting = set(range(self._partitions))
            while waiting:
                key, partition = next(fresh)
                if partition in waiting:
                    waiting.remove(partition)
                    self.sent[key] = time.time()
                    value = self._codec.encode(_fever(key.decode(), next(numbers)))
                    await self._producer.send(topics.TEMPERATURES.name, value, key, partition)
            await asyncio.sleep(max(0.0, begun + turn * FLOW_ROUND_SECONDS - time.monotonic()))


def _persons(first: int, partitions: int) -> Iterator[tuple[bytes, int]]:
    """Keys and partitions of persons without end."""
    numbers = count(first)
    while True:
        keys = [token_of(number).encode() for number in islice(numbers, _CHUNK)]
        yield from zip(keys, partitions_of_keys(keys, partitions).tolist(), strict=True)


def _fever(token: str, number: int) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    reading = events.Reading(
        source="herd-flow",
        sequence=number,
        occurred_at=now,
        sent_at=now,
        zone_offset_minutes=480,
        token=token,
        value_tenths=390,
        method=ThermometryMethod.AXILLARY,
    )
    return reading.record().row


async def _publish_leads(producer: AIOKafkaProducer, clocks: int, partitions: int, due_at: int) -> None:
    """One lead of each person, received a day before ``due_at`` (UTC milliseconds): its class has 24 hours."""
    received_at = due_at - 24 * HOUR_MS
    codec = RowCodec(default_registry(), topics.FOLLOW_UPS.name)
    lead = events.LeadOpened(
        source="herd",
        sequence=0,
        occurred_at=received_at,
        sent_at=received_at,
        zone_offset_minutes=480,
        token=token_of(0),
        lead_id="lead",
        lead_source="BIG_DATA",
        push_mode="BATCH",
        home_province=True,
        received_at=received_at,
    )
    row = lead.record().row
    batches = [producer.create_batch() for _ in range(partitions)]
    now = time.time_ns() // 1_000_000
    for number, (key, partition) in enumerate(islice(_persons(0, partitions), clocks)):
        value = codec.encode({**row, "sequence": number, "lead_id": f"lead-{number}"})
        if batches[partition].append(key=key, value=value, timestamp=now) is None:
            await producer.send_batch(batches[partition], topics.FOLLOW_UPS.name, partition=partition)
            batches[partition] = producer.create_batch()
            batches[partition].append(key=key, value=value, timestamp=now)
    for partition, batch in enumerate(batches):
        if batch.record_count():
            await producer.send_batch(batch, topics.FOLLOW_UPS.name, partition=partition)
    await producer.flush()


class HerdLate(Exception):
    """The herd was not ready at its moment, or did not end: nothing was measured."""


async def measure(home: Home, clocks: int, workers: Sequence[psutil.Process], ahead_s: float, say: Any) -> Result:
    """Raises `HerdLate`."""
    partitions = home.settings.partitions
    watch = Watch(home.kafka_bootstrap, partitions)
    producer = AIOKafkaProducer(bootstrap_servers=home.kafka_bootstrap, max_batch_size=_BATCH_BYTES, linger_ms=0)
    await producer.start()
    flow = Flow(producer, partitions)
    tasks = [asyncio.ensure_future(watch.run())]
    try:
        due_at = int(time.time() + ahead_s) * 1_000
        begun = time.monotonic()
        await _publish_leads(producer, clocks, partitions, due_at)
        say(f"{clocks} leads published in {time.monotonic() - begun:.1f} s")
        # The state of each clock, and that it is due soon.
        await _until(lambda: watch.counts[topics.SLA_EVENTS.name] >= 2 * clocks, due_at / 1_000 - 1, tasks)
        say(f"folded {time.monotonic() - begun:.1f} s after that began, {due_at / 1_000 - time.time():.1f} s to go")
        await asyncio.sleep(due_at / 1_000 - time.time() - FLOW_BEFORE_SECONDS)
        tasks.append(asyncio.ensure_future(flow.run()))
        await asyncio.sleep(due_at / 1_000 - time.time())
        before, most = _cpu(workers), 0
        deadline = time.time() + LONGEST_SECONDS
        while watch.counts[topics.SLA_EVENTS.name] < 3 * clocks:
            most = max(most, *(worker.memory_info().rss for worker in workers))
            with suppress(HerdLate):
                await _until(lambda: watch.counts[topics.SLA_EVENTS.name] >= 3 * clocks, time.time() + 0.5, tasks)
            if time.time() > deadline:
                raise HerdLate(f"{watch.counts[topics.SLA_EVENTS.name] - 2 * clocks} of {clocks} notices were seen")
        used = _cpu(workers) - before
        ended = time.time()
        await asyncio.sleep(FLOW_AFTER_SECONDS)
        tasks.pop().cancel()
        await producer.flush()
        await _until(lambda: watch.counts[topics.RISK_CHANGES.name] >= len(flow.sent), time.time() + 30, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await producer.stop()
    after_tick, after_due = _lateness(watch.seen[topics.SLA_EVENTS.name], due_at, clocks)
    came = _first_seen(watch.seen[topics.RISK_CHANGES.name])
    waits = [(at, came[key] - at) for key, at in flow.sent.items()]
    return Result(
        clocks,
        len(workers),
        _triple(after_tick),
        _triple(after_due),
        round(float(after_due.max()), 3),
        _triple(np.array([wait for at, wait in waits if due_at / 1_000 <= at <= ended])),
        _triple(np.array([wait for at, wait in waits if at < due_at / 1_000])),
        round(used, 2),
        round(most / MEGABYTE, 1),
    )


async def _until(condition: Any, deadline: float, tasks: Sequence[asyncio.Future[None]]) -> None:
    while not condition():
        for task in tasks:
            if task.done():
                task.result()
        if time.time() > deadline:
            raise HerdLate("not all leads were folded before their moment: the machine is too busy")
        await asyncio.sleep(0.02)


def _cpu(workers: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (worker.cpu_times() for worker in workers))


def _lateness(seen: Sequence[Seen], due_at: int, clocks: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of each notice of a breach after its tick and after its deadline. Raises HerdLate where one is missing
    or told twice."""
    codec = ColumnCodec(default_registry(), topics.SLA_EVENTS.name)
    ticks, arrivals, told = [], [], set()
    for at, batch in seen:
        if at * 1_000 < due_at:
            continue
        frame, _ = codec.decode([batch])
        frame = frame.filter(frame["kind"] == "BREACHED")
        ticks.append(frame["as_of"].to_numpy())
        arrivals.append(np.full(len(frame), at))
        told.update(frame["key"].to_list())
    as_of, came = np.concatenate(ticks), np.concatenate(arrivals)
    if len(as_of) != clocks or len(told) != clocks:
        raise HerdLate(f"{len(as_of)} notices of {len(told)} clocks were told, not {clocks}")
    return came - as_of / 1_000, came - due_at / 1_000


def _first_seen(seen: Sequence[Seen]) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for at, batch in seen:
        for record in batch.records():
            if record.key is not None:
                found.setdefault(record.key, at)
    return found


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    if not len(values):
        return (float("nan"),) * 3
    middle, most, longest = np.quantile(values, (0.5, 0.99, 1.0)).tolist()
    return round(middle, 3), round(most, 3), round(longest, 3)


def herd(clocks: int, workers: int, say: Any, ahead_s: float | None = None) -> Result:
    """A home of its own with so many risk workers. ``ahead_s``: how long before their moment the leads are published.
    Raises `HerdLate`."""
    ahead_s = ahead_s or SLOWEST_START_SECONDS + clocks / FOLDED_PER_SECOND
    with tempfile.TemporaryDirectory(prefix="checkline-herd-") as directory:
        home = Home.open(read_settings(home=Path(directory), clock="wall", workers=workers))
        names = [f"worker-risk-{number}" for number in range(1, workers + 1)]
        planned = parts(home, only=(*(node.name for node in home.kafka_nodes), TOPICS, "reference-clock", *names))
        with Supervisor(planned, home.logs, progress=say) as supervisor:
            pids = {part.name: part.pid for part in supervisor.status()}
            result = asyncio.run(measure(home, clocks, [psutil.Process(pids[name]) for name in names], ahead_s, say))
            if any(part.restarts for part in supervisor.status()):
                raise HerdLate(f"a part died meanwhile: {supervisor.status()}")
            return result


def told(result: Result) -> str:
    """A result in lines."""
    lines = [f"{result.clocks} clocks due at one instant, {result.workers} workers: p50, p99, longest in seconds"]
    lines += [
        f"  {name:<12}" + "".join(f"{value:>9.3f}" for value in getattr(result, name))
        for name in ("after_tick", "after_due", "flow", "flow_before")
    ]
    lines.append(f"  drained after {result.drained:.2f} s, {result.cpu:.1f} s CPU of the workers")
    lines.append(f"  at most {result.resident_mb:.0f} MB resident in a worker")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.benchmarks.timer_herd", description=__doc__)
    arguments.add_argument("--clocks", type=int, default=500_000)
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--ahead", type=float, help="seconds from publishing the leads to their moment")
    wanted = arguments.parse_args()
    for workers in wanted.workers:
        print(told(herd(wanted.clocks, workers, _say, wanted.ahead)), flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
