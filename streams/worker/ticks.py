"""Which states of a partition want a tick, and when. Deadlines live in the states; everything here is only an index."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

NextDue = Callable[[bytes], int | None]


class DueRule(NamedTuple):
    """How a state says when it wants its next tick. ``version`` changes with the answers of ``next_due``: a store whose
    index was made by another version makes it anew."""

    next_due: NextDue
    version: str


class StillDue(Exception):
    """A tick gave back a state that is due at the very time it was ticked for: it would be ticked for ever."""


class DueQueue:
    """Keys by their due times, in memory: a heap whose entries that are no longer the key's own are passed over."""

    def __init__(self) -> None:
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: bytes, due: int | None) -> None:
        """Takes note of a key's due time, UTC milliseconds; None: it is in the queue no longer."""
        if due is None:
            self._due.pop(key, None)
        elif self._due.get(key) != due:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))

    def has_due(self, as_of: int) -> bool:
        """Whether a key's time has come."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return bool(self._heap) and self._heap[0][0] <= as_of

    def due(self, as_of: int, limit: int) -> list[bytes]:
        """At most ``limit`` keys whose time has come, the earliest first. They stay so until they are put anew."""
        found: dict[bytes, int] = {}
        while self._heap and len(found) < limit and self._heap[0][0] <= as_of:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                found[key] = due
        # Should the tick not be written, the keys must come again.
        for key, due in found.items():
            heapq.heappush(self._heap, (due, key))
        return list(found)
