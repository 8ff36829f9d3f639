"""What an import publishes, and in which order: the records of a case for a number of partitions, and its time marks.

With as many partitions as the case has, an event-clock case is published as it lies. Else partitions are merged in the
order of arrival and divided again by key, and the marks are made anew, because a mark speaks for one partition:

- of an event-clock case, all new partitions of a topic get a mark when the *last* of the old ones has passed it: no
  clock is ahead of a record that came before the mark in its old partition;
- a wall-clock case has none: as the merged log passes an hour, every partition gets a mark of it, and one of the time
  at which the case was exported at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import NamedTuple

from replay.case_file_manifest import FileEntry, Manifest
from replay.case_file_marks import MarkFinder, MarkMaker
from replay.case_file_records import read_records
from schemas.topics import BY_NAME, PERSON_TOPICS, REFERENCE, partitions_of
from schemas.wire.batches import Record
from schemas.wire.partitioner import NO_PARTITION, partitions_of_keys

HOUR_MS = 3_600_000
_BUFFERED_RECORDS = 100_000
_LEAST_CHUNK = 32
_PERSON_TOPICS = tuple(topic.name for topic in PERSON_TOPICS)


class CannotDivide(Exception):
    """The case cannot be published with this number of partitions."""


class Outgoing(NamedTuple):
    """A record to be published. ``appended_at`` (UTC milliseconds) is to be its timestamp."""

    topic: str
    partition: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


_Read = tuple[int, int, Record, int, int | None]
"""Of a record: the latest arrival in its file so far, the file's number, itself, its partition, the time it marks."""


def require_divisible(manifest: Manifest, partitions: int) -> None:
    """Raises CannotDivide where a record that was refused for its partition would lie in its key's own."""
    misplaced = sum(file.misplaced for file in manifest.files)
    if partitions == 1 != manifest.partitions and misplaced:
        raise CannotDivide(f"{misplaced} records lie in a partition that is not their key's: of one, none is another")


def uneven_marks(manifest: Manifest, partitions: int) -> list[str]:
    """Topics whose partitions' marks end at different times, where they must be divided again: all clocks of such a
    topic stop at the earliest."""
    if not _are_marks_remade(manifest, partitions) or manifest.clock == "wall":
        return []
    return [
        topic
        for topic in manifest.topics
        if len({file.last_mark for file in manifest.files if file.topic == topic}) > 1
    ]


