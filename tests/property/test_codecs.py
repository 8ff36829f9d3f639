"""Whatever the values, rows come back; whatever the bytes, rows and columns accept and refuse the same."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import Registry, SchemaVersion
from schemas.wire.columns import ColumnCodec
from schemas.wire.datums import read_datum
from schemas.wire.fields import Field
from schemas.wire.framing import SIZE
from schemas.wire.partitioner import partition_of_key, partitions_of_keys
from schemas.wire.rows import RowCodec
from tests.support.batches import CODECS, Sent, record_batch
from tests.support.decoding import by_rows
from tests.support.small_schemas import EVENTS, small_registry


@cache
def registry() -> Registry:
    with tempfile.TemporaryDirectory() as directory:
        return small_registry(Path(directory))


def of_field(shape: Field) -> st.SearchStrategy[Any]:
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
        "bytes": st.binary(max_size=80),
        "fixed": st.binary(min_size=shape.size, max_size=shape.size),
        "enum": st.sampled_from(shape.symbols or [""]),
    }
    values = st.lists(scalars[shape.items], max_size=3) if shape.kind == "array" else scalars[shape.kind]
    return st.none() | values if shape.nullable else values


@cache
def rows_of(version: int) -> st.SearchStrategy[dict[str, Any]]:
    shapes = registry().versions(EVENTS)[version - 1].shapes
    return st.fixed_dictionaries({shape.name: of_field(shape) for shape in shapes})


def version_of(number: int) -> SchemaVersion:
    return registry().versions(EVENTS)[number - 1]


def encoded(version: int) -> st.SearchStrategy[bytes]:
    codec = RowCodec(registry(), EVENTS)
    return rows_of(version).map(lambda row: codec.encode(row, version_of(version)))


@st.composite
def damaged(draw: st.DrawFn, values: st.SearchStrategy[bytes]) -> bytes:
    value = bytearray(draw(values))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0 if draw(st.booleans()) else min(SIZE, len(value)), len(value)))
        match draw(st.sampled_from(["flip", "cut", "insert", "remove", "more digits"])):
            case "flip":
                value[at : at + 1] = bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in value[at : at + 1])
            case "cut":
                del value[at:]
            case "insert":
                value[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del value[at : at + 1]
            case "more digits":
                value[at : at + 1] = bytes(byte | 0x80 for byte in value[at : at + 1])
    return bytes(value)


@given(rows_of(2))
@settings(deadline=None)
def test_a_row_comes_back_as_it_was(row: dict[str, Any]) -> None:
    codec = RowCodec(registry(), EVENTS)
    value = codec.encode(row)
    assert codec.decode(value) == row
    assert read_datum(codec.latest.shapes, value, SIZE) == row


@st.composite
def logs(draw: st.DrawFn) -> list[Any]:
    keys = st.binary(max_size=70) | st.none() if draw(st.booleans()) else st.binary(max_size=70)
    headers = st.lists(st.tuples(st.text("ab", min_size=1), st.none() | st.binary(max_size=3)), max_size=1)
    with_headers, with_damage = draw(st.booleans()), draw(st.booleans())
    batches, offset = [], draw(st.integers(0, 2**40))
    for _ in range(draw(st.integers(1, 3))):
        values = encoded(draw(st.sampled_from([1, 2])))
        if with_damage:
            values = st.one_of(values, values, encoded(1), damaged(values), st.none())
        record = st.builds(
            Sent,
            keys,
            values,
            st.integers(0, 2**42),
            headers if with_headers else st.just([]),
        )
        batch = record_batch(
            draw(st.lists(record, min_size=1, max_size=12)),
            offset,
            codec=draw(st.sampled_from([*CODECS])),
            log_append_time=draw(st.none() | st.integers(0, 2**42)),
            first_wanted=offset + draw(st.sampled_from([0, 0, 1])),
        )
        batches.append(batch)
        offset = batch.next_offset + draw(st.integers(0, 2))
    return batches


@given(logs())
@settings(max_examples=150, deadline=None)
def test_rows_and_columns_say_the_same_of_any_bytes(batches: list[Any]) -> None:
    rows, columns = RowCodec(registry(), EVENTS), ColumnCodec(registry(), EVENTS)
    decoded = columns.decode(batches)
    accepted, refused = by_rows(rows, columns.latest, batches)
    assert decoded.frame.rows() == accepted
    assert decoded.refused == refused
    few = ColumnCodec(registry(), EVENTS, ["sequence"]).decode(batches)
    assert few.refused == refused
    assert few.frame["sequence"].equals(decoded.frame["sequence"])


@given(st.lists(logs(), max_size=4))
@settings(max_examples=60, deadline=None)
def test_partitions_decoded_together_give_what_each_gives_alone(partitions: list[list[Any]]) -> None:
    columns = ColumnCodec(registry(), EVENTS)
    together = columns.decode_together(partitions)
    alone = [columns.decode(batches) for batches in partitions]
    assert together.frame.rows() == [row for decoded in alone for row in decoded.frame.rows()]
    assert together.part.tolist() == [part for part, decoded in enumerate(alone) for _ in range(len(decoded.frame))]
    assert together.refused == [decoded.refused for decoded in alone]


@given(st.lists(st.binary(max_size=70) | st.none()), st.integers(1, 64))
@settings(deadline=None)
def test_a_column_of_keys_is_partitioned_as_each_key_is(keys: list[bytes | None], partitions: int) -> None:
    expected = [-1 if key is None else partition_of_key(key, partitions) for key in keys]
    assert partitions_of_keys(keys, partitions).tolist() == expected
