"""Topics: names, keys, partitions, retention. Every topic of the system is named here and created explicitly."""

from typing import NamedTuple

DEFAULT_PARTITIONS = 8
FOREVER = -1


class Topic(NamedTuple):
    """One Kafka topic. ``key`` says in words what the record key is; ``retention_ms`` -1 keeps everything.

    ``max_message_bytes``: largest batch that the broker takes, None: its own limit (1 MiB).
    """

    name: str
    key: str
    partitioned: bool = True
    compacted: bool = False
    retention_ms: int = FOREVER
    restricted: bool = False
    max_message_bytes: int | None = None


CHECK_INS = Topic("check-ins", "token of the subject")
TEMPERATURES = Topic("temperatures", "person token")
FOLLOW_UPS = Topic("follow-ups", "person token")
ENFORCEMENT = Topic("enforcement", "case id")
REPORTS = Topic("reports", "unit id")
URGENT_CARE = Topic("urgent-care", "person token", restricted=True)
REFERENCE = Topic("reference", "entity id", partitioned=False)
LARGEST_STATE_BYTES = 8 * 1024 * 1024
"""Whole states and timelines are one record each: those of a device that is stuck for weeks have some megabytes."""

RISK_CHANGES = Topic("risk-changes", "person token", compacted=True, max_message_bytes=LARGEST_STATE_BYTES)
SLA_EVENTS = Topic("sla-events", "clock id")
URGENT_CLOCKS = Topic("urgent-clocks", "clock id", restricted=True)
LARGEST_LETTER_BYTES = 8 * 1024 * 1024
"""A dead letter carries key and value of its record up to so many bytes together. A compressed batch that a broker took
with its 1 MiB may hold records of any size."""

DEAD_LETTERS = Topic(
    "dead-letters",
    "topic/partition/offset of the record",
    retention_ms=30 * 24 * 3600 * 1000,
    max_message_bytes=LARGEST_LETTER_BYTES + 1024 * 1024,
)

PERSON_TOPICS = (CHECK_INS, TEMPERATURES, FOLLOW_UPS)
INPUT_TOPICS = (*PERSON_TOPICS, ENFORCEMENT, REPORTS, URGENT_CARE, REFERENCE)
DERIVED_TOPICS = (RISK_CHANGES, SLA_EVENTS, URGENT_CLOCKS, DEAD_LETTERS)
ALL_TOPICS = (*INPUT_TOPICS, *DERIVED_TOPICS)
BY_NAME = {topic.name: topic for topic in ALL_TOPICS}


def partitions_of(topic: Topic, partitions: int = DEFAULT_PARTITIONS) -> int:
    """Number of partitions of a topic in an installation whose person topics have ``partitions``."""
    return partitions if topic.partitioned else 1
