"""Every private name of aiokafka 0.14.0 that is touched, and why. A test fails when another version changes one.

| name | why |
| --- | --- |
| `aiokafka.codec.*_decode`, `record.util.calc_crc32c` | a batch is checked and decompressed as aiokafka itself does |
| `record.default_records.DefaultRecordBatch` | its compiled parser walks the records of a batch that needs it |
| `record.default_records.DefaultRecordBatchBuilder` | tests build real batches with it |
| `record.control_record.ABORT_MARKER, ControlRecord` | to know the end of an aborted transaction |
| `consumer.fetcher.MemoryRecords, PartitionRecords` | replaced, once: see `hand_out_batches` |
| `PartitionRecords.__init__`, its attributes, `_consume_aborted_up_to` | the replacement keeps read_committed |
| `AIOKafkaConsumer._value_deserializer, _fetcher` | says, consumer by consumer, who gets whole batches |
| `AIOKafkaConsumer._isolation_level, _fetch_max_wait_ms` | Faust gives no setting for them |
| `Fetcher._fetch_task` | a dead fetcher is noticed by nobody else |
| `AIOKafkaConsumer._coordinator`, its `_maybe_leave_group, _send_req` | see `leave_group_when_stopped` |
| `protocol.api.Request, RequestStruct, Response` | the request by which a static member leaves, which aiokafka lacks |
| `AIOKafkaProducer._txn_manager`, its `maybe_add_partition_to_txn` | see `add_to_transaction` |
| `producer.sender.BACKOFF_OVERRIDE` | see `set_transaction_backoff` |
"""

import asyncio
import logging
import struct
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

from aiokafka import TopicPartition, codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError, for_code
from aiokafka.producer import sender
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

__all__ = [
    "AIOKAFKA_VERSION",
    "DefaultRecordBatch",
    "DefaultRecordBatchBuilder",
    "HandedOut",
    "add_to_transaction",
    "crc32c",
    "decompress",
    "fetcher_has_died",
    "hand_out_batches",
    "leave_group_when_stopped",
    "set_fetch_max_wait",
    "set_read_committed",
    "set_transaction_backoff",
]

AIOKAFKA_VERSION = "0.14.0"

_DECOMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
_PREFIX = struct.Struct(">qiib")  # base offset, length of what follows, leader epoch, magic
_AFTER_LENGTH = 12
_LEAST_LENGTH = 61 - _AFTER_LENGTH  # a header without records
_LEAVE_SECONDS = 2.0

log = logging.getLogger(__name__)


class HandedOut(Protocol):
    """What the fetcher must know of a batch that it hands out."""

    @property
    def base_offset(self) -> int: ...

    @property
    def next_offset(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def producer_id(self) -> int: ...

    @property
    def is_control(self) -> bool: ...

    @property
    def is_transactional(self) -> bool: ...

    @property
    def crc_holds(self) -> bool: ...


class _WholeBatches(NamedTuple):
    """Stands where a consumer's value deserializer would: it is what reaches each PartitionRecords of that consumer."""

    topics: Container[str]
    make: Callable[[memoryview, int], HandedOut]
    value_deserializer: Callable[[bytes | None], Any] | None

    def __call__(self, value: bytes | None) -> Any:
        return self.value_deserializer(value) if self.value_deserializer else value


class _Memory:
    """In place of MemoryRecords: keeps the bytes of a fetch beside aiokafka's view of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.inner = _MemoryRecords(data)
        self.has_next = self.inner.has_next
        self.size_in_bytes = self.inner.size_in_bytes


_MemoryRecords: Any = fetcher.MemoryRecords
_PartitionRecords: Any = fetcher.PartitionRecords


class _Batches(_PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """In place of PartitionRecords: yields batches instead of records where the consumer asked for them."""

    next_fetch_offset: int

    def __init__(
        self,
        tp: Any,
        records: _Memory,
        aborted_transactions: Any,
        fetch_offset: int,
        key_deserializer: Any,
        value_deserializer: Any,
        check_crcs: bool,
        isolation_level: int,
    ) -> None:
        super().__init__(
            tp,
            records.inner,
            aborted_transactions,
            fetch_offset,
            key_deserializer,
            value_deserializer,
            check_crcs,
            isolation_level,
        )
        if isinstance(value_deserializer, _WholeBatches) and tp.topic in value_deserializer.topics:
            self._records_iterator = self._batches(records.data, value_deserializer.make)

    def _batches(self, data: bytes, make: Callable[[memoryview, int], HandedOut]) -> Iterator[HandedOut]:
        for raw in split_batches(data):
            batch = make(raw, self.next_fetch_offset)
            if self._check_crcs and not batch.crc_holds:
                raise CorruptRecordException(
                    f"{self._tp}: CRC of the batch at offset {batch.base_offset} does not hold"
                )
            aborted = False
            if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id >= 0:
                self._consume_aborted_up_to(batch.base_offset)
                if batch.is_control and _is_abort_marker(raw):
                    self._aborted_producers.discard(batch.producer_id)
                aborted = batch.is_transactional and batch.producer_id in self._aborted_producers
            seen = batch.next_offset <= self.next_fetch_offset
            # The position moves past control, aborted and empty batches too, or it would be fetched for ever.
            self.next_fetch_offset = max(self.next_fetch_offset, batch.next_offset)
            if batch.count and not (batch.is_control or aborted or seen):
                yield batch


def split_batches(data: bytes | memoryview) -> Iterator[memoryview]:
    """The v2 batches of a fetch, header included. A batch cut off at the end, as a fetch may, is left out.

    Raises aiokafka's CorruptRecordException for another message format, and for a length no batch can have.
    """
    view, position = memoryview(data), 0
    while position + _PREFIX.size <= len(view):
        base_offset, length, _, magic = _PREFIX.unpack_from(view, position)
        if magic != 2:
            raise CorruptRecordException(f"batch at offset {base_offset} has message format {magic}, not 2")
        if length < _LEAST_LENGTH:
            raise CorruptRecordException(f"batch at offset {base_offset} says it has {length} bytes")
        end = position + _AFTER_LENGTH + length
        if end > len(view):
            return
        yield view[position:end]
        position = end


def _is_abort_marker(raw: memoryview) -> bool:
    marker = next(iter(DefaultRecordBatch(bytes(raw))))
    return bool(ControlRecord.parse(marker.key) == ABORT_MARKER)


def _install() -> None:
    # Module globals of aiokafka, but without effect on a consumer that was not passed to `hand_out_batches`.
    fetcher.MemoryRecords = _Memory
    fetcher.PartitionRecords = _Batches


_install()


def hand_out_batches(consumer: Any, topics: Container[str], make: Callable[[memoryview, int], HandedOut]) -> None:
    """Makes one consumer's fetcher hand out whole batches for ``topics``: `getmany` and `getone` give what
    ``make(bytes of a batch, fetch position)`` makes, and ``max_records`` counts batches.

    To be called before the consumer is started. ``topics`` is asked at every fetch, so it may be a set that grows.
    """
    if consumer._fetcher is not None:
        raise RuntimeError(
            "the consumer is running: call hand_out_batches before start, records may be fetched already"
        )
    consumer._value_deserializer = _WholeBatches(topics, make, consumer._value_deserializer)


def set_read_committed(consumer: Any) -> None:
    """Before start: read_committed, which Faust offers with its exactly_once only."""
    consumer._isolation_level = "read_committed"


def set_fetch_max_wait(consumer: Any, milliseconds: int) -> None:
    """Before start: how long the broker may hold back a fetch; Faust's 1500 ms delay every busy partition."""
    consumer._fetch_max_wait_ms = milliseconds


def fetcher_has_died(consumer: Any) -> bool:
    """Whether the background task that fetches has ended: from then on `getmany` would wait for ever."""
    return consumer._fetcher is not None and bool(consumer._fetcher._fetch_task.done())


class _LeaveGroupResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")), ("error_code", Int16)),
        ),
    )


