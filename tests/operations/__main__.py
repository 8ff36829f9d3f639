"""`python -m tests.operations [NAME ...]`: strikes every fault (of these names) and prints when it was seen."""

import sys
import tempfile
from pathlib import Path

from infra.cli.output import write_table
from tests.operations.faults import FAULTS, wait_until
from tests.operations.installation import installation
from tests.operations.watching import Seen, answers, chromium, watch

wanted = sys.argv[1:]
with tempfile.TemporaryDirectory() as directory, installation(Path(directory)) as there, chromium() as page:
    wait_until("the page answers", lambda: answers(there.address))
    found = [watch(there, page, fault) for fault in FAULTS if not wanted or any(part in fault.name for part in wanted)]
    write_table(Seen._fields, [[one if one is not None else "not seen" for one in seen] for seen in found])
