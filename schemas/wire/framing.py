"""Confluent framing of a value: a zero byte, the schema id in four bytes, big end first, then the Avro datum."""

import struct
from typing import NamedTuple

from schemas.codes import Refusal
from schemas.registry import Registry

MAGIC = 0
_HEAD = struct.Struct(">Bi")  # signed, as the client libraries of the framing read it
SIZE = _HEAD.size


class Unframed(NamedTuple):
    """A value whose framing is right: the datum begins at byte `SIZE` of it."""

    schema_id: int


class BadFrame(NamedTuple):
    """Why a value's framing is not right, and what to do about it; ``schema_id`` where one could be read."""

    reason: Refusal
    detail: str
    schema_id: int | None


def prefix(schema_id: int) -> bytes:
    """The five bytes before every datum of a schema."""
    return _HEAD.pack(MAGIC, schema_id)


def frame(schema_id: int, datum: bytes) -> bytes:
    """A value: framing and datum."""
    return prefix(schema_id) + datum


def unframe(registry: Registry, subject: str, value: bytes | None) -> Unframed | BadFrame:
    """The schema id of a value, if it is one of the subject's, or the first reason why not."""
    if value is None:
        return BadFrame(Refusal.NULL_VALUE, "the record has no value, and this topic is not compacted", None)
    if len(value) >= 1 and value[0] != MAGIC:
        return BadFrame(Refusal.FOREIGN_MAGIC, f"first byte is {value[0]:#04x}, not 0x00: use Confluent framing", None)
    if len(value) < SIZE:
        return BadFrame(Refusal.TOO_SHORT, f"{len(value)} bytes, the framing alone needs {SIZE}", None)
    schema_id = _HEAD.unpack_from(value)[1]
    version = registry.find(schema_id)
    if version is None:
        return BadFrame(
            Refusal.UNKNOWN_SCHEMA, f"schema id {schema_id} is not registered here: upgrade first", schema_id
        )
    if version.subject != subject:
        return BadFrame(
            Refusal.OTHER_SUBJECT, f"schema id {schema_id} is of {version.subject}, not {subject}", schema_id
        )
    return Unframed(schema_id)
