"""How long a worker with the facts of many persons is away: after the loss of its store, after a restart, and after the
death of one of two workers.

A worker is back when something that happened while it was away has come out of it, committed, from every partition in
question; counted from the start of its process, or from the death of the one it replaces.
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from kafka import KafkaConsumer, TopicPartition

from infra.edge.publisher import Publisher
from infra.embedded.readiness import READY_FILE_VARIABLE, has_announced
from infra.embedded.supervisor import ORDINARY
from infra.embedded.tether import tethered
from infra.home import Home
from infra.part_worker import encoder
from schemas import events, topics
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec
from streams.fold import Changes, Rows
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.worker.markers import Marker, as_changes
from streams.worker.names import app_id, changelog_topics
from streams.worker.transactions import PartitionTransactions
from tests.benchmarks.stream import token_of

BEGIN = 1_582_084_800_000
MINUTE_MS, DAY_MS = 60_000, 86_400_000
TEMPLATES = 3_000
IN_ONE_TRANSACTION = 2_000
LONGEST_SECONDS = 240.0
_PLACE = b"lead-0000000"
_POLL_MS = 10


class Away(NamedTuple):
    """One absence. ``cpu_s``: of the process that came back or took over, all threads, until then; ``load``: the
    machine's load average of the last minute before."""

    name: str
    persons: int
    back_s: float
    cpu_s: float
    rss_mb: float
    load: float


def templates() -> list[bytes]:
    """States that the rules make of leads, of which most are done, and of readings; the lead is `_PLACE`."""
    policy = default_policy()
    fold = PersonFold(Reference(policy.arrival.limits), encoder())
    rows: Rows = {"follow-ups": [], "temperatures": []}
    for number in range(TEMPLATES):
        token = token_of(number)
        at = BEGIN - number * 10 * DAY_MS // TEMPLATES

        def record(model: type[events.Event], moment: int, *, token: str = token, **fields: Any) -> None:
            common = {"source": "bench-1", "sequence": moment % 1_000_000_007, "zone_offset_minutes": 480}
            times = {"occurred_at": moment, "sent_at": moment}
            topic, key, row = model.model_validate({**common, **times, "token": token, **fields}).record()
            rows[topic].append((key, {**row, "offset": 0, "appended_at": moment}))

        lead: dict[str, Any] = {"lead_id": _PLACE.decode()}
        opened: dict[str, Any] = {
            "lead_source": "BIG_DATA",
            "push_mode": "BATCH",
            "home_province": True,
            "received_at": at,
        }
        record(events.LeadOpened, at, **lead, **opened)
        if number % 3:
            record(events.LeadVerified, at + 3 * MINUTE_MS, **lead, method="PHONE")
            record(events.LeadReportedBack, at + 5 * MINUTE_MS, **lead)
        else:
            record(events.Reading, at, value_tenths=375 + number % 15, method="NON_CONTACT", site_kind="MOTORWAY")
    return [state for state in fold.fold(rows, lambda _: {}, BEGIN).changes.values() if state is not None]


def persons(count: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and state of each person."""
    states = templates()
    numbers = iter(range(count))
    while chunk := list(islice(numbers, 50_000)):
        keys = [token_of(number).encode() for number in chunk]
        for number, key, partition in zip(chunk, keys, _partitions(keys), strict=True):
            yield partition, key, states[number % len(states)].replace(_PLACE, b"lead-%07d" % number)


def _partitions(keys: list[bytes]) -> list[int]:
    import polars as pl

    found: list[int] = partitions_of_keys(pl.Series(keys), topics.DEFAULT_PARTITIONS).tolist()
    return found


async def _write_changelog(bootstrap: str, count: int) -> int:
    """As a worker would have written it; returns the number of bytes."""
    changelog, *_ = changelog_topics()
    numbers = range(changelog.partitions)
    owners = [PartitionTransactions([bootstrap], app_id("risk"), number, {}) for number in numbers]
    await asyncio.gather(*(owner.start() for owner in owners))
    marks = as_changes({topic.name: Marker(-1, BEGIN) for topic in topics.PERSON_TOPICS})
    waiting: list[Changes] = [dict(marks) for _ in numbers]
    size = 0
    try:
        for partition, key, state in persons(count):
            size += len(key) + len(state)
            waiting[partition][key] = state
            if len(waiting[partition]) >= IN_ONE_TRANSACTION:
                await owners[partition].write({}, changelog.name, waiting[partition], BEGIN)
                waiting[partition] = {}
        await asyncio.gather(
            *(owner.write({}, changelog.name, rest, BEGIN) for owner, rest in zip(owners, waiting, strict=True) if rest)
        )
    finally:
        await asyncio.gather(*(owner.stop() for owner in owners))
    return size


class _Outputs:
    """Says when risk changes of partitions came out, committed."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", group_id=None)
        own = [TopicPartition(topics.RISK_CHANGES.name, number) for number in range(topics.DEFAULT_PARTITIONS)]
        self._consumer.assign(own)
        self._consumer.seek_to_end()
        for place in own:
            self._consumer.position(place)

    def wait_for(self, keys: Collection[bytes], process: psutil.Process) -> float:
        """The moment (monotonic) at which the last of these keys was there."""
        missing, deadline = set(keys), time.monotonic() + LONGEST_SECONDS
        while missing:
            for records in self._consumer.poll(_POLL_MS).values():
                missing -= {record.key for record in records}
            if process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
                raise RuntimeError("the worker of the bench did not come back; see the logs of its home")
        return time.monotonic()

    def close(self) -> None:
        self._consumer.close()


