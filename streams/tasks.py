"""Tasks of a follow-up: duties that events open, programmes with their stop criterion, contacts and checks that are
expected again and again."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.codes import ClockSubject
from schemas.policy import Policy
from schemas.policy_duties import DAY_MS, HOUR_MS, Programme
from schemas.policy_duties import Expected as Expects
from streams.clocks import Clock
from streams.duties import Act, duty_clocks
from streams.expected import Expected, in_effect
from streams.fact_set import Fact, earliest, sent_first
from streams.facts import PersonFact, Reading, SymptomsStated, TaskStep, standing
from streams.schedules import Demand, Slot, next_cut_off, slot_clocks

_STARTS = ("FOLLOW_UP_STARTED", "QUARANTINE_STARTED")
_ENDS = ("FOLLOW_UP_ENDED", "QUARANTINE_ENDED")
_SEEN = ("SEEN_OK", "SEEN_NOT_OK")
SYMPTOMS = "SYMPTOMS"
"""What a duty names that symptoms open, whatever event states them (A004-02: 第一时间)."""

PolicyAt = Callable[[int], Policy]


class Episode(NamedTuple):
    """A person under a programme: from its start until the stop criterion holds, UTC milliseconds."""

    task: str
    programme: Programme
    policy: str
    start: int
    stops: int
    ended: Fact | None
    opened: Fact


class Tasks:
    """What the facts of one person say about tasks, ready for the questions below. ``policy_at``: the policy in effect
    at a time, UTC milliseconds."""

    def __init__(self, facts: Iterable[PersonFact], policy_at: PolicyAt) -> None:
        facts = list(facts)
        left = standing(facts)
        self._policy_at = policy_at
        self._steps = [fact for fact in left if isinstance(fact, TaskStep)]
        standing_ids = {fact.event_id for fact in self._steps}
        self._void = [fact for fact in facts if isinstance(fact, TaskStep) and fact.event_id not in standing_ids]
        self._symptoms = [fact for fact in left if isinstance(fact, SymptomsStated)]
        self._entries = in_effect(fact for fact in facts if isinstance(fact, Expected))
        self._readings = [fact for fact in left if isinstance(fact, Reading) and fact.slot != "NOT_STATED"]
        self.episodes = list(self._episodes())
        self._demands = self._contacts() | self._rosters()

    def clocks(self, as_of: int | None, kept_ms: int) -> dict[str, Clock]:
        """Clocks of duties and releases and, where ``as_of`` is given, of all slots of schedules up to then that are
        not older than ``kept_ms``."""
        found = duty_clocks(self._acts(self._steps), self._acts(self._void), self._policy_at, ClockSubject.PERSON)
        found |= self._symptom_duties()
        found |= {clock.clock_id: clock for clock in map(_release, self.episodes)}
        if as_of is not None:
            newest = max((fact.at for fact in (*self._readings, *self._steps)), default=as_of)
            span = as_of - kept_ms, as_of, newest
            for expects, kept in self._proofs.items():
                demands = self._demands.get(expects, [])
                found |= slot_clocks(demands, expects, kept, self._policy_at, *span, ClockSubject.PERSON)
        return found

    def next_slot(self, as_of: int) -> int | None:
        """When the next slot of a schedule can be missed, UTC milliseconds."""
        times = (next_cut_off(demands, expects, self._policy_at, as_of) for expects, demands in self._demands.items())
        return min((time for time in times if time is not None), default=None)

    def _acts(self, steps: Iterable[TaskStep]) -> list[Act]:
        acts = []
        for step in steps:
            acts.append(Act(step, step.task, step.kind, step.zone_offset_minutes, step.due_at, step.programme))
            if step.kind == "LEAVE_DECIDED" and step.approved is False:
                acts.append(Act(step, step.task, "LEAVE_REFUSED"))
        return acts

    def _symptom_duties(self) -> dict[str, Clock]:
        """Symptoms name no task: whatever the duty asks for, done for that person from then on, does it."""
        if not self._symptoms:
            return {}
        found: dict[str, Clock] = {}
        # Of two contents under one identity the one sent first counts, in any order of arrival: it comes last.
        for stated in sorted(self._symptoms, key=sent_first, reverse=True):
            task = f"{SYMPTOMS}/{stated.event_id}"
            acts = [Act(stated, task, SYMPTOMS)]
            acts += [Act(step, task, step.kind) for step in self._steps if step.at >= stated.at]
            found |= duty_clocks(acts, (), self._policy_at, ClockSubject.PERSON, SYMPTOMS)
        return found

    def _episodes(self) -> Iterable[Episode]:
        starts: dict[str, TaskStep] = {}
        for step in self._steps:
            rival = starts.get(step.task)
            if step.kind in _STARTS and (rival is None or sent_first(step) < sent_first(rival)):
                starts[step.task] = step
        for task, start in starts.items():
            policy = self._policy_at(start.sent_at)
            programme = next((one for one in policy.programmes if _falls_under(start, one)), None)
            if programme is not None:
                ended = earliest(step for step in self._steps if step.task == task and step.kind in _ENDS)
                stops = start.at + programme.days * DAY_MS
                yield Episode(task, programme, policy.name, start.at, stops, ended, start)

    def _contacts(self) -> dict[Expects, list[Demand]]:
        demands = [
            Demand(one.task, one.programme.contacts, one.start, one.stops, None, one.ended.at if one.ended else None)
            for one in self.episodes
            if one.programme.contacts is not None
        ]
        return {Expects.CONTACT: demands} if demands else {}

    def _rosters(self) -> dict[Expects, list[Demand]]:
        demands = [
            Demand(entry.entity_id, entry.schedule, start, until)
            for entry, start, until in self._entries
            if entry.schedule is not None
        ]
        return {Expects.READING: demands, Expects.TEST: demands} if demands else {}

    @property
    def _proofs(self) -> dict[Expects, Callable[[Demand, Slot], Fact | None]]:
        return {Expects.READING: self._reading, Expects.CONTACT: self._contact, Expects.TEST: self._test}

    def _reading(self, demand: Demand, slot: Slot) -> Fact | None:
        """A reading of that slot, taken in it (T14)."""
        return _within(slot, (reading for reading in self._readings if reading.slot == slot.name))

    def _contact(self, demand: Demand, slot: Slot) -> Fact | None:
        """An attempt of that task at which the person was seen."""
        attempts = (step for step in self._steps if step.kind == "ATTEMPT" and step.task == demand.name)
        return _within(slot, (step for step in attempts if step.outcome in _SEEN))

    def _test(self, demand: Demand, slot: Slot) -> Fact | None:
        return _within(slot, (step for step in self._steps if step.kind == "TEST_TAKEN"))


def _falls_under(start: TaskStep, programme: Programme) -> bool:
    """Whether a follow-up is of a programme: of the one it names or, naming none, of the one for its place."""
    return programme.name == start.programme or (start.programme is None and start.place in programme.places)


def _within(slot: Slot, facts: Iterable[Fact]) -> Fact | None:
    return earliest(fact for fact in facts if slot.opens <= fact.at <= slot.cut_off)


def _release(episode: Episode) -> Clock:
    """Nothing holds a person longer than its reason: release when the stop criterion holds (A002-34 终止标准)."""
    due_at = episode.stops + episode.programme.release_hours * HOUR_MS
    ended = episode.ended
    return Clock(
        f"{episode.task}/RELEASE",
        episode.task,
        "RELEASE",
        episode.start,
        due_at,
        episode.stops,
        ended.at if ended else None,
        None,
        episode.policy,
        tuple(str(fact.event_id) for fact in (episode.opened, ended) if fact),
        False,
        ClockSubject.PERSON.value,
    )
