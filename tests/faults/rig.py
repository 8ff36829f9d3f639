"""A whole installation whose parts can be killed, paused, stepped, cut off and starved of disk while it works.

Everything is the real thing: the supervisor of `checkline up`, its parts as processes, the broker, the column store.
What is not as shipped: a second sink and three risk workers; the sinks reach the column store through a proxy; the
workers read their wall clock through a file; the column store's directory is a small file system of its own.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from infra.embedded.parts import own_part, parts
from infra.embedded.ports import LOOPBACK
from infra.embedded.supervisor import Part, PartStatus, Restarts, Step, Supervisor
from infra.home import Home
from infra.settings import read_settings
from tests.faults.column_store_proxy import ColumnStoreProxy
from tests.faults.stepped_clock import write_step

WORKERS = 3
RISK_WORKERS = tuple(f"worker-risk-{number}" for number in range(1, WORKERS + 1))
SINKS = ("sink", "sink-2")
# A part that is killed every few seconds is not at fault itself.
PATIENT = Restarts(first_delay=0.1, longest_delay=1.0, limit=1_000)
READY_SECONDS = 90.0
REPOSITORY = Path(__file__).parents[2]


class Rig:
    """A running installation. ``disk`` is where the column store's small file system is mounted, None without one."""

    def __init__(self, home: Home, supervisor: Supervisor, proxy: ColumnStoreProxy, disk: Path | None) -> None:
        self.home = home
        self.proxy = proxy
        self.disk = disk
        self._supervisor = supervisor
        self._step_file = home.directory / "clock-step"

    def names(self, prefix: str) -> list[str]:
        """The parts whose names begin so."""
        return [part.name for part in self._supervisor.status() if part.name.startswith(prefix)]

    def status(self, name: str) -> PartStatus:
        """What the supervisor knows of a part."""
        return next(part for part in self._supervisor.status() if part.name == name)

    def check(self) -> None:
        """Raises PartFailed when a part could not be kept running."""
        self._supervisor.check()

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a part that is ready, which is waited for; returns its process id."""
        pid = self.wait_ready(name)
        os.kill(pid, number)
        return pid

    def wait_ready(self, name: str) -> int:
        """Wait until a part is ready; returns its process id."""
        wait_until(lambda: self.is_ready(name), READY_SECONDS, f"{name} is ready again", self.check)
        pid = self.status(name).pid
        assert pid is not None
        return pid

    def is_ready(self, name: str) -> bool:
        """Whether a part runs as it should."""
        found = self.status(name)
        return found.state == "ready" and found.pid is not None and _is_alive(found.pid)

    def wait_all_ready(self) -> None:
        """Wait until every part is ready."""
        for part in self._supervisor.status():
            self.wait_ready(part.name)

    def step_clock(self, milliseconds: int) -> None:
        """Set the wall clock of the workers off by so much."""
        write_step(self._step_file, milliseconds)

    @contextmanager
    def guest(self, part: Part) -> Iterator[int]:
        """One more process beside the others, stopped with SIGTERM at the end; gives its process id."""
        with Supervisor([part], self.home.logs, restarts=PATIENT) as supervisor:
            pid = supervisor.status()[0].pid
            assert pid is not None
            yield pid
            supervisor.check()

    def guest_worker(self, number: int) -> Part:
        """A risk worker that is no part of the installation yet."""
        return stepped(own_part(self.home, f"worker-risk-{number}", "worker", "risk", str(number)), self._step_file)

    def guest_sink(self, number: int) -> Part:
        """A sink that is no part of the installation yet."""
        return through_proxy(self.home, own_part(self.home, f"sink-{number}", "sink", str(number)), self.proxy.port)


@contextmanager
def rig(directory: Path, disk_bytes: int | None = None, brokers: int = 1) -> Iterator[Rig]:
    """An event-clock installation with three risk workers and two sinks; all of it is gone at the end.

    With ``disk_bytes`` the column store's directory is a file system of that size, where one may be mounted.
    """
    home = Home.open(read_settings(home=directory, clock="event", workers=WORKERS, **_brokers(brokers)))
    step_file = home.directory / "clock-step"
    write_step(step_file, 0)
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(home.clickhouse_directory, disk_bytes)) if disk_bytes else None
        stack.enter_context(home.locked())
        proxy = stack.enter_context(ColumnStoreProxy(lambda: home.port("clickhouse")))
        plan: list[Part | Step] = []
        for part in [*parts(home), own_part(home, SINKS[1], "sink", "2")]:
            if isinstance(part, Part) and part.name in SINKS:
                plan.append(through_proxy(home, part, proxy.port))
            elif isinstance(part, Part) and part.name.startswith("worker-"):
                plan.append(stepped(part, step_file))
            else:
                plan.append(part)
        supervisor = stack.enter_context(Supervisor(plan, home.logs, restarts=PATIENT))
        yield Rig(home, supervisor, proxy, disk)


def _brokers(number: int) -> dict[str, int]:
    return {} if number == 1 else {"brokers": number}


def through_proxy(home: Home, part: Part, port: int) -> Part:
    """A part that reaches the column store through the proxy, as the same users."""
    users = home.users()
    variables = {
        "CHECKLINE_CLICKHOUSE_HOST": LOOPBACK,
        "CHECKLINE_CLICKHOUSE_PORT": str(port),
        "CHECKLINE_CLICKHOUSE_WRITER_PASSWORD": users["writer"].password,
        "CHECKLINE_CLICKHOUSE_READER_PASSWORD": users["reader"].password,
    }
    return part._replace(environment={**part.environment, **variables})


def stepped(part: Part, step_file: Path) -> Part:
    """A part of our own under a clock that can be stepped."""

    def command() -> list[str]:
        python, _, _, *words = part.command()  # python -m infra.cli part ...
        return [python, "-m", "tests.faults.stepped_clock", str(step_file), *words]

    return part._replace(command=command, environment={**part.environment, "PYTHONPATH": str(REPOSITORY)})


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[Path | None]:
    """A file system of ``size`` bytes mounted on a directory; None where this user may not mount one."""
    directory.mkdir(parents=True, exist_ok=True)
    if not may_mount():
        yield None
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def may_mount() -> bool:
    """Whether this process may mount file systems: the faults of a full and of a read-only disk need it."""
    return sys.platform == "linux" and os.geteuid() == 0


def wait_until(holds: Callable[[], bool], seconds: float, what: str, check: Callable[[], None] = lambda: None) -> float:
    """Seconds until a condition held. Raises TimeoutError."""
    start = time.monotonic()
    while not holds():
        check()
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - start


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
