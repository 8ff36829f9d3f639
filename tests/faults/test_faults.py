"""A short run of the fault harness: a third of the faults, once. `make faults` is the long one, with all of them."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.harness import fault_run
from tests.faults.injectors import FAULTS

SEED = int(os.environ.get("CHECKLINE_TEST_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
EVENTS = 12_000
PERSONS = 1_500
CHOSEN = [FAULTS[number] for number in sorted(random.Random(SEED).sample(range(len(FAULTS)), len(FAULTS) // 3))]


@pytest.mark.timeout(900)
@pytest.mark.expects_errors(".")  # everything dies on purpose, and the supervisor says so each time
def test_nothing_is_lost_and_nothing_is_counted_twice_whatever_dies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = fault_run(tmp_path, CHOSEN, seed=SEED, events=EVENTS, persons=PERSONS, times=1)
    with capsys.disabled():  # what was injected, and what was left out on this machine, is part of the answer
        print("", *report.lines(), sep="\n")
    assert report.holds, f"CHECKLINE_TEST_FAULT_SEED={SEED} repeats it:\n" + "\n".join(report.lines())
