"""When the first record that waits at a position was made: read from the log itself, never estimated.

One request to each node reads the beginnings of all partitions that are behind. What was read once is not read again:
neither a record that still waits, nor a stretch in which there is none for anybody.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from kafka.errors import KafkaError
from kafka.protocol.consumer import FetchRequest, IsolationLevel

from infra.lag import kafka_python_private
from schemas.wire.aiokafka_private import split_batches
from schemas.wire.batches import RecordBatch

FIRST_BYTES = 16 * 1024
MORE_BYTES = 1024 * 1024
"""Of each partition: enough for a few records first, more where that was too little."""

ANSWER_BYTES = 16 * 1024 * 1024
_LAST_VERSION_WITH_NAMES = 12


class Place(NamedTuple):
    """A position in a partition (kafka-python's TopicPartition)."""

    partition: Any
    position: int


class Found(NamedTuple):
    """The first record at or after a position: its time in UTC ms; None where there is none before ``read_until``."""

    timestamp: int | None
    read_until: int


class _Step(NamedTuple):
    """What is to be read next for a place."""

    start: int
    level: IsolationLevel = IsolationLevel.READ_COMMITTED
    limit: int = FIRST_BYTES


class WaitingRecords:
    """Keeps between looks what it has read."""

    def __init__(self) -> None:
        self._known: dict[Place, Found] = {}

    def times(
        self, client: Any, leaders: Mapping[Any, int], places: Collection[Place], seconds: float
    ) -> dict[Place, int | None]:
        """The time of the first record that waits at each place, UTC ms; None where nothing does but the markers of
        transactions and records of aborted ones. What could not be read within ``seconds`` is left out.

        A record whose transaction is still open waits as well: nobody can read past it.
        """
        deadline = time.monotonic() + seconds
        self._known = {place: self._known[place] for place in places if place in self._known}
        times: dict[Place, int | None] = {}
        todo: dict[Place, _Step] = {}
        for place in places:
            known = self._known.get(place, Found(None, place.position))
            if known.timestamp is None:
                todo[place] = _Step(known.read_until)
            else:
                times[place] = known.timestamp
        while todo:
            for (node, level), asked in _by_node(todo, leaders).items():
                answers = _fetch(client, node, level, {place: todo[place] for place in asked}, deadline)
                for place in asked:
                    step, answer = todo.pop(place), answers.get(place.partition)
                    # Without an answer, or one that says that the log begins later or moved: the next look will tell.
                    if answer is None or answer.error_code:
                        continue
                    found = first_record(answer, step.start)
                    settled = level is IsolationLevel.READ_COMMITTED
                    if settled:  # the transactions of what was read otherwise may be aborted
                        self._known[place] = found
                    if found.timestamp is not None or found.read_until >= answer.high_watermark:
                        times[place] = found.timestamp
                    elif settled and found.read_until >= answer.last_stable_offset:
                        todo[place] = _Step(found.read_until, IsolationLevel.READ_UNCOMMITTED)
                    else:
                        todo[place] = _Step(found.read_until, level, MORE_BYTES)
        return times


def first_record(answer: Any, start: int) -> Found:
    """The first record that is handed out of a partition's answer to a fetch from ``start`` on.

    With aborted transactions in the answer (it was asked for what is committed) their records are none; a marker ends
    the transaction of its producer, however it ends.
    """
    coming = sorted(((one.first_offset, one.producer_id) for one in answer.aborted_transactions or ()), reverse=True)
    aborted: set[int] = set()
    for raw in split_batches(answer.records or b""):
        batch = RecordBatch(raw, first_wanted=start)
        while coming and coming[-1][0] <= batch.base_offset:
            aborted.add(coming.pop()[1])
        if batch.is_control:
            aborted.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborted):
            for record in batch.records():
                return Found(record.appended_at, record.offset)
        start = max(start, batch.next_offset)
    return Found(None, start)


def _by_node(todo: Mapping[Place, _Step], leaders: Mapping[Any, int]) -> dict[tuple[int, IsolationLevel], list[Place]]:
    """What is asked next: a request holds a partition once."""
    taken: set[Any] = set()
    requests: dict[tuple[int, IsolationLevel], list[Place]] = defaultdict(list)
    for place, step in todo.items():
        if place.partition not in taken:
            taken.add(place.partition)
            requests[leaders[place.partition], step.level].append(place)
    return requests


def _fetch(
    client: Any, node: int, level: IsolationLevel, steps: Mapping[Place, _Step], deadline: float
) -> dict[Any, Any]:
    """The answers by partition; none when it does not come in time."""
    left = deadline - time.monotonic()
    if left <= 0:
        return {}
    topics: dict[str, list[Any]] = defaultdict(list)
    for place, step in steps.items():
        topics[place.partition.topic].append(
            FetchRequest.FetchTopic.FetchPartition(
                partition=place.partition.partition, fetch_offset=step.start, partition_max_bytes=step.limit
            )
        )
    request = FetchRequest(
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=ANSWER_BYTES,
        isolation_level=level,
        topics=[FetchRequest.FetchTopic(topic=name, partitions=parts) for name, parts in topics.items()],
        min_version=FetchRequest.min_version_for_isolation_level(IsolationLevel.READ_COMMITTED),
        max_version=_LAST_VERSION_WITH_NAMES,
    )
    try:
        response = kafka_python_private.send(client, request, node, left)
    except KafkaError:
        return {}
    return dict(_partitions(response, steps))


def _partitions(response: Any, steps: Iterable[Place]) -> Iterable[tuple[Any, Any]]:
    asked = {(place.partition.topic, place.partition.partition): place.partition for place in steps}
    for topic in response.responses:
        for partition in topic.partitions:
            yield asked[topic.topic, partition.partition_index], partition
