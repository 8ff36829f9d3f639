"""A plugin of pytest: keeps the tests that are marked with rows and writes down what became of each.

Loaded by `infra.coverage.proving` in a process of its own.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.coverage.marks import DESCRIPTION, refs_of, refuse_unknown_rows
from infra.coverage.outcomes import Outcome


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--row-outcomes", type=Path, required=True, help="File to write outcomes to, as JSON.")
    parser.addoption("--rows", default="", help="Only tests of these rows, separated by commas.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", DESCRIPTION)
    config.pluginmanager.register(_Recorder(config))


class _Recorder:
    def __init__(self, config: pytest.Config) -> None:
        self._file: Path = config.getoption("--row-outcomes")
        self._wanted = frozenset(filter(None, config.getoption("--rows").split(",")))
        self._tests: dict[str, dict[str, Any]] = {}
        self._uncollected: list[str] = []

    @pytest.hookimpl(trylast=True)  # after what leaves tests out for other reasons
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        refuse_unknown_rows(items)
        kept = [item for item in items if self._proves(refs_of(item))]
        config.hook.pytest_deselected(items=[item for item in items if not self._proves(refs_of(item))])
        items[:] = kept
        self._tests = {item.nodeid: {"rows": sorted(refs_of(item)), "outcome": Outcome.NOT_RUN} for item in kept}

    def _proves(self, refs: frozenset[str]) -> bool:
        return bool(refs & self._wanted if self._wanted else refs)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._uncollected.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test passed when its call did and neither its set-up nor its clearing away failed."""
        test = self._tests[report.nodeid]
        if report.failed:
            test["outcome"] = Outcome.FAILED
        elif report.skipped:  # expected failures too
            test["outcome"] = Outcome.SKIPPED
        elif report.when == "call" and test["outcome"] == Outcome.NOT_RUN:
            test["outcome"] = Outcome.PASSED

    def pytest_sessionfinish(self) -> None:
        document = {"tests": self._tests, "uncollected": self._uncollected}
        self._file.write_text(json.dumps(document), encoding="utf-8")
