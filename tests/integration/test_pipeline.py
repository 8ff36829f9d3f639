"""The whole pipeline on the real broker and engine: every figure against a plain count, also under kill -9."""

from contextlib import nullcontext

import pytest

from tests.support.pipeline_cases import (
    FreshStores,
    test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count,
    test_kill_9_of_workers_and_sink_changes_nothing,
    undisturbed,
)

__all__ = [
    "test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count",
    "test_kill_9_of_workers_and_sink_changes_nothing",
    "undisturbed",
]


@pytest.fixture(scope="module")
def fresh_stores() -> FreshStores:
    """The parts that every installation brings along."""
    return lambda: nullcontext({})
