"""Many records of one kind that differ only in a few fields, encoded without a model and a dictionary for each.

A datum is the concatenation of its fields' encodings. A template is made from a validated model: the fields that do
not vary are encoded once, and a value is the template with the varying fields put in. It is the same bytes as the
model's way by construction, and a test holds it to that on every record of a small campaign.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import numpy as np
from numpy.typing import NDArray

from schemas.events import Event
from schemas.registry import default_registry
from schemas.wire.framing import prefix

NULL = b"\x00"
"""A nullable field that states nothing."""

_STATED = b"\x02"
"""What precedes the value of a nullable field: every union of the schemas is null first."""


class TemplateError(Exception):
    """A template names a field that its schema does not have, or not in that order."""


def template_of_row(topic: str, row: Mapping[str, Any], varying: Sequence[str]) -> bytes:
    """A %-format of the topic's framed value with one ``%b`` for each varying field, in schema order."""
    schema = default_registry().latest(topic)
    fields = schema.parsed["fields"]
    if [field["name"] for field in fields if field["name"] in varying] != list(varying):
        raise TemplateError(f"{topic}: {', '.join(varying)} are not fields of the schema in that order")
    parts = [prefix(schema.id).replace(b"%", b"%%")]
    for field in fields:
        if field["name"] in varying:
            parts.append(b"%b")
        else:
            parts.append(encoded(field["type"], row[field["name"]]).replace(b"%", b"%%"))
    return b"".join(parts)


def template_of(event: Event, varying: Sequence[str]) -> bytes:
    """`template_of_row` of a validated event; what it says in the varying fields does not matter."""
    topic, _, row = event.record()
    return template_of_row(topic, row, varying)


def encoded(schema: Any, value: Any) -> bytes:
    """Avro encoding of one field."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


def long(value: int) -> bytes:
    """Avro's int or long."""
    rest = value << 1 if value >= 0 else (~value << 1) | 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def stated_long(value: int) -> bytes:
    """A nullable int or long that states a value."""
    return _STATED + long(value)


def longs(values: NDArray[np.int64]) -> list[bytes]:
    """`long` of many values, none negative."""
    if not len(values):
        return []
    rest = values.astype(np.uint64) << np.uint64(1)
    width = (int(rest.max()).bit_length() + 6) // 7 or 1
    grid = np.empty((len(values), width), np.uint8)
    lengths = np.ones(len(values), np.int64)
    for position in range(width):
        grid[:, position] = (rest & np.uint64(0x7F)).astype(np.uint8) | 0x80
        rest >>= np.uint64(7)
        lengths += rest > 0
    grid[np.arange(len(values)), lengths - 1] &= 0x7F
    raw = grid.tobytes()
    ends = np.arange(0, len(raw), width) + lengths
    return [raw[start:end] for start, end in zip(range(0, len(raw), width), ends.tolist(), strict=True)]


def stated_longs(values: NDArray[np.int64]) -> list[bytes]:
    """`stated_long` of many values, none negative."""
    return [_STATED + piece for piece in longs(values)]


def numbered_names(prefix_text: str, numbers: NDArray[np.int64], digits: int) -> list[bytes]:
    """Nullable names made of a prefix and a number of fixed width."""
    head = _STATED + long(len(prefix_text) + digits) + prefix_text.encode()
    form = head.replace(b"%", b"%%") + b"%%0%dd" % digits
    return [form % number for number in numbers.tolist()]
