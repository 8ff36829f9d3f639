"""A wall clock that is set forward and back: nothing is announced early, nothing twice, nothing is left out.

A worker whose clock is ahead waits: reference data of that time is not there yet, and the broker's own clock dates it.
"""

import time
from pathlib import Path

from infra.edge.publisher import Publisher
from infra.embedded.parts import parts
from infra.embedded.supervisor import Part, Supervisor
from infra.home import Home
from infra.settings import read_settings
from schemas.registry import default_registry
from schemas.topics import SLA_EVENTS
from schemas.wire.rows import RowCodec
from tests.faults.extraction import records_of
from tests.faults.rig import stepped, wait_until
from tests.faults.stepped_clock import write_step
from tests.support.people import DAY, HOUR, MINUTE, Desk

STEPPED = ("reference-clock", "worker-risk-1")
NEEDED = ("kafka", "topics", *STEPPED)
WAIT_SECONDS = 60.0


def test_a_clock_that_is_set_forward_and_back_tells_nothing_early_and_nothing_twice(tmp_path: Path) -> None:
    home = Home.open(read_settings(home=tmp_path / "home", clock="wall", workers=1))
    step_file, codec = tmp_path / "step", RowCodec(default_registry(), SLA_EVENTS.name)
    write_step(step_file, 0)
    plan = [
        stepped(part, step_file) if isinstance(part, Part) and part.name in STEPPED else part
        for part in parts(home, only=NEEDED)
    ]
    desk, now = Desk(), time.time_ns() // 1_000_000

    def told() -> list[str]:
        topic = (SLA_EVENTS.name, home.settings.partitions)
        rows = [codec.decode(value) for *_, value in records_of(home.kafka_bootstrap, [topic])]
        return [f"{row['kind']} {row['lead_id']}" for row in rows]

    def wait_for(*notices: str) -> None:
        wait_until(lambda: told() == list(notices), WAIT_SECONDS, f"{notices} are told, not {told()}")

    with Supervisor(plan, home.logs) as supervisor, Publisher(home.kafka_bootstrap, linger_ms=0) as publisher:
        publisher.publish(desk.lead(at=now - 23 * HOUR))  # due in an hour
        publisher.flush()
        wait_for("CLOCK lead-1", "DUE_SOON lead-1")
        write_step(step_file, 2 * HOUR)
        publisher.publish(desk.verified(at=now - MINUTE))
        publisher.flush()
        wait_for("CLOCK lead-1", "DUE_SOON lead-1", "CLOCK lead-1")
        write_step(step_file, -3 * DAY)
        publisher.publish(desk.lead("lead-2", at=now - 25 * HOUR))  # overdue since an hour
        publisher.flush()
        wait_for("CLOCK lead-1", "DUE_SOON lead-1", "CLOCK lead-1", "CLOCK lead-2")
        write_step(step_file, 0)
        wait_for("CLOCK lead-1", "DUE_SOON lead-1", "CLOCK lead-1", "CLOCK lead-2", "BREACHED lead-2")
        supervisor.check()
