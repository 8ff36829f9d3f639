"""Feeds a model with a handful of events."""

from typing import Any

from schemas.topics import BY_NAME, DEFAULT_PARTITIONS, INPUT_TOPICS
from tests.faults.avro_writer import Writer
from tests.faults.model import Model, Published
from tests.faults.model.judgement import partition_of
from tests.faults.scenarios.world import Source, key_in, token

PERSON = token("p", 1)


class Desk:
    """Whatever is said arrives when it happens; ``key`` is the person unless said otherwise."""

    def __init__(self) -> None:
        self.model = Model()
        self.source = Source("desk-1")
        self.offset = 0

    def say(self, topic: str, kind: str, at: int, key: str = PERSON, **fields: Any) -> None:
        row = {**self.source.row(kind, at, at), **fields}
        count = DEFAULT_PARTITIONS if BY_NAME[topic].partitioned else 1
        self._add(Published(topic, key.encode(), Writer(topic).value(row), at), partition_of(key.encode(), count))

    def reading(self, at: int, tenths: int, **fields: Any) -> None:
        self.say("temperatures", "READING", at, value_tenths=tenths, method="ORAL", **fields)

    def mark(self, at: int) -> None:
        """The time of every partition."""
        for topic in INPUT_TOPICS:
            for partition in range(DEFAULT_PARTITIONS if topic.partitioned else 1):
                value = Writer(topic.name).value(self.source.row("TIME_MARK", at, at))
                self._add(Published(topic.name, key_in(partition, DEFAULT_PARTITIONS), value, at), partition)

    def segments(self) -> list[tuple[int, int, str]]:
        return [segment[:3] for segment in self.model.timelines().get(PERSON, [])]

    def outcomes(self, subject: str = PERSON) -> dict[str, str]:
        """What is proven of every clock of a subject, by clock id."""
        found = {}
        for key, (outcome,) in self.model.outcomes().items():
            name, _, clock_id = key.partition("/")
            if name == subject:
                found[clock_id] = outcome.outcome
        return found

    def _add(self, record: Published, partition: int) -> None:
        self.model.add(record, self.offset, partition)
        self.offset += 1
