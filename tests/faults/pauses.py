"""How long any partition stood still although records waited for it, as its readers' committed positions show it."""

import threading
import time
from contextlib import suppress
from typing import NamedTuple

from kafka.errors import KafkaError

from infra.embedded.catch_up import SINK_GROUP, WORKER_GROUPS
from infra.errors import CannotRun
from infra.home import Home
from infra.lag.collector import LagCollector

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 60.0
"""A broker that was killed is back by then."""

FLOWING_SECONDS = 3.0
"""Positions are committed every one to three seconds: a partition that moves waits no longer."""

FLOWS = {**dict.fromkeys(WORKER_GROUPS, "worker"), **dict.fromkeys(SINK_GROUP, "sink")}


class Pause(NamedTuple):
    """Longest time, in seconds, that a partition of each flow waited. Positions are committed every one to three
    seconds, so shorter pauses cannot be told from none."""

    worker: float
    sink: float


class PauseWatch:
    """Looks at the positions all the time, from a thread of its own; a context manager."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._moved: dict[tuple[str, str, int], tuple[int | None, float]] = {}
        self._waiting: dict[tuple[str, str, int], float] = {}
        self._longest = dict.fromkeys(("worker", "sink"), 0.0)
        self._lock = threading.Lock()
        self._looked = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pauses", daemon=True)

    def __enter__(self) -> "PauseWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def until_flowing(self, seconds: float) -> Pause:
        """Wait until every partition moves or has nothing to wait for; returns the longest pause since the last call.

        Raises TimeoutError.
        """
        deadline = time.monotonic() + seconds
        while self._look_now() > FLOWING_SECONDS:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: every partition moves again; still: {self._stuck()}")
        with self._lock:
            found = Pause(**self._longest)
            self._longest = dict.fromkeys(("worker", "sink"), 0.0)
            return found

    def _look_now(self) -> float:
        """The longest wait that still lasts, as seen by a look that begins now."""
        for _ in range(2):  # the one under way may have begun before
            self._looked.clear()
            if not self._looked.wait(_ANSWER_SECONDS):
                return _ANSWER_SECONDS
        with self._lock:
            return max(self._waiting.values(), default=0.0)

    def _stuck(self) -> str:
        with self._lock:
            worst = sorted(self._waiting.items(), key=lambda item: -item[1])[:3]
        return ", ".join(f"{group} on {topic}/{number}: {wait:.0f} s" for (group, topic, number), wait in worst)

    def _run(self) -> None:
        while not self._stop.is_set():
            # A broker that is down is what is being looked at: ask again until it answers.
            with suppress(CannotRun, KafkaError, OSError):
                groups = {**WORKER_GROUPS, **SINK_GROUP}
                options = self._home.settings.kafka.client_options()
                with LagCollector(self._home.kafka_bootstrap, groups, options) as collector:
                    while not self._stop.wait(_LOOK_SECONDS):
                        self._look(collector)
            self._stop.wait(_LOOK_SECONDS)

    def _look(self, collector: LagCollector) -> None:
        found = collector.collect()
        now = time.monotonic()
        with self._lock:
            for lag in found:
                place = (lag.group, lag.topic, lag.partition)
                committed, since = self._moved.get(place, (None, now))
                flow = FLOWS[lag.group]
                if lag.lag:
                    self._longest[flow] = max(self._longest[flow], now - since)
                if lag.lag == 0 or lag.committed != committed:
                    since = now
                self._waiting[place] = now - since
                self._moved[place] = (lag.committed, since)
        self._looked.set()
