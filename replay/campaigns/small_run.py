"""A generation of a campaign whose events fit into memory: written down as models, disturbed on their way like all.

The reference comes first (`reference_stream`), then every event in order of arrival, with marks to the end.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from replay.campaigns import poison
from replay.campaigns.disturbance import USUAL_RATES, Outbox, Rates, Times, delivery
from replay.campaigns.draws import Draws
from replay.campaigns.reference_stream import reference_emissions
from replay.campaigns.schedule import HOUR_MS, Schedule
from replay.emission import Emission
from replay.manifest import Account
from schemas import topics
from schemas.events import Event
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec

_SPAN_MS = 4 * HOUR_MS
_CHUNK = 4096
_BEFORE_THE_END_MS = 60_000

_TOPICS = tuple(topic for topic in topics.INPUT_TOPICS if topic.partitioned)
_SENT_ON_TIME = {topics.REPORTS.name}
"""Whether a report came in time is what its topic is about: the campaign alone says when one is sent."""


class _Encoded(NamedTuple):
    """An event ready to go: a few hundred bytes, so that some hundred thousand wait in memory."""

    occurred_at: int
    sent_at: int
    appended_at: int
    kind: str
    key: bytes
    value: bytes


_Spans = defaultdict[int, defaultdict[str, list[_Encoded]]]
"""By number of the span in which they occur, and topic."""


class SmallRun:
    """One generation; see `replay.campaigns.campaign.Run`.

    ``events(seed, scale)`` gives all events but the reference, in any order; they occur in [``start``, ``until``),
    whole hours in UTC milliseconds. ``reference`` is what the registry says, in any order, what it says later included.
    An event is sent when it says so; of those that are not reports a few leave their device hours or days late
    (``rates``). On every topic where that can be, ``conflicts`` events have their identity given to a second content.
    The event clock moves every ``mark_every_ms``, whole hours: a year of hourly marks would outnumber the events.
    """

    def __init__(
        self,
        seed: int,
        scale: float,
        partitions: int,
        leads_scale: float,
        *,
        reference: Sequence[Event],
        events: Callable[[int, float], Iterable[Event]],
        start: int,
        until: int,
        rates: Rates = USUAL_RATES,
        conflicts: int = 3,
        mark_every_ms: int = HOUR_MS,
    ) -> None:
        self.scale, self.partitions, self.leads_scale = scale, partitions, leads_scale
        self.account = Account()
        marks = ((until - start) // mark_every_ms + 1) * (len(_TOPICS) * partitions + 1)
        self.expected = len(reference) + marks
        self._seed, self._reference, self._events = seed, reference, events
        self._start, self._until, self._rates, self._conflicts = start, until, rates, conflicts
        self._mark_every_ms = mark_every_ms

    def emissions(self) -> Iterator[Emission]:
        """Raises ValueError for an event that does not lie in the run."""
        yield from reference_emissions(
            self._reference, self._start, self._until, self.partitions, self.account, self._mark_every_ms
        )
        spans = self._encoded()
        schedule = Schedule(self._start, self._until, self.partitions, self.account, self._mark_every_ms)
        times = {topic.name: poison.moments(self._start, self._until, self._conflicts) for topic in poison.POISONED}
        limits = default_policy().arrival.limits
        draws = Draws(self._seed, "outbox")
        outbox = Outbox(draws, schedule, self.account, self.partitions, times, self._rates, limits)
        for number, start in enumerate(range(self._start, self._until, _SPAN_MS)):
            for topic, group in sorted(spans.pop(number, {}).items()):
                _add(outbox, topic, group)
            yield from schedule.release(min(start + _SPAN_MS, self._until))
        yield from schedule.finish()

    def _encoded(self) -> _Spans:
        """Every event as bytes, with the times at which it leaves and arrives."""
        codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in _TOPICS}
        draws = Draws(self._seed, "delivery")
        spans: _Spans = defaultdict(lambda: defaultdict(list))
        events = iter(self._events(self._seed, self.scale))
        while chunk := list(islice(events, _CHUNK)):
            occurred = np.array([event.occurred_at for event in chunk], np.int64)
            times = delivery(draws, occurred, self._until, self._rates)
            for event, sent_at, appended_at in zip(chunk, times.sent.tolist(), times.appended.tolist(), strict=True):
                topic, key, row = event.record()
                if not self._start <= event.occurred_at < self._until:
                    raise ValueError(f"{event.identity}: occurs at {event.occurred_at}, outside the run")
                transit = appended_at - sent_at
                if sent_at - event.occurred_at > HOUR_MS and topic not in _SENT_ON_TIME:
                    row["sent_at"] = max(sent_at, event.sent_at)
                arrival = min(row["sent_at"] + transit, self._until - _BEFORE_THE_END_MS)
                encoded = _Encoded(
                    event.occurred_at,
                    row["sent_at"],
                    max(arrival, row["sent_at"]),
                    event.kind,
                    key,
                    codecs[topic].encode(row),
                )
                spans[(event.occurred_at - self._start) // _SPAN_MS][topic].append(encoded)
            self.expected += len(chunk)
        return spans


def _add(outbox: Outbox, topic: str, group: list[_Encoded]) -> None:
    group.sort()
    occurred, sent, appended, kinds, keys, values = zip(*group, strict=True)
    times = Times(np.array(occurred, np.int64), np.array(sent, np.int64), np.array(appended, np.int64))
    outbox.add(topic, Counter(kinds), list(keys), list(values), times)
