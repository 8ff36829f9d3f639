"""The YAML files, from the alerts and their cases."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.alarms.rules import RULES
from infra.deploy.prometheus.alerts import (
    GUARDS,
    JOB,
    SCRAPE_SECONDS,
    STARTING,
    STARTING_EXPRESSION,
    Alert,
    Guard,
    alerts,
)
from infra.deploy.prometheus.cases import CASES, Case
from infra.settings import OperationsSettings

_RULES = {rule.name: rule for rule in RULES}
HEADER = "# Made by python -m infra.deploy.prometheus: change that, not this file.\n"
EXAMPLE_PORT = 9464
PORT_NOTE = (
    "# An example, made by python -m infra.deploy.prometheus. The port is that of the operations page, which is\n"
    f"# chosen at the first start: CHECKLINE_OPERATIONS_PORT={EXAMPLE_PORT} makes it this one.\n"
)


def yaml(value: Any, indent: int = 0) -> str:
    """Mappings, sequences and scalars as YAML; strings are quoted as in JSON, which is YAML as well."""
    margin = "  " * indent
    if isinstance(value, Mapping) and value:
        return "".join(f"{margin}{key}:{_below(one, indent + 1)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return "".join(f"{margin}- {yaml(one, indent + 1).lstrip(' ')}" for one in value)
    return f"{margin}{json.dumps(value, ensure_ascii=False)}\n"


def _below(value: Any, indent: int) -> str:
    is_block = isinstance(value, Mapping | list | tuple) and value
    return "\n" + yaml(value, indent) if is_block else " " + yaml(value)


def alerts_file(settings: OperationsSettings) -> str:
    """alerts.yml: the recording rule, an alert for every rule, and the guards."""
    groups = [
        {"name": "checkline-helpers", "rules": [{"record": STARTING, "expr": STARTING_EXPRESSION}]},
        {"name": "checkline", "rules": [_rule(alert) for alert in alerts(settings)]},
        {"name": "checkline-scrape", "rules": [_guard(guard) for guard in GUARDS]},
    ]
    return HEADER + yaml({"groups": groups})


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": f"{alert.hold_seconds}s",
        "labels": {"severity": _RULES[alert.name].severity},
        "annotations": annotations(alert),
    }


def annotations(alert: Alert) -> dict[str, str]:
    """What whoever is told reads; the words of the rule of the same name."""
    rule = _RULES[alert.name]
    return {
        "summary": f"{rule.title_en}: {alert.subject}",
        "summary_zh": f"{rule.title_zh}：{alert.subject}",
        "remedy": rule.remedy_en,
        "remedy_zh": rule.remedy_zh,
        "behind": rule.behind,
    }


def _guard(guard: Guard) -> dict[str, Any]:
    return {
        "alert": guard.name,
        "expr": guard.expression,
        "for": f"{guard.hold_seconds}s",
        "labels": {"severity": guard.severity},
        "annotations": {"summary": guard.summary, "remedy": guard.remedy},
    }


def cases_file(settings: OperationsSettings, cases: Iterable[Case] = CASES) -> str:
    """alerts_test.yml: for every alert, samples on which it fires and samples on which it does not."""
    told = {alert.name: annotations(alert) for alert in alerts(settings)}
    told |= {guard.name: {"summary": guard.summary, "remedy": guard.remedy} for guard in GUARDS}
    severities = {name: rule.severity for name, rule in _RULES.items()} | {one.name: one.severity for one in GUARDS}
    return HEADER + yaml(
        {
            "rule_files": ["alerts.yml"],
            "evaluation_interval": f"{SCRAPE_SECONDS}s",
            "tests": [_test(case, told[case.alert], severities[case.alert]) for case in cases],
        }
    )


def _test(case: Case, told: Mapping[str, str], severity: str) -> dict[str, Any]:
    expected = [
        {
            "exp_labels": {"severity": severity, **labels},
            "exp_annotations": {name: _filled(text, labels) for name, text in told.items()},
        }
        for labels in case.fires
    ]
    return {
        "name": case.name,
        "interval": f"{SCRAPE_SECONDS}s",
        "input_series": [{"series": series, "values": values} for series, values in case.samples.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.at}s", "alertname": case.alert, "exp_alerts": expected},
        ],
    }


def _filled(text: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        text = text.replace(f"{{{{ $labels.{name} }}}}", value)
    return text


def prometheus_file(port: int = EXAMPLE_PORT) -> str:
    """prometheus.yml: an example of how to scrape."""
    return PORT_NOTE + yaml(
        {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
            "rule_files": ["alerts.yml"],
            "scrape_configs": [
                {
                    "job_name": JOB,
                    "metrics_path": "/metrics",
                    "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                }
            ],
        }
    )


def files(settings: OperationsSettings) -> Iterable[tuple[str, str]]:
    """Every file by its name."""
    yield "alerts.yml", alerts_file(settings)
    yield "alerts_test.yml", cases_file(settings)
    yield "prometheus.yml", prometheus_file()
