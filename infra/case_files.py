"""Case files between a home's log and a directory: exporting a stretch of the log, importing it into another home."""

import asyncio
import json
import resource
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AiokafkaError
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra.campaigning import UNFINISHED, account_file
from infra.errors import CannotRun, MissingPart, WrongSetting, kafka_is_silent
from infra.home import Home, write_whole
from replay.case_file import CaseWriter, NotEmpty, Source
from replay.case_file_manifest import LostRange, Manifest
from replay.case_file_merge import CannotDivide, Outgoing, outgoing, require_divisible, uneven_marks
from replay.case_file_verify import Verification, verify
from replay.log import Extent, Log, LogGone
from schemas.registry import default_registry
from schemas.topics import INPUT_TOPICS, REFERENCE, Topic, partitions_of
from schemas.wire.batches import CorruptBatch
from sinks.blocks import Span
from sinks.ledger import Place

SPANS_AT_ONCE = 64
"""Partitions read together: each has a file open and a fetch in memory."""

BATCH_BYTES = 256 * 1024
LINGER_SECONDS = 0.1
REQUEST_TIMEOUT_MS = 60_000
_UNSETTLED_BATCHES = 1_000
_LOOK_EVERY = 512
_OWN_FILES = 256
"""Open files that are not of the case."""


class ImportFailed(CannotRun):
    """A record was not acknowledged, or the log does not hold what was published."""


class Wanted(NamedTuple):
    """What to export. Topics besides `reference`, which is always whole; times are UTC milliseconds."""

    topics: tuple[Topic, ...]
    since: int | None = None
    before: int | None = None


class Exported(NamedTuple):
    """A case that was written, and the digest of its manifest."""

    manifest: Manifest
    digest: str


class Imported(NamedTuple):
    """What was published, time marks that were made anew among it."""

    records: Counter[str]
    marks_end_unevenly: list[str]


def topics_wanted(names: Collection[str], restricted: bool) -> tuple[Topic, ...]:
    """The topics to export. Raises WrongSetting for a name that is none, or a restricted one that was not meant."""
    known = {topic.name: topic for topic in INPUT_TOPICS}
    if unknown := sorted(set(names) - known.keys()):
        raise WrongSetting(f"--topic {unknown[0]}: there is no such input topic; one of {', '.join(known)}")
    chosen = [topic for topic in INPUT_TOPICS if topic.name in names] if names else list(INPUT_TOPICS)
    if names and not restricted and (closed := [topic.name for topic in chosen if topic.restricted]):
        raise WrongSetting(f"--topic {closed[0]}: it is for restricted readers; give --restricted if that is meant")
    if restricted:
        chosen += [topic for topic in INPUT_TOPICS if topic.restricted and topic not in chosen]
    return tuple(topic for topic in chosen if topic is not REFERENCE and (restricted or not topic.restricted))


def export_case(home: Home, directory: Path, wanted: Wanted, progress: Callable[[int, int], object]) -> Exported:
    """Write what the log holds now into a directory. ``progress`` is told offsets done and all.

    Raises WrongSetting where the directory holds something, MissingPart where the log does not give what it held at
    the beginning, OSError.
    """
    now = time.time_ns() // 1_000_000
    topics = (*wanted.topics, REFERENCE)
    partitions = home.settings.partitions
    _require_partitions(home, topics)
    source = Source(home.clock, partitions, wanted.since, wanted.before, _until(home, wanted, now))
    try:
        with Log(home.kafka_bootstrap, "", home.settings.kafka.aiokafka_options()) as log:
            extent = log.extent(topics, partitions)
            spans, lost = _spans(home, log, extent, wanted)
            done, all_of_it = 0, sum(span.end - span.begin for span in spans)
            with CaseWriter(directory, source, spans, default_registry()) as case:
                for group in _groups(spans):
                    for span, batches in log.read(group):
                        case.add(span, batches)
                        done += span.end - span.begin
                        progress(done, all_of_it)
                return Exported(*case.finish(now, lost, _campaigns(home, wanted)))
    except NotEmpty as error:
        raise WrongSetting(f"{directory} is not empty; name a new directory") from error
    except (LogGone, CorruptBatch) as error:
        raise MissingPart(str(error)) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise WrongSetting(f"{directory} is no directory; name a new one") from error
    except PermissionError as error:
        raise WrongSetting(f"{error.filename or directory} cannot be written: {error.strerror}") from error


def verify_case(directory: Path, progress: Callable[[int], object]) -> Verification:
    """Read a case over. Raises MissingPart where there is no such directory, or a file of it cannot be read."""
    if not directory.is_dir():
        raise MissingPart(f"{directory} is no directory; name that of a case file")
    try:
        return verify(directory, default_registry(), progress)
    except OSError as error:
        raise MissingPart(f"{error.filename or directory} cannot be read: {error.strerror}") from error


