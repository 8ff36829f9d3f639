"""Emissions in the order of their arrival, with time marks on every partition in between."""

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter

from replay.campaigns.templates import long, template_of_row
from replay.emission import Emission
from replay.manifest import Account
from schemas import topics
from schemas.events import TimeMark
from schemas.topics import Topic
from schemas.wire.partitioner import partition_of_key

HOUR_MS = 3_600_000
_arrival = itemgetter(3)


class Marks:
    """Time marks of every partition of an input topic; a mark's key maps to its partition."""

    def __init__(self, topic: Topic, partitions: int) -> None:
        self._topic = topic.name
        self._parts: list[tuple[bytes, bytes]] = []
        for partition in range(topics.partitions_of(topic, partitions)):
            source = f"clock-{topic.name}-{partition}"
            row = TimeMark(source=source, sequence=0, at=0).row(topic.name)
            form = template_of_row(topic.name, row, ("sequence", "occurred_at", "sent_at"))
            self._parts.append((_key_for(partition, topics.partitions_of(topic, partitions)), form))

    def at(self, time: int) -> list[Emission]:
        """One mark for each partition, UTC milliseconds."""
        number, moment = long(time // HOUR_MS), long(time)
        return [
            Emission(self._topic, key, form % (number, moment, moment), time, partition)
            for partition, (key, form) in enumerate(self._parts)
        ]


def _key_for(partition: int, partitions: int) -> bytes:
    number = 0
    while partition_of_key(b"mark-%d" % number, partitions) != partition:
        number += 1
    return b"mark-%d" % number


class Schedule:
    """Holds emissions until their hour has come. ``start`` and ``until`` are whole hours, UTC milliseconds.

    ``mark_every_ms``, whole hours: a campaign of a year needs no mark at each hour.
    """

    def __init__(self, start: int, until: int, partitions: int, account: Account, mark_every_ms: int = HOUR_MS) -> None:
        self.until = until
        self._start, self._mark_every_ms = start, mark_every_ms
        self._next = start
        self._hours: defaultdict[int, list[Emission]] = defaultdict(list)
        self._marks = [Marks(topic, partitions) for topic in topics.INPUT_TOPICS if topic.partitioned]
        self._account = account

    def add(self, emission: Emission) -> None:
        """Takes an emission of an hour that was not given out yet. Raises ValueError for any other time."""
        hour = emission.appended_at // HOUR_MS
        if not self._next <= hour * HOUR_MS < self.until:
            raise ValueError(
                f"{emission.topic}: arrival at {emission.appended_at} lies outside what is left to publish"
            )
        self._hours[hour].append(emission)

    def release(self, before: int) -> Iterator[Emission]:
        """All emissions up to the whole hour ``before`` in order of arrival; marks begin their hour."""
        while self._next < before:
            if not (self._next - self._start) % self._mark_every_ms:
                yield from self._mark(self._next)
            due = self._hours.pop(self._next // HOUR_MS, [])
            due.sort(key=_arrival)
            self._next += HOUR_MS
            yield from due

    def finish(self) -> Iterator[Emission]:
        """Everything left, then the last marks."""
        yield from self.release(self.until)
        yield from self._mark(self.until)

    def _mark(self, time: int) -> Iterator[Emission]:
        for marks in self._marks:
            emitted = marks.at(time)
            self._account.time_marks[emitted[0].topic] += len(emitted)
            yield from emitted
