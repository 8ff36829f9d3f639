"""`python -m tests.operations [NAME ...]`: strikes every fault (of these names) and prints when it was seen."""

import sys
import tempfile
import time
from pathlib import Path

from infra.alarms.conditions.processes import JOINING_SECONDS
from infra.cli.output import write_table
from tests.operations.faults import FAULTS, wait_until
from tests.operations.installation import installation
from tests.operations.watching import Seen, answers, chromium, watch

wanted = sys.argv[1:]
with tempfile.TemporaryDirectory() as directory, installation(Path(directory)) as there, chromium() as page:
    wait_until("the page answers", lambda: answers(there.address))
    time.sleep(JOINING_SECONDS)  # so long a part that starts is not called stuck
    found = []
    for fault in FAULTS:
        if not wanted or any(part in fault.name for part in wanted):
            found.append(watch(there, page, fault))
            print(found[-1], file=sys.stderr)
    write_table(Seen._fields, [["not seen" if one is None else one for one in seen] for seen in found])
