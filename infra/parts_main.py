"""What the processes of our own do: `checkline part WORDS` ends up here.

The rooms below do the work and know nothing of homes and settings; this module hands them what they need. A part calls
`announce_ready()` once it does its work, and returns when SIGTERM was received.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence

from infra.errors import MissingPart
from infra.home import Home
from infra.settings import Clock

# Where the body of each part is: `module:function`, called as function(home, *rest of the words).
BODIES: Mapping[str, str] = {
    "worker": "infra.part_worker:run",
    "sink": "infra.part_sink:run",
    "reference-clock": "infra.part_reference_clock:run",
    "operations": "infra.part_operations:run",
}
OPERATIONS = "operations"
"""Watches the others: they go on without it."""

MIGRATIONS = "infra.part_sink:migrate"


def own_parts(clock: Clock, workers: int) -> dict[str, tuple[str, ...]]:
    """The parts that are code of ours: {name: words after `checkline part`}, in the order of their start.

    `workers` is the number of processes of the risk worker, which does nearly all of the work.
    """
    names: dict[str, tuple[str, ...]] = {}
    if clock == "wall":
        names["reference-clock"] = ("reference-clock",)
    for number in range(1, workers + 1):
        names[f"worker-risk-{number}"] = ("worker", "risk", str(number))
    names["worker-enforcement"] = ("worker", "enforcement", "1")
    names["worker-reports"] = ("worker", "reports", "1")
    names["worker-urgent-care"] = ("worker", "urgent-care", "1")
    names["sink"] = ("sink",)
    names[OPERATIONS] = ("operations",)
    return names


def run(home: Home, words: Sequence[str]) -> None:
    """Do the work of a part in this process until it is asked to end. Raises MissingPart when there is no such part."""
    if not words or words[0] not in BODIES:
        raise MissingPart(f"there is no part {' '.join(words) or '(nothing)'}; parts are: {', '.join(BODIES)}")
    _body(BODIES[words[0]], words[0])(home, *words[1:])


def migrate(home: Home) -> None:
    """Bring the tables of ClickHouse to the newest migration. Raises MissingPart."""
    _body(MIGRATIONS, "migrations")(home)


def _body(place: str, part: str) -> Callable[..., None]:
    module, _, function = place.partition(":")
    if importlib.util.find_spec(module) is None:
        raise MissingPart(f"part {part} is not there: this installation has no module {module}; install it whole")
    body: Callable[..., None] = getattr(importlib.import_module(module), function)
    return body
