"""Tasks of a person: what must follow an event, how long a follow-up may last, and who must be seen meanwhile.

Readings chosen where the specification is silent:

- symptoms that were taken back, and starts of a follow-up that were taken back, open nothing;
- of several starts of a task, of whichever kind, the one that was sent first counts.
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
        self._with_symptoms = [fact for fact in standing if fact.get("symptoms")]
        self._is_standing = standing.__contains__

    def clocks(self, now: int) -> Clocks:
        """Every clock of the person that follows from a task or from symptoms."""
        found: Clocks = {}
        for fact, stands in _first(self._kept, self._is_standing, lambda fact: (fact.kind, task_of(fact))):
            self._open_duties(found, fact, stands)
        starts = [fact for fact in self._standing if fact.kind in STARTS]
        for fact, _ in _first(starts, self._is_standing, task_of):
            self._open_programme(found, fact, now)
        for fact, _ in _first(self._with_symptoms, self._is_standing, lambda fact: fact.name):
            self._open_for_symptoms(found, fact)
        return found

    def _earliest(self, kinds: Iterable[str], task: str | None = None, since: int = 0) -> int | None:
        times = [
            fact.occurred_at
            for fact in self._standing
            if _said(fact) & set(kinds) and task in (None, task_of(fact)) and fact.occurred_at >= since
        ]
        return min(times, default=None)

    def _open_duties(self, found: Clocks, fact: "Fact", stands: bool) -> None:
        policy, task = self._reference.policy(fact.sent_at), task_of(fact)
        for duty in policy.duties(fact.kind):
            if duty.get("programme") not in (None, fact.get("programme")):
                continue
            due_at = policy.due_at(duty, fact.occurred_at, fact.zone_offset_minutes, fact.get("due_at"))
            if due_at is None:
                continue
            done_at = self._earliest(duty["done_by"], task)
            withdrawn_at = self._earliest(duty.get("withdrawn_by", ()), task)
            ends = (done_at, withdrawn_at) if stands else (None, fact.occurred_at)
            _put(found, f"{task}/{duty['name']}", _clock(duty, task, fact, due_at, *ends))

    def _open_for_symptoms(self, found: Clocks, fact: "Fact") -> None:
        policy, task = self._reference.policy(fact.sent_at), f"SYMPTOMS/{fact.name}"
        for duty in policy.duties("SYMPTOMS"):
            due_at = policy.due_at(duty, fact.occurred_at, fact.zone_offset_minutes, None)
            if due_at is not None:
                done_at = self._earliest(duty["done_by"], since=fact.occurred_at)
                _put(found, f"{task}/{duty['name']}", _clock(duty, task, fact, due_at, done_at))

    def _open_programme(self, found: Clocks, fact: "Fact", now: int) -> None:
        programme = _programme(self._reference.policy(fact.sent_at), fact)
        if programme is None:
            return
        task, start = task_of(fact), fact.occurred_at
        until, ended = start + programme["days"] * DAY, self._earliest(ENDS, task)
        release = Clock("RELEASE", task, start, until + programme["release_hours"] * HOUR, ended, None, False)
        _put(found, f"{task}/RELEASE", release)
        if programme.get("contacts"):
            self._open_contacts(found, Demand(programme["contacts"], start, until), task, ended, now)

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


def _said(fact: "Fact") -> set[str]:
    """What a duty may call an event: its kind, and of a decision on leave that it was refused."""
    is_refusal = fact.kind == "LEAVE_DECIDED" and fact.get("approved") is False
    return {fact.kind, "LEAVE_REFUSED"} if is_refusal else {fact.kind}


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
    duty: dict[str, Any],
    task: str,
    fact: "Fact",
    due_at: int,
    done_at: int | None,
    withdrawn_at: int | None = None,
) -> Clock:
    before_due = bool(duty.get("calendar_day"))
    return Clock(duty["name"], task, fact.occurred_at, due_at, done_at, withdrawn_at, before_due)


def _put(found: Clocks, clock_id: str, clock: Clock) -> None:
    if clock not in found.setdefault(clock_id, []):
        found[clock_id].append(clock)