def import_case(
    home: Home, directory: Path, manifest: Manifest, digest: str, progress: Callable[[int, int], object]
) -> Imported:
    """Publish a verified case into an event-clock home whose input topics hold nothing, all acknowledged.

    ``progress`` is told records published and about how many there will be. Raises WrongSetting for a home that cannot
    take it, ImportFailed.
    """
    partitions = home.settings.partitions
    require_importable(home, manifest)
    _allow_files(len(manifest.files))
    published: Counter[Place] = Counter()

    def counted() -> Iterator[Outgoing]:
        for number, one in enumerate(outgoing(directory, manifest, partitions)):
            published[one.topic, one.partition] += 1
            if number % _LOOK_EVERY == 0:
                progress(number, manifest.records)
            yield one

    try:
        asyncio.run(_publish(home, counted()))
    except AiokafkaError as error:
        raise kafka_is_silent(home.kafka_bootstrap, error) from error
    _require_published(home, published)
    records: Counter[str] = Counter()
    for (topic, _), count in published.items():
        records[topic] += count
    for name, account in manifest.campaigns.items():
        file = account_file(home, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(account, ensure_ascii=False, indent=2) + "\n")
    origin = {"digest": digest, "created_at": manifest.created_at, "records": dict(records)}
    write_whole(home.directory / "case.json", json.dumps(origin, indent=2) + "\n")
    return Imported(records, uneven_marks(manifest, partitions))


def require_importable(home: Home, manifest: Manifest) -> None:
    """Raises WrongSetting for a home that a case must not be published into."""
    if home.clock != "event":
        raise WrongSetting(
            f"clock: {home.directory} runs on the wall clock, a case brings its own time; set CHECKLINE_HOME to a new "
            "directory and start it with --clock event"
        )
    try:
        require_divisible(manifest, home.settings.partitions)
    except CannotDivide as error:
        raise WrongSetting(f"partitions: {error}; set CHECKLINE_PARTITIONS to 2 or more for a new home") from error
    _require_partitions(home, INPUT_TOPICS)
    held = {place: end for place, end in _extent(home).ends.items() if end}
    if held:
        topic, partition = min(held)
        raise WrongSetting(
            f"{topic}/{partition} of {home.directory} holds {held[topic, partition]} records already, and positions "
            "and identities would mix; set CHECKLINE_HOME to a new directory and start it with --clock event"
        )


# ---- what to read


def _until(home: Home, wanted: Wanted, now: int) -> int | None:
    """The time a wall-clock home has reached in the range; an event-clock home's stands in its marks."""
    if home.clock == "event":
        return None
    return now if wanted.before is None else min(now, wanted.before)


def _spans(home: Home, log: Log, extent: Extent, wanted: Wanted) -> tuple[list[Span], list[LostRange]]:
    """What to read of each partition, and what retention has taken of it."""
    begins, ends = dict(extent.begins), dict(extent.ends)
    bounded = [place for place in extent.ends if place[0] != REFERENCE.name]
    since = wanted.since
    first = log.positions_at(bounded, since) if since is not None else {}
    # The broker's own times grow with the offset; those of an event-clock home may not, and all of it is looked at.
    if wanted.before is not None and home.clock == "wall":
        after = log.positions_at(bounded, wanted.before)
        ends.update({place: min(ends[place], position) for place, position in after.items()})
    lost = []
    for place, begin in extent.begins.items():
        if place[0] != REFERENCE.name and since is not None:
            begins[place] = min(max(begin, first.get(place, ends[place])), ends[place])
        # Where records from before the range are still there, none of the range is gone.
        if begin > 0 and (begins[place] == begin or since is None or begin == extent.ends[place]):
            lost.append(LostRange(topic=place[0], partition=place[1], begin=begin))
    return [Span(*place, begins[place], max(ends[place], begins[place])) for place in sorted(ends)], lost


def _groups(spans: Sequence[Span]) -> Iterator[list[Span]]:
    rest = iter(span for span in spans if span.end > span.begin)
    while group := list(islice(rest, SPANS_AT_ONCE)):
        yield group


def _campaigns(home: Home, wanted: Wanted) -> dict[str, Any]:
    """Accounts of the campaigns that were published here, where the case holds all that their figures count."""
    counted = {topic for topic in INPUT_TOPICS if not topic.restricted and topic is not REFERENCE}
    if wanted.since is not None or wanted.before is not None or not counted <= set(wanted.topics):
        return {}
    found = {}
    for file in sorted((home.directory / "campaigns").glob("*.json")):
        account = json.loads(file.read_text(encoding="utf-8"))
        if UNFINISHED not in account:
            found[file.stem] = account
    return found


