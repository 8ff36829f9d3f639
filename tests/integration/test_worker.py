"""The worker on the real broker: killed, frozen, rebalanced and stopped under load, it loses and doubles nothing."""

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import polars as pl
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from rocksdict import AccessType, Options, Rdict

from infra.embedded.kafka import create_topics
from infra.embedded.kafka.topics import changelog_spec
from infra.embedded.ports import free_port
from schemas.events import Event, LeadOpened, LeadVerified, Passage, Reading, TimeMark
from schemas.registry import default_registry
from schemas.topics import DEAD_LETTERS, PERSON_TOPICS, RISK_CHANGES, SLA_EVENTS, TEMPERATURES
from schemas.validity import Limits
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec
from streams.fold import Changes
from streams.worker.main import READY_LINE
from streams.worker.markers import Marker, as_changes, is_marker
from streams.worker.metrics import RECOVERING, RECOVERY_APPLIED, RECOVERY_REMAINING
from streams.worker.names import app_id, changelog_topics
from streams.worker.transactions import PartitionTransactions
from tests.integration.worker_process import ALLOWED_MS, BROKEN, FAULTY, SCREENED_OUT_BELOW
from tests.support.cluster import KafkaCluster
from tests.support.people import NOON, Desk

PARTITIONS = 4
START_MS = 1_582_000_000_000
HOUR_MS = 3_600_000
TOKENS = ["p01" + first + second * 23 for first in "abcdefghijklmnop" for second in "abcdefghijklmnop"]
END_KEY = b"\0end of the test"
DEADLINE_SECONDS = 40.0


def wait_for(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    end, tick = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"no {what} within {seconds:.0f} s"
        tick.wait(0.02)


class Publisher:
    """Publishes a disorderly stream, chunk by chunk, and keeps the plain account of what must come of it."""

    def __init__(self, bootstrap: str, prefix: str, pause: float = 0.05) -> None:
        """``pause``: seconds between chunks."""
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        self._prefix = prefix
        self._pause = pause
        self._random = random.Random(7)
        self._codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in PERSON_TOPICS}
        keys = [token.encode() for token in TOKENS]
        self._partition = dict(zip(keys, partitions_of_keys(pl.Series(keys), PARTITIONS).tolist(), strict=True))
        self._mark_keys = {partition: key for key, partition in self._partition.items()}
        self._sequence = 0
        self._now = START_MS
        self._recent: list[Event] = []
        self._poison: list[tuple[str, str, Any]] = []
        self.facts: dict[bytes, set[str]] = defaultdict(set)
        self.published = 0
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def start(self) -> None:
        self._thread.start()

    def publishes(self) -> bool:
        return self._thread.is_alive()

    def finish(self) -> None:
        """Ends with a mark after the last deadline."""
        self._enough.set()
        self._thread.join()
        self._now += 2 * ALLOWED_MS
        self._marks()
        self._producer.flush()

    def close(self) -> None:
        self._enough.set()
        self._thread.join()
        self._producer.close()

    def expected_dead(self) -> dict[bytes, str]:
        return {f"{topic}/{f.get(10).partition}/{f.get(10).offset}".encode(): why for topic, why, f in self._poison}

    def expected_states(self) -> dict[bytes, set[str]]:
        return {
            key: facts | {f"told {fact.partition(' due ')[0]}" for fact in facts if " due " in fact}
            for key, facts in self.facts.items()
        }

    def _publish(self) -> None:
        while not self._enough.wait(self._pause):
            for _ in range(80):
                self._one()
            self._poison_one()
            self._now += HOUR_MS // 10
            self._marks()

    def _one(self) -> None:
        if self._recent and self._random.random() < 0.05:
            self._send(self._random.choice(self._recent))  # the same event once more
            return
        event = self._event(self._random.choice(TOKENS), self._random.random())
        self._recent = [*self._recent[-50:], event]
        self._send(event)
        if isinstance(event, Reading) and event.value_tenths < SCREENED_OUT_BELOW:
            return
        fact = f"{event.source}#{event.sequence}"
        if isinstance(event, LeadOpened):
            fact += f" due {event.received_at + ALLOWED_MS}"
        self.facts[event.record().key].add(fact)

    def _event(self, token: str, kind: float, **fields: Any) -> Event:
        self._sequence += 1
        at = self._now - self._random.randrange(HOUR_MS)
        common: dict[str, Any] = {
            "token": token,
            "source": "device-1",
            "sequence": self._sequence,
            "occurred_at": at,
            "sent_at": at,
            "zone_offset_minutes": 480,
            **fields,
        }
        if kind < 0.5:
            value = self._random.randrange(360, 390)
            return Reading(**{"value_tenths": value, "method": "ORAL", **common})
        if kind < 0.8:
            return Passage(site="s1", site_kind="RAIL", direction="ENTERING", subject_kind="PERSON", **common)
        lead: dict[str, Any] = {"lead_id": f"l{self._sequence}", **common}
        if kind < 0.9:
            return LeadVerified(method="PHONE", **lead)
        return LeadOpened(lead_source="BIG_DATA", push_mode="BATCH", home_province=True, received_at=at, **lead)

    def _send(self, event: Event, value: bytes | None = None, partition: int | None = None) -> Any:
        topic, key, row = event.record()
        self.published += 1
        return self._producer.send(
            self._prefix + topic,
            key=key,
            value=self._codecs[topic].encode(row) if value is None else value,
            partition=self._partition[key] if partition is None else partition,
            timestamp_ms=self._now,
        )

    def _poison_one(self) -> None:
        token = self._random.choice(TOKENS)
        event = self._event(token, self._random.random())
        name, key, row = event.record()
        whole = self._codecs[name].encode(row)
        right = self._partition[key]
        match self._random.randrange(6):
            case 0:
                why, future = "FOREIGN_MAGIC", self._send(event, value=b"{}")
            case 1:
                why, future = "TRUNCATED", self._send(event, value=whole[:-3])
            case 2:
                why, future = "TRAILING_BYTES", self._send(event, value=whole + b"\0")
            case 3:
                why, future = "WRONG_PARTITION", self._send(event, partition=(right + 1) % PARTITIONS)
            case 4:
                event = self._event(token, 0.0, value_tenths=390, instrument=BROKEN)
                why, future = "RULE_ERROR", self._send(event)
            case _:
                old = self._now - Limits().horizon_ms - 2 * HOUR_MS
                event = self._event(token, 0.6, occurred_at=old, sent_at=self._now)
                why, future = "BEYOND_HORIZON", self._send(event)
        self._poison.append((event.topic.name, why, future))

    def _marks(self) -> None:
        for topic in PERSON_TOPICS:
            for partition, key in self._mark_keys.items():
                self._sequence += 1
                row = TimeMark(source="clock", sequence=self._sequence, at=self._now).row(topic.name)
                value = self._codecs[topic.name].encode(row)
                self._producer.send(self._prefix + topic.name, value, key, partition=partition, timestamp_ms=self._now)


