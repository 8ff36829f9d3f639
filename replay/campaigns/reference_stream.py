"""The reference topic of a campaign: published first and wholly, with marks to the end, so that no verdict waits."""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter

from replay.campaigns.schedule import HOUR_MS, Marks
from replay.emission import Emission
from replay.manifest import Account
from schemas import topics
from schemas.events import Event
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec

TRANSIT_MS = 100
_SENT_AGAIN = 3
_AGAIN_AFTER_MS = 5000


def reference_emissions(
    events: Sequence[Event],
    start: int,
    until: int,
    partitions: int,
    account: Account,
    mark_every_ms: int = HOUR_MS,
) -> Iterator[Emission]:
    """Reference events in order of arrival, each a moment after it was sent, among marks from ``start`` to ``until``,
    whole hours in UTC milliseconds.

    What a document does not know beforehand (a tier, an order) has a later ``sent_at`` and so arrives in the midst of
    the marks. The registry's line broke before ``start``: what it had sent last, it sent again.
    """
    topic = topics.REFERENCE.name
    codec = RowCodec(default_registry(), topic)
    records = [event.record() for event in events]
    emissions = [Emission(topic, key, codec.encode(row), row["sent_at"] + TRANSIT_MS, 0) for _, key, row in records]
    account.add_events(topic, Counter(event.kind for event in events))
    before = sorted((emission for emission in emissions if emission.appended_at < start), key=attrgetter("appended_at"))
    again = [
        emission._replace(appended_at=min(before[-1].appended_at + _AGAIN_AFTER_MS, start - 1))
        for emission in before[-_SENT_AGAIN:]
    ]
    account.duplicates[topic] += len(again)
    marks = Marks(topics.REFERENCE, partitions)
    times = [*range(start, until, mark_every_ms), until]
    marked = [mark for time in times for mark in marks.at(time)]
    account.time_marks[topic] += len(marked)
    # Stable: at the same time a mark comes after what arrived then.
    yield from sorted([*emissions, *again, *marked], key=attrgetter("appended_at"))
