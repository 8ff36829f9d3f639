"""One Kafka transaction per partition and step. The transactional id belongs to the partition, not to the worker.

Starting a partition's producer fences whoever had it before and aborts what was left open, so after `start` nobody can
append to the partition's part of the changelog but us.

A broker that dies right behind the end of a transaction has to write its markers when it is back: one in every
partition that was written. Kafka 4.3 leaves one out where the partition has no leader at that moment (it takes it for
deleted), and what lies behind is hidden from readers for good. The next end of a transaction of the same producer ends
the forgotten one as well, in its own sense. So one without records goes over all partitions that we write to: a while
after the last write, and on every start in the sense in which the coordinator says that the last one had ended.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from schemas.wire.aiokafka_private import add_to_transaction
from streams.fold import Changes, Outputs
from streams.worker.long_waits import LongWait

BATCH_BYTES = 900_000
"""Largest record batch, below the broker's ``message.max.bytes`` of 1 MiB."""

TRANSACTION_TIMEOUT_MS = 10_000
"""A dead owner's open transaction hides the records behind it from readers for at most so long. Longer than a session:
a worker that stood still for less than that finds its transaction as it left it."""


SETTLE_SECONDS = 10.0
"""So long after the last write every marker should stand: then it is made sure."""


_COMMITTED = ("PrepareCommit", "CompleteCommit")
_ABORTED = ("Ongoing", "PrepareAbort", "PrepareEpochFence", "CompleteAbort")


class StatesUnknown(Exception):
    """No coordinator says how the last transactions ended."""


def states_left(bootstrap: list[str], transactional_ids: Iterable[str]) -> dict[str, str]:
    """The state of each id's last transaction, by its coordinator; what no coordinator knows is left out.

    Blocks; to be asked before a producer of the id starts, which begins anew. Raises StatesUnknown.
    """
    # Wanted by a worker that starts, and takes a while to import.
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError, TransactionalIdNotFoundError

    states = {}
    try:
        client = KafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            for name in transactional_ids:
                with suppress(TransactionalIdNotFoundError):
                    states[name] = str(client.describe_transactions([name])[name].state.value)
        finally:
            client.close()
    except KafkaError as error:
        raise StatesUnknown(repr(error)) from error
    return states


class RecordTooLarge(Exception):
    """A topic refused a record of ours for its size; the text names topic and key, and what to do."""


class _Batch(NamedTuple):
    """What is known of a record batch that is on its way."""

    topic: str
    first_key: bytes | None
    records: int
    size: int


class PartitionTransactions:
    """The producer of one partition; ``topics`` are all that it writes to. Raises aiokafka's errors; `ProducerFenced`
    says that another worker owns it."""

    def __init__(
        self,
        bootstrap: list[str],
        app_id: str,
        partition: int,
        security: Mapping[str, Any],
        topics: Collection[str] = (),
    ) -> None:
        self.partition = partition
        self.transactional_id = f"{app_id}-{partition}"
        self._places = [(topic, partition) for topic in topics]
        self._written_at: float | None = None  # of what no transaction over all partitions has followed yet
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=f"{app_id}-{partition}",
            transactional_id=self.transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            **security,
        )

    async def start(self, left: str | None = None) -> None:
        """Fences the former owner. ``left``: what `states_left` says of its last transaction, which is made sure of."""
        with self._long_wait("its producer's start, which ends what a former owner left open"):
            await self._producer.start()
        if left in _COMMITTED:
            await self.settle()
        elif left in _ABORTED:
            with self._long_wait("the end of what a former owner aborted"):
                await self._producer.begin_transaction()
                add_to_transaction(self._producer, self._places)
                await self._producer.abort_transaction()

    @property
    def is_unsettled(self) -> bool:
        """Whether the last write is a while ago, and `settle` was not called since."""
        return self._written_at is not None and time.monotonic() - self._written_at > SETTLE_SECONDS

    async def settle(self) -> None:
        """Ends every transaction of ours that a broker has forgotten to end: see above."""
        with self._long_wait("a transaction over all that it writes to"):
            async with self._producer.transaction():
                add_to_transaction(self._producer, self._places)
        self._written_at = None

    async def stop(self) -> None:
        await self._producer.stop()

    async def write(self, outputs: Outputs, changelog: str, changes: Changes, appended_at: int) -> int:
        """All or nothing: outputs, stamped ``appended_at``, and changes. Returns the offset of the last change.

        Raises `RecordTooLarge` where a topic takes no record of such a size.
        """
        with self._long_wait("the transaction of a step"):
            last = await self._write(outputs, changelog, changes, appended_at)
        self._written_at = time.monotonic()
        return last

    async def _write(self, outputs: Outputs, changelog: str, changes: Changes, appended_at: int) -> int:
        last = -1
        async with self._producer.transaction():
            sent = []
            for topic, pairs in outputs.items():
                sent += await self._send(topic, pairs, appended_at)
            sent += await self._send(changelog, changes.items(), time.time_ns() // 1_000_000)
            for future, batch in sent:
                try:
                    last = (await future).offset + batch.records - 1
                except MessageSizeTooLargeError as error:
                    raise RecordTooLarge(
                        f"{batch.topic} takes no batch of {batch.size} bytes, its first key is {batch.first_key!r}: "
                        "raise its max.message.bytes, and have the rule that made the record bound it"
                    ) from error
        return last

    async def _send(
        self, topic: str, pairs: Iterable[tuple[bytes, bytes | None]], timestamp: int
    ) -> list[tuple[asyncio.Future[Any], _Batch]]:
        """Hands the pairs over in as few batches as they fit into; a large record has one to itself."""
        sent = []
        batch = self._producer.create_batch()
        first_key: bytes | None = None
        for key, value in pairs:
            if batch.append(key=key, value=value, timestamp=timestamp) is None:  # full
                sent.append(await self._hand_over(batch, topic, first_key))
                batch, first_key = self._producer.create_batch(), None
                batch.append(key=key, value=value, timestamp=timestamp)
            first_key = first_key or key
        if batch.record_count():
            sent.append(await self._hand_over(batch, topic, first_key))
        return sent

    async def _hand_over(self, batch: Any, topic: str, first_key: bytes | None) -> tuple[asyncio.Future[Any], _Batch]:
        described = _Batch(topic, first_key, batch.record_count(), batch.size())
        return await self._producer.send_batch(batch, topic, partition=self.partition), described

    def _long_wait(self, what: str) -> LongWait:
        return LongWait(f"{self.transactional_id}: {what}")
