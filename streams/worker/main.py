"""The body of a worker process: `run` returns its exit status.

| status | meaning |
| --- | --- |
| 0 | stopped by SIGTERM or SIGINT |
| 1 | stopped by a failure, which the log names; nothing unfinished was acknowledged |
| 2 | not started: a topic or the broker is not there |
| 70 | it stood still for longer than its session and left to its replacement |
"""

import asyncio
import gc
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import faust
import psutil
from faust.exceptions import FaustError

from schemas.registry import Registry, default_registry
from schemas.topics import DEFAULT_PARTITIONS, DERIVED_TOPICS, PERSON_TOPICS, partitions_of
from schemas.validity import Limits
from streams.fold import Fold
from streams.reference_log import AddReference
from streams.worker import log_limits
from streams.worker.agent import Announced, Decide, Turn
from streams.worker.app import SESSION_SECONDS, BatchApp, WorkerSettings
from streams.worker.batch import FoldAgent, Scope
from streams.worker.clock import Clock, EventClock, WallClock
from streams.worker.hang import EXIT_CANNOT_START, EXIT_FAILED, exit_unless_stopped
from streams.worker.metrics import ERRORS, RESIDENT_BYTES, MetricsServer, listen
from streams.worker.names import TABLES, AppName, app_id, changelog_topics
from streams.worker.reference_feed import ReferenceFeed
from streams.worker.stores import ROCKS_URL
from streams.worker.topics_present import CannotStart, require_topics

ClockMode = Literal["wall", "event"]

__all__ = ["READY_LINE", "AppName", "app_id", "build_app", "changelog_topics", "run", "run_app"]

READY_LINE = "ready"
STOP_SECONDS = 9.0
GC_THRESHOLD = 50_000
DUE_VERSION = "1"
"""To be raised when `Fold.next_due` of any app reads another time from the same state: stores index by it."""

log = logging.getLogger(__name__)


def topics_of(app_name: AppName, fold: Fold, partitions: int, prefix: str = "") -> dict[str, int]:
    """All topics that a worker reads or writes, with their numbers of partitions."""
    own = app_id(app_name, prefix)
    changelogs = [topic for topic in changelog_topics(partitions, prefix) if topic.name.startswith(f"{own}-")]
    topics = {prefix + topic.name: partitions_of(topic, partitions) for topic in (*fold.topics, *DERIVED_TOPICS)}
    return topics | {topic.name: topic.partitions for topic in changelogs}


def build_app(
    app_name: AppName,
    settings: WorkerSettings,
    fold: Fold,
    *,
    clock_mode: ClockMode,
    limits: Limits,
    registry: Registry,
    prefix: str = "",
    add_reference: AddReference | None = None,
) -> BatchApp:
    """The app with its agent; without ``add_reference`` nothing waits for reference data."""
    app = BatchApp(settings)
    names = [prefix + topic.name for topic in fold.topics]
    clock: Clock = WallClock() if clock_mode == "wall" else EventClock(names)
    feed = None
    if add_reference is not None:
        feed = ReferenceFeed(settings.bootstrap, registry, limits, add_reference, prefix)
        app.run_beside(feed)
    refuse_old = any(topic in PERSON_TOPICS for topic in fold.topics)
    rules = FoldAgent(fold, clock, registry, Scope(app_name, settings.partitions, limits, prefix, refuse_old))
    table = app.bytes_table(TABLES[app_name])

    @app.batch_agent(*(app.bytes_topic(name) for name in names), table=table, clock=clock, reference=feed)
    def apply_rules(turns: Sequence[Turn]) -> Sequence[Decide]:
        return rules.sift(turns)

    @apply_rules.on_due(fold.next_due, version=DUE_VERSION)
    def announce(partition: int, states: Mapping[bytes, bytes], as_of: int) -> Announced:
        return rules.tick(partition, states, as_of)

    apply_rules.expect, apply_rules.expected = rules.expect, fold.expected
    return app


