"""The first record that waits, out of what a broker answers to a fetch; and what of kafka-python that rests on."""

import hashlib
import inspect
from types import SimpleNamespace
from typing import Any

import kafka
import pytest
from kafka.admin import KafkaAdminClient
from kafka.net.manager import KafkaConnectionManager

from infra.lag import kafka_python_private
from infra.lag.waiting import Found, first_record
from schemas.wire.batches import RecordBatch
from tests.support.batches import ABORT, COMMIT, Sent, record_batch

PRODUCER, OTHER = 7, 8
AT = 1_580_000_000_000


def answer(*batches: RecordBatch, aborted: tuple[tuple[int, int], ...] = ()) -> Any:
    """A partition's answer; ``aborted``: (producer, first offset) of aborted transactions."""
    transactions = [SimpleNamespace(producer_id=producer, first_offset=first) for producer, first in aborted]
    return SimpleNamespace(records=b"".join(bytes(batch.raw) for batch in batches), aborted_transactions=transactions)


def records(base: int, *times: int, producer: int = -1, codec: str = "none") -> RecordBatch:
    sent = [Sent(b"k", b"v", AT + time) for time in times]
    return record_batch(sent, base, codec=codec, transactional=producer >= 0, producer_id=producer)


def marker(base: int, producer: int, key: bytes) -> RecordBatch:
    return record_batch([Sent(key, b"", AT)], base, transactional=True, control=True, producer_id=producer)


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_a_position_inside_a_batch_has_the_time_of_its_own_record(codec: str) -> None:
    batch = records(10, 100, 200, 300, codec=codec)
    assert first_record(answer(batch), 11) == Found(AT + 200, 11)


def test_a_record_that_compaction_took_is_passed_over() -> None:
    batch = record_batch([Sent(b"k", b"v", AT + time) for time in (1, 2, 3)], 10, without=[0, 1])
    assert first_record(answer(batch), 10) == Found(AT + 3, 12)


def test_the_time_is_the_brokers_own_where_the_topic_has_it() -> None:
    batch = record_batch([Sent(b"k", b"v", AT)], 10, log_append_time=AT + 5)
    assert first_record(answer(batch), 10) == Found(AT + 5, 10)


def test_markers_are_read_past_and_are_no_records() -> None:
    batches = [marker(10, PRODUCER, COMMIT), marker(11, OTHER, ABORT)]
    assert first_record(answer(*batches), 10) == Found(None, 12)
    assert first_record(answer(*batches, records(12, 7)), 10) == Found(AT + 7, 12)


def test_aborted_records_are_none_and_those_of_the_same_producers_next_transaction_are() -> None:
    batches = [
        *(records(10, 1, 2, producer=PRODUCER), records(12, 3, producer=PRODUCER), marker(13, PRODUCER, ABORT)),
        records(14, 4, producer=PRODUCER),
    ]
    aborted = ((PRODUCER, 10),)
    assert first_record(answer(*batches[:3], aborted=aborted), 10) == Found(None, 14)
    assert first_record(answer(*batches, aborted=aborted), 10) == Found(AT + 4, 14)
    between = [batches[0], records(12, 9, producer=OTHER), batches[2]]
    assert first_record(answer(*between, aborted=aborted), 10) == Found(AT + 9, 12)


def test_an_answer_without_a_whole_batch_leads_no_further() -> None:
    whole = records(10, 1)
    cut = SimpleNamespace(records=bytes(whole.raw)[:-1], aborted_transactions=None)
    assert first_record(cut, 10) == Found(None, 10)
    assert first_record(SimpleNamespace(records=None, aborted_transactions=None), 10) == Found(None, 10)


# Read the new source and what this project does with it before changing a digest.
SOURCES = {
    "KafkaAdminClient.__init__": (KafkaAdminClient.__init__, "a6d584dd9f5f42c1"),
    "KafkaConnectionManager.run": (KafkaConnectionManager.run, "71eff8c72aaa8b05"),
    "KafkaConnectionManager.send": (KafkaConnectionManager.send, "c6bc4e3773c3bfd2"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_kafka_pythons_private_names_are_as_they_were(name: str) -> None:
    source, digest = SOURCES[name]
    assert kafka.__version__ == kafka_python_private.KAFKA_PYTHON_VERSION
    assert hashlib.sha256(inspect.getsource(source).encode()).hexdigest()[:16] == digest
