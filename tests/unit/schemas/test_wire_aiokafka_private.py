"""aiokafka's private names are as they were when we came to rely on them, and its fetcher hands out what we ask for."""

import asyncio
import hashlib
import inspect
from typing import Any

import aiokafka
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import CorruptRecordException
from aiokafka.producer import sender
from aiokafka.producer.transaction_manager import TransactionManager

from schemas.wire import aiokafka_private
from schemas.wire.batches import RecordBatch, hand_out_batches
from tests.support.batches import ABORT, COMMIT, Sent, record_batch

THREE = [Sent(b"a", b"1"), Sent(b"b", b"2"), Sent(b"c", b"3")]
PARTITION = TopicPartition("check-ins", 0)
ORIGINAL: Any = aiokafka_private._PartitionRecords

# Read the new source and what this project does with it before changing a digest.
SOURCES: dict[str, tuple[Any, str]] = {
    "PartitionRecords": (ORIGINAL, "94aa0da0dbec8d1b"),
    "FetchResult": (fetcher.FetchResult, "d7db13f06de8248c"),
    "Fetcher.__init__": (fetcher.Fetcher.__init__, "bf21ecb7e0f210b7"),
    "Fetcher._proc_fetch_request": (fetcher.Fetcher._proc_fetch_request, "59bf948fff47eed5"),
    "Fetcher.fetched_records": (fetcher.Fetcher.fetched_records, "be4348896b9b66af"),
    "Fetcher.next_record": (fetcher.Fetcher.next_record, "b86d8af8abb5e3f9"),
    "AIOKafkaConsumer.__init__": (AIOKafkaConsumer.__init__, "01506f316191f7c9"),
    "AIOKafkaConsumer.start": (AIOKafkaConsumer.start, "2f1ba70443327538"),
    "GroupCoordinator.close": (GroupCoordinator.close, "f30d831089456312"),
    "GroupCoordinator._maybe_leave_group": (GroupCoordinator._maybe_leave_group, "016cd88a16e6c4b5"),
    "GroupCoordinator._send_req": (GroupCoordinator._send_req, "fa4b12e914ce9fcf"),
    "AddPartitionsToTxnHandler": (sender.AddPartitionsToTxnHandler, "112129b2ac04fe8e"),
    "TransactionManager": (TransactionManager, "d0932794d69a6780"),
    "Sender._maybe_do_transactional_request": (sender.Sender._maybe_do_transactional_request, "71227a8a4d9ca80d"),
}


def test_the_version_is_the_one_that_was_read() -> None:
    assert aiokafka.__version__ == aiokafka_private.AIOKAFKA_VERSION


@pytest.mark.parametrize("name", SOURCES)
def test_the_source_we_rely_on_is_unchanged(name: str) -> None:
    thing, digest = SOURCES[name]
    assert hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()[:16] == digest


def test_the_names_we_set_are_those_that_are_read() -> None:
    async def check() -> None:
        consumer = AIOKafkaConsumer("check-ins", bootstrap_servers="127.0.0.1:1")
        assert (consumer._isolation_level, consumer._fetch_max_wait_ms) == ("read_uncommitted", 500)
        assert (consumer._fetcher, consumer._value_deserializer) == (None, None)
        aiokafka_private.set_read_committed(consumer)
        aiokafka_private.set_fetch_max_wait(consumer, 20)
        hand_out_batches(consumer, {"check-ins"})
        assert (consumer._isolation_level, consumer._fetch_max_wait_ms) == ("read_committed", 20)
        assert not aiokafka_private.fetcher_has_died(consumer)
        consumer._fetcher = object()
        with pytest.raises(RuntimeError, match="before start"):
            hand_out_batches(consumer, {"check-ins"})
        consumer._closed = True  # it was never started

    asyncio.run(check())


def test_the_transaction_backoff_is_where_the_sender_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "BACKOFF_OVERRIDE", sender.BACKOFF_OVERRIDE)
    aiokafka_private.set_transaction_backoff(0.005)
    assert sender.BACKOFF_OVERRIDE == 0.005
    assert "return BACKOFF_OVERRIDE" in inspect.getsource(sender.AddPartitionsToTxnHandler)


