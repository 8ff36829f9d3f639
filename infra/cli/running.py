"""`up`, `down`, `status`: the parts of an installation; `part` is what the supervisor runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import JsonOption, configure_logging, errors, write_json, write_table
from infra.errors import CannotRun, HomeInUse, PartFailed

if TYPE_CHECKING:
    from infra.alarms.alarm import Alarm
    from infra.home import Home
    from infra.settings import Settings

DETACHED_START_SECONDS = 300.0
DOWN_SECONDS = 120.0
POLL_SECONDS = 0.1


def up(
    workers: Annotated[int | None, typer.Option(help="Processes of the risk worker.")] = None,
    clock: Annotated[str | None, typer.Option(help="wall or event; fixed at the first start of a home.")] = None,
    brokers: Annotated[int | None, typer.Option(help="Nodes of Kafka, 1 or 3; fixed at the first start.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run just this part or step (may be repeated).")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready and leave it running.")] = False,
) -> None:
    """Start all parts, keep them running, and stop them on Ctrl-C."""
    from infra.embedded.parts import parts
    from infra.embedded.supervisor import Supervisor
    from infra.home import Home
    from infra.settings import read_settings

    settings = read_settings(workers=workers, clock=clock, brokers=brokers)
    home = Home.open(settings)
    planned = parts(home, only=only or ())
    if detach:
        _detach(home, sys.argv[1:])
        return
    configure_logging(settings)
    with home.locked():
        supervisor = Supervisor(planned, home.logs, status_file=home.parts_file, progress=_say)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.ask_to_stop())
        with supervisor:
            _say_where(home)
            supervisor.wait()
        supervisor.check()


def down(json_output: JsonOption = False) -> None:
    """Stop all parts of this home; done as well when none runs."""
    from infra.home import Home
    from infra.settings import read_settings

    home = Home.existing(read_settings())
    pid = home.supervisor_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_SECONDS
        while home.supervisor_pid() is not None:
            if time.monotonic() > deadline:
                raise PartFailed(f"process {pid} did not stop within {DOWN_SECONDS:.0f} s; see {home.logs}")
            time.sleep(POLL_SECONDS)
    if json_output:
        write_json({"home": str(home.directory), "stopped": pid})
    else:
        errors.print("stopped" if pid is not None else f"nothing runs on {home.directory}")


def status(
    json_output: JsonOption = False,
    config: Annotated[bool, typer.Option("--config", help="Show the settings in effect.")] = False,
) -> None:
    """Say which parts run and which alarms are open; exit status 1 when a part does not, or a critical alarm holds."""
    from infra.home import Home
    from infra.settings import read_settings

    settings = read_settings()
    if config:
        _show_settings(settings, json_output)
        return
    home = Home.existing(settings)
    pid = home.supervisor_pid()
    parts = _parts(home.parts_file)
    if pid is None:  # what a killed supervisor wrote last is not true any more
        parts = [{**part, "state": "stopped", "pid": None} for part in parts]
    all_run = pid is not None and bool(parts) and all(part["state"] == "ready" for part in parts)
    alarms = _open_alarms(home)
    is_well = all_run and not any(alarm.severity == "critical" and alarm.cleared_at is None for alarm in alarms)
    if json_output:
        write_json(
            {
                "home": str(home.directory),
                "running": all_run,
                "well": is_well,
                "pid": pid,
                "clock": home.clock,
                "kafka": home.kafka_bootstrap,
                "clickhouse": f"{home.clickhouse.host}:{home.clickhouse.port}",
                "operations": home.operations_address,
                "metrics": home.metrics_addresses([part["name"] for part in parts]),
                "parts": parts,
                "alarms": [alarm._asdict() for alarm in alarms],
            }
        )
    else:
        columns = ("name", "state", "pid", "restarts", "since")
        write_table(columns, [[part[column] for column in columns] for part in parts])
        if alarms:
            write_table(("alarm", "severity", "on", "what"), [_row(alarm) for alarm in alarms])
        if pid is not None:
            _say_where(home)
        else:
            errors.print(f"nothing runs on {home.directory}")
    if not is_well:
        raise typer.Exit(1)


def _open_alarms(home: "Home") -> "list[Alarm]":
    """What the journal of alarms holds open; nothing where nobody ever looked."""
    from infra.alarms.journal import Journal
    from infra.alarms.places import Places
    from infra.alarms.steps import fold, open_alarms

    file = Places.of_home(home).journal
    if not file.exists():
        return []
    with Journal(file) as journal:
        return open_alarms(fold(journal.read()))


def _row(alarm: "Alarm") -> tuple[str, ...]:
    """An alarm in a line; one whose condition has ended waits only to be acknowledged."""
    ended = "" if alarm.cleared_at is None else " (over, waits to be acknowledged)"
    return alarm.rule, alarm.severity, alarm.subject, alarm.detail_en + ended


def part(words: list[str]) -> None:
    """Do the work of one part in this process (the supervisor's business)."""
    from infra import parts_main
    from infra.home import Home
    from infra.settings import read_settings

    settings = read_settings()
    configure_logging(settings)
    parts_main.run(Home.open(settings), words)


def _show_settings(settings: "Settings", json_output: bool) -> None:
    from infra.settings import printable

    shown = printable(settings)
    if json_output:
        write_json(shown)
        return
    flat = [
        (f"{name}.{inner}", value)
        for name, section in shown.items()
        if isinstance(section, dict)
        for inner, value in section.items()
    ]
    plain = [(name, value) for name, value in shown.items() if not isinstance(value, dict)]
    write_table(("setting", "value"), [*plain, *flat])


def _detach(home: "Home", arguments: list[str]) -> None:
    """Run the same command in the background and return when all its parts are ready."""
    if (pid := home.supervisor_pid()) is not None:
        raise HomeInUse(f"process {pid} already runs on {home.directory}; end it with checkline down")
    words = [argument for argument in arguments if argument != "--detach"]
    log_file = home.logs / "supervisor.log"
    home.parts_file.unlink(missing_ok=True)
    with log_file.open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_ready(home.parts_file, process)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise PartFailed(f"not all parts were ready within {DETACHED_START_SECONDS:.0f} s; see {log_file}") from None
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if process.returncode is not None:
        with log_file.open("rb") as said:
            said.seek(begin)
            lines = said.read().decode(errors="replace").strip().splitlines()
        raise CannotRun(lines[-1].removeprefix("checkline: ") if lines else f"it ended at once; see {log_file}")
    _say_where(home)


def _wait_until_ready(parts_file: Path, process: "subprocess.Popen[bytes]") -> None:
    """Returns when all parts are ready (of one that is not vital: when it was given its chance) or the process has
    ended, and tells which part is started meanwhile. Raises TimeoutExpired."""
    deadline = time.monotonic() + DETACHED_START_SECONDS
    told: set[str] = set()
    while process.poll() is None:
        parts = _parts(parts_file)
        for part in parts:
            if part["state"] != "waiting" and part["name"] not in told:
                told.add(part["name"])
                _say(part["name"])
        if parts and all(part["state"] == "ready" or (part["restarts"] and not part["vital"]) for part in parts):
            return
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(process.args, DETACHED_START_SECONDS)
        time.sleep(POLL_SECONDS)


def _parts(parts_file: Path) -> list[dict[str, Any]]:
    """What the supervisor wrote last; nothing where none ever ran."""
    try:
        parts: list[dict[str, Any]] = json.loads(parts_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return parts


def _say(what: str) -> None:
    errors.print(what)


def _say_where(home: "Home") -> None:
    address = home.clickhouse
    errors.print(
        f"home {home.directory} ({home.clock} clock), kafka {home.kafka_bootstrap}, "
        f"clickhouse {address.host}:{address.port}, operations page {home.operations_address}, logs {home.logs}"
    )
