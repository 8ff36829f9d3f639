"""Starts parts in order, waits until each is ready, starts a dead one again, and stops all in reverse order.

One thread of its own does all of it: the kernel ends a tethered part with the thread that started it, so no part
outlives the supervisor, however that ends. What happens is told through the log (`checkline.supervisor`) and
`status()`.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from infra.embedded.tether import tethered
from infra.errors import CannotRun, PartFailed
from infra.home import write_whole

log = logging.getLogger("checkline.supervisor")

POLL_SECONDS = 0.05
# A part that has run this long is healthy again: its next failure is its first.
HEALTHY_SECONDS = 60.0
LOG_FILE_LIMIT = 64 * 1024 * 1024
TAIL_BYTES = 4_096

State = Literal["waiting", "starting", "ready", "backing off", "failed", "stopped"]


class Part(NamedTuple):
    """A process to keep running.

    `command` is asked for at every start, so it may check what the start needs (and raise CannotRun); `is_ready` gets
    the process id and is asked until it says yes or `start_seconds` have passed. A part that stands `beside` the one
    before it is started without waiting for that one. What is not `vital` is started again and again, and the others go
    on without it.
    """

    name: str
    command: Callable[[], Sequence[str]]
    is_ready: Callable[[int], bool]
    environment: Mapping[str, str] = {}
    start_seconds: float = 60.0
    stop_seconds: float = 20.0
    beside: bool = False
    vital: bool = True


class Step(NamedTuple):
    """Something done once, when the parts before it are ready and before the parts after it start."""

    name: str
    run: Callable[[], None]


class Restarts(NamedTuple):
    """How a dead part is started again: after `first_delay` seconds, doubled each time up to `longest_delay`, and not
    more than `limit` times in a row."""

    first_delay: float = 0.5
    longest_delay: float = 10.0
    limit: int = 8

    def delay(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row (1 is the first)."""
        return float(min(self.longest_delay, self.first_delay * 2 ** (failures - 1)))


ORDINARY = Restarts()


class PartStatus(NamedTuple):
    """What is known of a part: its state, process id while it runs, and how often it was started again."""

    name: str
    state: State
    pid: int | None
    restarts: int
    since: str
    vital: bool = True


