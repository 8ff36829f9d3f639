"""The faults that an operations team must hear of within a quarter of a minute, and how each is done and undone."""

import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from infra.column_store import writer_address
from schemas import topics
from sinks.clickhouse import ClickHouse
from tests.operations.installation import GATE, SILENCE_SECONDS, Installation, now_ms

UNDO_SECONDS = 90.0
WAVE = 60
WAVE_AHEAD_MS = 20_000
POISON = 60


class Fault(NamedTuple):
    """``strike`` returns when the fault is there, as a moment of `time.monotonic`. One of ``rules`` must be raised;
    ``sign``: a metric and what it must say of the fault, from its samples (labels, value)."""

    name: str
    strike: Callable[[Installation], float]
    undo: Callable[[Installation], None]
    rules: tuple[str, ...]
    metric: str
    sign: Callable[[dict[str, str], float], bool]


def wait_until(what: str, condition: Callable[[], bool], seconds: float = UNDO_SECONDS) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _signal(part: str, number: signal.Signals) -> Callable[[Installation], float]:
    def strike(there: Installation) -> float:
        there.process(part).send_signal(number)
        return time.monotonic()

    return strike


def _go_on(part: str) -> Callable[[Installation], None]:
    """A paused process goes on; one that stood still for too long ends by itself and is started again."""

    def undo(there: Installation) -> None:
        there.process(part).send_signal(signal.SIGCONT)
        time.sleep(1)  # a process that finds that it stood still ends within a moment
        wait_until(f"{part} is ready", lambda: there.is_ready(part))

    return undo


def _ready_again(part: str) -> Callable[[Installation], None]:
    return lambda there: wait_until(f"{part} is ready", lambda: there.is_ready(part))


def _silence(there: Installation) -> float:
    there.devices.silent.add(GATE)
    return time.monotonic() + SILENCE_SECONDS


def _speak(there: Installation) -> None:
    there.devices.silent.discard(GATE)


def _poison(there: Installation) -> float:
    there.devices.publish_raw(topics.CHECK_INS.name, b"p00" + b"a" * 24, [b"\x00poison"] * POISON)
    return time.monotonic()


def _delete_row(there: Installation) -> float:
    """A counted value is altered behind everybody's back."""
    with ClickHouse(writer_address(there.home), "operations-fault") as client:
        client.execute("ALTER TABLE checkline.cells UPDATE value = value + 1 WHERE 1 SETTINGS mutations_sync = 2")
    return time.monotonic()


def _breach(there: Installation) -> float:
    due = now_ms() + WAVE_AHEAD_MS
    there.devices.leads_due(WAVE, due)
    while now_ms() < due:
        time.sleep(0.05)
    return time.monotonic()


def _nothing(_: Installation) -> None:
    pass


FAULTS = (
    Fault(
        "stuck partition (worker stopped with SIGSTOP)",
        _signal("worker-risk-1", signal.SIGSTOP),
        _go_on("worker-risk-1"),
        ("PartitionStuck",),
        "kafka_consumergroup_group_lag",
        lambda labels, value: labels["group"] == "checkline-risk" and value > 0,
    ),
    Fault(
        "dead worker (kill -9)",
        _signal("worker-reports", signal.SIGKILL),
        _ready_again("worker-reports"),
        ("WorkerDown", "PartRestarting"),
        "checkline_part_restarts_total",
        lambda labels, value: labels["part"] == "worker-reports" and value > 0,
    ),
    Fault(
        "stopped sink (SIGSTOP)",
        _signal("sink", signal.SIGSTOP),
        _go_on("sink"),
        ("SinkDown", "PartitionStuck"),
        "kafka_consumergroup_group_lag",
        lambda labels, value: labels["group"] == "checkline-sinks" and value > 0,
    ),
    Fault(
        f"silent checkpoint (after {SILENCE_SECONDS:.0f} s of silence)",
        _silence,
        _speak,
        ("CheckpointSilent",),
        "checkline_devices_silent",
        lambda _, value: value > 0,
    ),
    Fault(
        "growing dead letters",
        _poison,
        _nothing,
        ("DeadLettersGrowing",),
        "checkline_dead_letters_open",
        lambda labels, value: value >= POISON,
    ),
    Fault(
        "audit difference (cells altered)",
        _delete_row,
        _nothing,
        ("AuditDifference",),
        "checkline_audit_differences",
        lambda _, value: value > 0,
    ),
    Fault(
        f"breach wave ({WAVE} leads at one instant)",
        _breach,
        _nothing,
        ("BreachWave",),
        "checkline_clocks_overdue",
        lambda _, value: value >= WAVE,
    ),
    Fault(
        "column store killed",
        _signal("clickhouse", signal.SIGKILL),
        _ready_again("clickhouse"),
        ("SourceSilent", "PartDown", "PartRestarting"),
        "checkline_part_restarts_total",
        lambda labels, value: labels["part"] == "clickhouse" and value > 0,
    ),
    Fault(
        "broker stopped (SIGSTOP)",
        _signal("kafka", signal.SIGSTOP),
        _go_on("kafka"),
        ("SourceSilent", "BrokerDown", "PartDown"),
        "checkline_source_up",
        lambda labels, value: labels["source"] == "kafka" and value == 0,
    ),
)
