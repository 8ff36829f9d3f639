"""A replay as its user sees it: planned, run, compared, promoted and rolled back beside a running home."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from infra.column_store import writer_address
from replay.digests import Digest, facts_row, timeline_row
from sinks.clickhouse import ClickHouse
from streams.risk import Segment
from tests.faults.rig import wait_until
from tests.integration.conftest import FedHome
from tests.support.pipeline import facts_in_state
from tests.unit.infra.test_event_files import READING
from tests.unit.replay.small_campaign import NAME

pytestmark = pytest.mark.timeout(300)


def answer(home: FedHome, *words: str, status: int = 0) -> Any:
    """What a command answers with --json."""
    done = home.call(*words, "--json")
    assert done.returncode == status, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def figures(home: FedHome) -> Any:
    return answer(home, "figures", NAME, status=1)  # at the small campaign's scale, not all can match


def digests_of_the_live_state(home: FedHome) -> dict[str, str]:
    """Facts from the worker's changelog, timelines from the live tables."""
    facts = timelines = Digest()
    for token, members in facts_in_state(home.home).items():
        facts = facts.plus(facts_row(token, members))
    query = """
        SELECT token, arrayMap(at -> toUnixTimestamp64Milli(at), froms),
               arrayMap(at -> toUnixTimestamp64Milli(at), untils), levels, rules, policies, evidence
        FROM checkline.risk_timelines FINAL WHERE notEmpty(levels)
    """
    with ClickHouse(writer_address(home.home), "test") as client:
        for token, *columns in client.rows(query):
            segments = [
                Segment(start, until, level, rule, policy, tuple(names.split(" ")))
                for start, until, level, rule, policy, names in zip(*columns, strict=True)
            ]
            timelines = timelines.plus(timeline_row(token, segments))
    return {"facts": str(facts), "timelines": str(timelines)}


def test_a_replay_is_the_live_tables_and_can_take_their_place(fed_home: FedHome) -> None:
    planned = answer(fed_home, "replay", "plan", "whole")
    assert planned["events"] > 1000
    ran = answer(fed_home, "replay", "run", "whole", "--processes", "2")
    assert ran["records"] <= planned["events"]
    live = digests_of_the_live_state(fed_home)
    assert {name: ran["digests"][name] for name in live} == live
    compared = answer(fed_home, "replay", "diff", "whole")
    assert compared == {"clean": True, "counts": compared["counts"], "differences": []}
    before = figures(fed_home)
    for table in ("urgent_care", "dead_letter_bytes"):
        hidden = fed_home.call("sql", f"SELECT * FROM checkline_replay_whole_restricted.{table}")
        assert "Not enough privileges" in hidden.stderr
    answer(fed_home, "replay", "promote", "whole")
    fed_home.catch_up()
    assert figures(fed_home) == before
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        known = "SELECT count() FROM checkline.identities FINAL"
        ((identities,),) = client.rows(known)
        publish_reading(fed_home, 1_000_000 + identities)
        fed_home.catch_up()
        assert client.rows(known) == [(identities + 1,)]
    audited = fed_home.call("audit")
    assert audited.returncode == 0, audited.stdout
    audited = fed_home.call("audit", "--all")
    assert audited.returncode == 0, audited.stdout
    answer(fed_home, "replay", "rollback", "whole")
    fed_home.catch_up()
    assert figures(fed_home) == before
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        assert client.rows(known) == [(identities + 1,)]
    steps = [one["step"] for one in answer(fed_home, "replay", "list")["steps"] if one["name"] == "whole"]
    assert steps == [
        *("PLANNED", "STARTED", "DONE", "COMPARED", "COMPARED"),
        *("PROMOTING", "PROMOTED", "ROLLING_BACK", "ROLLED_BACK"),
    ]
    assert fed_home.call("replay", "drop", "whole").returncode == 0


