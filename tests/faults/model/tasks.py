"""Tasks of a person: what must follow an event, how long a follow-up may last, and who must be seen meanwhile.

Readings chosen where the specification is silent:

- symptoms that were taken back, and starts of a follow-up that were taken back, are like other openings: what they
  opened was withdrawn when it began;
- the slots of a follow-up whose start was taken back were withdrawn likewise, when the follow-up began.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tests.faults.model.clocks import Clock, Clocks
from tests.faults.model.judgement import DAY, HOUR
from tests.faults.model.reference import Policy, Reference
from tests.faults.model.slots import Demand, slots_of

if TYPE_CHECKING:
    from tests.faults.model.people import Fact

KINDS = {
    *("FOLLOW_UP_STARTED", "FOLLOW_UP_ENDED", "QUARANTINE_STARTED", "QUARANTINE_ENDED", "ABSCONDED", "FOUND"),
    *("TEST_DUE", "TEST_TAKEN", "TRANSFER_STARTED", "TRANSFER_ACCEPTED"),
    *("ABSENCE", "LEAVE", "LEAVE_DECIDED", "LEAVE_ENDED", "ATTEMPT"),
}
"""Follow-ups that are about a task; an attempt, only when it names one."""

STARTS = {"FOLLOW_UP_STARTED", "QUARANTINE_STARTED"}
ENDS = {"FOLLOW_UP_ENDED", "QUARANTINE_ENDED"}
SEEN = {"SEEN_OK", "SEEN_NOT_OK"}


def is_about_task(fact: "Fact") -> bool:
    """Whether a duty or programme can follow from it."""
    return fact.topic == "follow-ups" and fact.kind in KINDS and (fact.kind != "ATTEMPT" or fact.get("task"))


def task_of(fact: "Fact") -> str:
    """An event that names no task is one of its own."""
    return fact.get("task") or fact.name


class Tasks:
    """The tasks of one person: of all facts that are kept, and of those that stand."""

    def __init__(self, kept: set["Fact"], standing: set["Fact"], reference: Reference) -> None:
        self._reference = reference
        self._kept = [fact for fact in kept if is_about_task(fact)]
        self._standing = [fact for fact in standing if is_about_task(fact)]
        self._with_symptoms = [fact for fact in kept if fact.get("symptoms")]
        self._is_standing = standing.__contains__

    def clocks(self, now: int) -> Clocks:
        """Every clock of the person that follows from a task or from symptoms."""
        found: Clocks = {}
        for fact, stands in self._openings(lambda fact: (fact.kind, task_of(fact))):
            self._open_duties(found, fact, stands)
        for fact, stands in self._openings(task_of, STARTS):
            self._open_programme(found, fact, stands, now)
        for fact, stands in _first(self._with_symptoms, self._is_standing, lambda fact: fact.name):
            self._open_for_symptoms(found, fact, stands)
        return found

    def _openings(
        self, group: Callable[["Fact"], object], kinds: set[str] = KINDS
    ) -> Iterable[tuple["Fact", bool]]:
        return _first([fact for fact in self._kept if fact.kind in kinds], self._is_standing, group)

    def _done_at(self, kinds: Iterable[str], task: str | None = None, since: int = 0) -> int | None:
        times = [
            fact.occurred_at
            for fact in self._standing
            if fact.kind in kinds and task in (None, task_of(fact)) and fact.occurred_at >= since
        ]
        return min(times, default=None)

    def _open_duties(self, found: Clocks, fact: "Fact", stands: bool) -> None:
        policy = self._reference.policy(fact.sent_at)
        task = task_of(fact)
        for duty in policy.duties(fact.kind):
            if duty.get("programme") not in (None, fact.get("programme")):
                continue
            due_at = policy.due_at(duty, fact.occurred_at, fact.zone_offset_minutes, fact.get("due_at"))
            if due_at is None:
                continue
            done_at = self._done_at(duty["done_by"], task)
            _put(found, f"{task}/{duty['name']}", _clock(duty, task, fact, due_at, done_at, stands))

    def _open_for_symptoms(self, found: Clocks, fact: "Fact", stands: bool) -> None:
        policy = self._reference.policy(fact.sent_at)
        task = f"SYMPTOMS/{fact.name}"
        for duty in policy.duties("SYMPTOMS"):
            due_at = policy.due_at(duty, fact.occurred_at, fact.zone_offset_minutes, None)
            if due_at is not None:
                done_at = self._done_at(duty["done_by"], since=fact.occurred_at)
                _put(found, f"{task}/{duty['name']}", _clock(duty, task, fact, due_at, done_at, stands))

    def _open_programme(self, found: Clocks, fact: "Fact", stands: bool, now: int) -> None:
        programme = _programme(self._reference.policy(fact.sent_at), fact)
        if programme is None:
            return
        task, start = task_of(fact), fact.occurred_at
        until = start + programme["days"] * DAY
        ended = self._done_at(ENDS, task)
        done_at, withdrawn_at = (ended, None) if stands else (None, start)
        due_at = until + programme["release_hours"] * HOUR
        release = Clock("RELEASE", task, start, due_at, done_at, withdrawn_at, False)
        _put(found, f"{task}/RELEASE", release)
        if programme.get("contacts"):
            self._open_contacts(found, Demand(programme["contacts"], start, until), task, ended if stands else start, now)

    def _open_contacts(self, found: Clocks, demand: Demand, task: str, ended: int | None, now: int) -> None:
        seen = [
            fact.occurred_at
            for fact in self._standing
            if fact.kind == "ATTEMPT" and task_of(fact) == task and fact.get("outcome") in SEEN
        ]
        for slot in slots_of(demand, self._reference, now):
            if slot.expects != "CONTACT":
                continue
            done_at = min((at for at in seen if slot.opens <= at <= slot.cut_off), default=None)
            if slot.clock_exists(now, done_at):
                withdrawn_at = ended if ended is not None and ended <= slot.opens else None
                times = (slot.opens, slot.cut_off, done_at, withdrawn_at)
                clock = Clock(demand.schedule, slot.about, *times, False, implied=True)
                _put(found, f"{demand.schedule}/{task}/{slot.about}", clock)


def _first(
    facts: list["Fact"], is_standing: Callable[["Fact"], bool], group: Callable[["Fact"], object]
) -> Iterable[tuple["Fact", bool]]:
    """Of each group those that were sent first, and whether they stand: of those that stand, if any do."""
    groups: dict[object, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(group(fact), []).append(fact)
    for of_group in groups.values():
        standing = [fact for fact in of_group if is_standing(fact)]
        rivals = standing or of_group
        first_sent = min(fact.sent_at for fact in rivals)
        yield from ((fact, bool(standing)) for fact in rivals if fact.sent_at == first_sent)


def _programme(policy: Policy, fact: "Fact") -> dict[str, Any] | None:
    """The programme that a start falls under: the one it names, or the one of its place."""
    named, place = fact.get("programme"), fact.get("place")
    for programme in policy.settings.get("programmes", []):
        falls_under = programme["name"] == named if named else place in programme.get("places", [])
        if falls_under:
            found: dict[str, Any] = programme
            return found
    return None


def _clock(
    duty: dict[str, Any], task: str, fact: "Fact", due_at: int, done_at: int | None, stands: bool
) -> Clock:
    done_at, withdrawn_at = (done_at, None) if stands else (None, fact.occurred_at)
    before_due = bool(duty.get("calendar_day"))
    return Clock(duty["name"], task, fact.occurred_at, due_at, done_at, withdrawn_at, before_due)


def _put(found: Clocks, clock_id: str, clock: Clock) -> None:
    if clock not in found.setdefault(clock_id, []):
        found[clock_id].append(clock)
