"""A row holds when all its homes are there and it has at least one test and all its tests passed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from infra.coverage.homes import unresolved
from infra.coverage.outcomes import MarkedTest, Outcome
from infra.coverage.table import Row


class Judged(NamedTuple):
    """A row beside what was found of it. ``gaps``: what keeps it from holding, with how many cases of a test did not
    pass; ``run``: whether its tests were run."""

    row: Row
    tests: tuple[str, ...]
    gaps: tuple[str, ...]
    run: bool

    @property
    def holds(self) -> bool | None:
        """None: nothing is wrong, but the tests were not run."""
        if self.gaps:
            return False
        return True if self.run else None

    def as_json(self) -> dict[str, Any]:
        """The row of the coverage document."""
        return {
            "ref": self.row.ref,
            "name_en": self.row.name_en,
            "name_zh": self.row.name_zh,
            "carrier": self.row.carrier,
            "home": ", ".join(self.row.homes),
            "test": ", ".join(self.tests),
            "holds": self.holds,
        }


def judge(rows: Iterable[Row], tests: Sequence[MarkedTest], run: bool = True) -> list[Judged]:
    """What is found of each row. ``run``: the tests were run, and one without an outcome proves nothing."""
    return [_judged(row, [test for test in tests if row.ref in test.rows], run) for row in rows]


def _judged(row: Row, tests: Sequence[MarkedTest], run: bool) -> Judged:
    gaps = unresolved(row.homes)
    if not tests:
        gaps.append("no test")
    if run:
        left = Counter((test.outcome, test.function) for test in tests if test.outcome is not Outcome.PASSED)
        gaps += [f"{outcome}: {function} ({times})" for (outcome, function), times in left.items()]
    return Judged(row, tuple(dict.fromkeys(test.function for test in tests)), tuple(gaps), run)
