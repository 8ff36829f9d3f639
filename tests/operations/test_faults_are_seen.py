"""Every fault is in the scrape, an alarm and on the page within a quarter of a minute."""

import shutil
import time
from pathlib import Path

import pytest

from infra.alarms.conditions.processes import JOINING_SECONDS
from tests.operations.faults import FAULTS, wait_until
from tests.operations.installation import installation
from tests.operations.watching import answers, chromium, watch

WITHIN_SECONDS = 15.0


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.expects_errors(".")  # everything dies on purpose, and the supervisor says so each time
def test_every_fault_is_seen_within_a_quarter_of_a_minute(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    with installation(tmp_path / "home") as there, chromium() as page:
        wait_until("the page answers", lambda: answers(there.address))
        time.sleep(JOINING_SECONDS)  # so long a part that starts is not called stuck
        seen = [watch(there, page, fault) for fault in FAULTS]
    late = [one for one in seen if any(at is None or at > WITHIN_SECONDS for at in (one.scrape, one.alarm, one.page))]
    assert late == []
