"""`make bench`: speed and memory of the parts, in one run on one broker. Not part of `make test`: machines are noisy.

CPU is that of the process in question, all threads, from the moment it was ready to the last event; the broker and the
column store's engine are counted apart.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from clickhouse_driver import Client
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from infra.edge.publisher import Publisher
from infra.embedded.catch_up import WORKER_GROUPS
from infra.embedded.kafka.topics import changelog_spec, create_topics
from infra.embedded.parts import CLICKHOUSE, MIGRATIONS, TOPICS, parts
from infra.embedded.readiness import READY_FILE_VARIABLE, has_announced
from infra.embedded.supervisor import Supervisor
from infra.home import Home
from infra.lag.collector import LagCollector
from infra.settings import read_settings
from schemas import topics
from tests.benchmarks import replaying, timer_herd
from tests.benchmarks.recovery import Recovery
from tests.benchmarks.stream import ONE_PASSES_IN, PERSONS, stream

(RISK_GROUP, *_) = WORKER_GROUPS
ORDINARY_GROUP = "bench-faust-ordinary"
BEGIN = 1_582_084_800_000
RESULTS = Path("benchmarks/results")
POLL_SECONDS = 0.05
LONGEST_SECONDS = 300.0
MEGABYTE = 1 << 20
LIBRARIES = ("faust-streaming", "aiokafka", "kafka-python", "polars", "clickhouse-driver", "chdb", "rocksdict")


class Reading(NamedTuple):
    """A process at a moment: wall seconds, CPU seconds of all its threads, resident bytes."""

    wall: float
    cpu: float
    resident: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Reading":
        used = process.cpu_times()
        return cls(time.monotonic(), used.user + used.system, process.memory_info().rss)


class Result(NamedTuple):
    """One line of the bench."""

    name: str
    events: int
    events_per_s: float
    cpu_us_per_event: float
    rss_mb: float

    @classmethod
    def between(cls, name: str, events: int, begin: Reading, end: Reading) -> "Result":
        wall, cpu = end.wall - begin.wall, end.cpu - begin.cpu
        return cls(name, events, round(events / wall), round(cpu / events * 1e6, 2), round(end.resident / MEGABYTE, 1))


class Bench:
    """A home with a running broker and column store."""

    def __init__(self, home: Home, supervisor: Supervisor, persons: int, one_passes_in: int) -> None:
        self.home = home
        self._persons, self._one_passes_in = persons, one_passes_in
        self.engine = self._process(supervisor, CLICKHOUSE)
        self.published = 0
        names = [topic.name for topic in topics.PERSON_TOPICS]
        self._collectors = {
            group: LagCollector(home.kafka_bootstrap, {group: names}, {}) for group in (RISK_GROUP, ORDINARY_GROUP)
        }

    @staticmethod
    def _process(supervisor: Supervisor, name: str) -> psutil.Process:
        (pid,) = (part.pid for part in supervisor.status() if part.name == name)
        return psutil.Process(pid)

    def publish(self, count: int) -> None:
        """Publish the next events of the stream; returns when all are acknowledged."""
        with Publisher(self.home.kafka_bootstrap) as publisher:
            for topic, key, value, at in stream(count, BEGIN + self.published, self._persons, self._one_passes_in):
                publisher.publish_encoded(topic, key, value, appended_at=at)
        self.published += count

    @contextmanager
    def part(self, *words: str) -> Iterator[psutil.Process]:
        """A part in a process of its own, from the moment it is ready."""
        ready_file = self.home.ready_file("-".join(words))
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "CHECKLINE_HOME": str(self.home.directory), READY_FILE_VARIABLE: str(ready_file)}
        command = [sys.executable, "-m", "infra.cli", "part", *words]
        with self._running(command, environment, "-".join(words)) as process:
            wait_for(lambda: has_announced(ready_file)(process.pid), process)
            yield process

    @contextmanager
    def ordinary(self, group: str) -> Iterator[psutil.Process]:
        """The ordinary Faust program."""
        directory = self.home.part_directory(group)
        program = [sys.executable, "-m", "tests.benchmarks.faust_ordinary"]
        command = [*program, self.home.kafka_bootstrap, str(directory), group]
        with self._running(command, dict(os.environ), group) as process:
            yield process

    @contextmanager
    def _running(self, command: list[str], environment: dict[str, str], name: str) -> Iterator[psutil.Process]:
        with (self.home.logs / f"bench-{name}.log").open("ab") as log:
            child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def waiting(self, group: str) -> int:
        """Events of the person topics that a group has not committed."""
        return sum(partition.lag for partition in self._collectors[group].collect())

    def is_stable(self, group: str) -> bool:
        """Whether the members of a group have their partitions."""
        admin = KafkaAdminClient(bootstrap_servers=self.home.kafka_bootstrap)
        try:
            return bool(admin.describe_groups([group])[group]["group_state"] == "Stable")
        except KafkaError:  # the group has no coordinator yet
            return False
        finally:
            admin.close()

    def stored(self) -> int:
        """Events of the person topics in the column store's account."""
        address = self.home.clickhouse
        with_query = Client(**address.client_options(address.reader))
        names = ", ".join(repr(topic.name) for topic in topics.PERSON_TOPICS)
        query = f"SELECT sum(stored + refused) FROM checkline.ledger FINAL WHERE topic IN ({names})"
        found = int(with_query.execute(query)[0][0])
        with_query.disconnect()
        return found


