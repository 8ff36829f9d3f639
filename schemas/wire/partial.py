"""Values that cannot be read, read as far as they go: for whoever must find out what is wrong with them.

A datum is read field by field in the order of its schema. Where only the meaning of a field is lost (a symbol that the
enumeration does not have, text that is no UTF-8) its end is still known, and reading goes on behind it; where its
length is lost, nothing behind it can be read.
"""

import re
from typing import Any, NamedTuple

from schemas import topics
from schemas.codes import Refusal
from schemas.events import RANGES
from schemas.identities import NAME_PATTERN, EventId
from schemas.registry import Registry, SchemaVersion
from schemas.wire import framing
from schemas.wire.datums import DatumError, end_of_field, read_datum
from schemas.wire.fields import Field

_NAME = re.compile(NAME_PATTERN)
# What has the same extent on the wire, whatever its value.
_SAME_EXTENT = {"enum": "long", "int": "long", "boolean": "long", "string": "bytes"}


class ReadField(NamedTuple):
    """A field that was read: bytes ``begin`` to ``end`` of the value. A time is its milliseconds."""

    name: str
    begin: int
    end: int
    value: Any


class UnreadField(NamedTuple):
    """A field that begins at byte ``begin`` of the value and cannot be read."""

    name: str
    begin: int
    reason: Refusal
    detail: str


class PartialDatum(NamedTuple):
    """What could be read of a datum. ``not_reached``: fields behind the last one whose end is known; ``trailing``: the
    first byte after the last field, where any are left."""

    fields: tuple[ReadField, ...]
    unread: tuple[UnreadField, ...]
    not_reached: tuple[str, ...]
    trailing: int | None

    @property
    def whole(self) -> bool:
        """Whether the value holds this datum and nothing else."""
        return not self.unread and self.trailing is None

    @property
    def row(self) -> dict[str, Any]:
        """The fields that could be read."""
        return {field.name: field.value for field in self.fields}


class PartialValue(NamedTuple):
    """What could be read of a value.

    ``version``: the schema it was read with, None where the framing names none and none can be tried; ``guessed``:
    the framing does not name that schema.
    """

    version: SchemaVersion | None
    guessed: bool
    datum: PartialDatum

    @property
    def restricted(self) -> bool:
        """Whether what was read is not for those who may see dead letters."""
        topic = topics.BY_NAME.get(self.version.subject) if self.version else None
        return topic is not None and topic.restricted

    @property
    def source(self) -> str | None:
        """The source, where it can be read beyond doubt."""
        source = self._certain().get("source")
        return source if isinstance(source, str) and _NAME.match(source) else None

    @property
    def sequence(self) -> int | None:
        """The source's counter, where it can be read beyond doubt."""
        sequence = self._certain().get("sequence")
        low, high = RANGES["sequence"]
        return sequence if isinstance(sequence, int) and low <= sequence <= high else None

    @property
    def identity(self) -> EventId | None:
        """The event's identity, where both its parts can be read."""
        if self.source is None or self.sequence is None:
            return None
        return EventId(self.source, self.sequence)

    def _certain(self) -> dict[str, Any]:
        """A schema that was only tried proves itself by fitting the whole value."""
        return {} if self.guessed and not self.datum.whole else self.datum.row


_NOTHING = PartialDatum((), (), (), None)


def read_partially(shapes: tuple[Field, ...], value: bytes, position: int) -> PartialDatum:
    """As much as can be read of the datum that begins at ``position`` of a value."""
    fields: list[ReadField] = []
    unread: list[UnreadField] = []
    for number, shape in enumerate(shapes):
        rest = value[position:]
        try:
            end = position + end_of_field(shape, rest)
            fields.append(ReadField(shape.name, position, end, read_datum((shape,), value[:end], position)[shape.name]))
        except DatumError:
            unread.append(_unread(shape, value, position))
            try:
                end = position + end_of_field(_same_extent(shape), rest)
            except DatumError:
                behind = tuple(later.name for later in shapes[number + 1 :])
                return PartialDatum(tuple(fields), tuple(unread), behind, None)
        position = end
    return PartialDatum(tuple(fields), tuple(unread), (), position if position < len(value) else None)


def read_value(registry: Registry, topic: str, value: bytes | None) -> PartialValue:
    """As much as can be read of a record's value.

    Where the framing names an unknown schema, or one of another subject that does not fit, the topic's newest is tried.
    """
    unframed = framing.unframe(registry, topic, value)
    if unframed.schema_id is None or value is None:
        return PartialValue(None, False, _NOTHING)
    named, newest = registry.find(unframed.schema_id), registry.latest(topic)
    if named is not None:
        found = PartialValue(named, False, read_partially(named.shapes, value, framing.SIZE))
        if named.subject == topic or found.datum.whole:
            return found
    tried = PartialValue(newest, True, read_partially(newest.shapes, value, framing.SIZE))
    return tried if named is None or tried.datum.whole else found


def _unread(shape: Field, value: bytes, position: int) -> UnreadField:
    try:
        read_datum((shape,), value, position)
    except DatumError as error:
        return UnreadField(shape.name, position, error.reason, error.detail)
    raise AssertionError(f"field {shape.name} at byte {position} can be read after all")


def _same_extent(shape: Field) -> Field:
    if shape.kind == "array":
        return shape._replace(items="bytes" if shape.items == "string" else shape.items)
    return shape._replace(kind=_SAME_EXTENT.get(shape.kind, shape.kind))
