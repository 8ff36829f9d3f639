"""The files of a desk, and what can be read off them while it runs and when it does not."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from infra.alarms import handover
from infra.alarms.journal import Journal, JournalFailed
from infra.alarms.roster import Entry
from infra.alarms.standing import Standing, from_document
from infra.alarms.steps import Kind, Records, Step
from infra.home import Home

log = logging.getLogger(__name__)

SHIFT_MS = 12 * 3_600_000
"""How far back a hand-over looks where nobody handed over before."""


class Places:
    """The files of a desk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = directory / "journal.sqlite"
        self.roster = directory / "roster.json"
        self.standing = directory / "standing.json"

    @classmethod
    def of_home(cls, home: Home) -> "Places":
        """Where the desk of a home keeps its files."""
        return cls(home.operations_directory)

    def last_standing(self) -> tuple[Standing | None, dict[str, int]]:
        """How things stood when it was last written down, and how many conflicts had been seen on each topic."""
        if not self.standing.exists():
            return None, {}
        try:
            document = json.loads(self.standing.read_text(encoding="utf-8"))
            return from_document(document["standing"]), dict(document["conflicts"])
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            log.warning("%s cannot be read and is left aside: %s", self.standing, error)
            return None, {}


def shift_of(
    places: Places,
    journal: Journal,
    records: Records,
    entries: Sequence[Entry],
    at: int,
    since: int | None,
    by: str | None,
) -> handover.Shift:
    """What a hand-over is made from: since the last one, unless a time is given."""
    last, failure = None, journal.failure
    steps: list[Step] = []
    try:
        if since is None:
            last = journal.last(Kind.HANDED_OVER)
        since = since if since is not None else last.at if last is not None else at - SHIFT_MS
        steps = journal.read(last.number) if last is not None else journal.read(since=since)
    except JournalFailed as error:
        failure = str(error)
    stood, _ = places.last_standing()
    now = stood.now if stood is not None else at
    since = at - SHIFT_MS if since is None else since
    return handover.Shift(since, at, now, records, [*steps, *journal.waiting], entries, stood, by, failure)
