"""A random but seeded stream of everything that can happen to the log, and of what should not.

`generate` publishes as a simulator does: records in the order of their arrival, with time marks between them for an
event clock. Time of arrival runs evenly over ``days``; what is scheduled for later (a step of a lead, a record that was
hours on its way, a repeat) waits until then. Every kind of oddity is drawn from a deck (``scenarios/``), so that each
turns up once before any turns up twice.

The clock: a round of marks goes to every partition of every input topic (``reference`` first), ``rounds`` times over
the stream, each mark at the time of arrival it lies at. A record may be far older than the last mark. The last round
lies 50 hours after the last record: after every deadline (the longest is 48 hours after receipt), and long before
anything is due to be forgotten (its end + horizon + lateness: 60 days at least).
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.topics import DEFAULT_PARTITIONS, INPUT_TOPICS
from tests.faults.model.judgement import DAY, HOUR
from tests.faults.published import Published
from tests.faults.scenarios import (
    checkpoints,
    conflicts,
    corrections,
    follow_ups,
    large,
    leads,
    matters,
    orders,
    other_topics,
    poison,
    reference,
    rosters,
    times,
)
from tests.faults.scenarios.world import SCENARIOS, START, Source, World, key_in

__all__ = ["START", "Mix", "Published", "Stream", "generate"]

_MODULES = (
    checkpoints,
    conflicts,
    corrections,
    follow_ups,
    large,
    leads,
    matters,
    orders,
    other_topics,
    poison,
    reference,
    rosters,
    times,
)
"""Imported for their scenarios, in a fixed order: the decks depend on it."""

LAST_WAIT = 50 * HOUR


class Mix(NamedTuple):
    """Share of each family among what is newly made (weights). A lead makes about four records by and by."""

    passages: float = 40
    vehicles: float = 6
    readings: float = 22
    alarms: float = 4
    declarations: float = 3
    decisions: float = 2
    leads: float = 3
    quarantines: float = 0.7
    other_follow_ups: float = 2
    corrections: float = 1
    enforcement: float = 3
    reports: float = 3
    expected_reports: float = 2
    matters: float = 0.6
    urgent_care: float = 1
    reference: float = 0.8
    rosters: float = 0.2
    orders: float = 0.4
    repeats: float = 3
    conflicts: float = 1.5
    times: float = 1


def generate(seed: int, events: int, persons: int, **options: Any) -> Iterator[Published]:
    """The stream of a seed, in the order of arrival. ``options`` are those of `Stream`."""
    return iter(Stream(seed, events, persons, **options))


class Stream:
    """One run of the generator: ``events`` records, and time marks besides.

    ``persons`` tokens take part, each at least once when there are five times as many events; ``poison`` is the share
    of records that no reader can use; ``large`` is the number of records with a string of ``large_bytes``; ``stuck``
    the number of facts of one token and day by one stuck device (over 1,000 for the surplus to be left out); ``days``
    the time over which the records arrive; ``rounds`` the rounds of time marks. Every scenario turns up in 20,000
    events of the default mix. ``made`` counts scenarios; look at it after the iteration, which can be done once.
    """

    def __init__(
        self,
        seed: int,
        events: int,
        persons: int,
        *,
        partitions: int = DEFAULT_PARTITIONS,
        mix: Mix | None = None,
        poison: float = 0.01,
        large: int = 14,
        large_bytes: int = 1_000_000,
        stuck: int = 0,
        days: float = 10,
        rounds: int = 60,
    ) -> None:
        self.events = events
        self._world = World(seed, persons, partitions, large_bytes)
        self._poison = poison
        self._stuck = stuck
        self._span = int(days * DAY)
        self._rounds = rounds
        self._clock = Source("clock", zone=0)
        families = {function.__name__: function for function in SCENARIOS["families"]}
        self._families = [families[name] for name in Mix._fields]
        self._weights = list(mix or Mix())
        self._large_after = {events * (number + 1) // (large + 1) for number in range(large)}

    @property
    def made(self) -> Counter[str]:
        """How often each scenario was played."""
        return self._world.made

    def __iter__(self) -> Iterator[Published]:
        world, published = self._world, 0
        step, marks_every = self._span / max(1, self.events), self._span / self._rounds
        next_marks = START + marks_every
        if self._stuck:
            checkpoints.stuck_device(world, self._stuck, START + self._span // 3 // DAY * DAY)
        while published < self.events:
            world.now = START + int(step * (published + 1))
            if world.now >= next_marks:
                yield from self._marks()
                next_marks += marks_every
            if published in self._large_after:
                self._large_after.remove(published)
                world.draw("large")
            while not world.waiting or world.waiting[0][0] > world.now:
                self._make()
            yield heapq.heappop(world.waiting)[2]._replace(appended_at=world.now)
            published += 1
        yield from self._marks()
        world.now += LAST_WAIT
        yield from self._marks()

    def _make(self) -> None:
        """Something new, published now or put on its way."""
        chance = self._world.chance
        if chance.random() < self._poison:
            self._world.draw("poison")
        else:
            chance.choices(self._families, self._weights)[0](self._world)

    def _marks(self) -> Iterator[Published]:
        """A time mark for every partition of every input topic, reference data first."""
        now, partitions = self._world.now, self._world.partitions
        for topic in sorted(INPUT_TOPICS, key=lambda topic: topic.name != "reference"):
            for partition in range(partitions if topic.partitioned else 1):
                value = self._world.writers[topic.name].value(self._clock.row("TIME_MARK", now, now))
                yield Published(topic.name, key_in(partition, partitions), value, now, partition)