class _Running:
    """A part with its process."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.process: subprocess.Popen[bytes] | None = None
        self.state: State = "waiting"
        self.since = _now()
        self.restarts = 0
        self.failures = 0
        self.started = 0.0
        self.due = 0.0

    def status(self) -> PartStatus:
        pid = self.process.pid if self.process else None
        return PartStatus(self.part.name, self.state, pid, self.restarts, self.since, self.part.vital)


class Supervisor:
    """Runs parts while it is entered: entering returns when all are ready, leaving when all have ended.

    Entering raises the CannotRun of the first part or step that could not be started, after stopping the others.
    """

    def __init__(
        self,
        parts: Sequence[Part | Step],
        logs: Path,
        *,
        status_file: Path | None = None,
        restarts: Restarts = ORDINARY,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._plan = parts
        self._running = [_Running(part) for part in parts if isinstance(part, Part)]
        self._logs = logs
        self._status_file = status_file
        self._restarts = restarts
        self._progress = progress
        self._stop = threading.Event()
        self._settled = threading.Event()  # all ready, or failed
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        try:
            self._settled.wait()
        except BaseException:  # Ctrl-C while parts start
            self.stop()
            raise
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def ask_to_stop(self) -> None:
        """Have all parts stopped, also while they are being started, without waiting for it."""
        self._stop.set()

    def stop(self) -> None:
        """Stop all parts in reverse order and return when they have ended."""
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises PartFailed when a part could not be kept running; all parts have ended then."""
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the supervisor has ended by itself or `timeout` seconds have passed; whether it has ended."""
        return self._ended.wait(timeout)

    def status(self) -> list[PartStatus]:
        """What is known of each part, in the order of their start."""
        return [running.status() for running in self._running]

    def _run(self) -> None:
        try:
            self._start_all()
            self._settled.set()
            while not self._stop.wait(POLL_SECONDS):
                for running in self._running:
                    self._tend(running)
        except _StopAsked:
            pass
        except CannotRun as error:
            self._failure = error
        except OSError as error:  # such as a full disk
            self._failure = PartFailed(f"{error.filename or self._logs}: {error.strerror or error}")
        except Exception as error:  # a defect of ours must not leave parts behind
            log.exception("the supervisor failed")
            self._failure = PartFailed(f"the supervisor failed: {type(error).__name__}: {error}")
        finally:
            self._stop_all()
            self._ended.set()
            self._settled.set()

    def _start_all(self) -> None:
        waiting = iter(self._running)
        started: list[_Running] = []
        for item in self._plan:
            if isinstance(item, Step) or not item.beside:
                self._wait_until_ready(started)
                started.clear()
            if self._stop.is_set():
                raise _StopAsked
            self._progress(item.name)
            if isinstance(item, Step):
                item.run()
            else:
                started.append(next(waiting))
                self._spawn(started[-1])
        self._wait_until_ready(started)

    def _wait_until_ready(self, started: Sequence[_Running]) -> None:
        vital = [running for running in started if running.part.vital]
        while starting := [running for running in vital if running.state != "ready"]:
            if self._stop.wait(POLL_SECONDS):
                raise _StopAsked
            for running in starting:
                if reason := self._why_not_running(running):
                    raise PartFailed(f"{running.part.name} {reason}{self._last_line(running)}")
                self._look_whether_ready(running)

    def _tend(self, running: _Running) -> None:
        """Look after one part, without waiting for it."""
        if running.state == "backing off":
            if time.monotonic() >= running.due:
                running.restarts += 1
                try:
                    self._spawn(running)
                except CannotRun as error:
                    self._failed(running, str(error))
            return
        if reason := self._why_not_running(running):
            self._failed(running, f"{running.part.name} {reason}{self._last_line(running)}")
        elif running.state == "starting":
            self._look_whether_ready(running)
        elif running.failures and time.monotonic() - running.started > HEALTHY_SECONDS:
            running.failures = 0

    def _failed(self, running: _Running, reason: str) -> None:
        running.failures += 1
        if running.failures > self._restarts.limit and running.part.vital:
            self._enter(running, "failed")
            log.error("%s; it failed %d times in a row: everything stops", reason, running.failures)
            raise PartFailed(f"{reason}; it failed {running.failures} times in a row")
        delay = self._restarts.delay(running.failures)
        running.due = time.monotonic() + delay
        self._enter(running, "backing off")
        log.error("%s; it is started again in %.1f s", reason, delay)

    def _spawn(self, running: _Running) -> None:
        part = running.part
        command = part.command()
        log_file = self.log_file(part.name)
        if log_file.exists() and log_file.stat().st_size > LOG_FILE_LIMIT:
            log_file.replace(log_file.with_suffix(".log.1"))
        with log_file.open("ab") as output:
            running.process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **part.environment},
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops the parts in order
            )
        running.started = time.monotonic()
        self._enter(running, "starting")

    def _look_whether_ready(self, running: _Running) -> None:
        if running.process is not None and running.part.is_ready(running.process.pid):
            self._enter(running, "ready")
            log.info("%s is ready after %.1f s", running.part.name, time.monotonic() - running.started)

    def _why_not_running(self, running: _Running) -> str | None:
        """Why a part is not running as it should; its remains are cleared away then."""
        process = running.process
        if process is None:
            return "does not run"
        if _has_ended(process.pid):
            status = _clear(process)
            running.process = None
            return f"ended with {_in_words(status)}"
        if running.state == "starting" and time.monotonic() - running.started > running.part.start_seconds:
            _clear(process)
            running.process = None
            return f"was not ready within {running.part.start_seconds:.0f} s"
        return None

    def _stop_all(self) -> None:
        for running in reversed(self._running):
            if running.process is not None:
                self._progress(f"stopping {running.part.name}")
                _end(running.process, running.part.stop_seconds)
                running.process = None
            if running.state != "failed":
                self._enter(running, "stopped")

    def _enter(self, running: _Running, state: State) -> None:
        running.state, running.since = state, _now()
        if self._status_file is not None:
            document = [status._asdict() for status in self.status()]
            # A full disk must not keep the parts from being stopped.
            with suppress(OSError):
                write_whole(self._status_file, json.dumps(document, indent=2) + "\n")

    def log_file(self, part: str) -> Path:
        """The log file of a part."""
        return self._logs / f"{part}.log"

    def _last_line(self, running: _Running) -> str:
        """What the part itself said last, and where all of it stands."""
        file = self.log_file(running.part.name)
        text = file.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if file.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = f": {lines[-1]}" if lines else ""
        room = shutil.disk_usage(self._logs).free // 2**20
        full = f" ({room} MB of disk are free)" if room < 64 else ""
        return f"{said}{full} (see {file})"


class _StopAsked(Exception):
    """Stopping was asked for while parts were being started."""


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it stays to be waited for, so that its id cannot go to another process yet."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _clear(process: subprocess.Popen[bytes]) -> int:
    """End what is left of a part's process group at once; the exit status of the part."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a part to end, and end its whole group when it does not within `seconds`."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while not _has_ended(process.pid) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if not _has_ended(process.pid):
        log.error("process %d did not end within %.0f s and is killed", process.pid, seconds)
    _clear(process)


def _in_words(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
