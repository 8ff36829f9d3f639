"""What became of a test."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    NOT_RUN = "not run"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class MarkedTest(NamedTuple):
    """A test by its node id, the rows that it claims to prove, and what became of it."""

    node: str
    rows: frozenset[str]
    outcome: Outcome

    @property
    def function(self) -> str:
        """The test without its parameters."""
        return self.node.partition("[")[0]