class Recovery:
    """A home whose changelog holds the facts of ``count`` persons."""

    def __init__(self, home: Home, count: int) -> None:
        self._home, self._count = home, count
        self._outputs = _Outputs(home.kafka_bootstrap)
        self._publisher = Publisher(home.kafka_bootstrap, linger_ms=0)
        self._codec = RowCodec(default_registry(), topics.TEMPERATURES.name)
        self._told = count
        self.results: list[Away] = []

    def fill(self) -> int:
        """Writes the changelog; returns the number of its bytes."""
        self._publisher.publish_mark(
            topics.REFERENCE.name, partition=0, source="bench", sequence=1, at=BEGIN, appended_at=BEGIN + DAY_MS
        )
        self._publisher.flush()
        return asyncio.run(_write_changelog(self._home.kafka_bootstrap, self._count))

    def measure(self) -> None:
        """All of it, in an order in which each leaves behind what the next needs."""
        with ExitStack() as stack:
            stack.callback(self._outputs.close)
            stack.callback(self._publisher.close)
            first = self._absence("cold: empty store", "1")
            stack.callback(_kill, first)
            first.terminate()
            first.wait(20)
            first = self._absence("warm: stopped", "1")
            stack.callback(_kill, first)
            _kill(first)
            first = self._absence("warm: killed", "1")
            stack.callback(_kill, first)
            second = self._joined("2")
            stack.callback(_kill, second)

            _kill(second)
            died = time.monotonic()
            load, keys = os.getloadavg()[0], self._tell()
            time.sleep(ORDINARY.delay(1))  # as the supervisor does
            second = self._start("2")
            stack.callback(_kill, second)
            self._note("take-over: started again", died, keys, second, load)
            self._wait_joined("2", second)
            self._take_over("take-over: not started", first, second)
            second = self._joined("2")
            stack.callback(_kill, second)
            for path in self._stores("2"):
                shutil.rmtree(self._directory("1") / path, ignore_errors=True)
            self._take_over("take-over: not started, store left", first, second)

    def _take_over(self, name: str, first: psutil.Process, second: psutil.Process) -> None:
        load, before = os.getloadavg()[0], first.cpu_times()
        _kill(second)
        died = time.monotonic()
        self._note(name, died, self._tell(), first, load, before.user + before.system)

    def _joined(self, instance: str) -> psutil.Process:
        """A worker that has its partitions."""
        process = self._start(instance)
        self._wait_joined(instance, process)
        return process

    def _wait_joined(self, instance: str, process: psutil.Process) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        has_its_own = has_announced(self._home.ready_file(f"bench-{instance}"))
        while not has_its_own(process.pid):
            if process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
                raise RuntimeError(f"worker {instance} of the bench is not ready; see the logs of its home")
            time.sleep(_POLL_MS / 1_000)
        self._outputs.wait_for(self._tell(), process)

    def _directory(self, instance: str) -> Path:
        return self._home.part_directory(f"worker-risk-{instance}")

    def _stores(self, instance: str) -> list[Path]:
        """Local stores of a worker, by their places in its directory."""
        directory = self._directory(instance)
        return [path.relative_to(directory) for path in directory.rglob("*.rocks")]

    def _absence(self, name: str, instance: str) -> psutil.Process:
        load, keys = os.getloadavg()[0], self._tell()
        began = time.monotonic()
        process = self._start(instance)
        self._note(name, began, keys, process, load)
        return process

    def _note(
        self, name: str, began: float, keys: list[bytes], process: psutil.Process, load: float, cpu: float = 0.0
    ) -> None:
        back = self._outputs.wait_for(keys, process) - began
        used, resident = process.cpu_times(), process.memory_info().rss
        spent = used.user + used.system - cpu
        result = Away(
            name, self._count, round(back, 2), round(spent, 2), round(resident / (1 << 20), 1), round(load, 2)
        )
        print(result, file=sys.stderr, flush=True)
        self.results.append(result)

    def _tell(self) -> list[bytes]:
        """Publishes a fever of somebody new in each partition; returns their keys."""
        keys: dict[int, bytes] = {}
        while len(keys) < topics.DEFAULT_PARTITIONS:
            self._told += 1
            key = token_of(self._told).encode()
            keys.setdefault(_partitions([key])[0], key)
        for key in keys.values():
            fever = events.Reading(
                source="bench-2",
                sequence=self._told,
                occurred_at=BEGIN,
                sent_at=BEGIN,
                zone_offset_minutes=480,
                token=key.decode(),
                value_tenths=390,
                method="ORAL",
            )
            topic, _, row = fever.record()
            self._publisher.publish_encoded(topic, key, self._codec.encode(row), appended_at=BEGIN)
        self._publisher.flush()
        return list(keys.values())

    def _start(self, instance: str) -> psutil.Process:
        ready_file = self._home.ready_file(f"bench-{instance}")
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "CHECKLINE_HOME": str(self._home.directory), READY_FILE_VARIABLE: str(ready_file)}
        command = [sys.executable, "-m", "infra.cli", "part", "worker", "risk", instance]
        with (self._home.logs / f"bench-worker-{instance}.log").open("ab") as log:
            return psutil.Popen(tethered(command), env=environment, stdout=log, stderr=log)


def _kill(process: psutil.Process) -> None:
    if process.is_running():
        process.kill()
    process.wait()
