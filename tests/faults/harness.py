"""A run from its seed to its report: `fault_run` is what the test and `make faults` call."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from xxhash import xxh3_128_digest

from infra.auditing import Scope, audit_home
from tests.faults.comparison import differences
from tests.faults.extraction import found_in, log_of, lost_and_doubled
from tests.faults.injectors import Fault
from tests.faults.model import Model
from tests.faults.published import Published
from tests.faults.report import Report
from tests.faults.rig import rig
from tests.faults.run import ROUNDS_A_FAULT, schedule, settle, strike
from tests.faults.stream import generate

DISK_BYTES = 1 << 30
"""The column store's file system: memory, of which only what is written is taken."""


def fault_run(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    events: int,
    persons: int,
    times: int,
    brokers: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Publish ``events`` while every fault strikes ``times`` times; the report says whether all was exact."""
    start = time.monotonic()
    published: Counter[bytes] = Counter()
    with rig(directory, DISK_BYTES, brokers) as installation:
        left_out = {fault.name: why for fault in faults if (why := fault.missing(installation))}
        planned = schedule([fault for fault in faults if fault.name not in left_out], times, seed)
        stream = _noted(generate(seed, events, persons, rounds=(len(planned) + 1) * ROUNDS_A_FAULT), published)
        injections = strike(installation, stream, planned, seed, tell)
        tell("all is published; waiting until it is folded, written and counted")
        settle(installation)
        model, in_log = Model(installation.home.settings.partitions), Counter[bytes]()
        for record, offset, partition in log_of(installation.home):
            model.add(record, offset, partition)
            in_log[_place_and_bytes(record)] += 1
        told = differences(model, found_in(installation.home))
        told += [f"audit: {finding}" for finding in audit_home(installation.home, Scope(everything=True))]
    lost, doubled = lost_and_doubled(published, in_log)
    return Report(
        seed=seed,
        brokers=brokers,
        published=published.total(),
        persons=len(model.people),
        seconds=time.monotonic() - start,
        refused=Counter(letter.reason for letter in model.dead_letters.values()),
        injections=injections,
        left_out=left_out,
        lost=lost,
        doubled=doubled,
        differences=told,
    )


def _noted(stream: Iterator[Published], published: Counter[bytes]) -> Iterator[Published]:
    for record in stream:
        published[_place_and_bytes(record)] += 1
        yield record


def _place_and_bytes(record: Published) -> bytes:
    """What a record is, wherever in its topic the broker put it."""
    parts = (record.topic.encode(), record.key or b"", record.value or b"", b"%d" % record.appended_at)
    return xxh3_128_digest(b"\x1f".join(parts))
