"""The faults: each does one kind of harm to a running installation, at a moment that it draws.

A fault returns when the harm is done and taken back, not when everything has recovered. One that this machine does not
allow says why (`Fault.missing`).
"""

import errno
import io
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from tests.faults.column_store_proxy import Moment
from tests.faults.rig import RISK_WORKERS, SINKS, Rig, wait_until

PAUSE_SECONDS = 7.0
"""Beyond the session timeout of the workers."""

MOMENT_SECONDS = 60.0
CLOCK_STEPS_MS = (-86_400_000, 86_400_000, -3_600_000, 7_200_000, 60_000, -500)
STARVED_SECONDS = (0.5, 3.0)
REBALANCE_SECONDS = 20.0
BALLAST = "ballast"
_PIECE = bytes(1 << 20)


class Fault(NamedTuple):
    """A kind of harm."""

    name: str
    inject: Callable[[Rig, random.Random], None]
    missing: Callable[[Rig], str | None] = lambda _: None


def kill_worker(rig: Rig, chosen: random.Random) -> None:
    others = ("worker-enforcement", "worker-reports", "worker-urgent-care")
    rig.signal(chosen.choice([*RISK_WORKERS, *others]), signal.SIGKILL)


def kill_worker_in_rebalance(rig: Rig, chosen: random.Random) -> None:
    """A fourth worker joins, and one of the three dies while partitions change hands."""
    with rig.guest(rig.guest_worker(4)):  # returns when it has joined and recovered: the others are still at it
        rig.signal(chosen.choice(RISK_WORKERS), signal.SIGKILL)
        time.sleep(chosen.uniform(0, 2))


def add_and_remove_worker(rig: Rig, chosen: random.Random) -> None:
    with rig.guest(rig.guest_worker(5)):
        time.sleep(chosen.uniform(0, 3))


def add_and_remove_sink(rig: Rig, chosen: random.Random) -> None:
    with rig.guest(rig.guest_sink(3)):
        time.sleep(chosen.uniform(0, 3))


def pause_worker(rig: Rig, chosen: random.Random) -> None:
    """SIGSTOP beyond the session, then SIGCONT: what wakes up is not the owner any more."""
    pid = rig.signal(chosen.choice(RISK_WORKERS), signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS + chosen.uniform(0, 3))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def pause_broker(rig: Rig, chosen: random.Random) -> None:
    """No answer at all, for a while."""
    pid = rig.signal(chosen.choice(rig.names("kafka")), signal.SIGSTOP)
    time.sleep(chosen.uniform(0.5, 8))
    os.kill(pid, signal.SIGCONT)


def kill_broker(rig: Rig, chosen: random.Random) -> None:
    rig.signal(chosen.choice(rig.names("kafka")), signal.SIGKILL)


def kill_column_store(rig: Rig, chosen: random.Random) -> None:
    rig.signal("clickhouse", signal.SIGKILL)


def disconnect_column_store(rig: Rig, chosen: random.Random) -> None:
    """Cut all connections of the sinks in the middle of whatever they say."""
    for _ in range(chosen.randint(1, 3)):
        wait_until(lambda: rig.proxy.cut() > 0, MOMENT_SECONDS, "a sink is connected", rig.check)
        time.sleep(chosen.uniform(0, 0.5))


def kill_sink_at(*moments: Moment) -> Callable[[Rig, random.Random], None]:
    """kill -9 of the sink that comes first to one of these moments."""

    def inject(rig: Rig, chosen: random.Random) -> None:
        for name in SINKS:
            rig.wait_ready(name)
        moment = chosen.choice(moments)
        if not rig.proxy.kill_at(moment, MOMENT_SECONDS):
            raise TimeoutError(f"no sink came to {moment} within {MOMENT_SECONDS:.0f} s: is nothing published?")

    return inject


def refuse_sends(rig: Rig, chosen: random.Random) -> None:
    """The broker refuses records over a size that no record of ours keeps to: every send to a topic fails."""
    topic = chosen.choice(["risk-changes", "sla-events"])
    with kafka_admin(rig) as admin:
        stated = admin.describe_configs([_topic(topic)])["topic"][topic].get("max.message.bytes")
        admin.alter_configs([_topic(topic, {"max.message.bytes": str(MARKER_BYTES)})])
        restarts = _restarts(rig)
        try:
            wait_until(lambda: _restarts(rig) > restarts, MOMENT_SECONDS, "a send was refused, and its worker stopped")
        finally:
            restored = ("SET", stated["value"]) if stated else ("DELETE", None)
            admin.alter_configs([_topic(topic, {"max.message.bytes": restored})])


