"""A log that is exported, verified and imported into another installation, which must come to the same results."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.case_files import Wanted, export_case
from infra.column_store import reader_address
from infra.embedded.catch_up import wait_until_caught_up
from infra.errors import WrongSetting
from infra.home import Home
from infra.settings import KafkaSettings, read_settings
from replay.log import Log
from schemas import topics
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import FedHome

CALL_SECONDS = 240.0
_TIMELINES = """
    SELECT token, froms, untils, arrayMap(one -> toString(one), levels), evidence
    FROM checkline.risk_timelines FINAL WHERE notEmpty(levels) ORDER BY token
"""
_CLOCKS = "SELECT clock_id, opened_at, due_at, done_at, withdrawn_at FROM checkline.sla_clocks FINAL ORDER BY clock_id"
_LETTERS = """
    SELECT topic, toString(reason), count() FROM checkline.dead_letters FINAL GROUP BY topic, reason ORDER BY 1, 2
"""


class Installation(NamedTuple):
    """A home with settings of its own, and the commands called on it."""

    home: Home
    variables: dict[str, str]

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *arguments],
            cwd=self.home.directory.parent,
            env={**os.environ, "CHECKLINE_HOME": str(self.home.directory), **self.variables},
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )


class Results(NamedTuple):
    """What an installation made of a log."""

    figures: dict[str, Any]
    timelines: list[Any]
    clocks: list[Any]
    dead_letters: list[Any]


def results(installation: FedHome | Installation) -> Results:
    """When all is folded, written and counted."""
    document = json.loads(installation.call("figures", "--json").stdout)
    with ClickHouse(reader_address(installation.home), "test") as client:
        return Results(
            {one["ref"]: one["computed"] for one in document["figures"]},
            client.rows(_TIMELINES),
            client.rows(_CLOCKS),
            client.rows(_LETTERS),
        )


@pytest.fixture(scope="module")
def case(fed_home: FedHome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the fed home's log, urgent care too."""
    directory = tmp_path_factory.mktemp("cases") / "case"
    exported = fed_home.call("case", "export", str(directory), "--restricted", "--json")
    assert exported.returncode == 0, exported.stderr
    document = json.loads(exported.stdout)
    assert document["topics"].keys() == {topic.name for topic in topics.INPUT_TOPICS}
    assert (document["lost"], document["clock"], document["partitions"]) == ([], "event", 8)
    return directory


@pytest.fixture
def second(tmp_path: Path, partitions: int) -> Iterator[Installation]:
    """A second event-clock home with another number of partitions, running, empty."""
    home = Home.open(read_settings(home=tmp_path / "home", clock="event", partitions=partitions))
    installation = Installation(home, {"CHECKLINE_PARTITIONS": str(partitions)})
    try:
        started = installation.call("up", "--detach")
        assert started.returncode == 0, started.stderr
        yield installation
    finally:
        stopped = installation.call("down")
        assert stopped.returncode == 0, stopped.stderr


@pytest.mark.timeout(600)  # two installations are started, one after the other
@pytest.mark.long
@pytest.mark.parametrize("partitions", [3, 8])
def test_an_imported_log_gives_the_same_results(
    fed_home: FedHome, case: Path, second: Installation, tmp_path: Path, partitions: int
) -> None:
    imported = second.call("case", "import", str(case), "--json")
    assert imported.returncode == 0, imported.stderr
    verified = json.loads(fed_home.call("case", "verify", str(case), "--json").stdout)
    assert (verified["holds"], verified["problems"]) == (True, [])
    assert json.loads(imported.stdout)["digest"] == verified["digest"]
    with ClickHouse(reader_address(second.home), "test") as client:
        wait_until_caught_up(second.home, client, lambda: None, lambda _: None)
    expected, found = results(fed_home), results(second)
    assert found.figures == expected.figures
    assert found.timelines == expected.timelines != []
    assert found.clocks == expected.clocks != []
    assert found.dead_letters == expected.dead_letters != []

    again = second.call("case", "import", str(case))
    assert again.returncode == 2
    assert "holds" in again.stderr
    assert "positions and identities would mix" in again.stderr
    back = second.call("case", "export", str(tmp_path / "back"), "--restricted", "--json")
    contents = {name: one["content"] for name, one in json.loads(back.stdout)["topics"].items()}
    assert contents == {name: one["content"] for name, one in verified["topics"].items()}


