"""`python -m tests.operations.herd [N]`: whether the page answers while N deadlines come due at one instant."""

import sys
import tempfile
import time
from pathlib import Path

from infra.column_store import reader_address
from infra.embedded.catch_up import wait_until_caught_up
from sinks.clickhouse import ClickHouse
from tests.operations.faults import wait_until
from tests.operations.installation import GATE, OTHER_GATE, Installation, installation, now_ms
from tests.operations.watching import answers, chromium, open_alarms

AHEAD_MS_EACH = 0.4
"""How long it may take until a lead is published and folded, written and counted."""

AT_ONCE = 20_000
LOOK_SECONDS = 0.25
SECONDS = 300.0


def announced(client: ClickHouse) -> int:
    """Breaches that can be queried."""
    rows = client.rows("SELECT uniqExact(clock_id) FROM checkline.sla_notices WHERE kind = 'BREACHED'")
    return int(rows[0][0])


def run(there: Installation, count: int) -> None:
    """Prints how long the state, the scrape and the page took, from the deadline until all breaches can be queried."""
    due = now_ms() + 30_000 + int(AHEAD_MS_EACH * count)
    for begin in range(0, count, AT_ONCE):
        there.devices.leads_due(min(AT_ONCE, count - begin), due, begin)
    with ClickHouse(reader_address(there.home), "operations-herd") as client, chromium() as page:
        there.devices.silent |= {GATE, OTHER_GATE}
        wait_until_caught_up(there.home, client, lambda: None, lambda _: None)
        page.goto(there.address)
        left = (due - now_ms()) / 1000
        print(f"{count} leads are folded and counted {left:.0f} s before they are due", file=sys.stderr)
        wait_until("they are due", lambda: now_ms() >= due, SECONDS)
        took: dict[str, list[float]] = {"state": [], "page": []}
        begun = time.monotonic()
        while announced(client) < count and time.monotonic() < begun + SECONDS:
            asked = time.monotonic()
            open_alarms(there.address)
            took["state"].append(time.monotonic() - asked)
            asked = time.monotonic()
            page.locator("li.alarm").count()
            took["page"].append(time.monotonic() - asked)
            time.sleep(LOOK_SECONDS)
        took_all = time.monotonic() - begun
        print(f"{announced(client)} of {count} breaches can be queried {took_all:.1f} s after the deadline")
    for what, seconds in took.items():
        seconds.sort()
        middle, high = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
        print(f"{what}: {len(seconds)} times, p50 {middle:.3f} s, p99 {high:.3f} s, longest {seconds[-1]:.3f} s")


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as directory, installation(Path(directory)) as there:
        wait_until("the page answers", lambda: answers(there.address))
        run(there, size)
