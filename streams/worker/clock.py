"""What time it is for a partition: the machine's clock, or the time marks in the log."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from streams.worker.markers import Marker

BEFORE_TIME = 0
"""What an event clock shows before every topic had its first mark: nothing can be due."""


def utc_milliseconds() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    def as_of(self, markers: Mapping[str, Marker]) -> int:
        """UTC milliseconds that a partition with these markers has reached."""
        ...


class WallClock:
    """The machine's UTC clock, the same for all partitions."""

    def __init__(self, now: Callable[[], int] = utc_milliseconds) -> None:
        self._now = now

    def as_of(self, markers: Mapping[str, Marker]) -> int:
        return self._now()


class EventClock:
    """The smallest of the topics' latest time marks: what every topic has told everything about.

    A topic without a mark holds the clock at `BEFORE_TIME`. Event times move nothing.
    """

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = tuple(topics)

    def as_of(self, markers: Mapping[str, Marker]) -> int:
        reached = BEFORE_TIME
        for index, topic in enumerate(self._topics):
            marker = markers.get(topic)
            if marker is None or marker.mark is None:
                return BEFORE_TIME
            reached = marker.mark if index == 0 else min(reached, marker.mark)
        return reached
