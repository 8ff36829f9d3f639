"""The bytes of refused records, read from the log: where they lie, or from their dead letter."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from infra.dead_letters.letters import Letter
from infra.dead_letters.positions import Position
from infra.errors import CannotRun, kafka_is_silent
from schemas.registry import default_registry
from schemas.topics import DEAD_LETTERS
from schemas.wire.rows import RowCodec

READ_SECONDS = 20.0
_POLL_MS = 500


class NotRead(CannotRun):
    """The broker did not hand out a record in time."""


class Raw(NamedTuple):
    """A refused record as it came. ``found_in``: the position it was read from."""

    key: bytes | None
    value: bytes | None
    appended_at: int
    found_in: Position


class RecordReader:
    """Reads single records; a context manager. Raises MissingPart when no broker answers."""

    def __init__(self, bootstrap: str, client_options: Mapping[str, Any]) -> None:
        self._letters = RowCodec(default_registry(), DEAD_LETTERS.name)
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=bootstrap.split(","),
                client_id="checkline-dead-letters",
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                metrics_enabled=False,
                **client_options,
            )
        except KafkaError as error:
            raise kafka_is_silent(bootstrap, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._consumer.close()

    def raw(self, letter: Letter) -> Raw | None:
        """A refused record's bytes; None when retention has eaten both it and its dead letter. Raises NotRead."""
        record = self._record(letter.position)
        if record is not None:
            return Raw(record.key, record.value, record.timestamp, letter.position)
        if letter.letter is None:
            return None
        position = Position(DEAD_LETTERS.name, *letter.letter)
        record = self._record(position)
        if record is None:
            return None
        row = self._letters.decode(record.value)
        if row["record_key"] is None and row["record_value"] is None:
            return None  # a letter that could not carry them
        return Raw(row["record_key"], row["record_value"], row["appended_at"], position)

    def _record(self, position: Position) -> Any:
        """The record at a position; None when the log no longer has it."""
        place = TopicPartition(position.topic, position.partition)
        if position.partition not in (self._consumer.partitions_for_topic(position.topic) or ()):
            return None
        self._consumer.assign([place])
        begin, end = self._consumer.beginning_offsets([place])[place], self._consumer.end_offsets([place])[place]
        if not begin <= position.offset < end:
            return None
        self._consumer.seek(place, position.offset)
        deadline = time.monotonic() + READ_SECONDS
        while time.monotonic() < deadline:
            for record in self._consumer.poll(timeout_ms=_POLL_MS, max_records=1).get(place, ()):
                return record if record.offset == position.offset else None
            if self._consumer.position(place) > position.offset:
                return None  # what lay there was no record, or compaction took it
        raise NotRead(f"kafka did not hand out {position} within {READ_SECONDS:.0f} s; see checkline status")
