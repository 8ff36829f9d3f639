"""The same log under another policy: where verdicts, deadlines and work would have been other ones.

Two conclusions about a person are compared, one under the policies in effect (the baseline), one under the candidate.
Levels are compared, not the names of policies: a candidate that says the same under another name changes nothing.
All times are UTC milliseconds.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from replay.backtest_teams import Decision, Team, Teams
from replay.digests import Digests
from replay.states import Conclusion, digests_of
from schemas.codes import ClockOutcome, RiskLevel
from streams.clocks import Clock, outcome
from streams.risk import Segment

HOUR_MS = 3_600_000
REFERRED = RiskLevel.HIGH
"""The level at which the sources refer a person to the health service (A002-13)."""

NONE = RiskLevel.NONE.value
_RANK = {RiskLevel.NONE: 0, RiskLevel.MEDIUM: 1, RiskLevel.HIGH: 2}


class Window(NamedTuple):
    """What is compared: ``begin`` <= time < ``end``."""

    begin: int
    end: int

    def holds(self, at: int) -> bool:
        return self.begin <= at < self.end


class Change(NamedTuple):
    """A stretch of time over which the candidate gives a person another level. ``was`` and ``becomes`` are the segments
    at its beginning under baseline and candidate; None is no known risk."""

    token: str
    start: int
    until: int
    was: Segment | None
    becomes: Segment | None

    @property
    def transition(self) -> tuple[str, str]:
        """The levels under baseline and candidate."""
        return level_of(self.was), level_of(self.becomes)

    @property
    def refers(self) -> bool | None:
        """True: only the candidate refers the person; False: only the baseline does; None: both or neither."""
        was, becomes = (level == REFERRED for level in self.transition)
        return becomes if was != becomes else None


class BreachChange(NamedTuple):
    """A deadline that is missed under one of the two policies only. A clock is None where its policy sets none."""

    gained: bool
    token: str
    lead_id: str
    baseline: Clock | None
    candidate: Clock | None

    @property
    def deadline_class(self) -> str:
        """Class under the baseline, or else under the candidate."""
        clock = self.baseline or self.candidate
        assert clock is not None
        return clock.deadline_class


class Difference(NamedTuple):
    """What the candidate changes for one person."""

    changes: list[Change]
    breaches: list[BreachChange]


def level_of(segment: Segment | None) -> str:
    """The level of a verdict."""
    return NONE if segment is None else segment.level


def changes(token: str, baseline: Sequence[Segment], candidate: Sequence[Segment], window: Window) -> Iterator[Change]:
    """Where two timelines of a person give another level within the window, in order of time."""
    sides = [
        [one for one in timeline if one.start < window.end and one.until > window.begin]
        for timeline in (baseline, candidate)
    ]
    edges = {edge for timeline in sides for one in timeline for edge in (one.start, one.until)}
    bounds = sorted({min(max(edge, window.begin), window.end) for edge in edges})
    was, becomes = (_Cursor(timeline) for timeline in sides)
    pending: Change | None = None
    for start, until in pairwise(bounds):
        change = Change(token, start, until, was.at(start), becomes.at(start))
        if pending is not None and pending.until == start and pending.transition == change.transition:
            pending = pending._replace(until=until)
            continue
        if pending is not None:
            yield pending
        before, after = change.transition
        pending = change if before != after else None
    if pending is not None:
        yield pending


class _Cursor:
    """Goes along a timeline; times asked for never go back."""

    def __init__(self, timeline: Sequence[Segment]) -> None:
        self._timeline = timeline
        self._place = 0

    def at(self, moment: int) -> Segment | None:
        while self._place < len(self._timeline) and self._timeline[self._place].until <= moment:
            self._place += 1
        here = self._timeline[self._place] if self._place < len(self._timeline) else None
        return here if here is not None and here.start <= moment else None


def arising(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Segments with which a person's level rises: from then on there is something more to be done."""
    before: Segment | None = None
    for segment in segments:
        known = before if before is not None and before.until == segment.start else None
        if _RANK.get(RiskLevel[segment.level], 0) > _RANK.get(RiskLevel[level_of(known)], 0):
            yield segment
        before = segment


def is_breach(clock: Clock | None, as_of: int) -> bool:
    """Whether the deadline has passed by then without proof of work in time; proof that came later counts as late."""
    return (
        clock is not None
        and clock.due_at < as_of
        and outcome(clock, as_of) in (ClockOutcome.LATE, ClockOutcome.BREACHED)
    )


def breach_changes(
    token: str, baseline: Mapping[str, Clock], candidate: Mapping[str, Clock], window: Window
) -> Iterator[BreachChange]:
    """Deadlines missed under one policy only, as of the window's end; one that was due before the window is none."""
    for clock_id in sorted(baseline.keys() | candidate.keys()):
        mine, theirs = baseline.get(clock_id), candidate.get(clock_id)
        missed, would_miss = is_breach(mine, window.end), is_breach(theirs, window.end)
        missing = theirs if would_miss else mine
        if missed != would_miss and missing is not None and missing.due_at >= window.begin:
            yield BreachChange(would_miss, token, missing.lead_id, mine, theirs)


