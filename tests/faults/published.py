"""What the stream publishes and the model reads: one record, before it has a place in the log."""

from typing import NamedTuple


class Published(NamedTuple):
    """One record for Kafka. ``appended_at`` is its (simulated) time of arrival, UTC milliseconds; ``partition`` None
    lies where Kafka's murmur2 partitioner puts the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    appended_at: int
    partition: int | None = None
