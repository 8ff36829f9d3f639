"""Three brokers: whichever is killed, the flow goes on within the stated time and nothing acknowledged is lost."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from infra.auditing import audit_home
from infra.embedded.kafka.configuration import LONGEST_PAUSE_SECONDS
from infra.embedded.parts import parts
from infra.embedded.supervisor import Restarts, Supervisor
from infra.home import Home
from infra.settings import read_settings
from tests.support.steady_flow import Pauses, SteadyFlow, keys_in_log

pytestmark = pytest.mark.long

NODES = ("kafka-1", "kafka-2", "kafka-3")
DEADLINE_SECONDS = 120.0
SECOND_FLOW = 1 << 20
# What the supervisor and the publisher's client say about a node that is gone; a worker may leave and be started again.
EXPECTED = r"SIGKILL|is started again|^kafka\."
RESTARTS = Restarts(first_delay=0.5, longest_delay=1.0, limit=20)
# The flow that is looked at goes through neither.
LEFT_OUT = ("worker-enforcement", "worker-reports", "worker-urgent-care")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Supervisor]]:
    home = Home.open(read_settings(home=tmp_path_factory.mktemp("three") / "home", brokers=len(NODES)))
    planned = [part for part in parts(home) if part.name not in LEFT_OUT]
    with home.locked(), Supervisor(planned, home.logs, restarts=RESTARTS) as supervisor:
        yield home, supervisor


def until(condition: Callable[[], bool], *checks: Callable[[], None]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        for check in checks:
            check()
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.1)


def admin_of(home: Home) -> "closing[KafkaAdminClient]":
    return closing(KafkaAdminClient(bootstrap_servers=home.kafka_bootstrap.split(",")))


def controller_of(home: Home) -> str:
    """The part whose node is the active controller."""
    with admin_of(home) as client:
        (topic,) = client.describe_metadata_quorum()["topics"]
    return f"kafka-{topic['partitions'][0]['leader_id']}"


def described_topics(home: Home) -> list[dict[str, Any]]:
    with admin_of(home) as client:
        described: list[dict[str, Any]] = client.describe_topics()
    return described


def everything_in_sync(home: Home) -> bool:
    try:
        topics = described_topics(home)
    except KafkaError:  # the one that was asked is going, or coming
        return False
    return all(len(partition["isr_nodes"]) == len(NODES) for topic in topics for partition in topic["partitions"])


def kill(supervisor: Supervisor, name: str) -> None:
    (pid,) = (part.pid for part in supervisor.status() if part.name == name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def until_back(home: Home, supervisor: Supervisor, restarts: Mapping[str, int]) -> None:
    """Returns when these parts were started again so often, are ready, and all replicas have everything."""

    def are_ready() -> bool:
        ready = {part.name: part.restarts for part in supervisor.status() if part.state == "ready"}
        return all(ready.get(name) == count for name, count in restarts.items())

    until(are_ready, supervisor.check)
    until(lambda: everything_in_sync(home), supervisor.check)


def call(home: Home, *words: str) -> "subprocess.CompletedProcess[str]":
    """Call `checkline` on the home."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *words],
        env={**os.environ, "CHECKLINE_HOME": str(home.directory)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_every_topic_is_on_all_brokers_and_two_must_have_a_record(running: tuple[Home, Supervisor]) -> None:
    home, _ = running
    topics = described_topics(home)
    names = {topic["name"] for topic in topics}
    assert names >= {"check-ins", "reference", "checkline-risk-persons-changelog"}
    assert names >= {"__consumer_offsets", "__transaction_state"}
    assert {len(partition["replica_nodes"]) for topic in topics for partition in topic["partitions"]} == {len(NODES)}
    with admin_of(home) as client:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        settings = client.describe_configs(resources, config_filter="all")["topic"]
    assert {name: settings[name]["min.insync.replicas"]["value"] for name in names} == dict.fromkeys(names, "2")


@pytest.mark.timeout(600)
@pytest.mark.expects_errors(EXPECTED)
def test_any_broker_may_die_and_nothing_acknowledged_is_lost_or_doubled(
    running: tuple[Home, Supervisor], record_property: Callable[[str, object], None]
) -> None:
    home, supervisor = running
    pauses: dict[str, Pauses] = {}
    with SteadyFlow(home) as flow:

        def arrived(moment: float) -> None:
            until(lambda: flow.has_arrived(moment), flow.check, supervisor.check)

        until(lambda: len(flow.acknowledged) > 40, flow.check, supervisor.check)
        begun = time.monotonic()
        until(lambda: len(flow.acknowledged) > 120, flow.check, supervisor.check)
        ended = time.monotonic()
        arrived(ended)
        usual = pauses["nothing"] = flow.pauses(begun, ended)
        left = set(NODES)
        while left:
            controller = controller_of(home)
            # The active controller where it has not been its turn: the one that takes longest.
            name = controller if controller in left else min(left)
            left.remove(name)
            begun = time.monotonic()
            kill(supervisor, name)
            lag = call(home, "lag")
            assert lag.returncode == 0, lag.stderr
            until_back(home, supervisor, {name: 1})
            ended = time.monotonic()
            arrived(ended)
            pauses[f"{name}, {'controller' if name == controller else 'broker'}"] = flow.pauses(begun - 1.0, ended)
        flow.finish()
        arrived(time.monotonic())
    record_property("pauses", pauses)
    readings, changes = keys_in_log(home, "temperatures"), keys_in_log(home, "risk-changes")
    assert set(readings) == set(changes) == flow.acknowledged
    assert set(readings.values()) == set(changes.values()) == {1}
    assert audit_home(home) == []
    # Where others use the processors, the flow is slow also when nothing dies.
    limit = LONGEST_PAUSE_SECONDS + 4 * usual.timeline
    assert max(longest for one in pauses.values() for longest in one) < limit, pauses


@pytest.mark.timeout(600)
@pytest.mark.expects_errors(EXPECTED)
def test_when_all_brokers_die_at_once_what_was_acknowledged_is_there_and_the_flow_goes_on(
    running: tuple[Home, Supervisor],
) -> None:
    home, supervisor = running
    before = keys_in_log(home, "temperatures")
    restarts = {part.name: part.restarts + 1 for part in supervisor.status() if part.name in NODES}
    for name in NODES:
        kill(supervisor, name)
    until_back(home, supervisor, restarts)
    with SteadyFlow(home, first=SECOND_FLOW) as flow:
        until(lambda: bool(flow.acknowledged), flow.check, supervisor.check)
        flow.finish()
        until(lambda: flow.has_arrived(time.monotonic()), flow.check, supervisor.check)
    assert keys_in_log(home, "temperatures") == before + Counter(flow.acknowledged)