def _restarts(rig: Rig) -> int:
    return sum(rig.status(name).restarts for name in rig.names("worker-"))


MARKER_BYTES = 110
"""Room for the markers that end transactions: a coordinator that cannot write one never gives the transaction up."""


def _topic(name: str, settings: dict[str, Any] | None = None) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, name, settings)


@contextmanager
def kafka_admin(rig: Rig) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=rig.home.kafka_bootstrap.split(","))
    try:
        yield client
    finally:
        client.close()


def fill_disk(rig: Rig, chosen: random.Random) -> None:
    """Not a byte is free where the column store keeps its data."""
    assert rig.disk is not None
    ballast = rig.disk / BALLAST
    try:
        with ballast.open("wb", buffering=0) as stream:
            _fill(stream)
            deadline = time.monotonic() + chosen.uniform(*STARVED_SECONDS)
            while time.monotonic() < deadline:
                _fill(stream)  # what merges free in the meantime is taken as well
                time.sleep(0.01)
    finally:
        ballast.unlink()


def _fill(stream: io.FileIO) -> None:
    """Write until there is no room."""
    try:
        while True:
            stream.write(_PIECE)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def make_read_only(rig: Rig, chosen: random.Random) -> None:
    """The column store's files and directories cannot be changed, as on a disk that the kernel has given up."""
    assert rig.disk is not None
    _make(rig.disk, "+i")
    try:
        with pytest.raises(PermissionError):  # it is in effect
            (rig.disk / "probe").mkdir()
        time.sleep(chosen.uniform(*STARVED_SECONDS))
    finally:
        _make(rig.disk, "-i")


def _make(directory: Path, flag: str) -> None:
    directories = [root for root, _, _ in os.walk(directory)]
    # What a merge removes meanwhile is passed over.
    subprocess.run(["chattr", "-f", flag, *directories], check=False, capture_output=True)


def step_clock(rig: Rig, chosen: random.Random) -> None:
    """The wall clock of all workers jumps, more than once, and is right again."""
    try:
        for _ in range(chosen.randint(1, 3)):
            rig.step_clock(chosen.choice(CLOCK_STEPS_MS))
            time.sleep(chosen.uniform(0.5, 2))
    finally:
        rig.step_clock(0)


def _needs_disk(rig: Rig) -> str | None:
    return None if rig.disk else "only root may mount the small file system that it needs"


BEFORE_ARRIVALS = Moment(b"write", b"INSERT INTO checkline.arrivals")
BEFORE_LEDGER = Moment(b"write", b"INSERT INTO checkline.ledger")
BEFORE_RECOUNT = Moment(b"count", b"INSERT INTO checkline.cells")
IN_RECOUNT = Moment(b"count", b"INSERT INTO checkline.cells", after=0.01)
BEFORE_RECOUNT_IS_NOTED = Moment(b"count", b"INSERT INTO checkline.ledger")

FAULTS = (
    Fault("worker killed", kill_worker),
    Fault("worker killed in a rebalance", kill_worker_in_rebalance),
    Fault("worker paused beyond its session", pause_worker),
    Fault("worker added and removed", add_and_remove_worker),
    Fault("sink killed between data and ledger", kill_sink_at(BEFORE_ARRIVALS, BEFORE_LEDGER)),
    Fault("sink killed between ledger and recount", kill_sink_at(BEFORE_RECOUNT)),
    Fault("sink killed in the middle of a recount", kill_sink_at(IN_RECOUNT, BEFORE_RECOUNT_IS_NOTED)),
    Fault("sink added and removed", add_and_remove_sink),
    Fault("broker killed", kill_broker),
    Fault("broker paused", pause_broker),
    Fault("column store killed", kill_column_store),
    Fault("column store cut off", disconnect_column_store),
    Fault("column store's disk full", fill_disk, _needs_disk),
    Fault("column store's disk read-only", make_read_only, _needs_disk),
    Fault("worker's sends refused", refuse_sends),
    Fault("clock stepped", step_clock),
)
