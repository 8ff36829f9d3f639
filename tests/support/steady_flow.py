"""A steady stream of fever readings, each of another person, and how long each takes to every stage of the flow."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition

from infra.column_store import reader_address
from infra.edge.publisher import Publisher
from infra.home import Home
from schemas import codes, events, topics
from schemas.wire.partitioner import partition_of_key
from sinks.clickhouse import ClickHouse

SOURCE = "steady-flow"
ROUND_SECONDS = 0.1
LOOK_SECONDS = 0.1
_BASE_32 = "abcdefghijklmnopqrstuvwxyz234567"
_ARRIVED = {
    "row": f"SELECT token FROM checkline.temperatures WHERE source = '{SOURCE}' AND token >= %(least)s",
    "timeline": "SELECT token FROM checkline.risk_timelines FINAL WHERE token >= %(least)s AND notEmpty(levels)",
}


class Pauses(NamedTuple):
    """Seconds from the hand-over of an event to: its acknowledgement, its row, its person's timeline; the longest."""

    acknowledged: float
    row: float
    timeline: float


def token_of(number: int) -> str:
    """Tokens in the order of their numbers."""
    digits = "".join(_BASE_32[number >> 5 * place & 31] for place in reversed(range(24)))
    return f"p00{digits}"


class SteadyFlow:
    """Publishes while it is entered, in rounds of one event for each partition, and looks for what arrives.

    A round is handed over, and the next follows when it is acknowledged. ``first`` numbers the events: two flows into
    one home must not use the same numbers.
    """

    def __init__(self, home: Home, first: int = 0) -> None:
        self._home = home
        self._partitions = home.settings.partitions
        self._finish = threading.Event()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._next = first
        self._sent: dict[str, float] = {}
        self._seen: dict[str, dict[str, float]] = {"acknowledged": {}, "row": {}, "timeline": {}}
        self._publishing, self._looking = (
            threading.Thread(target=self._guarded, args=(run,)) for run in (self._publish, self._look)
        )

    def __enter__(self) -> Self:
        self._publishing.start()
        self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish()
        self._stop.set()
        self._looking.join()

    @property
    def acknowledged(self) -> frozenset[str]:
        """Tokens of all events that were acknowledged."""
        return frozenset(self._seen["acknowledged"])

    def finish(self) -> None:
        """Publish no more; what was handed over is acknowledged when this returns."""
        self._finish.set()
        self._publishing.join()

    def check(self) -> None:
        """Raises what ended the publisher or the look-out."""
        if self._failure is not None:
            raise self._failure

    def has_arrived(self, until: float) -> bool:
        """Whether all that was handed over before a moment (`time.monotonic()`) is acknowledged and came through."""
        sent = {token for token, at in list(self._sent.items()) if at < until}
        return all(sent <= seen.keys() for seen in self._seen.values())

    def pauses(self, since: float, until: float) -> Pauses:
        """Longest times of the events handed over between two moments; all must have arrived."""
        chosen = [(token, at) for token, at in list(self._sent.items()) if since <= at < until]
        return Pauses(*(max(seen[token] - at for token, at in chosen) for seen in self._seen.values()))

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:
            self._failure = error

    def _publish(self) -> None:
        with Publisher(self._home.kafka_bootstrap, linger_ms=0) as publisher:
            while not self._finish.wait(ROUND_SECONDS):
                tokens = self._round()
                handed_over = time.monotonic()
                for token, number in tokens.items():
                    self._sent[token] = handed_over
                    publisher.publish(_reading(token, number))
                publisher.flush()
                self._seen["acknowledged"] |= dict.fromkeys(tokens, time.monotonic())

    def _round(self) -> dict[str, int]:
        """One new token for each partition."""
        found: dict[int, tuple[str, int]] = {}
        while len(found) < self._partitions:
            token, number = token_of(self._next), self._next
            self._next += 1
            found.setdefault(partition_of_key(token.encode(), self._partitions), (token, number))
        return dict(found.values())

    def _look(self) -> None:
        with ClickHouse(reader_address(self._home), "steady-flow") as client:
            while not self._stop.wait(LOOK_SECONDS):
                for stage, query in _ARRIVED.items():
                    seen = self._seen[stage]
                    missing = [token for token in list(self._sent) if token not in seen]
                    if missing:
                        now = time.monotonic()
                        rows = client.rows(query, {"least": min(missing)})
                        seen.update({token: now for (token,) in rows if token not in seen})


def _reading(token: str, number: int) -> events.Event:
    now = time.time_ns() // 1_000_000
    return events.Reading(
        source=SOURCE,
        sequence=number,
        occurred_at=now,
        sent_at=now,
        zone_offset_minutes=0,
        token=token,
        value_tenths=390,
        method=codes.ThermometryMethod.AXILLARY,
    )


def keys_in_log(home: Home, topic: str) -> Counter[str]:
    """How often each key stands in a topic, for readers of what is committed."""
    places = [
        TopicPartition(topic, number)
        for number in range(topics.partitions_of(topics.BY_NAME[topic], home.settings.partitions))
    ]
    consumer = KafkaConsumer(
        bootstrap_servers=home.kafka_bootstrap.split(","), isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        keys: Counter[str] = Counter()
        deadline = time.monotonic() + 30
        while any(consumer.position(place) < ends[place] for place in places):
            assert time.monotonic() < deadline, f"{topic} could not be read to its end"
            for records in consumer.poll(timeout_ms=200).values():
                keys.update(record.key.decode() for record in records)
        return keys
    finally:
        consumer.close()
