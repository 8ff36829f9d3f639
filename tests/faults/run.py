"""One run: publish a stream while faults are injected, let everything come to rest, and compare.

What is published and which faults strike in which order follow from the seed; at which very moment they strike does
not, as the machine has its own pace.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from infra.column_store import reader_address
from infra.edge.publisher import Publisher
from infra.embedded.catch_up import wait_until_caught_up
from sinks.clickhouse import ClickHouse
from tests.faults.injectors import Fault
from tests.faults.pauses import Pause, PauseWatch
from tests.faults.published import Published
from tests.faults.rig import Rig

OVERLAP = 0.2
"""Share of the faults that strike before the harm of the one before is mended. Their pauses are not reported."""

FLUSH_EVERY = 1000
ROUNDS_A_FAULT = 4
ROUND_SECONDS = 0.3

FLOW_SECONDS = 180.0
"""A partition that does not move for so long after a fault is stuck."""


class Injection(NamedTuple):
    """A fault that was injected: how long that took, and the pause it made (None: it overlapped with another)."""

    fault: str
    seconds: float
    pause: Pause | None


def schedule(faults: Sequence[Fault], times: int, seed: int) -> list[Fault]:
    """Each fault so many times, in an order drawn from the seed: every round holds each once."""
    chosen = random.Random(f"faults {seed}")
    planned: list[Fault] = []
    for _ in range(times):
        planned += chosen.sample(faults, len(faults))
    return planned


def strike(
    rig: Rig,
    stream: Iterable[Published],
    planned: Sequence[Fault],
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Injection]:
    """Publish the stream round by round; each fault strikes while its rounds are published and worked on. A round ends
    with time marks: what lies behind the last ones waits for the next, fault or no fault."""
    chosen = random.Random(f"moments {seed}")
    rounds = rounds_of(stream)
    injections: list[Injection] = []
    with (
        PauseWatch(rig.home) as watch,
        ThreadPoolExecutor(1) as publishing,
        Publisher(rig.home.kafka_bootstrap, delivery_timeout_ms=300_000) as publisher,
    ):
        publish_slowly(publisher, rounds)
        alone = True
        for number, fault in enumerate(planned, 1):
            published = publishing.submit(publish_slowly, publisher, rounds)
            time.sleep(chosen.uniform(0, ROUNDS_A_FAULT * ROUND_SECONDS))
            start = time.monotonic()
            fault.inject(rig, chosen)
            seconds = time.monotonic() - start
            overlaps = chosen.random() < OVERLAP
            if not overlaps:
                rig.wait_all_ready()
            published.result()
            pause = None if overlaps else watch.until_flowing(FLOW_SECONDS)
            injections.append(Injection(fault.name, seconds, pause if alone else None))
            told = (
                f"longest pause {pause.worker:.1f} s of workers, {pause.sink:.1f} s of sinks" if pause else "overlaps"
            )
            tell(f"{number}/{len(planned)} {fault.name}: {seconds:.1f} s, {told}")
            alone = not overlaps
            rig.check()
        for last in rounds:
            publish(publisher, last)
    rig.wait_all_ready()
    return injections


def rounds_of(stream: Iterable[Published]) -> Iterator[list[Published]]:
    """The parts of a stream, each with the time marks that end it."""
    part: list[Published] = []
    after_mark = False
    for record in stream:
        if after_mark and not record.is_mark:
            yield part
            part = []
        part.append(record)
        after_mark = record.is_mark
    yield part


def publish_slowly(publisher: Publisher, rounds: Iterator[list[Published]]) -> None:
    """Publish the rounds of one fault, so that there is work all the while."""
    for _ in range(ROUNDS_A_FAULT):
        publish(publisher, next(rounds))
        time.sleep(ROUND_SECONDS)


def publish(publisher: Publisher, records: Iterable[Published]) -> None:
    """Publish records in order; returns when all are acknowledged."""
    for number, record in enumerate(records, 1):
        publisher.publish_encoded(
            record.topic, record.key, record.value, partition=record.partition, appended_at=record.appended_at
        )
        if number % FLUSH_EVERY == 0:
            publisher.flush()
    publisher.flush()


def settle(rig: Rig, tell: Callable[[int], None] = lambda _: None) -> None:
    """Returns when everything published is folded, written and counted. Raises PartFailed."""
    with ClickHouse(reader_address(rig.home), "faults") as client:
        wait_until_caught_up(rig.home, client, rig.check, tell)
