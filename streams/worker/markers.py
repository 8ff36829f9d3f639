"""Markers: how far a partition of each input topic is applied, as rows of the table's own changelog.

A marker is written in the transaction that writes what the records caused, so the two cannot disagree. It also keeps
the latest time mark of the topic's partition: a restart must not forget what time it is.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from streams.fold import Changes

PREFIX = b"\0applied\0"
"""Beginning of a marker's key. No key of an event begins with a zero byte: `schemas.validity` refuses it."""

_VALUE = struct.Struct(">qq")
_NEVER = -1


class Marker(NamedTuple):
    """Offset of the last applied record, and UTC milliseconds of the latest time mark, None when there was none."""

    offset: int
    mark: int | None = None

    def encoded(self) -> bytes:
        return _VALUE.pack(self.offset, _NEVER if self.mark is None else self.mark)

    @classmethod
    def decoded(cls, value: bytes) -> "Marker":
        """Raises struct.error when the value is none of ours."""
        offset, mark = _VALUE.unpack(value)
        return cls(offset, None if mark == _NEVER else mark)


Markers = dict[str, Marker]
"""Kafka topic to its marker, of one partition."""


def marker_key(topic: str) -> bytes:
    """Key of a topic's marker in the table."""
    return PREFIX + topic.encode()


def is_marker(key: bytes) -> bool:
    """Whether a key of the table is a marker's."""
    return key.startswith(PREFIX)


def as_changes(markers: Mapping[str, Marker]) -> Changes:
    """The rows that record these markers."""
    return {marker_key(topic): marker.encoded() for topic, marker in markers.items()}
