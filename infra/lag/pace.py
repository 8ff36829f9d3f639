"""How fast one group reads one partition, from looks at it: since when it stands still, and when it will be through.

Pure: every look brings its own time, in seconds of a clock that never goes back.
"""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

WINDOW_SECONDS = 30.0
"""The present pace is that of so many seconds: long enough for several commits, which come every one to three."""


class Look(NamedTuple):
    """What was seen at one moment: the next position to read, the end of the log, and whether a record waits between
    (there may be nothing but the markers of transactions)."""

    at: float
    position: int
    end: int
    waits: bool


@dataclass(frozen=True)
class Pace:
    """The looks of the last while, oldest first. A position that went back, or a log that became shorter, begins a
    new history: the group was set back, or the topic made anew."""

    looks: tuple[Look, ...] = ()
    stands_since: float = 0.0

    def after(self, look: Look) -> "Pace":
        """The history with one more look, later than all others."""
        last = self.looks[-1] if self.looks else None
        if last is None or look.position < last.position or look.end < last.end:
            return Pace((look,), look.at)
        stands = look.waits and last.waits and look.position == last.position
        kept = tuple(one for one in self.looks if look.at - one.at <= WINDOW_SECONDS)
        return Pace((*(kept or (last,)), look), self.stands_since if stands else look.at)

    @property
    def standing_seconds(self) -> float:
        """How long the position has stood still while something waited, as far as was looked at; never overstated."""
        return self.looks[-1].at - self.stands_since if self.looks else 0.0

    @property
    def drain_seconds(self) -> float | None:
        """Until nothing waits, if reading and arrivals go on as lately; 0 where nothing does, None where what waits
        does not become less or there was one look only.

        Only the time in which something waited says how fast the group reads. The median of the arrivals is taken,
        so that a burst is what must be read, and not a flow that is expected to go on.
        """
        if not self.looks or not self.looks[-1].waits:
            return 0.0
        steps = [(before, after) for before, after in pairwise(self.looks) if after.at > before.at]
        busy = [(before, after) for before, after in steps if before.waits]
        seconds = sum(after.at - before.at for before, after in busy)
        if not seconds:
            return None
        read = sum(after.position - before.position for before, after in busy) / seconds
        arrived = median((after.end - before.end) / (after.at - before.at) for before, after in steps)
        left = self.looks[-1].end - self.looks[-1].position
        return left / (read - arrived) if read > arrived else None
