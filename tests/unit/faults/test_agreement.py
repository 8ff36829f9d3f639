"""The model and the project's pure rules say the same of the same log, for several seeds, without a broker."""

import pytest

from tests.faults.comparison import differences
from tests.faults.stream import generate
from tests.unit.faults.pure_pipeline import appended, model_of, what_comes_out

PARTITIONS = 4
WITHOUT_A_COLUMN_STORE = ("cell", "conflict")
"""Categories that only the real engine computes."""


@pytest.mark.expects_errors("rule error|reference record")
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_rules_say_what_the_model_says(seed: int) -> None:
    stream = generate(seed, 3_000, 250, partitions=PARTITIONS, poison=0.03, large=7, large_bytes=50_000, rounds=30)
    log = appended(stream, PARTITIONS)
    model = model_of(log, PARTITIONS)
    told = differences(model, what_comes_out(log, PARTITIONS, seed))
    assert [line for line in told if not line.startswith(WITHOUT_A_COLUMN_STORE)] == []
    assert len(model.timelines()) > 50
    assert {outcome.outcome for one in model.outcomes().values() for outcome in one} >= {"MET", "LATE", "BREACHED"}
