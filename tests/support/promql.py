"""What a PromQL expression reads, told by its words alone: enough to hold dashboards and alerts to the catalogue."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from infra.lag.metrics import METRICS

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_WORD = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_NO_METRIC = {
    "and",
    "or",
    "unless",
    "offset",
    "bool",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "inf",
}
OF_EVERY_SERIES = frozenset({"job", "instance"})


class Reads(NamedTuple):
    """``selectors``: metrics with the labels they are matched by; ``groupings``: labels of by, on and their like."""

    selectors: tuple[tuple[str, frozenset[str]], ...]
    groupings: frozenset[str]


def reads(expression: str) -> Reads:
    """Metrics and labels that an expression names."""
    made = re.findall(r'label_replace\(.*?, "(\w+)"', expression)
    bare = re.sub(r"\[[^\]]*\]", "", _STRING.sub('""', expression))
    groupings = {label.strip() for _, labels in _GROUPING.findall(bare) for label in labels.split(",") if label.strip()}
    bare = _GROUPING.sub(" ", bare)
    found = [
        (name, frozenset(_MATCHER.findall(rest)))
        for name, rest in _WORD.findall(bare)
        if name not in _NO_METRIC and rest != "("
    ]
    return Reads(tuple(found), frozenset(groupings) - frozenset(made))


def series() -> dict[str, frozenset[str]]:
    """Every series name that a scrape may have, with its labels."""
    found: dict[str, frozenset[str]] = {"up": OF_EVERY_SERIES}
    for metric in METRICS:
        labels = frozenset(metric.labels) | OF_EVERY_SERIES
        if metric.kind == "histogram":
            found |= {f"{metric.name}_bucket": labels | {"le"}}
            found |= {f"{metric.name}_{end}": labels for end in ("sum", "count")}
        else:
            found[metric.name] = labels | ({"quantile"} if metric.kind == "summary" else set())
    return found


def strangers(expression: str, recorded: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """Metrics that no scrape has, and labels that their metrics do not have; with the series of recording rules."""
    known = series() | dict(recorded or {})
    found = reads(expression)
    wrong = [name for name, _ in found.selectors if name not in known]
    there = {name: known[name] for name, _ in found.selectors if name in known}
    wrong += [f"{name}{{{label}}}" for name, labels in found.selectors for label in labels - there.get(name, labels)]
    return wrong + sorted(found.groupings - frozenset().union(*there.values()) if there else ())


PROMTOOL = shutil.which("promtool")


def syntax_errors(expressions: Iterable[str], directory: Path) -> str:
    """What promtool says against expressions; nothing when all are PromQL."""
    rules = [f"  - record: lint:{number}\n    expr: |-\n      {one}" for number, one in enumerate(expressions)]
    file = directory / "lint.yml"
    file.write_text("groups:\n- name: lint\n  rules:\n" + "\n".join(rules) + "\n", encoding="utf-8")
    checked = subprocess.run(
        [PROMTOOL or "promtool", "check", "rules", file], capture_output=True, text=True, check=False
    )
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr
