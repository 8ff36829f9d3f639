"""A value is unframed, or refused with the first reason that holds."""

from pathlib import Path

import pytest

from schemas.codes import Refusal
from schemas.wire.framing import BadFrame, Unframed, frame, unframe
from tests.support.small_schemas import EVENTS, OTHER_ID, SECOND_ID, small_registry


def test_a_framed_value_gives_its_schema_id(tmp_path: Path) -> None:
    value = frame(SECOND_ID, b"datum")
    assert value == b"\x00\x00\x00\x01\x2cdatum"
    assert unframe(small_registry(tmp_path), EVENTS, value) == Unframed(SECOND_ID)


@pytest.mark.parametrize(
    ("value", "reason", "schema_id"),
    [
        (None, Refusal.NULL_VALUE, None),
        (b"", Refusal.TOO_SHORT, None),
        (b"\x00\x00\x00\x01", Refusal.TOO_SHORT, None),
        (b"\x01", Refusal.FOREIGN_MAGIC, None),
        (b"\xc3\x01\x00\x00\x00\x00", Refusal.FOREIGN_MAGIC, None),
        (frame(99, b"x"), Refusal.UNKNOWN_SCHEMA, 99),
        (b"\x00\xff\xff\xff\xffx", Refusal.UNKNOWN_SCHEMA, -1),
        (frame(OTHER_ID, b"x"), Refusal.OTHER_SUBJECT, OTHER_ID),
    ],
)
def test_a_bad_frame_is_refused(tmp_path: Path, value: bytes | None, reason: Refusal, schema_id: int | None) -> None:
    refused = unframe(small_registry(tmp_path), EVENTS, value)
    assert isinstance(refused, BadFrame)
    assert (refused.reason, refused.schema_id) == (reason, schema_id)
    assert refused.detail
