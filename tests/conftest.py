"""Fixtures and guards of all tests."""

import pytest

from infra.coverage.marks import DESCRIPTION, refuse_unknown_rows
from tests.support.cluster import clickhouse_server, kafka_cluster
from tests.support.guards import no_unexpected_errors, nothing_is_left_over

__all__ = ["clickhouse_server", "kafka_cluster", "no_unexpected_errors", "nothing_is_left_over"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of this suite."""
    config.addinivalue_line("markers", "long: minutes of crashes, for `make faults`; left out otherwise")
    config.addinivalue_line(
        "markers", "expects_errors(pattern): the test provokes ERROR logs that match this regular expression"
    )
    config.addinivalue_line("markers", DESCRIPTION)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test may claim only rows that there are."""
    refuse_unknown_rows(items)
