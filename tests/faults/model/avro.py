"""A plain reader of Avro, written from the Avro specification and the ``.avsc`` files: one datum, field by field.

It is stricter than the libraries, which take a boolean of 2 or a negative length without a word, and it says why a
datum cannot be read. Where several things are wrong, the first in reading order counts. In two things it is as lenient
as the wire format says that it is (docstring of ``schemas/wire/datums.py``): of a number of ten bytes the lowest 64
bits count, and a union's branch that is not the null one is the other one.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "avro"


class Unreadable(Exception):
    """The datum cannot be read; ``reason`` is a refusal's name, ``field`` where the reader stood."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(f"{reason} in {field}")
        self.reason = reason
        self.field = field


class Schema(NamedTuple):
    """A registered schema: its subject, and its fields in order."""

    subject: str
    fields: list[dict[str, Any]]


def registered() -> dict[int, Schema]:
    """Every registered schema by its id."""
    document: dict[str, list[int]] = json.loads((SCHEMAS / "ids.json").read_text(encoding="utf-8"))
    return {
        schema_id: Schema(subject, _load(f"{subject}.v{version}.avsc"))
        for subject, ids in document.items()
        for version, schema_id in enumerate(ids, 1)
    }


def newest(subject: str) -> list[dict[str, Any]]:
    """Fields of the newest version of a subject's schema, in order."""
    return [schema.fields for schema in registered().values() if schema.subject == subject][-1]


def _load(name: str) -> list[dict[str, Any]]:
    document = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    fields: list[dict[str, Any]] = document["fields"]
    return fields


class Datum:
    """Bytes of a datum and the place of the reader in them."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def read(self, schema: Any) -> Any:
        """The next value, of the type that the schema says."""
        if isinstance(schema, list):
            return self.read(schema[0 if self.long() == 0 else 1])
        if isinstance(schema, dict):
            if schema["type"] == "enum":
                symbol = self.short()
                if not 0 <= symbol < len(schema["symbols"]):
                    raise Unreadable("UNDECODABLE")
                return schema["symbols"][symbol]
            if schema["type"] == "array":
                return self.array(schema["items"])
            return self.read(schema["type"])
        if schema == "null":
            return None
        if schema == "boolean":
            byte = self.take(1)
            if byte not in (b"\0", b"\1"):
                raise Unreadable("UNDECODABLE")
            return byte == b"\1"
        if schema == "int":
            return self.short()
        if schema == "long":
            return self.long()
        if schema == "string":
            try:
                return self.take(self.length()).decode()
            except UnicodeDecodeError:
                raise Unreadable("UNDECODABLE") from None
        raise TypeError(f"a type that no input topic has: {schema}")

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if self.position + count > len(self.data):
            raise Unreadable("TRUNCATED")
        self.position += count
        return self.data[self.position - count : self.position]

    def long(self) -> int:
        """Zig-zag and variable length: at most ten bytes, of which 64 bits count."""
        bits = 0
        for shift in range(0, 70, 7):
            if self.position >= len(self.data):
                raise Unreadable("TRUNCATED")
            byte = self.data[self.position]
            self.position += 1
            bits |= (byte & 0x7F) << shift
            if byte < 0x80:
                bits &= 2**64 - 1
                return (bits >> 1) ^ -(bits & 1)
        raise Unreadable("UNDECODABLE")

    def short(self) -> int:
        """An Avro int: a long of 32 bits."""
        number = self.long()
        if not -(2**31) <= number < 2**31:
            raise Unreadable("UNDECODABLE")
        return number

    def length(self) -> int:
        count = self.long()
        if count < 0:
            raise Unreadable("UNDECODABLE")
        return count

    def array(self, items: Any) -> list[Any]:
        """Blocks, each with its count; a negative count is followed by the block's size; a count of 0 ends."""
        values = []
        while count := self.long():
            if count < 0:
                self.length()
            values += [self.read(items) for _ in range(abs(count))]
        return values


def read_datum(value: bytes, start: int, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """The record whose datum begins at ``start`` and ends with the value. Raises `Unreadable`."""
    datum = Datum(value, start)
    row = {}
    for field in fields:
        try:
            row[field["name"]] = datum.read(field["type"])
        except Unreadable as error:
            raise Unreadable(error.reason, field["name"]) from None
    if datum.position != len(value):
        raise Unreadable("TRAILING_BYTES")
    return row
