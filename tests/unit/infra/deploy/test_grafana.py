"""The dashboard: over metrics that exist, with units and descriptions, and laid out without overlaps."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import infra.deploy.grafana
from infra.deploy.grafana.dashboard import dashboard_json
from infra.deploy.grafana.panels import ROWS
from infra.lag.metrics import METRICS
from tests.support.promql import PROMTOOL, reads, series, strangers, syntax_errors

COMMITTED = Path(infra.deploy.grafana.__file__).parent / "dashboard.json"
BOARD: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {target["expr"]: panel["title"] for panel in PANELS for target in panel["targets"]}
# Told elsewhere on the dashboard, or kept for the dashboards of other exporters.
NOT_SHOWN = {metric.name for metric in METRICS if metric.name.startswith("kafka_")} | {
    f"checkline_{name}"
    for name in [
        "source_took_seconds",
        "clock_seconds",
        "group_state",
        "part_state",
        "worker_recovering",
        "worker_rebalances_total",
        "worker_resident_memory_bytes",
        "tick_lateness_lately_seconds",
        "records_arrived",
        "records_refused_lately",
        "reports_missing_new",
        "reports_expected",
        "ledger_covered_offset",
        "audit_round_seconds",
        "forecast_due",
        "forecast_horizon_seconds",
    ]
}


def plain(expression: str) -> str:
    """Without Grafana's variables."""
    return expression.replace("$__rate_interval", "1m")


def test_the_committed_file_is_what_the_code_makes() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == dashboard_json(), "python -m infra.deploy.grafana"


def test_panels_read_only_metrics_and_labels_of_the_catalogue() -> None:
    assert {panel: found for one, panel in EXPRESSIONS.items() if (found := strangers(plain(one)))} == {}


def test_every_query_is_of_the_installations_that_are_chosen() -> None:
    for expression in EXPRESSIONS:
        for name, labels in reads(plain(expression)).selectors:
            assert labels >= {"job", "instance"}, name
            assert labels >= series()[name] & {"group", "topic", "district"}, name


def test_every_metric_of_ours_is_shown_or_left_out_on_purpose() -> None:
    shown = {name for one in EXPRESSIONS for name, _ in reads(plain(one)).selectors}
    stems = {re.sub(r"_bucket$", "", name) for name in shown}
    assert {metric.name for metric in METRICS} - stems - NOT_SHOWN == set()
    assert NOT_SHOWN & stems <= {metric.name for metric in METRICS if metric.name.startswith("kafka_")}


def test_legends_name_labels_that_the_series_have() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            found = reads(plain(target["expr"]))
            there = found.groupings or frozenset().union(*(series()[name] for name, _ in found.selectors))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= there, panel["title"]


def test_every_panel_has_a_title_a_description_and_a_unit() -> None:
    for panel in PANELS:
        assert re.search(r"[一-鿿]|CPU", panel["title"]), panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"].startswith("unknown")
    titles = [panel["title"] for panel in PANELS]
    assert sorted(titles) == sorted(spec.title for _, specs in ROWS for spec in specs)


def test_no_panel_overlaps_another_and_none_leaves_the_page() -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in BOARD["panels"]]
    for title, place in places:
        assert place["x"] + place["w"] <= 24, title
    for (one, a), (other, b) in itertools.combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (one, other)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_what_can_be_chosen() -> None:
    assert [one["name"] for one in BOARD["templating"]["list"]] == [
        "datasource",
        "job",
        "instance",
        "group",
        "topic",
        "district",
    ]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_every_query_is_promql(tmp_path: Path) -> None:
    assert syntax_errors(map(plain, EXPRESSIONS), tmp_path) == ""
    assert "parse error" in syntax_errors(["sum by (x (y)"], tmp_path)


@pytest.mark.skipif(shutil.which("dashboard-linter") is None, reason="Grafana's dashboard-linter is not installed")
def test_grafanas_linter_finds_no_fault() -> None:
    linted = subprocess.run(
        ["dashboard-linter", "lint", "--strict", COMMITTED], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
