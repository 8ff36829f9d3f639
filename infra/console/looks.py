"""One look at the pipeline serves everybody who watches: it is put into words, compressed and named once.

Nobody's look is newer than ``every_seconds``; a look that takes long is waited for by all together, and never made
twice at a time. While nobody asks, nobody looks.
"""

import asyncio
import gzip
import hashlib
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

COMPRESSION = 5


class Look(NamedTuple):
    """A document as it is sent. ``tag``: its digest; ``made``: when its making began, monotonic seconds."""

    body: bytes
    compressed: bytes
    tag: str
    made: float


class Looks:
    """Looks by a blocking ``make``, in a thread of ``executor``. ``failure``: why there is none newer, None if there
    is."""

    def __init__(
        self,
        make: Callable[[], Any],
        executor: Executor,
        every_seconds: float,
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._executor = executor
        self._every = every_seconds
        self._patience = patience_seconds
        self._clock = clock
        self._expired = False
        self._running: asyncio.Future[Look] | None = None
        self.last: Look | None = None
        self.failure: str | None = None

    async def newest(self) -> Look | None:
        """The last look, after a new one if that is due and comes in time; None if there never was one."""
        if self.last is not None and not self._expired and self._clock() - self.last.made < self._every:
            return self.last
        if self._running is None:
            self._expired = False
            self._running = asyncio.get_running_loop().run_in_executor(self._executor, self._look)
            self._running.add_done_callback(self._done)
        await asyncio.wait([self._running], timeout=self._patience)
        if self._running is not None and not self._running.done():
            self.failure = f"no answer for {self._patience:g} s"
        return self.last

    def expire(self) -> None:
        """The next look is a new one, however old the last is."""
        self._expired = True

    @property
    def age_seconds(self) -> float | None:
        """Since the last look."""
        return None if self.last is None else max(0.0, self._clock() - self.last.made)

    def _look(self) -> Look:
        made = self._clock()
        body = json.dumps(self._make(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        tag = hashlib.sha256(body).hexdigest()[:32]
        return Look(body, gzip.compress(body, COMPRESSION, mtime=0), tag, made)

    def _done(self, running: "asyncio.Future[Look]") -> None:
        self._running = None
        if running.cancelled():
            return
        error = running.exception()
        if error is None:
            self.last, self.failure = running.result(), None
            return
        if self.failure is None:
            log.warning("the page has no new look at the pipeline: %s: %s", type(error).__name__, error)
        self.failure = str(error) or type(error).__name__
