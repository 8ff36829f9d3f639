"""Rows to bytes and back."""

import io
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.codes import Refusal
from schemas.registry import Registry
from schemas.wire.framing import frame
from schemas.wire.rows import RowCodec, UndecodableValue, UnencodableRow
from tests.support.small_schemas import EVENTS, FIRST_ID, SECOND_ID, event, later_event, small_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return small_registry(tmp_path)


@pytest.fixture
def codec(registry: Registry) -> RowCodec:
    return RowCodec(registry, EVENTS)


def test_a_row_of_the_newest_version_comes_back_as_it_was(codec: RowCodec) -> None:
    for number in range(20):
        row = later_event(number)
        assert codec.decode(codec.encode(row)) == row


def test_an_older_row_is_read_as_the_newest_version_has_it(codec: RowCodec, registry: Registry) -> None:
    row = event(6)
    read = codec.decode(codec.encode(row, registry.versions(EVENTS)[0]))
    expected = {name: value for name, value in row.items() if name != "lane"}
    assert read == {**expected, "zone": "NOT_STATED", "reason": None, "tags": []}


def test_an_absent_field_takes_its_default(codec: RowCodec) -> None:
    row = {name: value for name, value in later_event(1).items() if name != "zone"}
    assert codec.decode(codec.encode(row))["zone"] == "NOT_STATED"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "DANCE"}, "DANCE"),
        ({"sequence": 2**63}, "sequence"),
        ({"sequence": 1.5}, "sequence"),
        ({"sequence": None}, "sequence"),
        ({"source": 7}, "source"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(codec: RowCodec, change: dict[str, Any], text: str) -> None:
    with pytest.raises(UnencodableRow, match=f"events version 2: .*{text}"):
        codec.encode(later_event(1, **change))


def test_an_int_of_more_than_32_bits_is_refused(codec: RowCodec, registry: Registry) -> None:
    with pytest.raises(UnencodableRow, match="zone_offset_minutes"):
        codec.encode(event(1, zone_offset_minutes=2**31), registry.versions(EVENTS)[0])


def test_a_missing_field_without_default_is_refused(codec: RowCodec) -> None:
    with pytest.raises(UnencodableRow, match="source"):
        codec.encode({"kind": "ENTRY"})


START = b"\x02\x02a\x02\x02"  # kind, source, sequence, occurred_at
AFTER_ZONE = b"\x00\x00"  # zone_offset_minutes, site


@pytest.mark.parametrize(
    ("datum", "reason", "field"),
    [
        (b"", Refusal.TRUNCATED, "kind"),
        (b"\x06", Refusal.UNDECODABLE, "kind"),
        (b"\x01", Refusal.UNDECODABLE, "kind"),
        (b"\x02\x01", Refusal.UNDECODABLE, "source"),
        (b"\x02\x04\xff\xfe", Refusal.UNDECODABLE, "source"),
        (b"\x02\xfe\xff\xff\xff\xff\xff\xff\x7f", Refusal.TRUNCATED, "source"),
        (b"\x02\x02a" + b"\x80" * 10 + b"\x00", Refusal.UNDECODABLE, "sequence"),
        (START + b"\x80\x80\x80\x80\x20", Refusal.UNDECODABLE, "zone_offset_minutes"),
        (START + AFTER_ZONE + b"\x02", Refusal.UNDECODABLE, "masked"),
        (START + AFTER_ZONE + b"\x01\x00\x00\x00ABC", Refusal.TRUNCATED, "digest"),
        (START + AFTER_ZONE + b"\x01\x00\x00\x00ABCD\xfe\xff\xff\xff\x0f", Refusal.TRUNCATED, "symptoms"),
        (START + AFTER_ZONE + b"\x01\x00\x00\x00ABCD\x00\x00\x00\x00", Refusal.TRAILING_BYTES, None),
    ],
)
def test_a_bad_datum_names_reason_and_field(codec: RowCodec, datum: bytes, reason: Refusal, field: str | None) -> None:
    with pytest.raises(UndecodableValue) as raised:
        codec.decode(frame(FIRST_ID, datum))
    assert (raised.value.reason, raised.value.field, raised.value.schema_id) == (reason, field, FIRST_ID)


def test_the_good_end_of_those_datums_is_a_row(codec: RowCodec) -> None:
    row = codec.decode(frame(FIRST_ID, START + AFTER_ZONE + b"\x01\x00\x00\x00ABCD\x00\x00\x00"))
    assert (row["kind"], row["source"], row["masked"], row["digest"]) == ("ENTRY", "a", True, b"ABCD")


@pytest.mark.parametrize("value", [None, b"", b"\x07nothing", frame(9, b""), frame(2, b"")])
def test_a_bad_frame_is_refused_with_its_reason(codec: RowCodec, value: bytes | None) -> None:
    with pytest.raises(UndecodableValue):
        codec.decode(value)


def test_an_array_in_blocks_with_sizes_is_legal_avro(codec: RowCodec) -> None:
    datum = START + AFTER_ZONE + b"\x01\x00\x00\x00ABCD" + b"\x01\x04\x02a\x02\x02b\x00" + b"\x00\x00"
    assert codec.decode(frame(FIRST_ID, datum))["symptoms"] == ["a", "b"]


def test_values_are_plain_avro_that_any_reader_of_the_schema_takes(codec: RowCodec, registry: Registry) -> None:
    value = codec.encode(later_event(3))
    read: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), registry.by_id(SECOND_ID).parsed, None)
    assert read == later_event(3)