def _extent(home: Home) -> Extent:
    try:
        with Log(home.kafka_bootstrap, "", home.settings.kafka.aiokafka_options()) as log:
            return log.extent(INPUT_TOPICS, home.settings.partitions)
    except LogGone as error:
        raise MissingPart(str(error)) from error


def _require_partitions(home: Home, topics: Iterable[Topic]) -> None:
    """Raises WrongSetting where topics have another number of partitions than the settings say: some of the log would
    be left out in silence."""
    try:
        client = KafkaAdminClient(
            bootstrap_servers=home.kafka_bootstrap.split(","), **home.settings.kafka.client_options()
        )
        try:
            found = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics()}
        finally:
            client.close()
    except KafkaError as error:
        raise kafka_is_silent(home.kafka_bootstrap, error) from error
    for topic in topics:
        wanted = partitions_of(topic, home.settings.partitions)
        if topic.name not in found:
            raise MissingPart(f"kafka at {home.kafka_bootstrap} has no topic {topic.name}; run checkline up")
        if found[topic.name] != wanted:
            raise WrongSetting(
                f"partitions: {topic.name} has {found[topic.name]}, the settings say {wanted}; set "
                "CHECKLINE_PARTITIONS to what it was when the home was first started"
            )


# ---- publishing


async def _publish(home: Home, records: Iterator[Outgoing]) -> None:
    """All of it, acknowledged by all replicas. Raises ImportFailed for the first batch that is not."""
    producer = AIOKafkaProducer(
        bootstrap_servers=home.kafka_bootstrap,
        client_id="checkline-case",
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **home.settings.kafka.aiokafka_options(),
    )
    await producer.start()
    try:
        await _Batches(producer).publish(records)
    finally:
        await producer.stop()


class _Batches:
    """Fills whole batches, which costs a fifth of sending record by record, and keeps their acknowledgements."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._filling: dict[Place, Any] = {}
        self._sent: deque[tuple[Place, Awaitable[Any]]] = deque()
        self._looked = time.monotonic()

    async def publish(self, records: Iterator[Outgoing]) -> None:
        filling = self._filling
        for number, (topic, partition, appended_at, key, value, headers) in enumerate(records):
            place = topic, partition
            batch = filling.get(place)
            if batch is None or batch.append(timestamp=appended_at, key=key, value=value, headers=headers) is None:
                if batch is not None:
                    await self._send(place)
                batch = filling[place] = self._producer.create_batch()
                batch.append(timestamp=appended_at, key=key, value=value, headers=headers)
            if number % _LOOK_EVERY == 0:
                await asyncio.sleep(0)
                # No partition is kept waiting for its batch to fill: readers get the topics side by side.
                if time.monotonic() - self._looked > LINGER_SECONDS:
                    await self._send_all()
        await self._send_all()
        while self._sent:
            await self._settle()

    async def _send_all(self) -> None:
        for place in list(self._filling):
            await self._send(place)
        self._looked = time.monotonic()

    async def _send(self, place: Place) -> None:
        topic, partition = place
        batch = self._filling.pop(place)
        try:
            self._sent.append((place, await self._producer.send_batch(batch, topic, partition=partition)))
        except AiokafkaError as error:
            raise _failed(place, error) from error
        while len(self._sent) > _UNSETTLED_BATCHES:
            await self._settle()

    async def _settle(self) -> None:
        place, acknowledged = self._sent.popleft()
        try:
            await acknowledged
        except AiokafkaError as error:
            raise _failed(place, error) from error


def _failed(place: Place, error: Exception) -> ImportFailed:
    topic, partition = place
    return ImportFailed(
        f"{topic}/{partition}: not acknowledged: {type(error).__name__}: {error}; the case is in this home in part "
        "only: import it into a new one"
    )


def _require_published(home: Home, published: Counter[Place]) -> None:
    """Raises ImportFailed unless every partition ends where what was published to it does."""
    ends = _extent(home).ends
    for place in sorted({*ends, *published}):
        if ends.get(place, 0) != published[place]:
            topic, partition = place
            raise ImportFailed(
                f"{topic}/{partition} ends at {ends.get(place, 0)} and {published[place]} records were published: "
                "somebody else publishes into this home; import into a new one that nobody uses"
            )


def _allow_files(number: int) -> None:
    """All files of a case are read side by side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _OWN_FILES
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise WrongSetting(f"{number} files are read at once and {hard} may be open; raise the limit (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
