"""The whole pipeline on the real broker and engine: every figure against a plain count, also under kill -9."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.support import pipeline_cases
from tests.support.pipeline import Outcome
from tests.support.pipeline_cases import (
    FreshStores,
    test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count,
    undisturbed,
)

__all__ = ["test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count", "undisturbed"]


# The short run of tests/faults compares as much, and kills the same parts and more.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def fresh_stores() -> FreshStores:
    """The parts that every installation brings along."""
    return lambda: nullcontext({})


@pytest.mark.expects_errors("SIGKILL|is started again|exit status")
def test_kill_9_of_workers_and_sink_changes_nothing(
    tmp_path: Path, undisturbed: Outcome, fresh_stores: FreshStores
) -> None:
    pipeline_cases.test_kill_9_of_workers_and_sink_changes_nothing(tmp_path, undisturbed, fresh_stores)
