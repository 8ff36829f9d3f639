"""What cannot be read is read as far as it goes, field by field, and the first field that cannot be is named."""

import pytest

from schemas.codes import Refusal
from schemas.events import Reading, UrgentNeed
from schemas.identities import EventId
from schemas.registry import default_registry
from schemas.wire import framing
from schemas.wire.partial import PartialValue, read_value
from schemas.wire.rows import RowCodec

REGISTRY = default_registry()
CODEC = RowCodec(REGISTRY, "temperatures")
READING = Reading(
    token="p00" + "a" * 24,
    source="gate-1",
    sequence=17,
    occurred_at=1_582_072_200_000,
    sent_at=1_582_072_200_500,
    zone_offset_minutes=480,
    value_tenths=391,
    method="AXILLARY",
    site="airport-1",
    symptoms=["DRY_COUGH", "FEVER"],
)
WHOLE = CODEC.encode(READING.record().row)
UNKNOWN_ID = 999_999


def read(value: bytes | None, topic: str = "temperatures") -> PartialValue:
    return read_value(REGISTRY, topic, value)


def with_kind(number: bytes) -> bytes:
    """The reading with another number for its kind, which is its first byte."""
    return WHOLE[: framing.SIZE] + number + WHOLE[framing.SIZE + 1 :]


def test_a_whole_value_is_read_whole_as_the_row_codec_reads_it() -> None:
    found = read(WHOLE)
    assert found.datum.whole
    assert found.datum.row == CODEC.decode(WHOLE)
    assert found.identity == EventId("gate-1", 17)
    begins, ends = zip(*((field.begin, field.end) for field in found.datum.fields), strict=True)
    assert (begins[0], ends[-1]) == (framing.SIZE, len(WHOLE))
    assert begins[1:] == ends[:-1]


def test_wherever_it_is_cut_off_the_fields_before_are_read_and_the_first_that_is_not_is_named_with_its_byte() -> None:
    fields = read(WHOLE).datum.fields
    for size in range(framing.SIZE, len(WHOLE)):
        datum = read(WHOLE[:size]).datum
        complete = [field for field in fields if field.end <= size]
        assert list(datum.fields) == complete
        first = fields[len(complete)]
        (unread,) = datum.unread
        assert (unread.name, unread.begin, unread.reason) == (first.name, first.begin, Refusal.TRUNCATED)
        assert datum.not_reached == tuple(field.name for field in fields[len(complete) + 1 :])


def test_a_symbol_that_means_nothing_does_not_hide_the_fields_behind_it() -> None:
    found = read(with_kind(b"\xc6\x01"))  # number 99, in two bytes
    (unread,) = found.datum.unread
    assert (unread.name, unread.begin, unread.reason) == ("kind", framing.SIZE, Refusal.UNDECODABLE)
    assert found.identity == EventId("gate-1", 17)
    assert {**found.datum.row, "kind": "READING"} == CODEC.decode(WHOLE)


def test_text_that_is_no_utf_8_does_not_hide_the_fields_behind_it() -> None:
    found = read(WHOLE.replace(b"gate-1", b"gate\xff1"))
    assert [field.name for field in found.datum.unread] == ["source"]
    assert (found.source, found.sequence, found.identity) == (None, 17, None)
    assert found.datum.row["value_tenths"] == 391


def test_bytes_after_the_last_field_are_told() -> None:
    found = read(WHOLE + b"\0\0")
    assert (found.datum.trailing, found.datum.whole) == (len(WHOLE), False)
    assert found.datum.row == CODEC.decode(WHOLE)


@pytest.mark.parametrize("value", [None, b"", b"\0\0\0", b'{"kind": "READING"}'])
def test_nothing_is_guessed_of_what_has_no_framing(value: bytes | None) -> None:
    found = read(value)
    assert (found.version, found.datum.fields, found.identity) == (None, (), None)


def test_an_unknown_schema_is_tried_as_the_newest_and_believed_only_if_all_of_it_fits() -> None:
    unknown = framing.prefix(UNKNOWN_ID) + WHOLE[framing.SIZE :]
    assert (read(unknown).guessed, read(unknown).identity) == (True, EventId("gate-1", 17))
    assert (read(unknown[:-1]).guessed, read(unknown[:-1]).identity) == (True, None)


def test_a_record_of_another_subject_is_read_as_what_it_is() -> None:
    found = read(WHOLE, "check-ins")
    assert found.version is REGISTRY.latest("temperatures")
    assert found.identity == EventId("gate-1", 17)


def test_another_subjects_id_before_the_topics_own_datum_is_found_out() -> None:
    mislabelled = framing.prefix(REGISTRY.latest("reports").id) + WHOLE[framing.SIZE :]
    found = read(mislabelled)
    assert (found.version, found.guessed) == (REGISTRY.latest("temperatures"), True)
    assert found.identity == EventId("gate-1", 17)


def test_urgent_care_is_restricted_wherever_it_lies() -> None:
    need = UrgentNeed(
        token="p00" + "a" * 24,
        source="ward-1",
        sequence=1,
        occurred_at=1,
        sent_at=1,
        zone_offset_minutes=480,
        need="n",
    )
    value = RowCodec(REGISTRY, "urgent-care").encode(need.record().row)
    assert read(value, "temperatures").restricted
    assert read(value[:-3], "temperatures").restricted
    assert not read(WHOLE).restricted


@pytest.mark.parametrize(("source", "sequence"), [("", 1), ("Gate 1", 1), ("gate-1", -1)])
def test_an_identity_that_is_none_is_not_made_one(source: str, sequence: int) -> None:
    row = {**READING.record().row, "source": source, "sequence": sequence}
    assert read(CODEC.encode(row)).identity is None
