"""The forecast: held against cases worked by hand, against a plain count of one served queue, and in its properties."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.lag.forecast import (
    FLAT,
    PACE_HOURS,
    RHYTHM_DAYS,
    Done,
    Open,
    Pace,
    Rhythm,
    Stragglers,
    forecast,
    horizon_of,
    mean_errors,
    misses,
    pace,
    rhythm,
    spare_units,
    stragglers_of,
)
from schemas import events
from schemas.policy_duties import DAY_MS, HOUR_MS

ZONE = 480
NOW = events.to_milliseconds("2020-02-19T20:00:00+08:00")
MIDNIGHT = NOW + 4 * HOUR_MS
FEW = settings(max_examples=40, deadline=None)

hours = st.floats(0.01, 24).map(lambda value: round(value * HOUR_MS))
deadlines = st.lists(st.tuples(hours.map(lambda gap: NOW + gap), st.integers(1, 30)), min_size=1, max_size=12)


def steady(an_hour: int, unit: str = "team-1", district: str = "370202", since_hours: int = 24) -> list[Done]:
    """So many done in each of the last hours, evenly."""
    gap = HOUR_MS // an_hour
    return [Done("SAME_DAY", district, unit, NOW - place * gap - gap // 2) for place in range(an_hour * since_hours)]


def due_tonight(clocks: int, unit: str = "team-1", district: str = "370202") -> Open:
    return Open("SAME_DAY", district, unit, MIDNIGHT, clocks)


def room(spare: tuple[tuple[str, float], ...]) -> dict[str, float]:
    return dict(spare)


def of(done: list[Done]) -> list[tuple[int, int]]:
    return [(one.done_at, one.clocks) for one in done]


def test_at_ten_an_hour_fourteen_of_fifty_four_miss_midnight_four_hours_away() -> None:
    (found,) = forecast([due_tonight(54)], steady(10), NOW, ZONE)
    assert (found.duty, found.district, found.horizon, found.due) == ("SAME_DAY", "370202", MIDNIGHT, 54)
    assert found.pace == pytest.approx(10, rel=0.02)
    assert found.will_miss == pytest.approx(14, abs=1.5)
    assert found.low < 5 < 22 < found.high < 54


def test_the_error_of_a_sure_pace_is_that_of_poisson_completions() -> None:
    sure = Pace(1e6, 1e5, 1e5)  # ten an hour, beyond doubt
    found = misses([(MIDNIGHT, 100)], sure, NOW)
    assert found.expected == pytest.approx(60, abs=0.5)
    # The central nine tenths of a Poisson number of mean 40 are 30 to 51.
    assert found.low == pytest.approx(49, abs=1)
    assert found.high == pytest.approx(70, abs=1)


def test_the_less_was_seen_the_wider_the_interval() -> None:
    few, many = (misses([(MIDNIGHT, 100)], Pace(10.0 * seen, seen, seen), NOW) for seen in (0.3, 30.0))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_misses_are_those_of_a_queue_served_earliest_deadline_first() -> None:
    due = [(NOW + HOUR_MS, 6), (NOW + 2 * HOUR_MS, 1), (MIDNIGHT, 20)]
    random, total, rounds = Random(1), 0, 4000
    for _ in range(rounds):
        waiting = sorted(at for at, clocks in due for _ in range(clocks))
        time = NOW + round(random.expovariate(5) * HOUR_MS)
        while waiting and time < MIDNIGHT:
            waiting_still = [at for at in waiting if at > time]
            total += len(waiting) - len(waiting_still)
            waiting = waiting_still[1:]
            time += round(random.expovariate(5) * HOUR_MS)
        total += len(waiting)
    sure = Pace(5e6, 1e6, 1e6)
    assert misses(due, sure, NOW).expected == pytest.approx(total / rounds, rel=0.05)


def test_a_night_brings_what_nights_brought() -> None:
    """Ten an hour from 08:00 to 22:00 and nobody at night: two more hours of work are left, not four."""
    work_ends = NOW + 2 * HOUR_MS
    done = [
        Done("SAME_DAY", "370202", "team-1", work_ends - day * DAY_MS - place * HOUR_MS // 10 - 1, 1)
        for day in range(RHYTHM_DAYS + 1)
        for place in range(14 * 10)
    ]
    (found,) = forecast([due_tonight(54)], done, NOW, ZONE)
    assert found.will_miss == pytest.approx(54 - 20, abs=3)
    (in_the_morning,) = forecast([due_tonight(54)], done, NOW - 12 * HOUR_MS, ZONE)
    assert in_the_morning.pace < 3  # the last hours were those of the night
    assert in_the_morning.will_miss < 2


def test_less_than_a_day_shows_no_rhythm() -> None:
    assert rhythm(of(steady(3, since_hours=20)), NOW) == FLAT
    assert rhythm([], NOW) == FLAT
    assert rhythm(of(steady(3, since_hours=48)), NOW).factors == pytest.approx([1.0] * 24)


def test_a_queue_of_which_nothing_was_ever_done_has_no_forecast_rather_than_a_pace_of_zero() -> None:
    assert forecast([due_tonight(9)], steady(10, district="370203"), NOW, ZONE) == ()
    assert pace([], NOW) is None


def test_a_queue_that_stands_still_misses_all() -> None:
    old = [Done("SAME_DAY", "370202", "team-1", NOW - round((PACE_HOURS + 1) * HOUR_MS))]
    (found,) = forecast([due_tonight(200)], old, NOW, ZONE)
    assert found.pace == 0
    assert found.will_miss > 198


def test_what_is_overdue_stands_beside_and_what_is_due_later_is_not_counted() -> None:
    overdue, tomorrow = due_tonight(70)._replace(due_at=NOW), due_tonight(80)._replace(due_at=MIDNIGHT + 1)
    (found,) = forecast([overdue, due_tonight(5), tomorrow], steady(10), NOW, ZONE)
    assert found.due == 5


def test_where_nothing_is_due_by_midnight_the_next_day_is_told() -> None:
    tomorrow = Open("HOURS_24", "370202", "team-1", NOW + 20 * HOUR_MS, 8)
    done = [one._replace(duty="HOURS_24") for one in steady(10)]
    (found,) = forecast([tomorrow], done, NOW, ZONE)
    assert (found.horizon, found.due) == (NOW + DAY_MS, 8)
    assert forecast([tomorrow._replace(due_at=NOW + DAY_MS + 1)], done, NOW, ZONE) == ()


def test_midnight_is_that_of_the_local_day() -> None:
    assert horizon_of([MIDNIGHT], NOW, ZONE) == MIDNIGHT
    assert horizon_of([MIDNIGHT], MIDNIGHT - 1, ZONE) == MIDNIGHT
    assert horizon_of([MIDNIGHT + 1], MIDNIGHT, ZONE) == MIDNIGHT + DAY_MS
    assert horizon_of([NOW + HOUR_MS], NOW, 0) == NOW + 12 * HOUR_MS


def test_units_with_room_are_named_with_what_they_could_take() -> None:
    waiting = [due_tonight(60, "team-1"), due_tonight(8, "team-2", "370203")]
    done = [*steady(4, "team-1"), *steady(10, "team-2", "370203")]
    found = forecast(waiting, done, NOW, ZONE)
    assert [one.district for one in found] == ["370202", "370203"]
    assert room(found[0].spare) == {"team-2": pytest.approx(8, rel=0.05)}  # 10 an hour, and 8 due in 4 hours


def test_a_unit_with_more_teams_than_its_pace_shows_could_do_as_much_with_each_as_the_others() -> None:
    done = [*steady(9, "team-1"), *steady(1, "team-2")]
    spare = spare_units([due_tonight(400)], done, NOW, MIDNIGHT, teams={"team-1": 3, "team-2": 2, "unheard-of": 9})
    assert room(spare) == {"team-2": pytest.approx(10 / 5 * 2, rel=0.05)}


def test_what_is_missed_at_any_pace_is_expected_again() -> None:
    fast = steady(30)
    (plain,) = forecast([due_tonight(50)], fast, NOW, ZONE)
    assert plain.will_miss < 0.1
    held = [(plain._replace(will_miss=1.0), missed) for missed in (6, 4, 8)]
    found = stragglers_of(held)
    assert found == {"SAME_DAY": Stragglers(15.0, 150)}
    (told,) = forecast([due_tonight(50)], fast, NOW, ZONE, stragglers=found)
    assert told.will_miss == pytest.approx(5, abs=0.5)
    assert told.low < 5 < told.high
    (slow,) = forecast([due_tonight(50)], steady(2), NOW, ZONE, stragglers=found)
    (slow_plain,) = forecast([due_tonight(50)], steady(2), NOW, ZONE)
    assert slow.will_miss == pytest.approx(slow_plain.will_miss, abs=0.5)  # they are among those that the pace misses


def test_where_less_was_missed_than_the_pace_said_there_are_no_stragglers() -> None:
    (plain,) = forecast([due_tonight(50)], steady(10), NOW, ZONE)
    assert stragglers_of([(plain._replace(will_miss=12.0), 3)]) == {"SAME_DAY": Stragglers(0.0, 50)}


def test_errors_are_the_mean_distance_from_what_was_missed() -> None:
    (one,) = forecast([due_tonight(54)], steady(10), NOW, ZONE)
    held = [(one._replace(will_miss=14.0), 10), (one._replace(will_miss=3.0), 5)]
    errors = mean_errors(held)
    assert errors == {("SAME_DAY", "370202"): 3.0}
    assert forecast([due_tonight(54)], steady(10), NOW, ZONE, errors=errors)[0].error == 3.0
    assert one.error is None


@FEW
@given(deadlines, st.floats(0, 60), st.floats(0.1, 12))
def test_misses_lie_between_none_and_all_due(due: list[tuple[int, int]], done: float, seen: float) -> None:
    found = misses(due, Pace(done, seen, seen), NOW)
    assert 0 <= found.low <= found.high <= sum(clocks for _, clocks in due)
    assert 0 <= found.expected <= sum(clocks for _, clocks in due)


@FEW
@given(deadlines, st.floats(0, 60), st.floats(1, 40))
def test_a_faster_pace_misses_no_more(due: list[tuple[int, int]], done: float, more: float) -> None:
    slow, fast = (misses(due, Pace(number, 3.0, 3.0), NOW) for number in (done, done + more))
    number = sum(clocks for _, clocks in due)
    assert fast.expected <= slow.expected + 4 * number / np.sqrt(2000)  # four standard errors of the draws


@FEW
@given(deadlines, deadlines, st.floats(0, 60))
def test_more_deadlines_at_the_same_times_are_never_fewer_misses(
    due: list[tuple[int, int]], more: list[tuple[int, int]], done: float
) -> None:
    at = Pace(done, 3.0, 3.0)
    both = [*due, *((time, clocks) for (time, _), (_, clocks) in zip(due, more, strict=False))]
    assert misses(both, at, NOW).expected >= misses(due, at, NOW).expected


@FEW
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random: Random) -> None:
    waiting = [due_tonight(3 * number, f"team-{number}", f"37020{number % 3}") for number in range(1, 8)]
    done = [one for number in range(1, 4) for one in steady(number, f"team-{number}", f"37020{number % 3}")]
    told = forecast(waiting, done, NOW, ZONE)
    random.shuffle(waiting)
    random.shuffle(done)
    shuffled = forecast(waiting, done, NOW, ZONE)
    assert [one[:4] for one in shuffled] == [one[:4] for one in told]
    assert [one.will_miss for one in shuffled] == pytest.approx([one.will_miss for one in told], abs=0.05)


@FEW
@given(st.lists(st.floats(0.1, 5), min_size=24, max_size=24), hours, hours)
def test_hours_of_a_rhythm_add_up_and_a_day_of_it_is_a_day(factors: list[float], first: int, second: int) -> None:
    mean = sum(factors) / 24
    of_day = Rhythm(tuple(factor / mean for factor in factors))
    begin, middle, end = of_day.until([NOW, NOW + first, NOW + first + second])
    assert begin <= middle <= end
    day = of_day.until([NOW, NOW + DAY_MS])
    assert day[1] - day[0] == pytest.approx(24)
