"""A log of real record batches in memory, and events for it, built through the models that producers use."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from schemas import events
from schemas.registry import default_registry
from schemas.topics import BY_NAME, partitions_of
from schemas.wire.batches import RecordBatch
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from sinks.blocks import Span
from tests.support.batches import Sent, record_batch

PARTITIONS = 4
NOON = events.to_milliseconds("2020-02-19T12:00:00+08:00")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

PERSONS = [f"p00{letter * 24}" for letter in "abcdefghijklmnop"]
"""Tokens of persons, over several partitions."""


class Gate:
    """A source that numbers what it sends."""

    def __init__(self, source: str = "gate-1") -> None:
        self.source = source
        self.sequence = 0

    def _common(self, at: int, fields: dict[str, Any]) -> dict[str, Any]:
        self.sequence = fields.pop("sequence", self.sequence + 1)
        sent_at = fields.pop("sent_at", at)
        times = {"occurred_at": at, "sent_at": sent_at, "zone_offset_minutes": 480}
        return {"source": self.source, "sequence": self.sequence, **times}

    def passage(self, token: str = PERSONS[0], at: int = NOON, **fields: Any) -> events.Event:
        place = {"site": "site-1", "site_kind": "MOTORWAY", "direction": "ENTERING", "subject_kind": "PERSON"}
        return events.Passage.model_validate({**place, **self._common(at, fields), "token": token, **fields})

    def event(self, model: type[events.Event], at: int = NOON, **fields: Any) -> events.Event:
        return model.model_validate({**self._common(at, fields), **fields})


class Log:
    """Partitions of some topics; records are appended one batch at a time and keep their offsets."""

    def __init__(self, partitions: int = PARTITIONS) -> None:
        self.partitions = partitions
        self.batches: dict[tuple[str, int], list[RecordBatch]] = defaultdict(list)
        self.ends: dict[tuple[str, int], int] = defaultdict(int)

    def place_of(self, topic: str, key: bytes) -> tuple[str, int]:
        return topic, partition_of_key(key, partitions_of(BY_NAME[topic], self.partitions))

    def publish(self, *published: events.Event, hole: int = 0) -> None:
        """Append events, those of one partition as one batch, then a hole such as a transaction marker leaves."""
        records: dict[tuple[str, int], list[Sent]] = defaultdict(list)
        for event in published:
            record = event.record()
            value = RowCodec(default_registry(), record.topic).encode(record.row)
            records[self.place_of(record.topic, record.key)].append(Sent(record.key, value, event.sent_at + 1000))
        for place, sent in records.items():
            self.append(place, sent)
            self.ends[place] += hole

    def append(self, place: tuple[str, int], sent: Iterable[Sent]) -> None:
        records = list(sent)
        self.batches[place].append(record_batch(records, self.ends[place]))
        self.ends[place] += len(records)

    def mark(self, topic: str, partition: int, at: int) -> None:
        """Append a time mark."""
        row = events.TimeMark(source="clock", sequence=at, at=at).row(topic)
        value = RowCodec(default_registry(), topic).encode(row)
        token = next(token for token in PERSONS if self.place_of(topic, token.encode())[1] == partition)
        self.append((topic, partition), [Sent(token.encode(), value, at)])

    def spans(self, since: dict[tuple[str, int], int] | None = None) -> dict[Span, list[RecordBatch]]:
        """Everything from some positions on, one span per partition."""
        begins = since or {}
        found: dict[Span, list[RecordBatch]] = {}
        for place, end in sorted(self.ends.items()):
            begin = begins.get(place, 0)
            if begin < end:
                batches = [RecordBatch(batch.raw, begin) for batch in self.batches[place] if batch.next_offset > begin]
                found[Span(*place, begin, end)] = batches
        return found