class Worker:
    """A worker process."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path, instance: str, *options: str) -> None:
        self.directory = directory
        self.log_file = directory.with_suffix(".log")
        self._log: IO[bytes] = self.log_file.open("ab")
        command = [
            sys.executable,
            "-m",
            "tests.integration.worker_process",
            bootstrap,
            prefix,
            str(directory),
            instance,
        ]
        self.process = subprocess.Popen(
            [*command, "--partitions", str(PARTITIONS), *options], stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == READY_LINE:
                self._ready.set()

    def wait_ready(self) -> None:
        wait_for(lambda: self._ready.is_set() or self.process.poll() is not None, "ready worker")
        assert self.process.poll() is None, self.words()

    def words(self) -> str:
        return self.log_file.read_text()[-5000:]

    def ended(self) -> int:
        """Exit status of a worker that ends by itself."""
        return self._end(DEADLINE_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()

    def _end(self, seconds: float = 15.0) -> int:
        status = self.process.wait(seconds)
        self._reader.join()
        self._log.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def terminate(self) -> tuple[int, float]:
        """Exit status of SIGTERM, and seconds it took."""
        begun = time.monotonic()
        self.process.terminate()
        return self._end(), time.monotonic() - begun

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self.frozen_at = time.monotonic()

    def thaw(self) -> int:
        self.process.send_signal(signal.SIGCONT)
        return self._end()


def fence(bootstrap: str, transactional_id: str) -> None:
    """Takes a transactional id over."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=transactional_id)
    producer.init_transactions()
    producer.close()


