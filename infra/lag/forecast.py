"""What the present pace comes to: how many open deadlines will be missed, and which units have room.

A pure function of queues, completions and time. The model, for each class (duty) and district:
- *Rhythm*: teams work by day and rest by night. An hour counts for as much as its hour of the day brought in the days
  before, for the duty in all districts; every hour alike where a whole day is not known yet.
- *Pace*: completions are a Poisson process whose rate drifts. Older hours count for less, by half every
  `HALF_LIFE_HOURS` down to those of `PACE_HOURS` ago; the days before that count as little as these, so that a morning
  begins with what is known of other days. The posterior of the rate is then a gamma distribution whose shape is the
  discounted count (and half an event, Jeffreys' prior) and whose rate is the discounted time, in hours of the rhythm.
  Only what was done in time counts: work on what is overdue saves no deadline any more.
- *Service*: the earliest deadline first, which no other order beats. Those due by time t can only be served before t:
  the number missed is the largest excess of deadlines up to a time over completions up to it, or none.
- *Stragglers*: some clocks nobody proves in time however fast the others go. Their share is what was missed at the
  same hour of the days before beyond what the pace explained, for the duty in all districts.
- *Result*: the larger of the two, in the mean and the central nine tenths over draws of rate, completions, stragglers.

What is overdue already is not counted: it stands beside, in the queues.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from infra.lag.snapshot import Forecast
from schemas.policy_duties import DAY_MS, HOUR_MS, end_of_day

HALF_LIFE_HOURS = 2.0
PACE_HOURS = 12.0
"""Completions of these hours make the pace, the days before weigh an hour of it, together."""

RHYTHM_DAYS = 3
SMOOTHING = 2.0
"""Completions that each hour of the day is given besides, so that few make no rhythm."""

JEFFREYS = 0.5
INTERVAL = (0.05, 0.95)
MOST_SPARE_UNITS = 5

_DRAWS = 2_000
_SEED = 20_200_220
"""The same queues give the same forecast."""

Queue = tuple[str, str]
"""Duty and district ('' where nothing names one)."""


class Open(NamedTuple):
    """Clocks of a unit ('' unknown) that are open and due at a time (UTC, ms)."""

    duty: str
    district: str
    unit: str
    due_at: int
    clocks: int = 1


class Done(NamedTuple):
    """Clocks of a unit that were done or withdrawn in time, when they were (UTC, ms)."""

    duty: str
    district: str
    unit: str
    done_at: int
    clocks: int = 1


class Rhythm(NamedTuple):
    """How much an hour brings, by the hour of the day (UTC), where 1 is the mean of all, from so many whole days."""

    factors: tuple[float, ...] = (1.0,) * 24
    days: int = 0

    def until(self, times: Sequence[int]) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Hours of the rhythm from the beginning of time to each of these (UTC, ms)."""
        days, rest = np.divmod(np.asarray(times, dtype=np.int64), DAY_MS)
        within = np.interp(rest / HOUR_MS, np.arange(25), np.cumsum([0.0, *self.factors]))
        return np.asarray(days * sum(self.factors) + within, dtype=np.float64)


class Pace(NamedTuple):
    """The posterior of a rate: discounted completions in as many ``hours``, which the rhythm of the day makes
    ``worth`` so many."""

    done: float
    hours: float
    worth: float

    @property
    def an_hour(self) -> float:
        """As observed."""
        return self.done / self.hours


FLAT = Rhythm()


class Stragglers(NamedTuple):
    """Of so many clocks ``due``, those that were missed though the pace would have sufficed."""

    missed: float = 0.0
    due: int = 0


class Misses(NamedTuple):
    """How many deadlines will be missed: expected, and at least and at most with nine in ten probability."""

    expected: float
    low: float
    high: float


