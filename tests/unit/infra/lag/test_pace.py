"""How fast a group reads, and how often its shares were dealt, from looks with given times."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.lag.pace import WINDOW_SECONDS, Look, Pace
from infra.lag.rebalances import Rebalances


def pace_of(looks: Iterable[tuple[float, int, int]], markers: bool = False) -> Pace:
    """From (time, position, end); ``markers``: no record waits between the two."""
    pace = Pace()
    for at, position, end in looks:
        pace = pace.after(Look(at, position, end, waits=end > position and not markers))
    return pace


def test_one_look_tells_no_pace() -> None:
    pace = pace_of([(5.0, 10, 30)])
    assert (pace.standing_seconds, pace.drain_seconds) == (0.0, None)


def test_a_position_stands_still_only_while_something_waits() -> None:
    idle = [(0.0, 10, 10), (100.0, 10, 10), (3600.0, 10, 10)]
    assert pace_of(idle).standing_seconds == 0.0
    burst = [*idle, (3602.0, 10, 500)]
    assert pace_of(burst).standing_seconds == 0.0
    assert pace_of([*burst, (3604.0, 10, 600)]).standing_seconds == 2.0
    assert pace_of([*burst, (3604.0, 10, 600), (3605.0, 11, 600)]).standing_seconds == 0.0


def test_where_only_markers_of_transactions_are_left_nothing_stands_still_or_drains() -> None:
    pace = pace_of([(0.0, 10, 11), (60.0, 10, 11)], markers=True)
    assert (pace.standing_seconds, pace.drain_seconds) == (0.0, 0.0)


def test_looks_that_were_missed_do_not_end_a_standstill() -> None:
    assert pace_of([(0.0, 10, 20), (10 * WINDOW_SECONDS, 10, 30)]).standing_seconds == 10 * WINDOW_SECONDS


def test_what_stands_still_or_falls_behind_never_drains() -> None:
    assert pace_of([(0.0, 10, 20), (2.0, 10, 20), (4.0, 10, 20)]).drain_seconds is None
    assert pace_of([(0.0, 10, 20), (2.0, 15, 40), (4.0, 20, 60)]).drain_seconds is None


def test_a_burst_into_an_idle_partition_is_drained_at_the_pace_of_its_reading() -> None:
    idle = [(float(at), 0, 0) for at in range(10)]
    burst = [(10.0, 0, 1000), (11.0, 100, 1000), (12.0, 200, 1000)]
    assert pace_of([*idle, *burst]).drain_seconds == pytest.approx(8.0)


@pytest.mark.parametrize("change", [(4.0, 3, 20), (4.0, 12, 12)], ids=["set back", "topic made anew"])
def test_a_group_that_is_set_back_or_a_log_that_is_shorter_begins_anew(change: tuple[float, int, int]) -> None:
    pace = pace_of([(0.0, 10, 20), (2.0, 12, 20), change])
    assert len(pace.looks) == 1
    assert pace.standing_seconds == 0.0


steps = st.lists(st.tuples(st.floats(0.1, 5.0), st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=40)


@given(steps, st.integers(0, 1000))
def test_no_history_gives_a_negative_or_endless_answer(moves: list[tuple[float, int, int]], behind: int) -> None:
    at, position, end = 0.0, 0, behind
    looks = [(at, position, end)]
    moved = at
    for seconds, read, arrived in moves:
        at, end = at + seconds, end + arrived
        before, position = position, min(end, position + read)
        if position != before or looks[-1][1] == looks[-1][2] or position == end:
            moved = at
        looks.append((at, position, end))
    pace = pace_of(looks)
    assert pace.standing_seconds == pytest.approx(at - moved)
    drain = pace.drain_seconds
    assert (drain == 0.0) == (position == end)
    assert drain is None or 0 <= drain < float("inf")
    assert pace.looks[-1].at - pace.looks[0].at <= max(WINDOW_SECONDS, moves[-1][0])


@given(
    st.integers(1, 100), st.integers(0, 200), st.lists(st.integers(1, 4), min_size=2, max_size=15), st.integers(1, 500)
)
def test_with_even_reading_and_arrivals_the_estimate_is_the_truth(
    faster: int, arrivals: int, pauses: list[int], left: int
) -> None:
    reading = arrivals + faster
    looks, at, total = [], 0, sum(pauses)
    for pause in [0, *pauses]:
        at += pause
        looks.append((float(at), reading * at, left + faster * total + arrivals * at))
    assert pace_of(looks).drain_seconds == pytest.approx(left / faster)


def test_shares_are_dealt_anew_when_members_or_their_partitions_change() -> None:
    one, both, other = frozenset({("a", b"01")}), frozenset({("a", b"0"), ("b", b"1")}), frozenset({("a", b"0")})
    seen = Rebalances()
    for state, shares, count in [
        ("PreparingRebalance", one, 0),  # found under way: it is known when it has ended
        ("Stable", one, 1),
        ("Stable", one, 1),
        ("Stable", both, 2),
        ("CompletingRebalance", frozenset(), 2),
        ("PreparingRebalance", frozenset(), 2),
        ("Stable", both, 3),
        ("Stable", other, 4),
        ("Empty", frozenset(), 5),
        ("Empty", frozenset(), 5),
    ]:
        seen = seen.after(state, shares)
        assert seen.count == count


def test_the_first_look_at_a_settled_group_counts_nothing() -> None:
    assert Rebalances().after("Stable", frozenset({"a"})).count == 0
