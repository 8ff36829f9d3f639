"""The gate of reference data: nothing is judged before what was in effect is known."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from schemas.events import TimeMark
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.rows import RowCodec
from streams.reference import SETTLING_MS
from streams.worker.reference_feed import ReferenceFeed
from tests.support.batches import Sent, record_batch
from tests.support.people import NOON

CODEC = RowCodec(default_registry(), "reference")


class Book:
    def __init__(self) -> None:
        self.added: list[tuple[str, str, int]] = []

    def add(self, entity_id: str, row: Mapping[str, Any], appended_at: int) -> None:
        if row["kind"] == "POLICY_VERSION":
            raise ValueError("policy version p1: no such setting")
        self.added.append((entity_id, row["kind"], appended_at))


def feed(book: Book) -> ReferenceFeed:
    return ReferenceFeed("127.0.0.1:1", default_registry(), Limits(), book.add)


def mark(at: int) -> Sent:
    return Sent(b"clock", CODEC.encode(TimeMark(source="clock", sequence=1, at=NOON).row("reference")), at)


def row(entity: str, at: int, kind: str = "RISK_AREA", **fields: Any) -> Sent:
    stated = {"kind": kind, "source": "desk", "sequence": 1, "occurred_at": NOON, "sent_at": NOON}
    area = {"zone_offset_minutes": 480, "valid_from": NOON, "tier": "HIGH", "document": "x"}
    return Sent(entity.encode(), CODEC.encode({**stated, **area, **fields}), at)


def test_it_knows_nothing_before_the_first_mark() -> None:
    book = Book()
    reference = feed(book)
    assert not reference.covers(0)
    reference.take([record_batch([row("area-1", NOON)])])
    assert book.added == [("area-1", "RISK_AREA", NOON)]
    assert reference.passed is None


def test_a_mark_covers_what_was_appended_up_to_five_seconds_later() -> None:
    reference = feed(Book())
    reference.take([record_batch([mark(NOON)])])
    assert reference.covers(NOON + SETTLING_MS)
    assert not reference.covers(NOON + SETTLING_MS + 1)


def test_an_earlier_mark_takes_nothing_back() -> None:
    reference = feed(Book())
    reference.take([record_batch([mark(NOON), mark(NOON - 60_000)])])
    assert reference.passed == NOON


@pytest.mark.expects_errors("reference/")
def test_unusable_rows_are_named_in_the_log_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    reference = feed(book)
    records = [
        Sent(b"area-0", b"{}", NOON),
        row("area-1", NOON, kind="POLICY_VERSION"),
        row("area-2", NOON, sent_at=NOON + 10**9),
        row("area-3", NOON),
        mark(NOON),
    ]
    with caplog.at_level(logging.ERROR):
        reference.take([record_batch(records, base_offset=10)])
    assert [entity for entity, *_ in book.added] == ["area-3"]
    assert reference.passed == NOON
    for offset, reason in ((10, "FOREIGN_MAGIC"), (11, "no such setting"), (12, "SENT_AFTER_APPENDED")):
        assert any(f"reference/{offset}:" in text and reason in text for text in caplog.messages)
