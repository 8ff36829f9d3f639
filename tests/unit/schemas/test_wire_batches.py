"""Record batches as they lie in the log."""

import pytest
from aiokafka.errors import CorruptRecordException

from schemas.wire.batches import CorruptBatch, Record, RecordBatch, key_values, split
from tests.support.batches import CODECS, Sent, record_batch

THREE = [Sent(b"a", b"1", 1_000), Sent(None, None, 3_000, [("trace", b"x"), ("empty", None)]), Sent(b"c", b"3", 2_000)]


@pytest.mark.parametrize("codec", CODECS)
def test_records_come_with_offset_time_key_value_and_headers(codec: str) -> None:
    batch = record_batch(THREE, 40, codec=codec)
    assert (batch.base_offset, batch.last_offset, batch.next_offset, batch.count) == (40, 42, 43, 3)
    assert batch.crc_holds
    assert list(batch.records()) == [
        Record(40, 1_000, b"a", b"1", ()),
        Record(41, 3_000, None, None, (("trace", b"x"), ("empty", None))),
        Record(42, 2_000, b"c", b"3", ()),
    ]


def test_with_log_append_time_every_record_has_the_brokers_time() -> None:
    batch = record_batch(THREE, log_append_time=9_000)
    assert [record.appended_at for record in batch.records()] == [9_000] * 3


def test_records_below_the_fetch_position_are_left_out() -> None:
    batch = record_batch(THREE, 40, first_wanted=42)
    assert [record.offset for record in batch.records()] == [42]
    assert batch.base_offset == 40


def test_records_from_the_end_of_a_range_on_are_left_out() -> None:
    batch = record_batch(THREE, 40)
    assert batch.is_wanted_whole
    batch.wanted_until = 42
    assert not batch.is_wanted_whole
    assert [record.offset for record in batch.records()] == [40, 41]


def test_compaction_leaves_gaps() -> None:
    batch = record_batch(THREE, 40, without=[1, 2])
    assert [record.offset for record in batch.records()] == [40]
    assert (batch.count, batch.next_offset) == (1, 43)


def test_split_takes_whole_batches_and_leaves_the_one_cut_off() -> None:
    first, second = record_batch(THREE, 0), record_batch(THREE, 3)
    data = bytes(first.raw) + bytes(second.raw)
    assert [batch.base_offset for batch in split(data)] == [0, 3]
    assert [batch.base_offset for batch in split(data[:-1])] == [0]


def test_a_flipped_bit_breaks_the_checksum() -> None:
    raw = bytearray(record_batch(THREE).raw)
    raw[-1] ^= 1
    assert not RecordBatch(bytes(raw)).crc_holds


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_whose_records_cannot_be_told_apart_is_corrupt(codec: str) -> None:
    raw = bytearray(record_batch([Sent(b"k", b"v" * 40)] * 9, 7, codec=codec).raw)
    raw[61:] = bytes(len(raw) - 61)
    with pytest.raises(CorruptBatch, match="offset 7"):
        list(RecordBatch(bytes(raw)).records())


def test_an_older_message_format_is_refused() -> None:
    raw = bytearray(record_batch(THREE).raw)
    raw[16] = 1
    with pytest.raises(CorruptRecordException, match="format 1"):
        split(bytes(raw))


def test_key_and_value_are_found_by_offset() -> None:
    batches = [record_batch(THREE, 0), record_batch(THREE, 10, codec="zstd"), record_batch(THREE, 20)]
    assert key_values(batches, [11, 22, 5]) == {11: (None, None), 22: (b"c", b"3")}
    assert key_values(batches, []) == {}
