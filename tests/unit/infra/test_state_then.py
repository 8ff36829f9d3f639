"""The state as known at a time, as people read it."""

import pytest

from infra.cli.state_then import print_overview
from replay.as_of import Overview
from schemas.codes import ClockOutcome


def test_clocks_of_a_class_of_deadlines_and_of_what_a_policy_names_are_both_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes = {("SAME_DAY", ClockOutcome.MET): 735, ("DAILY_LEDGER", ClockOutcome.BREACHED): 1}
    print_overview(Overview(0, 0, {}, outcomes, 0, 1, [], {}))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["SAME_DAY", "当日清零", "MET", "done", "in", "time", "735"] in lines
    assert ["DAILY_LEDGER", "BREACHED", "overdue,", "no", "proof", "1"] in lines
