"""What must come out of the log, in plain Python: written from the design and the public contract, not from the code.

It imports nothing of ``streams``, ``sinks`` and ``replay``, and of ``schemas`` only the names of topics. Feed every
record that a read_committed reader of the input topics sees to `Model.add`, in the order of each partition; then ask
for results. Where the design is silent, the module that decides says in its docstring which reading it chose.

- ``judgement``: which records can be used, and why the others cannot
- ``reference``: which policy and which tier of an area was in effect when
- ``people``: timelines of verdicts and clocks of leads
- ``tasks``: clocks of duties, of programmes and of the contacts that these demand
- ``rosters``, ``slots``: clocks of what schedules demand of persons and units
- ``units``: clocks of matters and of expected reports
- ``orders``: clocks of closure orders
- ``counting``: arrivals, event rows, conflicts, cells, ledger totals
"""

from typing import NamedTuple

from xxhash import xxh3_128_hexdigest

from schemas.topics import DEFAULT_PARTITIONS
from tests.faults.model.clocks import Clock, Clocks
from tests.faults.model.counting import Arrival, CellKey, Conflict, Counting, Place, Totals
from tests.faults.model.judgement import PERSONAL, Refused, partition_of, read
from tests.faults.model.orders import lifting_clocks
from tests.faults.model.people import FactId, Person, Segment, fact_of
from tests.faults.model.reference import Reference
from tests.faults.model.rosters import duties_of, named_by
from tests.faults.model.units import Unit
from tests.faults.published import Published

__all__ = [
    "Arrival",
    "CellKey",
    "Clock",
    "ClockKey",
    "Conflict",
    "DeadLetter",
    "FactId",
    "Model",
    "Outcome",
    "Place",
    "Published",
    "Segment",
    "Totals",
]

WITH_AN_APP = {*PERSONAL, "enforcement", "reports", "urgent-care"}
"""Topics of the four apps, which publish dead letters. Refused records of the other topics stand in arrivals only:
the design has no app that reads them."""

ClockKey = str
"""Key of a clock's records: person, unit or order, a stroke, and the clock id."""


class DeadLetter(NamedTuple):
    """What the dead letter of a record must say. ``field`` is None where it is not certain."""

    reason: str
    field: str | None
    value_digest: str


class Outcome(NamedTuple):
    """A clock and what is proven of it as of the end. ``breached``: an announced breach must stand."""

    clock: Clock
    outcome: str
    breached: bool


class Model:
    """The log, read plainly."""

    def __init__(self, partitions: int = DEFAULT_PARTITIONS) -> None:
        self.partitions = partitions
        self.dead_letters: dict[Place, DeadLetter] = {}
        self.people: dict[str, Person] = {}
        self.units: dict[str, Unit] = {}
        self.reference = Reference()
        self.marks: dict[tuple[str, int], int] = {}
        """Latest time mark of every (topic, partition)."""
        self._counting = Counting()

    def add(self, published: Published, offset: int, partition: int) -> None:
        """One record of the log, at the place that the broker acknowledged."""
        place = (published.topic, partition, offset)
        found = read(published, offset, partition, self.partitions)
        self._counting.add(place, found)
        if isinstance(found, Refused):
            self._bury(place, published, found)
        elif found.is_mark:
            at = found.row["occurred_at"]
            self.marks[place[:2]] = max(at, self.marks.get(place[:2], at))
        elif found.too_old_for_risk:
            self._bury(place, published, Refused("BEYOND_HORIZON", None))
        elif found.topic in PERSONAL:
            fact = fact_of(found)
            if fact.is_too_long:
                self._bury(place, published, Refused("RULE_ERROR", None))
            else:
                self.people.setdefault(found.key, Person()).facts.add(fact)
        elif found.topic == "reports":
            self.units.setdefault(found.key, Unit()).add(found)
        elif found.topic == "reference":
            self.reference.add(found)

    def _bury(self, place: Place, published: Published, refused: Refused) -> None:
        if place[0] not in WITH_AN_APP:
            return
        digest = xxh3_128_hexdigest(published.value or b"")
        self.dead_letters[place] = DeadLetter(refused.reason, refused.field, digest)

    def now(self, token: str) -> int:
        """The event clock of the token's partition: the smallest of its person topics' latest marks; 0 without."""
        partition = partition_of(token.encode(), self.partitions)
        return min(self.marks.get((topic, partition), 0) for topic in PERSONAL)

    def now_of_unit(self, unit: str) -> int:
        """The event clock of the partition of a unit or order: the latest mark of reports; 0 without."""
        return self.marks.get(("reports", partition_of(unit.encode(), self.partitions)), 0)

    def facts(self) -> dict[str, set[FactId]]:
        """Every fact that may be kept of each person: what they did, and what rosters demand of them."""
        found = {token: person.identities() for token, person in self.people.items()}
        for member, versions in named_by(self.reference).items():
            found.setdefault(member, set()).update(versions)
        return found

    def needed_facts(self) -> dict[str, set[FactId]]:
        """Every fact that must be kept of each person: a verdict or a clock reads it. Persons without are left out."""
        needed = {token: person.needed(self.reference) for token, person in self.people.items()}
        return {token: facts for token, facts in needed.items() if facts}

    def timelines(self) -> dict[str, list[Segment]]:
        """The verdict timeline of every person who has one."""
        timelines = {token: person.timeline(self.reference) for token, person in self.people.items()}
        return {token: segments for token, segments in timelines.items() if segments}

    def outcomes(self) -> dict[ClockKey, list[Outcome]]:
        """Every clock and what is proven of it as of its event clock. More than one where the design does not say which
        of two openings counts: any of them may be right."""
        duties = duties_of(self.reference)
        found: dict[ClockKey, list[Outcome]] = {}
        for token in self.people.keys() | {member for member, of_member in duties.items() if of_member[0].of_person}:
            person, now = self.people.get(token, Person()), self.now(token)
            _prove(found, token, person.clocks(duties.get(token, []), self.reference, now), now)
        for name in self.units.keys() | {member for member, of_member in duties.items() if not of_member[0].of_person}:
            unit, now = self.units.get(name, Unit()), self.now_of_unit(name)
            _prove(found, name, unit.clocks(duties.get(name, []), self.reference, now), now)
        for order, clock in lifting_clocks(self.reference).items():
            _prove(found, order, {f"{order}/LIFTING": [clock]}, self.now_of_unit(order))
        return found

    def event_rows(self) -> dict[str, dict[tuple[bytes, bytes], int]]:
        """{topic: {(identity hash, content hash): smallest offset}}."""
        return self._counting.event_rows()

    def conflicts(self) -> dict[bytes, Conflict]:
        """{identity hash: winner and losers (content hashes)}."""
        return self._counting.conflicts()

    def cells(self) -> dict[CellKey, int]:
        """{(topic, hour, site, kind, measure): events}; what is not named is zero."""
        return self._counting.cells()

    def arrivals(self) -> dict[Place, Arrival]:
        """{(topic, partition, offset): what became of the record}."""
        return self._counting.arrivals

    def totals(self) -> dict[tuple[str, int], Totals]:
        """{(topic, partition): records, stored, marks, refused}."""
        return self._counting.totals()


def _prove(found: dict[ClockKey, list[Outcome]], subject: str, clocks: Clocks, now: int) -> None:
    for clock_id, rivals in clocks.items():
        proven = [Outcome(clock, clock.outcome(now), clock.is_breached(now)) for clock in rivals]
        found[f"{subject}/{clock_id}"] = proven
