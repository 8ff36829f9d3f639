"""One Kafka transaction per partition and step. The transactional id belongs to the partition, not to the worker.

Starting a partition's producer fences whoever had it before and aborts what was left open, so after `start` nobody can
append to the partition's part of the changelog but us.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.fold import Changes, Outputs

BATCH_BYTES = 900_000
"""Largest record batch, below the broker's ``message.max.bytes`` of 1 MiB."""

TRANSACTION_TIMEOUT_MS = 10_000
"""A dead owner's open transaction hides the records behind it from readers for at most so long. Longer than a session:
a worker that stood still for less than that finds its transaction as it left it."""


class RecordTooLarge(Exception):
    """A record of ours does not fit into a record batch."""


class PartitionTransactions:
    """The producer of one partition. Raises aiokafka's errors; `ProducerFenced` says that another worker owns it."""

    def __init__(self, bootstrap: list[str], app_id: str, partition: int, security: Mapping[str, Any]) -> None:
        self.partition = partition
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=f"{app_id}-{partition}",
            transactional_id=f"{app_id}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            **security,
        )

    async def start(self) -> None:
        """Fences the former owner."""
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def write(self, outputs: Outputs, changelog: str, changes: Changes, appended_at: int) -> int:
        """All or nothing: outputs, stamped ``appended_at``, and changes. Returns the offset of the last change."""
        last = -1
        async with self._producer.transaction():
            sent = []
            for topic, pairs in outputs.items():
                sent += await self._send(topic, pairs, appended_at)
            sent += await self._send(changelog, changes.items(), time.time_ns() // 1_000_000)
            for future, count in sent:
                last = (await future).offset + count - 1
        return last

    async def _send(
        self, topic: str, pairs: Iterable[tuple[bytes, bytes | None]], timestamp: int
    ) -> list[tuple[asyncio.Future[Any], int]]:
        """Hands the pairs over in as few batches as they fit into; returns each one's future and number of records."""
        sent = []
        batch = self._producer.create_batch()
        for key, value in pairs:
            if batch.append(key=key, value=value, timestamp=timestamp) is None:  # full
                sent.append(await self._hand_over(batch, topic))
                batch = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=timestamp) is None:
                    raise RecordTooLarge(
                        f"record {key!r} for {topic} has {len(value or b'')} bytes, over {BATCH_BYTES}: the rule that "
                        "made it must bound it"
                    )
        if batch.record_count():
            sent.append(await self._hand_over(batch, topic))
        return sent

    async def _hand_over(self, batch: Any, topic: str) -> tuple[asyncio.Future[Any], int]:
        count = batch.record_count()
        return await self._producer.send_batch(batch, topic, partition=self.partition), count