def run(
    app_name: AppName,
    *,
    bootstrap: str,
    data_directory: Path,
    instance_id: str,
    fold: Fold,
    partitions: int = DEFAULT_PARTITIONS,
    clock_mode: ClockMode = "wall",
    add_reference: AddReference | None = None,
    limits: Limits | None = None,
    prefix: str = "",
    store: str = ROCKS_URL,
    session_seconds: float = SESSION_SECONDS,
    fetch_bytes: int = 1 << 20,
    metrics_port: int = 0,
    neighbours: Callable[[], Iterable[Path]] = tuple,
    registry: Registry | None = None,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Runs a worker of an app until it is stopped. Calls ``on_ready`` once it has recovered (prints `READY_LINE`).

    ``data_directory`` is this worker's own; ``instance_id`` stays the same over restarts; ``prefix`` stands before the
    names of all topics and of the consumer group; ``add_reference`` is ``Reference.add`` of an app with reference data;
    ``metrics_port``: port of the loopback interface for `streams.worker.metrics`, 0 for none; ``neighbours``: asks for
    the data directories of the app's other workers on this machine.
    All topics and `changelog_topics` must exist.
    """
    log_limits.set_up()
    # Rows and states come by the ten thousand and hold no cycles: as shipped, the collector would look at them all the
    # time, at a fifth of the cost of a row.
    gc.set_threshold(GC_THRESHOLD)
    data_directory.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings = WorkerSettings(
        app_id(app_name, prefix),
        bootstrap,
        data_directory,
        instance_id,
        partitions=partitions,
        store=store,
        session_seconds=session_seconds,
        fetch_bytes=fetch_bytes,
        neighbours=neighbours,
        outputs=[prefix + topic.name for topic in DERIVED_TOPICS],
    )
    try:
        listening = _listen(metrics_port) if metrics_port else None
        loop.run_until_complete(require_topics(bootstrap, topics_of(app_name, fold, partitions, prefix)))
    except CannotStart as reason:
        log.critical("%s cannot start: %s", settings.app_id, reason)
        loop.close()
        return EXIT_CANNOT_START
    app = build_app(
        app_name,
        settings,
        fold,
        clock_mode=clock_mode,
        limits=limits or Limits(),
        registry=registry or default_registry(),
        prefix=prefix,
        add_reference=add_reference,
    )
    app.metrics.add(ERRORS, 0)
    log_limits.count_errors(lambda: app.metrics.add(ERRORS))
    app.metrics.ask(lambda: app.metrics.set(RESIDENT_BYTES, psutil.Process().memory_info().rss))
    if listening is not None:
        app.run_beside(MetricsServer(app.metrics, listening))
    return run_app(app, loop, on_ready or _print_ready)


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        raise CannotStart(f"port {port} for metrics cannot be had: {error}: set another metrics_port") from error


def _print_ready() -> None:
    print(READY_LINE, flush=True)


def run_app(app: BatchApp, loop: asyncio.AbstractEventLoop, on_ready: Callable[[], None] = _print_ready) -> int:
    """Runs an app to its end; returns the exit status."""
    worker = _Worker(app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.on_ready = on_ready
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else EXIT_FAILED
    except FaustError as error:
        log.critical("%s: %s", app.conf.id, error)
        status = EXIT_FAILED
    if worker.crash_reason is not None:
        log.critical("%s stopped by a failure: %r", app.conf.id, worker.crash_reason)
        status = EXIT_FAILED
    return status


class _Worker(faust.Worker):
    """Says when it is ready, and does not hang when it is told to stop."""

    on_ready: Callable[[], None]

    async def on_startup_finished(self) -> None:
        await super().on_startup_finished()
        self.on_ready()

    def on_worker_shutdown(self) -> None:
        exit_unless_stopped(STOP_SECONDS, "after a signal or a failure, see the log")
        super().on_worker_shutdown()
