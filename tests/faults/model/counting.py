"""What can be counted: arrivals, event rows, conflicts, cells, ledger totals.

Readings chosen where the design is silent:

- conflicts are found over all topics: an identity is a device's, not a topic's; two records with the same content in
  the same topic are one event wherever they lie;
- reference data is counted by kind alone; there are no cells of urgent care, which analysts may not see;
- the site of a check-in or reading is its site, of a follow-up or case the unit in charge, of a report the unit that
  reports; the measure of an enforcement event is its category, else its disposition, else empty.
"""

from collections import Counter
from typing import NamedTuple

from tests.faults.model.judgement import HOUR, Event, Refused

Place = tuple[str, int, int]
"""Topic, partition, offset."""

CellKey = tuple[str, int, str, str, str]
"""Topic, hour (UTC milliseconds of its start), site, kind, measure."""

COUNTED = ["check-ins", "temperatures", "follow-ups", "enforcement", "reports", "reference"]


class Arrival(NamedTuple):
    """What became of one record: ``STORED`` with its hashes, ``MARK``, or ``REFUSED`` with its reason."""

    outcome: str
    reason: str = ""
    identity: bytes = bytes(16)
    content: bytes = bytes(16)


class Totals(NamedTuple):
    """Ledger totals of one partition."""

    records: int
    stored: int
    marks: int
    refused: int


class Content(NamedTuple):
    """One content of an identity in one topic, at the smallest offset of those that say it."""

    sent_at: int
    content: bytes
    topic: str
    partition: int
    offset: int
    cell: CellKey


class Conflict(NamedTuple):
    """Contents of one identity: the winner, and all others."""

    winner: bytes
    losers: frozenset[bytes]


class Counting:
    """Everything that the sinks must know."""

    def __init__(self) -> None:
        self.arrivals: dict[Place, Arrival] = {}
        self.contents: dict[bytes, dict[tuple[str, bytes], Content]] = {}
        """By identity, then by topic and content."""

    def add(self, place: Place, found: Event | Refused) -> None:
        """Count one record of the log."""
        if isinstance(found, Refused):
            self.arrivals[place] = Arrival("REFUSED", found.reason)
            return
        if found.is_mark:
            self.arrivals[place] = Arrival("MARK")
            return
        self.arrivals[place] = Arrival("STORED", "", found.identity, found.content)
        content = Content(
            found.row["sent_at"], found.content, found.topic, found.partition, found.offset, cell_of(found)
        )
        of_identity = self.contents.setdefault(found.identity, {})
        known = of_identity.get((found.topic, found.content))
        if known is None or content.offset < known.offset:
            of_identity[found.topic, found.content] = content

    def event_rows(self) -> dict[str, dict[tuple[bytes, bytes], int]]:
        """Rows of every event table: {topic: {(identity, content): smallest offset}}."""
        rows: dict[str, dict[tuple[bytes, bytes], int]] = {}
        for identity, contents in self.contents.items():
            for content in contents.values():
                rows.setdefault(content.topic, {})[identity, content.content] = content.offset
        return rows

    def conflicts(self) -> dict[bytes, Conflict]:
        """Identities with more than one content; the smallest (sent_at, content) wins."""
        found = {}
        for identity, contents in self.contents.items():
            ordered = [content.content for content in sorted(contents.values())]
            if len(set(ordered)) > 1:
                found[identity] = Conflict(ordered[0], frozenset(ordered[1:]))
        return found

    def cells(self) -> dict[CellKey, int]:
        """Events per cell, without the losers of conflicts. What is not named is zero."""
        cells: Counter[CellKey] = Counter()
        for contents in self.contents.values():
            winner = min(contents.values())
            if winner.topic in COUNTED:
                cells[winner.cell] += 1
        return dict(cells)

    def totals(self) -> dict[tuple[str, int], Totals]:
        """Records by what became of them: {(topic, partition): totals}."""
        outcomes: dict[tuple[str, int], Counter[str]] = {}
        for (topic, partition, _), arrival in self.arrivals.items():
            outcomes.setdefault((topic, partition), Counter())[arrival.outcome] += 1
        return {
            partition: Totals(count.total(), count["STORED"], count["MARK"], count["REFUSED"])
            for partition, count in outcomes.items()
        }


def cell_of(event: Event) -> CellKey:
    """The cell that a counted event belongs to."""
    row = event.row
    site = row.get("site") or row.get("unit") or ""
    measure = ""
    if event.topic == "check-ins":
        measure = f"{row['subject_kind']}/{row['site_kind']}"
    elif event.topic == "temperatures":
        measure = row["site_kind"]
    elif event.topic == "follow-ups":
        measure = _stated(row["lead_source"])
    elif event.topic == "enforcement":
        measure = _stated(row["category"]) or _stated(row["disposition"])
    elif event.topic == "reports":
        site, measure = event.key, row["indicator"] or ""
    return event.topic, row["occurred_at"] // HOUR * HOUR, site, row["kind"], measure


def _stated(symbol: str) -> str:
    return "" if symbol == "NOT_STATED" else symbol
