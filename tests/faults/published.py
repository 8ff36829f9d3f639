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

    @property
    def is_mark(self) -> bool:
        """Whether it is one of the stream's time marks: they alone have these keys and a partition that is named."""
        return self.partition is not None and self.key is not None and self.key.startswith(b"mark-")