def wait_for(condition: Callable[[], bool], *processes: psutil.Process) -> None:
    """Returns when the condition holds. Raises RuntimeError when a process has ended, TimeoutError after minutes."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        for process in processes:
            if process.status() == psutil.STATUS_ZOMBIE:
                raise RuntimeError(f"process {process.pid} of the bench has ended; see the logs of its home")
        if time.monotonic() > deadline:
            raise TimeoutError("a part of the bench did not get done; see the logs of its home")
        time.sleep(POLL_SECONDS)


def worker(bench: Bench, events: int) -> list[Result]:
    with bench.part("worker", "risk", "1") as process:
        begin = Reading.of(process)
        wait_for(lambda: bench.waiting(RISK_GROUP) == 0, process)
        return [Result.between("worker", events, begin, Reading.of(process))]


def sink(bench: Bench, events: int) -> list[Result]:
    with bench.part("sink") as process:
        begin, engine = Reading.of(process), Reading.of(bench.engine)
        wait_for(lambda: bench.stored() == events, process)
        results = [Result.between("sink", events, begin, Reading.of(process))]
        return [*results, Result.between("sink-engine", events, engine, Reading.of(bench.engine))]


def ordinary(bench: Bench, events: int) -> list[Result]:
    """From the first event published to the last one committed; ready is when the group has shared out the topics."""
    partitions = bench.home.settings.partitions
    needed = [changelog_spec(f"{ORDINARY_GROUP}-{name}", partitions) for name in ("persons-changelog", "risk-changes")]
    create_topics(bench.home.kafka_bootstrap, needed)
    with bench.ordinary(ORDINARY_GROUP) as process:
        wait_for(lambda: bench.is_stable(ORDINARY_GROUP), process)
        begin = Reading.of(process)
        bench.publish(events)
        wait_for(lambda: bench.waiting(ORDINARY_GROUP) == 0, process)
        return [Result.between("faust-ordinary", events, begin, Reading.of(process))]


def pipeline(bench: Bench, events: int) -> list[Result]:
    """Publisher, worker and sink at work together, from the first event published to the last one queryable."""
    before, myself = bench.stored(), psutil.Process()
    with bench.part("worker", "risk", "1") as worker_process, bench.part("sink") as sink_process:
        processes = (myself, worker_process, sink_process)
        begin = [Reading.of(process) for process in processes]
        bench.publish(events)
        wait_for(lambda: bench.stored() - before == events and bench.waiting(RISK_GROUP) == 0, *processes)
        end = [Reading.of(process) for process in processes]
    total = [
        Reading(readings[0].wall, sum(one.cpu for one in readings), sum(one.resident for one in readings))
        for readings in (begin, end)
    ]
    return [Result.between("pipeline", events, *total)]


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "processors": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": platform.system(),
        "architecture": platform.machine(),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--ordinary-events", type=int, default=30_000)
    arguments.add_argument("--pipeline-events", type=int, default=300_000)
    arguments.add_argument("--persons", type=int, default=PERSONS)
    arguments.add_argument("--one-passes-in", type=int, default=ONE_PASSES_IN, help="1: every row leaves a fact")
    arguments.add_argument("--recovery-persons", type=int, help="measure nothing but recovery, of so many persons")
    arguments.add_argument(
        "--herd", type=int, help="measure nothing but a herd of so many deadlines due at one instant"
    )
    arguments.add_argument("--replay-scale", type=float, help="measure nothing but replays, of the campaign at a scale")
    wanted = arguments.parse_args()
    if wanted.replay_scale:
        replays(wanted.replay_scale)
        return
    if wanted.herd:
        herds(wanted.herd)
        return
    if wanted.recovery_persons:
        recovery(wanted.recovery_persons)
        return
    with tempfile.TemporaryDirectory(prefix="checkline-bench-") as directory:
        home = Home.open(read_settings(home=Path(directory), clock="event"))
        planned = parts(home, only=(*nodes(home), CLICKHOUSE, TOPICS, MIGRATIONS))
        with Supervisor(planned, home.logs, progress=say) as supervisor:
            bench = Bench(home, supervisor, wanted.persons, wanted.one_passes_in)
            with Publisher(home.kafka_bootstrap) as publisher:  # lets everything published here be judged
                far = BEGIN + 10 * wanted.events
                publisher.publish_mark(
                    topics.REFERENCE.name, partition=0, source="bench", sequence=1, at=far, appended_at=far
                )
            results: list[Result] = []

            def take(found: list[Result]) -> None:
                for result in found:
                    say(str(result))
                    results.append(result)

            # The ordinary agent would need minutes for all of the log, so it gets the beginning of it.
            take(ordinary(bench, wanted.ordinary_events))
            say(f"publishing {wanted.events} events")
            bench.publish(wanted.events - wanted.ordinary_events)
            take(worker(bench, wanted.events))
            take(sink(bench, wanted.events))
            take(pipeline(bench, wanted.pipeline_events))
    report(results)
    keep([result._asdict() for result in results])


def nodes(home: Home) -> list[str]:
    """Names of the parts that are the broker."""
    return [node.name for node in home.kafka_nodes]


def recovery(persons: int) -> None:
    """Back from nothing, from a warm store, and from the death of one of two."""
    with tempfile.TemporaryDirectory(prefix="checkline-bench-") as directory:
        home = Home.open(read_settings(home=Path(directory), clock="event"))
        with Supervisor(parts(home, only=(*nodes(home), TOPICS)), home.logs, progress=say):
            measured = Recovery(home, persons)
            say(f"writing the changelog of {persons} persons")
            say(f"{measured.fill() / MEGABYTE:.0f} MB")
            measured.measure()
    print(f"{'absence':<40}{'persons':>9}{'back after s':>13}{'CPU s':>7}{'RSS MB':>8}{'load':>6}")
    for one in measured.results:
        print(f"{one.name:<40}{one.persons:>9}{one.back_s:>13.2f}{one.cpu_s:>7.2f}{one.rss_mb:>8.0f}{one.load:>6.2f}")
    keep([result._asdict() for result in measured.results])


def replays(scale: float) -> None:
    """The same log again and again."""
    with tempfile.TemporaryDirectory(prefix="checkline-bench-") as directory:
        home = Home.open(read_settings(home=Path(directory), clock="event"))
        planned = parts(home, only=(*nodes(home), CLICKHOUSE, TOPICS, MIGRATIONS))
        with Supervisor(planned, home.logs, progress=say):
            results = replaying.measure(home, scale, say)
    print("\n".join(replaying.told(results)))
    keep([result._asdict() for result in results])


def herds(clocks: int) -> None:
    """A herd of deadlines before one worker, and before two."""
    results = [timer_herd.herd(clocks, workers, say) for workers in (1, 2)]
    print("\n".join(map(timer_herd.told, results)))
    keep([one._asdict() for one in results])


def keep(results: list[dict[str, Any]]) -> None:
    """Write a result file."""
    document = {
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "results": results,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime())}.json"
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    say(f"written to {file}")


def report(results: list[Result]) -> None:
    """The table, and the ratio that matters."""
    print(f"{'name':<16}{'events':>10}{'events/s':>12}{'CPU us/event':>14}{'RSS MB':>9}")
    for one in results:
        print(f"{one.name:<16}{one.events:>10}{one.events_per_s:>12.0f}{one.cpu_us_per_event:>14.2f}{one.rss_mb:>9.1f}")
    cost = {one.name: one.cpu_us_per_event for one in results}
    print(
        f"one event of the ordinary agent costs as much as {cost['faust-ordinary'] / cost['worker']:.0f} of the worker"
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
