"""Runs the tests that are marked with rows, all in one pytest, and reads what became of each."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import infra
from infra.coverage.outcomes import MarkedTest, Outcome
from infra.errors import MissingPart, PartFailed

STANDARD_ERROR = 2
_ANSWERS = (0, 1, 5)
"""Exit statuses of pytest that say what became of the tests: all passed, some did not, there are none."""


class Proof(NamedTuple):
    """The marked tests, the files that could not be read for tests, and how long it took in seconds."""

    tests: tuple[MarkedTest, ...]
    uncollected: tuple[str, ...]
    seconds: float


def repository() -> Path:
    """Where the tests of this code lie. Raises `MissingPart` where it was installed without them, or without pytest."""
    root = Path(infra.__file__).parents[1]
    if not (root / "tests" / "conftest.py").is_file():
        raise MissingPart("the tests are not there: coverage is counted in a working copy of the repository")
    if find_spec("pytest") is None:
        raise MissingPart("pytest is not there: install checkline[development]")
    return root


def prove(root: Path, refs: Collection[str] = (), run: bool = True) -> Proof:
    """Run the tests under ``root`` that are marked with any of these rows (none given: of all), or only find them.

    Progress and failures go to standard error. Raises `PartFailed` where pytest gives no answer.
    """
    with tempfile.TemporaryDirectory(prefix="checkline-coverage-") as scratch:
        outcomes = Path(scratch) / "outcomes.json"
        command = [sys.executable, "-m", "pytest", "-p", "infra.coverage.recorder", "-p", "no:cacheprovider"]
        command += [f"--row-outcomes={outcomes}", f"--rows={','.join(sorted(refs))}"]
        command += ["--continue-on-collection-errors", "--no-header", "--disable-warnings", "--tb=short", "-q"]
        command += ["tests"] if run else ["--collect-only", "-qq", "tests"]
        began = time.monotonic()
        status = subprocess.run(command, cwd=root, stdout=STANDARD_ERROR, check=False).returncode
        if status not in _ANSWERS or not outcomes.is_file():
            raise PartFailed(f"pytest ended with status {status} and no outcomes: what it says stands above")
        document = json.loads(outcomes.read_text(encoding="utf-8"))
    tests = (
        MarkedTest(node, frozenset(test["rows"]), Outcome(test["outcome"])) for node, test in document["tests"].items()
    )
    return Proof(tuple(tests), tuple(document["uncollected"]), time.monotonic() - began)