def fetched(
    *batches: RecordBatch,
    position: int = 0,
    asked: bool = True,
    aborted: list[tuple[int, int]] | None = None,
    isolation: int = fetcher.READ_COMMITTED,
    data: bytes | None = None,
) -> Any:
    """What a consumer's fetcher makes of a fetch's answer."""
    deserializer: Any = None
    if asked:
        deserializer = aiokafka_private._WholeBatches({PARTITION.topic}, RecordBatch, None)
    data = b"".join(bytes(batch.raw) for batch in batches) if data is None else data
    memory = fetcher.MemoryRecords(data)
    return fetcher.PartitionRecords(PARTITION, memory, aborted, position, None, deserializer, True, isolation)


def test_batches_are_handed_out_and_the_position_moves_behind_them() -> None:
    records = fetched(record_batch(THREE, 10), record_batch(THREE, 15), position=10)
    got = list(records)
    assert [(type(batch), batch.base_offset, batch.last_offset) for batch in got] == [
        (RecordBatch, 10, 12),
        (RecordBatch, 15, 17),
    ]
    assert records.next_fetch_offset == 18


def test_a_consumer_that_did_not_ask_gets_records() -> None:
    records = fetched(record_batch(THREE, 10), position=11, asked=False)
    assert [(record.offset, record.value) for record in records] == [(11, b"2"), (12, b"3")]


def test_another_topic_of_the_same_consumer_gets_records() -> None:
    deserializer = aiokafka_private._WholeBatches({"temperatures"}, RecordBatch, str)
    memory = fetcher.MemoryRecords(bytes(record_batch(THREE).raw))
    records = fetcher.PartitionRecords(PARTITION, memory, None, 0, None, deserializer, True, 1)
    assert [record.value for record in records] == ["b'1'", "b'2'", "b'3'"]


def test_a_position_inside_a_batch_is_carried_by_it() -> None:
    [batch, following] = fetched(record_batch(THREE, 10), record_batch(THREE, 13), position=12)
    assert [record.offset for record in batch.records()] == [12]
    assert [record.offset for record in following.records()] == [13, 14, 15]


def test_a_batch_wholly_below_the_position_is_left_out_and_does_not_move_it_back() -> None:
    records = fetched(record_batch(THREE, 10), position=13)
    assert list(records) == []
    assert records.next_fetch_offset == 13


TRANSACTIONS = [
    record_batch(THREE, 0, transactional=True, producer_id=5),  # aborted
    record_batch(THREE, 3, transactional=True, producer_id=6),
    record_batch(THREE, 6),
    record_batch([Sent(ABORT, b"\0" * 6)], 9, transactional=True, producer_id=5, control=True),
    record_batch(THREE, 10, transactional=True, producer_id=5),
    record_batch([Sent(COMMIT, b"\0" * 6)], 13, transactional=True, producer_id=6, control=True),
    record_batch([Sent(COMMIT, b"\0" * 6)], 14, transactional=True, producer_id=5, control=True),
]


@pytest.mark.parametrize(
    ("isolation", "offsets"),
    [
        (fetcher.READ_COMMITTED, [*range(3, 9), 10, 11, 12]),
        (fetcher.READ_UNCOMMITTED, [*range(9), 10, 11, 12]),
    ],
)
def test_aborted_and_control_batches_are_left_out_as_aiokafka_does(isolation: int, offsets: list[int]) -> None:
    aborted = [(5, 0)]
    records = fetched(*TRANSACTIONS, aborted=list(aborted), isolation=isolation)
    assert [record.offset for batch in records for record in batch.records()] == offsets
    plain = fetched(*TRANSACTIONS, aborted=list(aborted), isolation=isolation, asked=False)
    assert [record.offset for record in plain] == offsets
    assert records.next_fetch_offset == plain.next_fetch_offset == 15


def test_a_damaged_batch_is_an_error() -> None:
    data = bytearray(record_batch(THREE, 10).raw)
    data[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="CRC of the batch at offset 10"):
        list(fetched(data=bytes(data)))


def test_a_batch_cut_off_at_the_end_is_fetched_again() -> None:
    data = bytes(record_batch(THREE, 0).raw) + bytes(record_batch(THREE, 3).raw)[:-1]
    records = fetched(data=data)
    assert [batch.base_offset for batch in records] == [0]
    assert records.next_fetch_offset == 3
