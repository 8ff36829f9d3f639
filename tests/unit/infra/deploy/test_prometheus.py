"""The alerts: the same as our own alarms, over metrics that exist, firing when they should."""

import subprocess
from pathlib import Path

import pytest

import infra.deploy.prometheus
from infra.alarms.rules import RULES
from infra.deploy.prometheus.alerts import GUARDS, STARTING, STARTING_EXPRESSION, alerts
from infra.deploy.prometheus.cases import CASES
from infra.deploy.prometheus.rendering import alerts_file, annotations, cases_file, files, yaml
from infra.settings import OperationsSettings
from tests.support.promql import PROMTOOL, Reads, reads, strangers

COMMITTED = Path(infra.deploy.prometheus.__file__).parent
SETTINGS = OperationsSettings()
ALERTS = alerts(SETTINGS)
RECORDED = {STARTING: frozenset({"job", "instance", "part", "group"})}
# What must be told within 15 s of the fault.
URGENT = {
    "PartitionStuck",
    "WorkerDown",
    "SinkDown",
    "CheckpointSilent",
    "DeadLettersGrowing",
    "AuditDifference",
    "BreachWave",
}

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")


def test_every_rule_is_an_alert_and_every_alert_a_rule() -> None:
    assert [alert.name for alert in ALERTS] == [rule.name for rule in RULES]


def test_an_alert_says_what_the_rule_says() -> None:
    by_name = {rule.name: rule for rule in RULES}
    for alert in ALERTS:
        rule, told = by_name[alert.name], annotations(alert)
        assert (told["remedy"], told["remedy_zh"], told["behind"]) == (rule.remedy_en, rule.remedy_zh, rule.behind)
        assert told["summary"].startswith(rule.title_en)
        # Prometheus takes two braces for a template; what is named there is a label that the alert has.
        assert "{{" not in rule.remedy_en + rule.remedy_zh + rule.behind


def test_alerts_read_only_metrics_and_labels_of_the_catalogue() -> None:
    expressions = {alert.name: alert.expression for alert in ALERTS} | {one.name: one.expression for one in GUARDS}
    wrong = {name: strangers(one, RECORDED) for name, one in expressions.items()}
    wrong[STARTING] = strangers(STARTING_EXPRESSION)
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_stranger_would_be_found() -> None:
    assert strangers("sum by (topic) (checkline_nothing)") == ["checkline_nothing"]
    assert strangers('checkline_part_up{district="1"}') == ["checkline_part_up{district}"]
    assert strangers("max by (job, district) (checkline_part_up)") == ["district"]
    assert reads('rate(a_total{x=~"b{c}"}[5m]) > on (y) group_left () d offset 5m and e < 1e3') == Reads(
        (("a_total", frozenset("x")), ("d", frozenset()), ("e", frozenset())), frozenset("y")
    )


def test_thresholds_are_those_of_the_settings() -> None:
    changed = {
        alert.name: alert.expression for alert in alerts(OperationsSettings(stuck_seconds=77, breaches_lately=78))
    }
    assert ">= 77 " in changed["PartitionStuck"]
    assert ">= 78 " in changed["BreachWave"]


def test_every_alert_has_samples_on_which_it_fires_and_others_on_which_it_does_not() -> None:
    names = {alert.name for alert in ALERTS} | {guard.name for guard in GUARDS}
    assert {case.alert for case in CASES if case.fires} == names
    assert {case.alert for case in CASES if not case.fires} == names - {"Watchdog"}
    assert {case.alert for case in CASES if case.fires and case.at <= 15} >= URGENT


def test_samples_are_of_the_catalogue_too() -> None:
    wrong = {case.name: found for case in CASES for one in case.samples if (found := strangers(one))}
    assert wrong == {}


@pytest.mark.parametrize(("name", "text"), list(files(SETTINGS)))
def test_the_committed_files_are_what_the_code_makes(name: str, text: str) -> None:
    committed = (COMMITTED / name).read_text(encoding="utf-8")
    assert committed == text, "python -m infra.deploy.prometheus"


def test_yaml_of_nested_values() -> None:
    value = {"a": [{"b": 'say "1: 2"', "c": []}, {"d": {"e": 3}}], "f": "值"}
    assert yaml(value) == 'a:\n  - b: "say \\"1: 2\\""\n    c: []\n  - d:\n      e: 3\nf: "值"\n'


@needs_promtool
def test_promtool_finds_no_fault_in_the_rules() -> None:
    for command in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
    ):
        checked = subprocess.run(["promtool", *command], cwd=COMMITTED, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_every_alert_fires_when_it_should_and_only_then() -> None:
    tested = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yml"], cwd=COMMITTED, capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
def test_promtool_would_say_if_an_alert_did_not_fire(tmp_path: Path) -> None:
    """The samples are judged by the alerts that stand beside them."""
    waves = [case for case in CASES if case.alert == "BreachWave"]
    (tmp_path / "alerts_test.yml").write_text(cases_file(SETTINGS, waves), encoding="utf-8")
    deaf = alerts_file(OperationsSettings(breaches_lately=1_000))
    (tmp_path / "alerts.yml").write_text(deaf, encoding="utf-8")
    tested = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert tested.returncode != 0
    assert "BreachWave: twenty in five minutes" in tested.stdout + tested.stderr
