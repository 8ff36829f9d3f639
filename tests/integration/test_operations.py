"""The operations part of a running installation: its sources answer, its scrape and its page say what is there."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.embedded.catch_up import GROUPS
from tests.integration.conftest import FedHome

DEADLINE_SECONDS = 90.0
QUICK = ("kafka", "parts", "workers", "store")


def get(home: FedHome, path: str) -> bytes:
    with urllib.request.urlopen(home.home.operations_address + path, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def state(home: FedHome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(home, "/api/state"))
    return found


def samples(home: FedHome, metric: str) -> list[tuple[dict[str, str], float]]:
    families = text_string_to_metric_families(get(home, "/metrics").decode())
    return [(one.labels, one.value) for family in families for one in family.samples if one.name == metric]


def answered(name: str, source: dict[str, Any], since: float) -> bool:
    """Whether a source answers, the quick ones since a time."""
    return bool(source["known"]) and (name not in QUICK or source["taken_at"] > since)


@pytest.fixture(scope="module")
def watched(fed_home: FedHome) -> FedHome:
    """The home, once everything published is folded and every source has answered since."""
    fed_home.catch_up()
    deadline = time.monotonic() + DEADLINE_SECONDS
    caught_up = time.time() * 1000
    while not all(answered(name, one, caught_up) for name, one in state(fed_home)["sources"].items()):
        assert time.monotonic() < deadline, state(fed_home)["sources"]
        time.sleep(0.2)
    return fed_home


def test_every_source_is_up_and_no_group_lags(watched: FedHome) -> None:
    assert {value for _, value in samples(watched, "checkline_source_up")} == {1.0}
    lags = samples(watched, "kafka_consumergroup_group_lag")
    assert {labels["group"] for labels, _ in lags} == {*GROUPS}
    assert {value for _, value in lags} == {0.0}
    assert {value for _, value in samples(watched, "kafka_consumergroup_group_lag_seconds")} == {0.0}


def test_the_page_says_of_what_arrived_what_the_tables_say(watched: FedHome) -> None:
    query = (
        "SELECT topic, uniqExact(partition, offset) FROM checkline.arrivals "
        "WHERE outcome != 'MARK' AND topic IN ('check-ins', 'temperatures') GROUP BY topic"
    )
    answer = watched.call("sql", "--json", query)
    expected = {topic: int(number) for topic, number in json.loads(answer.stdout)["rows"]}

    def told() -> dict[str, int]:
        found = {labels["topic"]: int(value) for labels, value in samples(watched, "checkline_records_arrived")}
        return {topic: found[topic] for topic in expected}

    deadline = time.monotonic() + DEADLINE_SECONDS  # what is counted over all time is asked twice a minute
    while told() != expected:
        assert time.monotonic() < deadline, (told(), expected)
        time.sleep(0.5)


def test_every_part_runs_and_has_memory(watched: FedHome) -> None:
    up = {labels["part"]: value for labels, value in samples(watched, "checkline_part_up")}
    assert up == dict.fromkeys(up, 1.0)
    assert {"kafka", "clickhouse", "sink", "operations", "worker-risk-1"} <= up.keys()
    memory = {labels["part"]: value for labels, value in samples(watched, "checkline_part_resident_memory_bytes")}
    assert all(memory[part] > 1e7 for part in up)


def test_nobody_acts_without_a_login(watched: FedHome) -> None:
    request = urllib.request.Request(
        f"{watched.home.operations_address}/api/acknowledge", data=b'{"identity": "x"}', method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code in (401, 403)


def test_status_names_the_page_and_the_hand_over_tells_how_things_stand(watched: FedHome) -> None:
    status = json.loads(watched.call("status", "--json").stdout)
    assert status["operations"] == watched.home.operations_address
    assert status["running"]
    handed = watched.call("hand-over")
    assert handed.returncode == 0, handed.stderr
    assert "# " in handed.stdout