class Log:
    """What a read_committed reader sees, and how far the log is."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._reads = 0
        self.changelog = changelog_topics(PARTITIONS, prefix)[0].name
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", group_id=None)

    def close(self) -> None:
        self._consumer.close()

    def progress(self) -> int:
        """Records of the changelog, which grows with every step."""
        ends = self._consumer.end_offsets([TopicPartition(self.changelog, number) for number in range(PARTITIONS)])
        return int(sum(ends.values()))

    def read(self, topic: str) -> Iterator[Any]:
        """All committed records of a topic, to an end that is written now."""
        self._reads += 1
        this_end = END_KEY + b"%d" % self._reads
        producer = KafkaProducer(bootstrap_servers=self._bootstrap)
        for number in range(PARTITIONS):
            producer.send(topic, key=this_end, value=b"", partition=number)
        producer.close()
        self._consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        self._consumer.seek_to_beginning()
        ends, give_up = 0, time.monotonic() + DEADLINE_SECONDS
        while ends < PARTITIONS:
            assert time.monotonic() < give_up, f"{topic} was not read to its end"
            for found in self._consumer.poll(500).values():
                for record in found:
                    ends += record.key == this_end
                    if not record.key.startswith(END_KEY):
                        yield record


@pytest.fixture
def prefix(kafka_cluster: KafkaCluster) -> str:
    prefix = kafka_cluster.fresh_topics(clock="event", partitions=PARTITIONS)
    specs = [changelog_spec(topic.name, topic.partitions) for topic in changelog_topics(PARTITIONS, prefix)]
    create_topics(kafka_cluster.bootstrap, specs)
    return prefix


@pytest.mark.long  # as the short run of tests/faults does
@pytest.mark.timeout(300)
def test_killed_frozen_rebalanced_and_stopped_it_loses_and_doubles_nothing(
    kafka_cluster: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        bootstrap = kafka_cluster.bootstrap
        log = Log(bootstrap, prefix)
        stack.callback(log.close)
        publisher = Publisher(bootstrap, prefix)
        publisher.start()
        stack.callback(publisher.close)

        def start(directory: str, instance: str) -> Worker:
            worker = Worker(bootstrap, prefix, tmp_path / directory, instance)
            stack.callback(worker.end)
            return worker

        def wait_for_progress(records: int) -> None:
            goal = log.progress() + records
            wait_for(lambda: log.progress() >= goal or not publisher.publishes(), "progress")
            assert publisher.publishes()

        worker = start("a", "one")
        for records in (300, 700):  # kill -9 in the middle
            worker.wait_ready()
            wait_for_progress(records)
            worker.kill()
            worker = start("a", "one")
        worker.wait_ready()
        wait_for_progress(100)
        fence(bootstrap, f"{app_id('risk', prefix)}-0")  # as another owner of partition 0 would
        assert worker.ended() == 1
        assert "ProducerFenced" in worker.words()

        zombie = start("a", "one")  # frozen past its session, and replaced meanwhile under the same instance id
        zombie.wait_ready()
        wait_for_progress(100)
        zombie.freeze()
        worker, second = start("b", "one"), start("c", "two")  # and a rebalance
        worker.wait_ready()
        second.wait_ready()
        wait_for_progress(300)
        wait_for(lambda: time.monotonic() > zombie.frozen_at + 6.5, "end of the zombie's session")
        assert zombie.thaw() == 70, zombie.words()
        status, seconds = second.terminate()  # under load, and a rebalance again
        assert (status, seconds < 10) == (0, True), second.words()

        publisher.finish()
        expected = publisher.expected_states()
        expected_told = Counter((key, fact) for key, facts in publisher.facts.items() for fact in facts)
        deadlines = Counter(
            (key, fact.partition(" due ")[0]) for key, fact in expected_told.elements() if " due " in fact
        )

        def all_told() -> bool:
            told = Counter((record.key, record.value.decode()) for record in log.read(prefix + SLA_EVENTS.name))
            return told.total() >= deadlines.total()

        wait_for(all_told, "last deadline")
        status, seconds = worker.terminate()
        assert (status, seconds < 10) == (0, True), worker.words()

        states = {record.key: record.value for record in log.read(log.changelog)}
        found = {key: set(value.decode().split("\n")) for key, value in states.items() if not is_marker(key)}
        assert found == expected
        told = Counter((record.value, record.key.decode()) for record in log.read(prefix + RISK_CHANGES.name))
        assert told == expected_told
        told = Counter((record.key, record.value.decode()) for record in log.read(prefix + SLA_EVENTS.name))
        assert told == deadlines
        assert dead_letters(log, prefix) == publisher.expected_dead()
        assert stored(worker.directory) == {
            key: b"\n".join(sorted(f.encode() for f in expected[key])) for key in expected
        }
        assert publisher.published > 10_000


def dead_letters(log: Log, prefix: str) -> dict[bytes, str]:
    codec = RowCodec(default_registry(), DEAD_LETTERS.name)
    letters: dict[bytes, str] = {}
    for record in log.read(prefix + DEAD_LETTERS.name):
        assert record.key not in letters, "a dead letter twice"
        row = codec.decode(record.value)
        assert f"{row['topic']}/{row['partition']}/{row['offset']}".encode() == record.key
        assert row["owner"] == "risk"
        assert row["record_key"]
        letters[record.key] = row["reason"]
    return letters


def stored(directory: Path) -> dict[bytes, bytes]:
    """All states in a stopped worker's local store."""
    states = {}
    for path in directory.rglob("*.rocks"):
        database = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
        items: Any = database.items()
        states.update({key: value for key, value in items if not key.startswith(b"\0")})  # rows of our own
        database.close()
    return states


