"""Asks every source again and again, each in a thread of its own, and keeps what it said last.

No source waits for another: one that fails or hangs leaves its last words behind, with their time and the reason, and
is asked again over a new connection.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from infra.lag.snapshot import Reading, Snapshot

log = logging.getLogger(__name__)

SourceName = Literal["kafka", "parts", "workers", "store", "audit", "forecast"]
Ask = Callable[[], Any]
STOP_SECONDS = 10.0


def even(seconds: float) -> Callable[[float], float]:
    """A pause that makes a look begin every so many seconds, however long one takes."""
    return lambda took: max(0.0, seconds - took)


class Source(NamedTuple):
    """Where a section of the snapshot comes from.

    ``connect`` gives what is asked, for as long as that goes well; ``pause``: seconds until the next look, from the
    seconds that the last one took; after ``patience`` seconds without an answer the source counts as silent.
    """

    name: SourceName
    connect: Callable[[], AbstractContextManager[Ask]]
    pause: Callable[[float], float]
    patience: float


class Watcher:
    """Watches while it is entered. ``now``: the time of the home's clock; ``machine``: the machine's; UTC ms."""

    def __init__(
        self,
        sources: Iterable[Source],
        clock: str,
        now: Callable[[], int],
        machine: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._clock = clock
        self._now = now
        self._machine = machine
        self._watched = [_Watched(source, machine) for source in sources]

    def __enter__(self) -> Self:
        for one in self._watched:
            one.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for one in self._watched:
            one.stop.set()
        deadline = time.monotonic() + STOP_SECONDS
        for one in self._watched:
            one.thread.join(max(0.0, deadline - time.monotonic()))

    def snapshot(self) -> Snapshot:
        """What every source said last. Quick: nothing is asked."""
        readings: dict[str, Any] = {one.source.name: one.reading() for one in self._watched}
        return Snapshot(self._machine(), self._now(), self._clock, **readings)


class _Watched:
    """A source with its thread and its last words."""

    def __init__(self, source: Source, machine: Callable[[], int]) -> None:
        self.source = source
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"watch-{source.name}", daemon=True)
        self._machine = machine
        self._reading: Reading[Any] = Reading()
        self._asked = time.monotonic()
        self._waiting = True

    def reading(self) -> Reading[Any]:
        reading = self._reading
        silent = time.monotonic() - self._asked
        if self._waiting and silent > self.source.patience:
            return replace(reading, failure=f"no answer for {silent:.0f} s")
        return reading

    def _run(self) -> None:
        while not self.stop.is_set():
            with ExitStack() as connection:
                self._watch(connection)

    def _watch(self, connection: ExitStack) -> None:
        """Looks until a look fails."""
        ask: Ask | None = None
        while not self.stop.is_set():
            begun = self._asked = time.monotonic()
            self._waiting = True
            failure = None
            try:
                if ask is None:
                    ask = connection.enter_context(self.source.connect())
                    begun = time.monotonic()  # to connect is no part of a look
                value = ask()
                took = time.monotonic() - begun
                self._reading = Reading(value, self._machine(), took)
            except Exception as error:  # whatever it is, the other sources are still to be believed
                took = time.monotonic() - begun
                failure = f"{error}" or type(error).__name__
                if self._reading.failure is None:
                    log.warning("%s does not answer: %s: %s", self.source.name, type(error).__name__, error)
                self._reading = replace(self._reading, failure=failure)
            self._waiting = False
            self.stop.wait(self.source.pause(took))
            if failure:
                return