def begun(home: FedHome, name: str, *words: str) -> "subprocess.Popen[bytes]":
    """A run that takes some seconds, in a process group of its own; returns when it has written something."""
    answer(home, "replay", "plan", name)
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "replay", "run", name, *words],
        env={**os.environ, "CHECKLINE_HOME": str(home.home.directory)},
        start_new_session=True,
    )
    wait_until(lambda: blocks(home, name) > 0, 60, "the replay writes")
    assert process.poll() is None
    return process


def blocks(home: FedHome, name: str) -> int:
    """How many blocks a replay has written."""
    with ClickHouse(writer_address(home.home), "test") as client:
        database = f"checkline_replay_{name}"
        if client.rows(
            "SELECT count() FROM system.tables WHERE database = %(d)s AND name = 'ledger'", {"d": database}
        ) == [(0,)]:
            return 0
        ((count,),) = client.rows(f"SELECT count() FROM {database}.ledger")
        return int(count)


@pytest.mark.long
def test_a_run_can_pause_and_go_on_and_one_that_was_killed_is_run_again(fed_home: FedHome) -> None:
    running = begun(fed_home, "slow", "--rate", "8000", "--processes", "2")
    assert fed_home.call("replay", "pause", "slow").returncode == 0
    still = -1
    while (now := blocks(fed_home, "slow")) != still:  # what was being written when it was told
        still = now
        time.sleep(2)
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    ran = answer(fed_home, "replay", "run", "slow")
    undisturbed = replayed(fed_home, "undisturbed")
    assert (ran["digests"], ran["cells"]) == (undisturbed["digests"], undisturbed["cells"])
    assert answer(fed_home, "replay", "diff", "slow")["clean"]
    assert fed_home.call("replay", "drop", "slow").returncode == 0
    resumed = begun(fed_home, "again", "--rate", "15000")
    assert fed_home.call("replay", "pause", "again").returncode == 0
    assert fed_home.call("replay", "resume", "again").returncode == 0
    assert resumed.wait(120) == 0
    assert answer(fed_home, "replay", "diff", "again")["clean"]
    assert fed_home.call("replay", "drop", "again").returncode == 0
    assert fed_home.call("replay", "resume", "again").returncode == 2


def publish_reading(home: FedHome, sequence: int) -> None:
    """An event that nobody else publishes."""
    file = home.home.directory.parent / "one.jsonl"
    file.write_text(json.dumps({**READING, "sequence": sequence}) + "\n", encoding="utf-8")
    published = home.call("publish", str(file))
    assert published.returncode == 0, published.stderr


def replayed(home: FedHome, name: str, *words: str) -> Any:
    """What a replay of the whole log came to."""
    answer(home, "replay", "plan", name)
    return answer(home, "replay", "run", name, *words)


@pytest.mark.long
def test_differences_are_named_and_must_be_accepted(fed_home: FedHome) -> None:
    one, three = replayed(fed_home, "alone", "--processes", "1"), replayed(fed_home, "other", "--processes", "3")
    assert (one["digests"], one["cells"]) == (three["digests"], three["cells"])
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        ((token,),) = client.rows("SELECT min(token) FROM checkline_replay_other.risk_timelines WHERE notEmpty(levels)")
        client.execute(
            "ALTER TABLE checkline_replay_other.risk_timelines DELETE WHERE token = %(token)s "
            "SETTINGS mutations_sync = 2",
            {"token": token},
        )
    compared = answer(fed_home, "replay", "diff", "other", status=1)
    (difference,) = compared["differences"]
    assert difference["name"] == f"risk_timelines/{token}"
    assert difference["live"]
    assert difference["replayed"] is None
    assert difference["events"]
    refused = fed_home.call("replay", "promote", "other")
    assert refused.returncode == 1
    assert f"risk_timelines/{token}" in refused.stderr
    answer(fed_home, "replay", "promote", "other", "--accept", f"risk_timelines/{token}")
    answer(fed_home, "replay", "rollback", "other")
    fed_home.catch_up()
    assert fed_home.call("replay", "drop", "other").returncode == 0