def members(bootstrap: str, prefix: str) -> int:
    """Members of the workers' group."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        group = app_id("risk", prefix)
        return len(admin.describe_groups([group])[group]["members"])
    finally:
        admin.close()


@pytest.mark.timeout(300)
@pytest.mark.long
def test_stopped_under_a_flood_it_leaves_and_the_next_goes_on_where_it_was(
    kafka_cluster: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    """A static member keeps its place in the group when it vanishes; when it is stopped it must give it up, or nobody
    would have its partitions until its session has ended."""
    bootstrap = kafka_cluster.bootstrap
    with ExitStack() as stack:
        log = Log(bootstrap, prefix)
        stack.callback(log.close)
        flood = Publisher(bootstrap, prefix, pause=0.02)
        flood.start()
        stack.callback(flood.close)
        directories = [tmp_path / "a", tmp_path / "b"]

        def start(number: int) -> Worker:
            other = directories[1 - number]
            worker = Worker(bootstrap, prefix, directories[number], f"{number}", "--neighbour", str(other))
            stack.callback(worker.end)
            worker.wait_ready()
            return worker

        first, second = start(0), start(1)
        assert members(bootstrap, prefix) == 2
        for leaving in (second, first):
            goal = log.progress() + 100
            wait_for(lambda goal=goal: log.progress() >= goal, "progress")  # type: ignore[misc]
            before = members(bootstrap, prefix)
            status, seconds = leaving.terminate()
            assert (status, seconds < 10) == (0, True), leaving.words()
            assert members(bootstrap, prefix) == before - 1
        last = start(0)
        flood.finish()
        expected_told = Counter((key, fact) for key, facts in flood.facts.items() for fact in facts)

        def all_told() -> bool:
            told = list(log.read(prefix + RISK_CHANGES.name))
            return len(told) >= expected_told.total()

        wait_for(all_told, "last fact")
        status, seconds = last.terminate()
        assert (status, seconds < 10) == (0, True), last.words()
        told = Counter((record.value, record.key.decode()) for record in log.read(prefix + RISK_CHANGES.name))
        assert told == expected_told


IN_ONE_BATCH = 500


def write_changelog(bootstrap: str, prefix: str, persons: int) -> None:
    """The changelog of a worker that knew so many persons in each partition."""
    changelog, *_ = changelog_topics(PARTITIONS, prefix)

    async def write(number: int) -> None:
        owner = PartitionTransactions([bootstrap], app_id("risk", prefix), number, {})
        await owner.start()
        for first in range(0, persons, IN_ONE_BATCH):  # each more than a fetch of this worker takes
            batch = range(first, first + IN_ONE_BATCH)
            states: Changes = {b"%d-%d" % (number, person): b"device-1#%d" % person for person in batch}
            await owner.write({}, changelog.name, states, START_MS)
        await owner.stop()

    async def write_all() -> None:
        await asyncio.gather(*(write(number) for number in range(PARTITIONS)))

    asyncio.run(write_all())


def test_a_recovery_is_seen_in_the_metrics_and_in_the_log(
    kafka_cluster: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    persons = 20_000
    write_changelog(kafka_cluster.bootstrap, prefix, persons)
    port = free_port()
    seen: list[tuple[float, float, float]] = []

    def scrape() -> tuple[float, float, float] | None:
        """Recovering, applied, remaining."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:  # it does not listen yet
            return None
        totals: Counter[str] = Counter()
        for line in lines:
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                totals[name.partition("{")[0]] += float(value)  # type: ignore[assignment]
        return totals[RECOVERING.name], totals[RECOVERY_APPLIED.name], totals[RECOVERY_REMAINING.name]

    def is_back() -> bool:
        if (found := scrape()) is not None and found not in seen:
            seen.append(found)
        return bool(seen) and seen[-1][0] == 0

    worker = Worker(kafka_cluster.bootstrap, prefix, tmp_path / "a", "one", "--metrics-port", str(port))
    try:
        wait_for(is_back, "end of the recovery")
        assert seen[-1] == (0, PARTITIONS * persons, 0)
        half_way = [found for found in seen if found[0] and 0 < found[1] < PARTITIONS * persons and found[2] > 0]
        assert half_way, seen
        assert [found[1] for found in seen] == sorted(found[1] for found in seen)
        worker.wait_ready()
        assert f"recovery: done, {PARTITIONS * persons} changelog records of {PARTITIONS} partitions" in worker.words()
    finally:
        worker.end()


