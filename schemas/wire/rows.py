"""Rows to bytes and back, one at a time: dictionaries by field name, times as milliseconds, enumerations as symbols."""

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import fastavro

from schemas.codes import Refusal
from schemas.registry import Registry, SchemaVersion
from schemas.wire import framing
from schemas.wire.datums import INT_LIMIT, LONG_LIMIT, DatumError, read_datum


class UndecodableValue(Exception):
    """A value that gives no row, with the reason and, where one is at fault, the field."""

    def __init__(self, reason: Refusal, field: str | None, detail: str, schema_id: int | None) -> None:
        super().__init__(f"{reason.name}: {field}: {detail}" if field else f"{reason.name}: {detail}")
        self.reason, self.field, self.detail, self.schema_id = reason, field, detail, schema_id


class UnencodableRow(Exception):
    """A row that does not fit the schema it is to be written with."""


class RowCodec:
    """Rows of one subject, written with its newest schema, read with that of any version."""

    def __init__(self, registry: Registry, subject: str) -> None:
        self._registry = registry
        self.subject = subject
        self.latest = registry.latest(subject)

    def encode(self, row: Mapping[str, Any], version: SchemaVersion | None = None) -> bytes:
        """The framed value of a row; an absent field takes its default. Raises `UnencodableRow`."""
        version = version or self.latest
        try:
            return framing.frame(version.id, _write(version, row))
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise UnencodableRow(f"{self.subject} version {version.version}: {error}") from error

    def decode(self, value: bytes | None) -> dict[str, Any]:
        """The row of a framed value, as the newest schema has it. Raises `UndecodableValue`."""
        unframed = framing.unframe(self._registry, self.subject, value)
        if isinstance(unframed, framing.BadFrame):
            raise UndecodableValue(unframed.reason, None, unframed.detail, unframed.schema_id)
        assert value is not None
        writer = self._registry.by_id(unframed.schema_id)
        datum = value[framing.SIZE :]
        try:
            row = _read(writer, writer, datum)
            # fastavro takes negative indexes and overlong numbers: only what it would write itself is beyond doubt.
            certain = _write(writer, row) == datum
        except Exception:  # it answers bad data with whatever its code runs into
            certain = False
        if not certain:
            try:
                datum = _write(writer, read_datum(writer.shapes, value, framing.SIZE))
            except DatumError as error:
                raise UndecodableValue(error.reason, error.field, error.detail, writer.id) from None
        elif writer is self.latest:
            return row
        return _read(writer, self.latest, datum)


def _write(version: SchemaVersion, row: Mapping[str, Any]) -> bytes:
    # fastavro writes and reads an int of any size, where Avro has 32 bits, and cuts off a number's fraction.
    for name, limit in _numbers(version):
        number = row.get(name)
        if number is not None and not (isinstance(number, int) and -limit <= number < limit):
            raise ValueError(f"field {name}: {number!r} is not a whole number of {limit.bit_length()} bits")
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, version.parsed, row, strict_allow_default=True)
    return buffer.getvalue()


@cache
def _numbers(version: SchemaVersion) -> tuple[tuple[str, int], ...]:
    limits = {"int": INT_LIMIT, "long": LONG_LIMIT}
    return tuple((shape.name, limits[shape.kind]) for shape in version.shapes if shape.kind in limits)


def _read(writer: SchemaVersion, reader: SchemaVersion, datum: bytes) -> dict[str, Any]:
    resolve_to = None if reader is writer else reader.parsed
    row: Any = fastavro.schemaless_reader(io.BytesIO(datum), writer.parsed, resolve_to)
    return dict(row)
