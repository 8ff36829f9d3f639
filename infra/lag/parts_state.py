"""The parts of an installation as its supervisor and the kernel see them, and what its workers say of themselves."""

import json
import logging
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import pairwise
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from infra.home import Home
from infra.lag.snapshot import Distribution, PartState, WorkerState
from streams.worker import metrics as said

ANSWER_SECONDS = 1.5
"""How long a worker may take: one that ticks many states answers between two rounds of them."""

log = logging.getLogger(__name__)

_Samples = dict[str, list[tuple[dict[str, str], float]]]


class NotAWorker(Exception):
    """Something answers, but not as a worker does."""


TOLD = ("name", "state", "pid", "restarts", "since")
"""What the supervisor tells of a part, in the order of `PartState`."""


def parts_state(home: Home) -> tuple[PartState, ...]:
    """The parts, in the order of their start; none where nothing was ever started.

    Without a supervisor all are stopped, whatever a killed one wrote last. A process that is gone has no memory and no
    CPU time (None). Raises OSError and ValueError when what the supervisor wrote cannot be read.
    """
    try:
        # The file first: a supervisor that ends in between is told as ended.
        written: list[dict[str, Any]] = json.loads(home.parts_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    if home.supervisor_pid() is None:
        written = [{**part, "state": "stopped", "pid": None} for part in written]
    return tuple(_with_use(PartState(*(part[name] for name in TOLD))) for part in written)


def _with_use(part: PartState) -> PartState:
    if part.pid is None:
        return part
    with suppress(psutil.Error):
        process = psutil.Process(part.pid)
        with process.oneshot():
            if process.status() != psutil.STATUS_ZOMBIE:
                times = process.cpu_times()
                return part._replace(
                    resident_bytes=process.memory_info().rss, cpu_seconds=round(times.user + times.system, 2)
                )
    return part


class WorkersCollector:
    """Asks the workers of a home, and remembers what they said of their ticks for as long as counts as lately."""

    def __init__(self, home: Home, now: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._now = now
        self._histories: dict[str, _History] = {}
        self._silent: set[str] = set()

    def collect(self) -> tuple[WorkerState, ...]:
        """All workers whose process runs and that answer, in the order of their parts; all are asked at once, so one
        that hangs delays the answer by `ANSWER_SECONDS` and no more. Who does not answer is left out, and named in the
        log. Raises what `parts_state` raises."""
        running = [part.name for part in parts_state(self._home) if part.pid is not None]
        return self.ask(self._home.metrics_addresses(running))

    def ask(self, addresses: Mapping[str, str]) -> tuple[WorkerState, ...]:
        """The same of these workers: {part: host and port}."""
        if not addresses:
            return ()
        with ThreadPoolExecutor(len(addresses), "ask-worker") as pool:
            answers = dict(zip(addresses, pool.map(_ask, addresses.values()), strict=True))
        silent = {part: answer for part, answer in answers.items() if isinstance(answer, Exception)}
        for part in silent.keys() - self._silent:
            log.warning("%s does not answer at %s: %r", part, addresses[part], silent[part])
        for part in self._silent - silent.keys():
            log.info("%s answers again, or is gone", part)
        self._silent = set(silent)
        found = (
            self._with_lately(part, answer) for part, answer in answers.items() if not isinstance(answer, Exception)
        )
        return tuple(found)

    def _with_lately(self, part: str, samples: _Samples) -> WorkerState:
        state = worker_state(part, samples)
        history = self._histories.setdefault(part, _History(self._home.settings.operations.lately_seconds))
        return state._replace(tick_lateness=history.lately(self._now(), state.tick_lateness_so_far or _EMPTY))


class _History:
    """What a histogram that only grows counted over the last seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: deque[tuple[float, Distribution]] = deque()

    def lately(self, now: float, so_far: Distribution) -> Distribution:
        """Observations of the last seconds; before so long was watched, of the time since the first look."""
        if self._seen and any(old > new for old, new in zip(self._seen[-1][1].counts, so_far.counts, strict=True)):
            self._seen.clear()  # it was started again, and all it counted is new
            self._seen.append((now, _EMPTY))
        self._seen.append((now, so_far))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._seconds:
            self._seen.popleft()
        before = self._seen[0][1]
        counts = tuple(new - old for new, old in zip(so_far.counts, before.counts, strict=True))
        return Distribution(so_far.bounds, counts, so_far.total - before.total)


_EMPTY = Distribution(said.BOUNDS_SECONDS, (0,) * (len(said.BOUNDS_SECONDS) + 1), 0.0)


def _ask(address: str) -> _Samples | Exception:
    try:
        # Loopback, and no proxy in between.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{address}/metrics", timeout=ANSWER_SECONDS) as answer:
            text = answer.read().decode()
        samples: _Samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((sample.labels, sample.value))
        if said.RECOVERING.name not in samples:
            raise NotAWorker(f"{address} serves no {said.RECOVERING.name}")
    except (OSError, HTTPException, ValueError, NotAWorker) as error:
        return error
    return samples


def worker_state(part: str, samples: _Samples) -> WorkerState:
    """The state that a worker's samples tell, by the names of `streams.worker.metrics`; without what happened lately,
    which takes two looks."""

    def values(metric: said.Metric) -> list[float]:
        return [value for _, value in samples.get(metric.name, ())]

    def only(metric: said.Metric) -> float | None:
        return next(iter(values(metric)), None)

    resident, stores = only(said.RESIDENT_BYTES), values(said.STORE_BYTES)
    watermarks = {
        int(labels["partition"]): round(value * 1_000) for labels, value in samples.get(said.WATERMARK.name, ())
    }
    return WorkerState(
        part,
        recovering=bool(only(said.RECOVERING)),
        recovery_seconds=only(said.RECOVERY_SECONDS),
        recovery_remaining=int(sum(values(said.RECOVERY_REMAINING))),
        watermarks=watermarks,
        due_waiting=int(sum(values(said.DUE_STATES))),
        tick_lateness=None,
        store_bytes=int(sum(stores)) if stores else None,
        resident_bytes=None if resident is None else int(resident),
        rebalances=int(only(said.REBALANCES) or 0),
        tick_lateness_so_far=_distribution(samples, said.TICK_LATENESS),
        oldest_due_seconds=max(values(said.OLDEST_DUE_SECONDS), default=None),
    )


def _distribution(samples: _Samples, metric: said.Metric) -> Distribution | None:
    buckets = sorted((float(labels["le"]), int(value)) for labels, value in samples.get(f"{metric.name}_bucket", ()))
    if not buckets:
        return None
    bounds = tuple(bound for bound, _ in buckets[:-1])
    counts = tuple(later - former for former, later in pairwise((0, *(count for _, count in buckets))))
    (total,) = (value for _, value in samples[f"{metric.name}_sum"])
    return Distribution(bounds, counts, total)


def workers_state(home: Home) -> tuple[WorkerState, ...]:
    """What the workers say at one look; of what happened lately nothing is known then, see `WorkersCollector`."""
    return WorkersCollector(home).collect()