def outgoing(directory: Path, manifest: Manifest, partitions: int) -> Iterator[Outgoing]:
    """Everything to publish, in order. A verified case. Raises CannotDivide, CaseDamaged."""
    require_divisible(manifest, partitions)
    # Reference data first among what arrived at the same time.
    files = sorted(manifest.files, key=lambda file: (file.topic != REFERENCE.name, file.topic, file.partition))
    size = max(_BUFFERED_RECORDS // max(len(files), 1), _LEAST_CHUNK)
    records = merge(*(_read(number, directory, file, manifest, partitions, size) for number, file in enumerate(files)))
    if manifest.clock == "wall":
        return _with_hours(records, files, manifest, partitions)
    return _with_passed_marks(records, files, manifest, partitions)


def _with_passed_marks(
    records: Iterator[_Read], files: Sequence[FileEntry], manifest: Manifest, partitions: int
) -> Iterator[Outgoing]:
    """An event-clock case. Marks that are made anew come when all old partitions of the topic have passed them."""
    passed: dict[str, dict[int, int | None]] = {}
    for file in files:
        passed.setdefault(file.topic, {})[file.partition] = None
    makers = {topic: MarkMaker(topic, partitions_of(BY_NAME[topic], partitions)) for topic in passed}
    reached: dict[str, int] = {}
    for _, number, record, place, mark in records:
        file = files[number]
        if mark is None:
            yield _outgoing(file.topic, place, record)
            continue
        of_topic = passed[file.topic]
        of_topic[file.partition] = max(mark, of_topic[file.partition] or mark)
        earliest = min((-1 if at is None else at) for at in of_topic.values())
        if earliest >= 0 and earliest > reached.get(file.topic, -1):
            reached[file.topic] = earliest
            yield from _marks(makers[file.topic], file.topic, earliest, record.appended_at)
    yield from _marks_of_absent(files, partitions)


def _marks_of_absent(files: Sequence[FileEntry], partitions: int) -> Iterator[Outgoing]:
    """A clock of persons is that of the slowest of their topics: one that was not exported must not hold it."""
    present = {file.topic for file in files}
    latest = [file.last_mark for file in files if file.topic in _PERSON_TOPICS and file.last_mark is not None]
    for topic in _PERSON_TOPICS if latest else ():
        if topic not in present:
            yield from _marks(MarkMaker(topic, partitions), topic, max(latest), max(latest))


def _with_hours(
    records: Iterator[_Read], files: Sequence[FileEntry], manifest: Manifest, partitions: int
) -> Iterator[Outgoing]:
    """A wall-clock case: hourly marks on every topic but `reference`, whose own are in the log."""
    makers = _makers_of_wall(files, partitions)
    hour: int | None = None
    for arrived, number, record, place, mark in records:
        topic = files[number].topic
        if hour is None and topic != REFERENCE.name:
            hour = arrived // HOUR_MS * HOUR_MS
        while hour is not None and hour <= arrived:
            for name, maker in makers.items():
                yield from _marks(maker, name, hour, hour)
            hour += HOUR_MS
        if mark is None:
            yield _outgoing(topic, place, record)
    until = manifest.until
    if until is not None:
        last = {**makers, REFERENCE.name: MarkMaker(REFERENCE.name, 1)}
        for name, maker in last.items():
            yield from _marks(maker, name, until, until)


def _makers_of_wall(files: Sequence[FileEntry], partitions: int) -> Mapping[str, MarkMaker]:
    names = {file.topic for file in files} - {REFERENCE.name}
    if names & set(_PERSON_TOPICS):
        names |= set(_PERSON_TOPICS)
    return {name: MarkMaker(name, partitions) for name in sorted(names)}


def _marks(maker: MarkMaker, topic: str, at: int, appended_at: int) -> Iterator[Outgoing]:
    for partition, (key, value) in enumerate(maker.at(at)):
        yield Outgoing(topic, partition, appended_at, key, value, [])


def _outgoing(topic: str, partition: int, record: Record) -> Outgoing:
    _, appended_at, key, value, headers = record
    return Outgoing(topic, partition, appended_at, key, value, list(headers))


def _are_marks_remade(manifest: Manifest, partitions: int) -> bool:
    return manifest.clock == "wall" or partitions != manifest.partitions


def _read(
    number: int, directory: Path, file: FileEntry, manifest: Manifest, partitions: int, size: int
) -> Iterator[_Read]:
    """The records of one file with their new partitions. Within a file the order is the log's: a record that states an
    earlier arrival than one before it is as late as that."""
    topic = BY_NAME[file.topic]
    divided = topic.partitioned and partitions != manifest.partitions
    remade = topic.partitioned and _are_marks_remade(manifest, partitions)
    finder = MarkFinder(file.topic, file.partition, partitions_of(topic, manifest.partitions)) if remade else None
    latest = -1
    for records in read_records(directory / file.name, size):
        marks = finder.find(records) if finder else {}
        places = _places(records, file.partition, manifest.partitions, partitions) if divided else None
        for row, record in enumerate(records):
            latest = max(latest, record.appended_at)
            yield latest, number, record, places[row] if places else file.partition, marks.get(row)


def _places(records: Sequence[Record], partition: int, before: int, after: int) -> list[int]:
    """Where records of a partition belong when there are ``after`` partitions. What was in a wrong one stays in one,
    and what has no key, which is wrong anywhere, goes wherever there is a place."""
    keys = [record.key for record in records]
    found, old = partitions_of_keys(keys, after), partitions_of_keys(keys, before)
    misplaced = (old != partition) & (old != NO_PARTITION)
    found[misplaced] = (found[misplaced] + 1) % after
    found[found == NO_PARTITION] = partition % after
    places: list[int] = found.tolist()
    return places