def test_a_part_of_the_log_is_what_arrived_then(fed_home: FedHome, tmp_path: Path) -> None:
    with Log(fed_home.home.kafka_bootstrap) as log:
        extent = log.extent([topics.FOLLOW_UPS], 8)
        times = [
            record.appended_at for _, found in log.read(extent.spans()) for one in found for record in one.records()
        ]
    since, before = sorted(times)[len(times) // 3], sorted(times)[len(times) // 2]
    wanted = Wanted((topics.FOLLOW_UPS,), since, before)
    manifest = export_case(fed_home.home, tmp_path / "case", wanted, lambda *_: None).manifest
    assert manifest.topics[topics.FOLLOW_UPS.name].records == sum(since <= time < before for time in times)
    assert manifest.topics.keys() == {topics.FOLLOW_UPS.name, topics.REFERENCE.name}
    assert manifest.campaigns == {}
    files = [file for file in manifest.files if file.topic == topics.REFERENCE.name]
    assert [file.begin for file in files] == [0]
    assert fed_home.call("case", "verify", str(tmp_path / "case")).returncode == 0


def test_damage_is_exit_1_and_nothing_is_imported(fed_home: FedHome, case: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in case.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    (damaged / "reports-3.avro").unlink()
    result = fed_home.call("case", "verify", str(damaged), "--json")
    document = json.loads(result.stdout)
    assert (result.returncode, document["holds"]) == (1, False)
    assert document["problems"] == [{"file": "reports-3.avro", "problem": "is missing"}]
    result = fed_home.call("case", "import", str(damaged))
    assert (result.returncode, result.stdout.split()[2:5]) == (1, ["reports-3.avro", "is", "missing"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "{case}"), "is not empty; name a new directory"),
        (("export", "new", "--topic", "sensors"), "--topic sensors: there is no such input topic"),
        (("export", "new", "--topic", "urgent-care"), "it is for restricted readers"),
        (("export", "new", "--from", "2020-02-02T00:00Z", "--to", "2020-02-01T00:00Z"), "nothing lies between"),
        (("export", "new", "--from", "yesterday"), "--from yesterday: "),
        (("verify", "nowhere"), "is no directory"),
        (("import", "{case}"), "records already, and positions and identities would mix"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    fed_home: FedHome, case: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = fed_home.call("case", *(argument.format(case=case) for argument in arguments))
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr.splitlines()[-1]
    assert not (fed_home.home.directory.parent / "new").exists()


def test_a_wall_clock_home_takes_no_case(fed_home: FedHome, case: Path) -> None:
    """Nothing is published: only the word of the home is changed."""
    clock = fed_home.home.directory / "clock"
    clock.write_text("wall\n", encoding="utf-8")
    try:
        result = fed_home.call("case", "import", str(case))
    finally:
        clock.write_text("event\n", encoding="utf-8")
    assert result.returncode == 2
    assert "a case brings its own time" in result.stderr


def test_a_number_of_partitions_that_is_not_the_logs_is_refused(fed_home: FedHome, tmp_path: Path) -> None:
    """Five of eight would be left out in silence."""
    fewer = Home(fed_home.home.directory, read_settings(home=fed_home.home.directory, partitions=3))
    with pytest.raises(WrongSetting, match="partitions: check-ins has 8, the settings say 3"):
        export_case(fewer, tmp_path / "case", Wanted((topics.CHECK_INS,)), lambda *_: None)


def test_an_asynchronous_client_is_let_in_as_the_others_are() -> None:
    options = KafkaSettings(security_protocol="SASL_SSL", username="u").aiokafka_options()
    assert options.pop("ssl_context") is not None
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "",
    }
    assert KafkaSettings().aiokafka_options() == {"security_protocol": "PLAINTEXT"}
