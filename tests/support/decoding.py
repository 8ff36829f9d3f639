"""The slow and plain way to decode batches, which the columns are held against."""

from collections.abc import Iterable
from typing import Any

from schemas.registry import SchemaVersion
from schemas.wire.batches import RecordBatch
from schemas.wire.columns import Refused
from schemas.wire.rows import RowCodec, UndecodableValue


def by_rows(
    codec: RowCodec, latest: SchemaVersion, batches: Iterable[RecordBatch]
) -> tuple[list[tuple[Any, ...]], list[Refused]]:
    """What `ColumnCodec.decode` must give for all columns, record by record: its rows, and what it refuses."""
    rows: list[tuple[Any, ...]] = []
    refused: list[Refused] = []
    for batch in batches:
        for offset, appended_at, key, value, _ in batch.records():
            try:
                row = codec.decode(value)
            except UndecodableValue as bad:
                refused.append(
                    Refused(offset, appended_at, key, value, bad.reason, bad.field, bad.detail, bad.schema_id)
                )
            else:
                assert value is not None
                schema_id = int.from_bytes(value[1:5], "big")
                rows.append((offset, appended_at, key, schema_id, *(row[shape.name] for shape in latest.shapes)))
    return rows, refused