def test_what_a_dead_owner_applied_and_did_not_commit_is_committed_by_the_next_also_where_nothing_follows(
    kafka_cluster: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    bootstrap, topic, number = kafka_cluster.bootstrap, prefix + TEMPERATURES.name, 0
    group, changelog = app_id("risk", prefix), changelog_topics(PARTITIONS, prefix)[0].name
    with ExitStack() as stack:
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        stack.callback(producer.close)
        _, key, row = Desk().reading(385).record()
        value = RowCodec(default_registry(), TEMPERATURES.name).encode(row)
        published = producer.send(topic, value, key, partition=number, timestamp_ms=NOON).get(10)

        async def apply_and_die() -> None:
            owner = PartitionTransactions([bootstrap], group, number, {})
            await owner.start()
            await owner.write({}, changelog, as_changes({topic: Marker(published.offset)}), NOON)
            await owner.stop()

        asyncio.run(apply_and_die())
        worker = Worker(bootstrap, prefix, tmp_path / "a", "one")
        stack.callback(worker.end)
        worker.wait_ready()
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        stack.callback(admin.close)

        def committed() -> int:
            found = admin.list_group_offsets({group: [TopicPartition(topic, number)]})[group]
            return int(found[TopicPartition(topic, number)].offset)

        wait_for(lambda: committed() == published.offset + 1, "commit of what was applied")
        log = Log(bootstrap, prefix)
        stack.callback(log.close)
        assert not list(log.read(prefix + RISK_CHANGES.name))  # it was not folded again


def test_it_waits_for_reference_data_and_stops_at_a_fault_of_its_rules(
    kafka_cluster: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    bootstrap, desk = kafka_cluster.bootstrap, Desk()
    with ExitStack() as stack:
        log = Log(bootstrap, prefix)
        stack.callback(log.close)
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        stack.callback(producer.close)

        def publish(topic: str, key: bytes, row: dict[str, Any], appended_at: int) -> None:
            value = RowCodec(default_registry(), topic).encode(row)
            producer.send(prefix + topic, value, key, timestamp_ms=appended_at).get(10)

        def start() -> Worker:
            worker = Worker(bootstrap, prefix, tmp_path / "a", "one", "--reference")
            stack.callback(worker.end)
            worker.wait_ready()
            return worker

        publish(*desk.reading(385).record(), NOON)
        worker = start()
        assert log.progress() == 0
        status, seconds = worker.terminate()  # while a batch is held back
        assert (status, seconds < 10) == (0, True), worker.words()
        assert log.progress() == 0

        worker = start()
        mark = TimeMark(source="clock", sequence=1, at=NOON).row("reference")
        publish("reference", b"clock", mark, NOON - 5_001)
        publish("reference", b"clock", mark, NOON - 5_000)
        wait_for(lambda: log.progress() > 0, "progress after the mark")
        assert [record.key for record in log.read(prefix + RISK_CHANGES.name)] == [b"desk-1#1"]

        publish(*desk.reading(385, instrument=FAULTY).record(), NOON)
        assert worker.ended() == 1
        assert "a fault of the platform" in worker.words()
        assert [record.key for record in log.read(prefix + RISK_CHANGES.name)] == [b"desk-1#1"]


def test_it_does_not_start_without_its_topics_and_names_them(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    prefix = kafka_cluster.fresh_topics(clock="event", partitions=PARTITIONS + 1)
    worker = Worker(kafka_cluster.bootstrap, prefix, tmp_path / "a", "one")
    assert worker.ended() == 2
    assert f"{prefix}check-ins has {PARTITIONS + 1} partitions, not {PARTITIONS}" in worker.words()
    assert f"{prefix}checkline-risk-persons-changelog is missing" in worker.words()
