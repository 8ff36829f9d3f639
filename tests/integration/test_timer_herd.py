"""Many deadlines due at one instant are told once each, soon after the tick that covers them, while events flow."""

import pytest

from tests.benchmarks.timer_herd import herd


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_herd_of_deadlines_is_told_soon_after_its_ticks_while_events_flow(workers: int) -> None:
    result = herd(20_000, workers, lambda _: None)  # raises where a notice is missing or was told twice
    _, most, _ = result.after_tick
    assert most <= 1.0, result
    _, most, _ = result.flow
    assert most <= 2.0, result
