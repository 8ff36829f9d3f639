"""Records that no reader may take in: one of every reason for which a record can be refused, on several topics."""

from collections.abc import Callable, Sequence
from typing import Any

from replay.campaigns.disturbance import DAY_MS, MINUTE_MS
from replay.campaigns.schedule import HOUR_MS, Schedule
from replay.campaigns.templates import encoded
from replay.emission import Emission
from replay.manifest import Account
from schemas import events, topics
from schemas.codes import Refusal
from schemas.registry import default_registry
from schemas.wire import framing
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec

POISONED = (*topics.PERSON_TOPICS, topics.ENFORCEMENT, topics.REPORTS)
"""Topics with an app that keeps dead letters."""

REASONS = tuple(reason for reason in Refusal if reason not in (Refusal.BEYOND_HORIZON, Refusal.RULE_ERROR))
"""Reasons that a record can have by itself; beyond the horizon a record is sound, only too old to be folded."""

_NEEDED = {
    topics.CHECK_INS.name: "site_kind",
    topics.TEMPERATURES.name: "method",
    topics.FOLLOW_UPS.name: "lead_id",
    topics.ENFORCEMENT.name: "category",
    topics.REPORTS.name: "value",
}
"""A field that the sample's kind must state."""

_NOT_A_KEY = b"(no key was read)"
_FOREIGN_ID = 999_999
_REPEATED = (Refusal.UNDECODABLE, Refusal.BAD_KEY)
"""Sent twice: each record is a dead letter of its own."""


def sow(
    samples: Sequence[events.Event], times: Sequence[int], schedule: Schedule, account: Account, partitions: int
) -> None:
    """Schedules every reason once for each topic of ``samples`` (one event a topic), at ``times`` in turn.

    A sample gives shape and key; source and times are replaced, so that poison shares no identity with any event.
    """
    moment = iter(times)
    for sample in samples:
        for number, reason in enumerate(REASONS):
            at = next(moment)
            emission = _Poison(sample, number, at, partitions).emission(reason)
            again = [emission._replace(appended_at=emission.appended_at + 1500)] if reason in _REPEATED else []
            for record in (emission, *again):
                account.poison[record.topic] += 1
                account.expect_dead_letter(record.topic, reason, record.value)
                schedule.add(record)


class _Poison:
    def __init__(self, sample: events.Event, number: int, at: int, partitions: int) -> None:
        self._topic, self._key, row = sample.record()
        stamp = {"source": f"faulty-{self._topic}", "sequence": number, "occurred_at": at, "sent_at": at}
        self._row: dict[str, Any] = {**row, **stamp}
        self._at = at
        self._partitions = topics.partitions_of(topics.BY_NAME[self._topic], partitions)
        self._schema = default_registry().latest(self._topic)
        self._codec = RowCodec(default_registry(), self._topic)

    def emission(self, reason: Refusal) -> Emission:
        made: dict[Refusal, Callable[[], bytes | None]] = {
            Refusal.NULL_VALUE: lambda: None,
            Refusal.TOO_SHORT: lambda: framing.prefix(self._schema.id)[:3],
            Refusal.FOREIGN_MAGIC: lambda: b'{"kind": "' + self._row["kind"].encode() + b'"}',
            Refusal.UNKNOWN_SCHEMA: lambda: framing.prefix(_FOREIGN_ID) + self._value()[framing.SIZE :],
            Refusal.OTHER_SUBJECT: lambda: framing.prefix(self._other_id()) + self._value()[framing.SIZE :],
            Refusal.TRUNCATED: lambda: self._value()[: framing.SIZE + 6],
            Refusal.TRAILING_BYTES: lambda: self._value() + b"\x00\x00",
            Refusal.UNDECODABLE: self._unknown_kind,
            Refusal.BAD_KEY: self._value,
            Refusal.WRONG_PARTITION: self._value,
            Refusal.MISSING_FIELD: lambda: self._value(**{_NEEDED[self._topic]: self._absent()}),
            Refusal.OUT_OF_RANGE: lambda: self._value(zone_offset_minutes=9999),
            Refusal.OCCURRED_AFTER_SENT: lambda: self._value(occurred_at=self._at + HOUR_MS),
            Refusal.SENT_AFTER_APPENDED: lambda: self._value(sent_at=self._at + 20 * DAY_MS),
        }
        key = _NOT_A_KEY if reason is Refusal.BAD_KEY else self._key
        partition = partition_of_key(key, self._partitions)
        if reason is Refusal.WRONG_PARTITION:
            partition = (partition + 1) % self._partitions
        return Emission(self._topic, key, made[reason](), self._at + 10, partition)

    def _value(self, **instead: object) -> bytes:
        return self._codec.encode({**self._row, **instead})

    def _absent(self) -> object:
        return events.absent_row(self._topic)[_NEEDED[self._topic]]

    def _other_id(self) -> int:
        other = topics.TEMPERATURES if self._topic != topics.TEMPERATURES.name else topics.CHECK_INS
        return default_registry().latest(other.name).id

    def _unknown_kind(self) -> bytes:
        """A datum whose kind is a number that the enumeration does not have."""
        first = self._schema.parsed["fields"][0]
        known = encoded(first["type"], self._row["kind"])
        return framing.prefix(self._schema.id) + encoded("long", 99) + self._value()[framing.SIZE + len(known) :]


def moments(start: int, until: int, count: int) -> list[int]:
    """Times spread evenly over [start, until), none on the hour."""
    step = (until - start) // (count + 1)
    return [(start + step * number) // MINUTE_MS * MINUTE_MS + 7 for number in range(1, count + 1)]