class _LeaveGroupStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveGroupResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("members", Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))),
    )


class _LeaveGroup(Request[_LeaveGroupStruct]):  # type: ignore[misc]
    """Version 3 of LeaveGroup, the first that a static member can leave by."""

    API_KEY = 13

    def __init__(self, group: str, member_id: str, instance_id: str) -> None:
        self._group, self._member = group, (member_id, instance_id)

    def build(self, request_struct_class: type[_LeaveGroupStruct]) -> _LeaveGroupStruct:
        return request_struct_class(self._group, [self._member])


def leave_group_when_stopped(consumer: Any) -> None:
    """Before stop: a static member leaves its group as well, where aiokafka has it silently keep its place until the
    session ends. With its member id, so that it cannot throw out who has its ``group.instance.id`` by now."""
    coordinator = consumer._coordinator
    if consumer._group_instance_id is not None:
        coordinator._maybe_leave_group = partial(_leave, coordinator, consumer._group_instance_id)


async def _leave(coordinator: Any, instance_id: str) -> None:
    if coordinator.generation > 0:
        request = _LeaveGroup(coordinator.group_id, coordinator.member_id, instance_id)
        try:
            response = await asyncio.wait_for(coordinator._send_req(request), _LEAVE_SECONDS)
            for code in (response.error_code, *(member[-1] for member in response.members)):
                if code:
                    raise for_code(code)
        except (KafkaError, TimeoutError) as error:
            log.warning("%s could not leave its group, others wait for its session: %r", instance_id, error)
    coordinator.reset_generation()


def add_to_transaction(producer: Any, partitions: Iterable[tuple[str, int]]) -> None:
    """Have the transaction that was begun end with a marker in these partitions (topic, number), also where nothing
    is sent."""
    for topic, number in partitions:
        producer._txn_manager.maybe_add_partition_to_txn(TopicPartition(topic, number))


def set_transaction_backoff(seconds: float) -> None:
    """For all producers of the process: the wait before a transaction is begun again after CONCURRENT_TRANSACTIONS.

    The broker answers a commit before its markers are written, and tells the next transaction of the partition so.
    """
    sender.BACKOFF_OVERRIDE = seconds


def crc32c(data: memoryview) -> int:
    """CRC-32C of what follows the checksum in a batch."""
    return int(calc_crc32c(data))


def decompress(codec_id: int, data: memoryview) -> bytes:
    """Records section of a batch with a compression codec 1 to 4. Raises ValueError for another, or bad data."""
    if codec_id not in _DECOMPRESS:
        raise ValueError(f"compression codec {codec_id} is unknown")
    try:
        return _DECOMPRESS[codec_id](bytes(data))
    except Exception as error:  # each library has its own exceptions
        raise ValueError(f"compression codec {codec_id}: {error}") from error
