"""The supervisor starts in order, starts again what died, and leaves nothing behind however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.embedded.supervisor import Part, Restarts, Step, Supervisor
from infra.errors import MissingPart, PartFailed

DEADLINE_SECONDS = 30.0
QUICK = Restarts(first_delay=0.05, longest_delay=0.1, limit=3)

# A part that says that it is ready by writing its process id, and says when it was asked to end.
OBEDIENT = """
import os, pathlib, signal, sys
ready, journal = map(pathlib.Path, sys.argv[1:3])
def end(*_):
    with journal.open("a") as stream: stream.write(f"end {ready.name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with journal.open("a") as stream: stream.write(f"start {ready.name}\\n")
ready.write_text(str(os.getpid()))
while True: signal.pause()
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def says_ready(file: Path) -> Callable[[int], bool]:
    return lambda pid: file.exists() and file.read_text() == str(pid)


def obedient(name: str, directory: Path, stop_seconds: float = 10.0) -> Part:
    command = [sys.executable, "-I", "-S", "-c", OBEDIENT, str(directory / name), str(directory / "journal")]
    return Part(name, lambda: command, says_ready(directory / name), stop_seconds=stop_seconds)


def program(name: str, text: str, *, start_seconds: float = DEADLINE_SECONDS, ready: bool = True) -> Part:
    command = [sys.executable, "-I", "-S", "-c", text]
    return Part(name, lambda: command, lambda _: ready, start_seconds=start_seconds, stop_seconds=0.3)


def journal(directory: Path) -> list[str]:
    return (directory / "journal").read_text().splitlines()


def test_parts_start_in_order_when_the_one_before_is_ready_and_stop_in_reverse(tmp_path: Path) -> None:
    def step() -> None:
        with (tmp_path / "journal").open("a") as stream:
            stream.write("step\n")

    parts: list[Part | Step] = [obedient("first", tmp_path), Step("between", step), obedient("second", tmp_path)]
    with Supervisor(parts, tmp_path / "logs", status_file=tmp_path / "parts.json") as supervisor:
        assert [one.state for one in supervisor.status()] == ["ready", "ready"]
        written = json.loads((tmp_path / "parts.json").read_text())
        assert [(one["name"], one["state"]) for one in written] == [("first", "ready"), ("second", "ready")]
    assert journal(tmp_path) == ["start first", "step", "start second", "end second", "end first"]
    assert [one.state for one in supervisor.status()] == ["stopped", "stopped"]


@pytest.mark.expects_errors("ended with signal SIGKILL")
def test_a_part_that_died_is_started_again(tmp_path: Path) -> None:
    with Supervisor([obedient("only", tmp_path)], tmp_path / "logs", restarts=QUICK) as supervisor:
        first = supervisor.status()[0].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state == "ready")
        assert supervisor.status()[0].pid != first
    assert journal(tmp_path) == ["start only", "start only", "end only"]


@pytest.mark.expects_errors("dying ended with")
def test_a_part_that_keeps_dying_stops_everything_with_its_own_words(tmp_path: Path) -> None:
    mark = tmp_path / "once"
    text = f"import pathlib, time; m = pathlib.Path({str(mark)!r})\nif m.exists(): raise SystemExit('no such disk')\n"
    dying = program("dying", text + "m.touch(); time.sleep(60)")
    parts = [obedient("other", tmp_path), dying._replace(is_ready=lambda _: mark.exists())]
    with Supervisor(parts, tmp_path / "logs", restarts=QUICK) as supervisor:
        pid = supervisor.status()[1].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert supervisor.wait(DEADLINE_SECONDS)
        with pytest.raises(PartFailed, match=r"dying ended with exit status 1: no such disk .* 4 times in a row"):
            supervisor.check()
        assert [one.state for one in supervisor.status()] == ["stopped", "failed"]
    assert journal(tmp_path)[-1] == "end other"


@pytest.mark.expects_errors("dying ended with")
def test_what_is_not_vital_keeps_dying_and_the_others_go_on(tmp_path: Path) -> None:
    mark = tmp_path / "starts"
    text = f"import pathlib; m = pathlib.Path({str(mark)!r}); m.open('a').write('x'); raise SystemExit('no such page')"
    dying = program("dying", text, ready=False)._replace(vital=False)
    with Supervisor([dying, obedient("other", tmp_path)], tmp_path / "logs", restarts=QUICK) as supervisor:
        until(lambda: mark.exists() and len(mark.read_text()) > QUICK.limit + 2)
        assert [one.state for one in supervisor.status()][1] == "ready"
        supervisor.check()


def test_a_part_that_ends_at_its_start_is_an_error_and_the_others_stop(tmp_path: Path) -> None:
    parts = [obedient("good", tmp_path), program("bad", "raise SystemExit('port taken')", ready=False)]
    with (
        pytest.raises(PartFailed, match="bad ended with exit status 1: port taken"),
        Supervisor(parts, tmp_path / "logs"),
    ):
        pytest.fail("it was entered")
    assert journal(tmp_path) == ["start good", "end good"]


def test_a_part_that_is_not_ready_in_time_is_an_error(tmp_path: Path) -> None:
    slow = program("slow", "import time; time.sleep(60)", start_seconds=0.2, ready=False)
    with pytest.raises(PartFailed, match="slow was not ready within"), Supervisor([slow], tmp_path / "logs"):
        pytest.fail("it was entered")


def test_what_a_part_needs_and_is_not_there_is_raised_as_it_is(tmp_path: Path) -> None:
    def command() -> list[str]:
        raise MissingPart("the engine is not installed")

    parts = [obedient("good", tmp_path), Part("missing", command, lambda _: True)]
    with pytest.raises(MissingPart, match="not installed"), Supervisor(parts, tmp_path / "logs"):
        pytest.fail("it was entered")
    assert journal(tmp_path) == ["start good", "end good"]


@pytest.mark.expects_errors("did not end within")
def test_a_part_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    text = (
        "import pathlib, signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "p = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid))\n"
        "p.wait()\n"
    )
    part = program("stubborn", text)._replace(is_ready=lambda _: child.exists() and child.read_text() != "")
    with Supervisor([part], tmp_path / "logs"):
        pid = int(child.read_text())
        assert psutil.pid_exists(pid)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_supervisor_that_is_killed_takes_its_parts_with_it(tmp_path: Path) -> None:
    text = (
        "import pathlib, sys, time\n"
        "from infra.embedded.supervisor import Part, Supervisor\n"
        "out = pathlib.Path(sys.argv[1])\n"
        "part = Part('sleeper', lambda: ['sleep', '60'], lambda pid: True)\n"
        "with Supervisor([part], out / 'logs') as supervisor:\n"
        "    (out / 'pid.new').write_text(str(supervisor.status()[0].pid))\n"
        "    (out / 'pid.new').rename(out / 'pid')\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", text, str(tmp_path)])
    until((tmp_path / "pid").exists)
    pid = int((tmp_path / "pid").read_text())
    process.kill()
    process.wait()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
