"""Records of the log in Avro container files: their bytes as they came, sound or not."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
from fastavro.write import Writer

from replay.case_file_manifest import CaseDamaged
from schemas.wire.batches import Record

# Of the standard library, so that every Avro reader has it. Level 1: higher ones save a tenth for twice the time.
CODEC, _LEVEL = "deflate", 1
BLOCK_BYTES = 256 * 1024
OWNER_ONLY = 0o600

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Record",
    "namespace": "checkline.case",
    "doc": "A record of a Kafka partition. appended_at: UTC milliseconds. Key and value: bytes as they came.",
    "fields": [
        {"name": "offset", "type": "long"},
        {"name": "appended_at", "type": "long"},
        {"name": "key", "type": ["null", "bytes"]},
        {"name": "value", "type": ["null", "bytes"]},
        {
            "name": "headers",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Header",
                    "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
                },
            },
        },
    ],
}
_PARSED = fastavro.parse_schema(SCHEMA)


class Written(NamedTuple):
    """Size and SHA-256 of a file that was written."""

    bytes: int
    sha256: str


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        self._file = os.fdopen(descriptor, "wb")
        self.hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def seekable(self) -> bool:  # fastavro would append to a file that is
        return False

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class RecordWriter:
    """Writes one file, which must not be there yet. The same records give the same bytes, however they were handed
    over: blocks are cut by size alone and the marker between them follows from the file's name."""

    def __init__(self, path: Path) -> None:
        self._file = _Hashed(path)
        marker = hashlib.sha256(path.name.encode()).digest()[:16]
        file: Any = self._file  # which is as much of a file as fastavro asks for
        self._writer = Writer(file, _PARSED, CODEC, BLOCK_BYTES, sync_marker=marker, compression_level=_LEVEL)

    def write(self, records: Iterable[Record]) -> None:
        """Add records."""
        write = self._writer.write
        for offset, appended_at, key, value, headers in records:
            named = [{"key": name, "value": held} for name, held in headers] if headers else []
            write({"offset": offset, "appended_at": appended_at, "key": key, "value": value, "headers": named})

    def finish(self) -> Written:
        """Write what is left down to the disk, and close."""
        self._writer.flush()
        self._file.sync()
        self._file.close()
        return Written(self._file.bytes, self._file.hash.hexdigest())

    def abandon(self) -> None:
        """Close without finishing."""
        with suppress(OSError):  # a full disk is told again by closing
            self._file.close()


def read_records(path: Path, size: int) -> Iterator[list[Record]]:
    """The records of a file, at most ``size`` at a time. Raises CaseDamaged where it cannot be read any further."""
    with path.open("rb") as file:
        try:
            reader = fastavro.reader(file)
            schema = fastavro.schema.fingerprint(_form(reader.writer_schema), "SHA-256")
        except Exception as error:  # fastavro answers bad data with whatever its code runs into
            raise CaseDamaged(f"is no Avro container file: {_said(error)}") from error
        if schema != _FINGERPRINT:
            raise CaseDamaged("holds records of another schema")
        while True:
            try:
                chunk = [_record(row) for row in islice(reader, size)]
            except Exception as error:
                raise CaseDamaged(f"cannot be read any further: {_said(error)}") from error
            if not chunk:
                return
            yield chunk


def _record(row: Any) -> Record:
    headers = row["headers"]
    named = tuple((one["key"], one["value"]) for one in headers) if headers else ()
    return Record(row["offset"], row["appended_at"], row["key"], row["value"], named)


def _form(schema: Any) -> str:
    form: str = fastavro.schema.to_parsing_canonical_form(schema)
    return form


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_FINGERPRINT = fastavro.schema.fingerprint(_form(SCHEMA), "SHA-256")
