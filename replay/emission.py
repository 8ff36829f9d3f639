"""What a campaign gives to whoever publishes it."""

from typing import NamedTuple


class Emission(NamedTuple):
    """One record for Kafka. ``value`` None is a record without a value (poison).

    ``appended_at`` (UTC milliseconds) is the simulated time of arrival, to be set as the record's timestamp.
    ``partition`` is where it must go: for all but poison the partition that Kafka's murmur2 gives its key.
    """

    topic: str
    key: bytes
    value: bytes | None
    appended_at: int
    partition: int | None
