"""The model and the project's pure rules say the same of the same log, for several seeds, without a broker."""

import pytest

from tests.faults.comparison import differences
from tests.faults.stream import Mix, generate
from tests.unit.faults.pure_pipeline import appended, model_of, what_comes_out

PARTITIONS = 4
WITHOUT_A_COLUMN_STORE = ("cell", "conflict")
"""Categories that only the real engine computes."""

OF_CLOCKS = Mix(
    passages=8,
    vehicles=1,
    readings=4,
    leads=2,
    quarantines=4,
    other_follow_ups=5,
    corrections=3,
    reports=2,
    expected_reports=10,
    matters=3,
    reference=2,
    rosters=1.5,
    orders=2.5,
    repeats=4,
    conflicts=4,
)
"""Mostly what clocks follow from."""


@pytest.mark.expects_errors("rule error|reference record")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_rules_say_what_the_model_says(seed: int) -> None:
    stream = generate(seed, 3_000, 250, partitions=PARTITIONS, poison=0.03, large=7, large_bytes=50_000, rounds=30)
    log = appended(stream, PARTITIONS)
    model = model_of(log, PARTITIONS)
    told = differences(model, what_comes_out(log, PARTITIONS, seed))
    assert [line for line in told if not line.startswith(WITHOUT_A_COLUMN_STORE)] == []
    assert len(model.timelines()) > 50
    assert {outcome.outcome for one in model.outcomes().values() for outcome in one} >= {"MET", "LATE", "BREACHED"}


@pytest.mark.expects_errors("rule error|reference record")
@pytest.mark.parametrize("seed", [3, 4])
def test_the_rules_keep_the_clocks_that_the_model_keeps(seed: int) -> None:
    stream = generate(seed, 3_000, 120, partitions=PARTITIONS, mix=OF_CLOCKS, large=0, rounds=30)
    log = appended(stream, PARTITIONS)
    model = model_of(log, PARTITIONS)
    told = differences(model, what_comes_out(log, PARTITIONS, seed))
    assert [line for line in told if not line.startswith(WITHOUT_A_COLUMN_STORE)] == []
    outcomes = [outcome for one in model.outcomes().values() for outcome in one]
    assert {outcome.clock.subject for outcome in outcomes} == {"PERSON", "UNIT", "ORDER"}
    duties = {duty["name"] for duty in model.reference.default.settings["duties"]}
    schedules = {"DAILY_REPORT", "TWO_REPORTS", "THREE_CHECKS", "DAILY_TRADER_CHECK", "ONE_TO_ONE_DAILY"}
    assert {outcome.clock.duty for outcome in outcomes} >= {*duties, *schedules, "RELEASE", "LIFTING"}