def difference(token: str, baseline: Conclusion, candidate: Conclusion, window: Window) -> Difference:
    """What the candidate changes for a person within the window."""
    mine, theirs = ({clock.clock_id: clock for clock in one.clocks} for one in (baseline, candidate))
    return Difference(
        list(changes(token, baseline.segments, candidate.segments, window)),
        list(breach_changes(token, mine, theirs, window)) if mine != theirs else [],
    )


class Side:
    """What one policy makes of the log within the window."""

    def __init__(self) -> None:
        self.persons = 0
        self.referred: set[str] = set()
        """Who is at the level that is referred, at any time."""
        self.arising: Counter[tuple[Team, int, str]] = Counter()
        """Persons whose level rises, by team, hour and level."""
        self.due: Counter[tuple[Team, int]] = Counter()
        """Leads whose deadline falls into an hour, by team and hour."""
        self.breaches: Counter[str] = Counter()
        """Deadlines missed, by class."""
        self.digests = Digests()
        self.policies: set[str] = set()
        """Names of the policies that anything follows from."""

    def add(self, conclusion: Conclusion, window: Window, teams: Teams) -> None:
        token, _, segments, found = conclusion
        self.persons += 1
        self.digests = self.digests.united(digests_of([conclusion], window.end))
        if any(one.level == REFERRED and one.start < window.end and one.until > window.begin for one in segments):
            self.referred.add(token)
        self.policies.update(name for one in segments for name in one.policy.split("+"))
        self.policies.update(clock.policy for clock in found)
        for segment in arising(segments):
            if window.holds(segment.start):
                team = teams.of_evidence(segment.evidence, segment.start)
                self.arising[team, hour_of(segment.start), segment.level] += 1
        for clock in found:
            if window.holds(clock.due_at):
                self.due[teams.of_lead(clock.lead_id), hour_of(clock.due_at)] += 1
                self.breaches[clock.deadline_class] += is_breach(clock, window.end)


def hour_of(at: int) -> int:
    """Beginning of the hour of a time."""
    return at // HOUR_MS * HOUR_MS


class Referral(NamedTuple):
    """A stretch over which only one of the policies refers a person. ``otherwise``: the other policy refers the person
    as well, but at another time within the window. ``decision``: what was really done, the first in the window."""

    change: Change
    otherwise: bool
    decision: Decision | None


class Workload(NamedTuple):
    """What comes to a team in an hour under one policy: persons whose level rises to HIGH or to MEDIUM, leads due."""

    high: int
    medium: int
    due: int

    @property
    def persons(self) -> int:
        return self.high + self.medium


class Comparison:
    """Takes both conclusions about person after person, in the order of tokens, and keeps what differs."""

    def __init__(self, window: Window, teams: Teams) -> None:
        self.window = window
        self.teams = teams
        self.baseline, self.candidate = Side(), Side()
        self.persons = 0
        self.changes: list[Change] = []
        self.breaches: list[BreachChange] = []
        self.moved_deadlines = 0
        """Clocks due within the window under one policy, and under the other at another time or never."""

    def add(self, baseline: Conclusion, candidate: Conclusion) -> None:
        """The two conclusions about one person; one may be empty."""
        self.persons += 1
        for side, conclusion in ((self.baseline, baseline), (self.candidate, candidate)):
            if conclusion.members:
                side.add(conclusion, self.window, self.teams)
        found = difference(baseline.token, baseline, candidate, self.window)
        self.changes += found.changes
        self.breaches += found.breaches
        mine, theirs = ({(clock.clock_id, clock.due_at) for clock in one.clocks} for one in (baseline, candidate))
        self.moved_deadlines += len({clock_id for clock_id, due_at in mine ^ theirs if self.window.holds(due_at)})

    def transitions(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Of each pair of levels, how many persons and for how many milliseconds together."""
        who: dict[tuple[str, str], set[str]] = {}
        lasting: Counter[tuple[str, str]] = Counter()
        for change in self.changes:
            who.setdefault(change.transition, set()).add(change.token)
            lasting[change.transition] += change.until - change.start
        return {pair: (len(who[pair]), lasting[pair]) for pair in sorted(who)}

    def referrals(self, gained: bool) -> list[Referral]:
        """Stretches over which only the candidate refers (``gained``), or only the baseline."""
        other = (self.baseline if gained else self.candidate).referred
        decided = self.decided()
        return [
            Referral(change, change.token in other, decided.get(change.token))
            for change in self.changes
            if change.refers is gained
        ]

    def decided(self) -> dict[str, Decision]:
        """Who was really referred within the window: the first decision about each."""
        return self.teams.referred(self.window.begin, self.window.end)

    def workload(self) -> dict[tuple[Team, int], tuple[Workload, Workload]]:
        """What comes to each team in each hour, under baseline and candidate."""
        cells = {
            cell
            for side in (self.baseline, self.candidate)
            for cell in (*((team, hour) for team, hour, _ in side.arising), *side.due)
        }
        return {cell: (_workload(self.baseline, *cell), _workload(self.candidate, *cell)) for cell in sorted(cells)}


def _workload(side: Side, team: Team, hour: int) -> Workload:
    high, medium = (side.arising[team, hour, level.value] for level in (RiskLevel.HIGH, RiskLevel.MEDIUM))
    return Workload(high, medium, side.due[team, hour])