def rhythm(done: Iterable[tuple[int, int]], now: int) -> Rhythm:
    """The rhythm of the last whole days, from (time, number) of completions."""
    known = [(at, count) for at, count in done if now - RHYTHM_DAYS * DAY_MS < at <= now]
    days = (now - min((at for at, _ in known), default=now) + HOUR_MS) // DAY_MS  # an hour in which nothing was done
    brought = np.full(24, float(SMOOTHING))
    for at, count in known:
        if at > now - days * DAY_MS:
            brought[at % DAY_MS // HOUR_MS] += count
    return Rhythm(tuple(float(factor) for factor in brought / brought.mean()), days)


def pace(done: Iterable[tuple[int, int]], now: int, by: Rhythm = FLAT) -> Pace | None:
    """The pace at a time from (time, number) of completions; None where none was ever seen: that is not a pace of
    zero."""
    known = [((now - at) / HOUR_MS, count) for at, count in done if at <= now]
    if not known:
        return None
    window = max(PACE_HOURS, by.days * 24.0)
    weighed = sum(count * _weight(hours) for hours, count in known if hours < window)
    ago = np.linspace(window, 0, 4 * int(window) + 1)
    weights = _weight((ago[:-1] + ago[1:]) / 2)
    worth = np.diff(by.until([now - round(hours * HOUR_MS) for hours in ago]))
    return Pace(float(weighed), float(weights @ -np.diff(ago)), float(weights @ worth))


def _weight(hours_ago: Any) -> Any:
    return 0.5 ** (np.minimum(hours_ago, PACE_HOURS) / HALF_LIFE_HOURS)


def misses(
    due: Iterable[tuple[int, int]], at: Pace, now: int, by: Rhythm = FLAT, stragglers: Stragglers | None = None
) -> Misses:
    """What is missed of (deadline, number) at a pace, the earliest deadline served first."""
    deadlines: dict[int, int] = defaultdict(int)
    for due_at, count in due:
        deadlines[max(due_at, now)] += count
    if not deadlines:
        return Misses(0.0, 0.0, 0.0)
    times = sorted(deadlines)
    due_by_then = np.cumsum([deadlines[time] for time in times])
    hours = np.diff(by.until([now, *times]))
    draws = np.random.default_rng(_SEED)
    rates = draws.gamma(at.done + JEFFREYS, 1 / at.worth, _DRAWS)
    done_by_then = np.cumsum(draws.poisson(np.outer(rates, hours)), axis=1)
    missed = np.maximum(0, (due_by_then - done_by_then).max(axis=1))
    if stragglers is not None and stragglers.due:
        shares = draws.beta(stragglers.missed + JEFFREYS, stragglers.due - stragglers.missed + JEFFREYS, _DRAWS)
        missed = np.maximum(missed, draws.binomial(due_by_then[-1], shares))
    low, high = np.quantile(missed, INTERVAL)
    return Misses(float(missed.mean()), float(low), float(high))


def horizon_of(due: Iterable[int], now: int, zone_offset_minutes: int) -> int:
    """The midnight that ends the local day, where something is due by then; else a day from now."""
    midnight = end_of_day(now, zone_offset_minutes)
    return midnight if min(due, default=midnight + 1) <= midnight else now + DAY_MS


def forecast(
    waiting: Iterable[Open],
    done: Iterable[Done],
    now: int,
    zone_offset_minutes: int,
    teams: Mapping[str, int] | None = None,
    stragglers: Mapping[str, Stragglers] | None = None,
    errors: Mapping[Queue, float] | None = None,
) -> tuple[Forecast, ...]:
    """One for each queue of which something is due within a day, the worst first. A queue of which no completion was
    ever seen has none: what will become of it is unknown. ``teams``: of each unit, as the reference data says;
    ``stragglers`` of each duty and ``errors`` of each queue: those of earlier forecasts (see `stragglers_of`,
    `mean_errors`)."""
    open_now = [one for one in waiting if one.due_at > now and one.clocks]
    done = [one for one in done if one.done_at <= now and one.clocks]
    queues: dict[Queue, list[Open]] = defaultdict(list)
    for one in open_now:
        queues[one.duty, one.district].append(one)
    finished: dict[Queue, list[tuple[int, int]]] = defaultdict(list)
    of_duty: dict[str, list[Done]] = defaultdict(list)
    for event in done:
        finished[event.duty, event.district].append((event.done_at, event.clocks))
        of_duty[event.duty].append(event)
    rhythms = {duty: rhythm([(one.done_at, one.clocks) for one in of], now) for duty, of in of_duty.items()}

    @cache
    def spare(duty: str, horizon: int) -> tuple[tuple[str, float], ...]:
        open_of_duty = [one for one in open_now if one.duty == duty]
        return spare_units(open_of_duty, of_duty[duty], now, horizon, rhythms[duty], teams)

    found = []
    for (duty, district), all_open in sorted(queues.items()):
        horizon = horizon_of((one.due_at for one in all_open), now, zone_offset_minutes)
        due = [(one.due_at, one.clocks) for one in all_open if one.due_at <= horizon]
        by = rhythms.get(duty, FLAT)
        lately = pace(finished[duty, district], now, by)
        if not due or lately is None:
            continue
        missed = misses(due, lately, now, by, (stragglers or {}).get(duty))
        number = sum(count for _, count in due)
        error = (errors or {}).get((duty, district))
        found.append(Forecast(duty, district, horizon, number, lately.an_hour, *missed, error, spare(duty, horizon)))
    return tuple(sorted(found, key=lambda one: (-one.will_miss, -one.due, one.duty, one.district)))


def spare_units(
    waiting: Sequence[Open],
    done: Sequence[Done],
    now: int,
    horizon: int,
    by: Rhythm = FLAT,
    teams: Mapping[str, int] | None = None,
) -> tuple[tuple[str, float], ...]:
    """Units that could take more of a duty: (unit, clocks an hour up to the horizon), most first. A unit can do what
    its pace says, and where its teams are known, at least as much with each of them as the others do with theirs."""
    needed: dict[str, int] = defaultdict(int)
    for one in waiting:
        if one.due_at <= horizon:
            needed[one.unit] += one.clocks
    finished: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in done:
        finished[event.unit].append((event.done_at, event.clocks))
    paces = {unit: known for unit, times in finished.items() if unit and (known := pace(times, now, by))}
    worth = float(np.diff(by.until([now, horizon]))[0])
    can = {unit: known.done / known.worth * worth for unit, known in paces.items()}
    staffed = {unit: number for unit, number in (teams or {}).items() if unit in can and number > 0}
    of_a_team = sum(can[unit] for unit in staffed) / sum(staffed.values()) if staffed else 0.0
    hours = max(horizon - now, 1) / HOUR_MS
    room = {unit: (max(able, staffed.get(unit, 0) * of_a_team) - needed[unit]) / hours for unit, able in can.items()}
    ranked = sorted(((unit, more) for unit, more in room.items() if more > 0), key=lambda one: (-one[1], one[0]))
    return tuple(ranked[:MOST_SPARE_UNITS])


def stragglers_of(earlier: Iterable[tuple[Forecast, int]]) -> dict[str, Stragglers]:
    """Those of each duty, from earlier forecasts by the pace alone, each with the number that was really missed."""
    excess: dict[str, float] = defaultdict(float)
    due: dict[str, int] = defaultdict(int)
    for one, missed in earlier:
        excess[one.duty] += missed - one.will_miss
        due[one.duty] += one.due
    return {duty: Stragglers(max(0.0, excess[duty]), number) for duty, number in due.items()}


def mean_errors(earlier: Iterable[tuple[Forecast, int]]) -> dict[Queue, float]:
    """Mean absolute error by queue of earlier forecasts, each with the number that was really missed."""
    found: dict[Queue, list[float]] = defaultdict(list)
    for one, missed in earlier:
        found[one.duty, one.district].append(abs(one.will_miss - missed))
    return {queue: sum(of) / len(of) for queue, of in found.items()}
