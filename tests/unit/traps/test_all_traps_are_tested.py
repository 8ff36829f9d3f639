"""Every trap of the rules has a test that is named after it: `test_t<N>_...`."""

import ast
from functools import cache
from pathlib import Path

import pytest

TRAPS = {
    1: "37.3: comparator and threshold are values of the policy, per kind of site",
    2: "same day is a calendar day; start and stop of the other classes are policy",
    3: "registered residence picks a deadline class and is no input of risk",
    4: "units never add up with one another",
    5: "余、多 and 万: lower bounds and rounding stay with the figure",
    6: "tiers are cumulative and their scope widens",
    7: "feedback lags dispatch, and the lag is the metric",
    8: "reported zero, reported a number, missing",
    9: "every figure has its as-of",
    10: "the four steps of a lead",
    11: "traditional characters, full-width digits, broken lines",
    12: "functional zones are not in GB/T 2260",
    13: "heading and text disagree: a figure is linked to its sentence",
    14: "three checks and two reports a day",
}


@cache
def names() -> list[str]:
    """Names of all tests under `tests`."""
    files = Path(__file__).parents[2].rglob("test_*.py")
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions if function.name.startswith("test_")]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"T{trap}")
def test_a_trap_has_a_test_of_its_name(trap: int) -> None:
    assert [name for name in names() if name.startswith(f"test_t{trap}_")], TRAPS[trap]
