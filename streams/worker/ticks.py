"""Which states of a partition want a tick, and when. Deadlines live in the states; everything here is only an index."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

TICK_SECONDS = 0.15
"""How long the rules may work in one round of ticks of all partitions: the stream waits meanwhile, and half as long
again for what they made to be written."""

LONGEST_TICK_SECONDS = 0.4
"""Where the broker takes its time, the rules may work as long as it does, so that rounds are worth what they cost; but
no longer than this."""

LEAST_TICKED = 500
MOST_TICKED = 20_000
FIRST_TICKED = 2_000
WORTH_A_TRANSACTION = 250
"""So many states are ticked in one transaction at least, where that many are due: rather fewer partitions at a time."""

NextDue = Callable[[bytes], int | None]


class DueRule(NamedTuple):
    """How a state says when it wants its next tick. ``version`` changes with the answers of ``next_due``: a store whose
    index was made by another version makes it anew."""

    next_due: NextDue
    version: str


class StillDue(Exception):
    """A tick gave back a state that is due at the very time it was ticked for: it would be ticked for ever."""


class Ticked(NamedTuple):
    """How many states were ticked, and for how many seconds the rules worked at it."""

    states: int
    seconds: float


NOTHING_TICKED = Ticked(0, 0.0)


class TickPace:
    """How many states are ticked in one round, so that it is over soon, however dear a state is and however busy the
    machine. Which states are ticked together decides when they are told, and nothing else."""

    def __init__(self) -> None:
        self._states = FIRST_TICKED

    @property
    def partitions(self) -> int:
        """How many partitions may be ticked in a round."""
        return self._states // WORTH_A_TRANSACTION

    def share(self, partitions: int) -> int:
        """How many states each of so many partitions may tick."""
        return self._states // partitions

    def took(self, ticked: Ticked, seconds: float) -> None:
        """A round is done; ``seconds``: all that it took, the broker's part included."""
        aim = min(max(TICK_SECONDS, seconds - ticked.seconds), LONGEST_TICK_SECONDS)
        if ticked.seconds <= aim and 2 * ticked.states < self._states:
            return  # there was little to do, from which little can be learnt
        wanted = int(ticked.states * aim / max(ticked.seconds, 1e-6))
        # A single round may have been interrupted, or lucky.
        wanted = max(self._states // 2, min(2 * self._states, wanted))
        self._states = max(LEAST_TICKED, min(MOST_TICKED, wanted))


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
        first = self.first()
        return first is not None and first <= as_of

    def first(self) -> int | None:
        """The earliest due time."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def count(self, as_of: int) -> int:
        """How many keys' time has come."""
        return sum(due <= as_of for due in self._due.values())

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
