"""Room on the disk: merges rest, and inserts are refused, before it is full.

The engine (chDB 4.4.0) commits a merged part whose files it could not write: they are empty, and nothing can read that
part any more. So merges should not meet a full disk. One may all the same, where the disk fills up faster than merges
can be stopped: an engine that is started again puts such a part aside and takes the parts it was made of, which are
kept for eight minutes.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""That much is room enough on any disk, however large."""
SHARE = 0.1
CHECK_SECONDS = 0.01
"""A disk takes about 1 GB a second: 10 MB between two checks."""
LOOK_SECONDS = 1.0
"""How often unreadable parts are looked for: while merges rest, and once after that."""


@dataclass(frozen=True)
class Room:
    """Bytes to be kept free on one disk."""

    for_merges: int
    for_inserts: int

    @classmethod
    def of(cls, directory: str) -> "Room":
        """A tenth of the disk of `directory`, at most 1 GiB; inserts may use half of it."""
        kept = min(MOST_BYTES, int(shutil.disk_usage(directory).total * SHARE))
        return cls(for_merges=kept, for_inserts=kept // 2)


class RestingMerges(threading.Thread):
    """Stops merges while less than `room.for_merges` is free under `directory`.

    `switch(run)` lets the merges of all tables run, or stops them, also those that are under way. `unreadable()` names
    parts without content; where there are any, `give_up()` is to end this process, so that it is started again.
    """

    def __init__(
        self,
        directory: str,
        room: Room,
        *,
        switch: Callable[[bool], None],
        unreadable: Callable[[], list[str]],
        give_up: Callable[[], None],
    ) -> None:
        super().__init__(daemon=True, name="clickhouse-room")
        self._directory = directory
        self._room = room
        self._switch = switch
        self._unreadable = unreadable
        self._give_up = give_up

    def run(self) -> None:
        resting, look_at = False, float("inf")
        while True:
            free = shutil.disk_usage(self._directory).free
            if not resting and free < self._room.for_merges:
                self._switch(False)
                logger.warning(
                    "disk is nearly full (%d MiB are free): merges rest; below %d MiB inserts are refused",
                    free >> 20,
                    self._room.for_inserts >> 20,
                )
                resting, look_at = True, time.monotonic() + LOOK_SECONDS
            elif resting and free > 1.2 * self._room.for_merges:  # well above: not on and off at the mark
                self._switch(True)
                logger.warning("disk has room again: merges go on")
                resting = False
            if time.monotonic() > look_at:
                look_at = time.monotonic() + LOOK_SECONDS if resting else float("inf")
                if resting:
                    self._switch(False)  # tables that were made since as well
                if parts := self._unreadable():
                    logger.error("the engine merged into a full disk, parts are empty: %s; to be started again", parts)
                    self._give_up()
            time.sleep(CHECK_SECONDS)
