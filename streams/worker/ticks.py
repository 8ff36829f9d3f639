"""Which states of a partition want a tick, and when. Deadlines live in the states; this is only an index."""

import heapq
from collections.abc import Callable, Iterable

NextDue = Callable[[bytes], int | None]


class StillDue(Exception):
    """A tick gave back a state that is due at the very time it was ticked for: it would be ticked for ever."""


class TickIndex:
    """A heap of (due, key). An entry whose due time is no longer the key's own is stale and is passed over."""

    def __init__(self, next_due: NextDue) -> None:
        self._next_due = next_due
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._due)

    def arm(self, states: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Takes note of states as they now are; None: the state is gone."""
        for key, state in states:
            due = None if state is None else self._next_due(state)
            if due is None:
                self._due.pop(key, None)
            elif self._due.get(key) != due:
                self._due[key] = due
                heapq.heappush(self._heap, (due, key))

    def due(self, as_of: int, limit: int) -> list[bytes]:
        """At most ``limit`` keys whose time has come, the earliest first. They stay so until armed with a new state."""
        found: dict[bytes, int] = {}
        while self._heap and len(found) < limit and self._heap[0][0] <= as_of:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                found[key] = due
        # Should the tick not be written, the keys must come again.
        for key, due in found.items():
            heapq.heappush(self._heap, (due, key))
        return list(found)

    def has_due(self, as_of: int) -> bool:
        """Whether a state waits for a tick."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return bool(self._heap) and self._heap[0][0] <= as_of

    def require_settled(self, keys: Iterable[bytes], as_of: int) -> None:
        """Raises `StillDue` when one of these keys is due by ``as_of``."""
        for key in keys:
            due = self._due.get(key)
            if due is not None and due <= as_of:
                raise StillDue(
                    f"the state of {key!r} is still due at {due} after its tick at {as_of}: the rule must note in the "
                    "state that it announced this deadline"
                )
