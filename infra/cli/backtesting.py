"""`backtest` and `shadow`: what another policy would have said, and what it would say now."""

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, progress, write_json, write_line, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from infra.backtesting import Backtest
    from replay.shadow import Counts, Told

SHOWN = 10
WATCH_SECONDS = 1.0

PolicyArgument = Annotated[str, typer.Argument(help="A policy file (TOML), or the name of a shipped policy.")]


def backtest(
    policy: PolicyArgument,
    since: Annotated[
        str | None, typer.Option("--from", help="Compare from this time on, ISO 8601 with an offset.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="... and before this time.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Directory for tables, plots and summary; otherwise one in CHECKLINE_HOME.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Judge the whole log by another policy, and say what would have been different."""
    from pathlib import Path

    from infra import backtesting
    from infra.cli.reaching import home_with

    started_at = time.time()
    candidate = backtesting.read_candidate(policy)
    begin, end = time_of("--from", since), time_of("--to", until)
    home = home_with("kafka")
    with _progress("reading the log") as tell:
        found = backtesting.backtest(home, candidate, begin, end, tell)
    directory = Path(out) if out else backtesting.directory_of(home, candidate, started_at)
    backtesting.keep(found, directory, started_at)
    if json_output:
        write_json(found.as_json())
    else:
        _tell(found, directory)


def shadow(
    policy: PolicyArgument,
    since: Annotated[
        str | None, typer.Option("--from", help="Compare from this time on, ISO 8601 with an offset.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on as events come, until Ctrl-C or SIGTERM.")] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="JSON documents, one a line, on standard output.")
    ] = False,
) -> None:
    """Run another policy beside the live ones without effect, and tell whose verdict would differ."""
    import signal

    from infra import backtesting
    from infra.cli.reaching import home_with

    candidate = backtesting.read_candidate(policy)
    begin = time_of("--from", since)
    home = home_with("kafka")
    if watch:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with backtesting.Following(home, candidate, begin) as following:
            with _progress("reading the log") as tell:
                told = following.read_on(tell)
            _first(told, following.counts(), json_output)
            while watch:
                time.sleep(WATCH_SECONDS)
                before, told = following.counts(), following.read_on()
                _next(told, before, following.counts(), json_output)
    except KeyboardInterrupt:
        if not watch:
            raise


def _first(told: "Sequence[Told]", counts: "Counts", json_output: bool) -> None:
    """How things stand at the end of the log as it was."""
    if json_output:
        _write_lines(told, counts)
        return
    _show_counts(counts)
    for one in told[:SHOWN]:
        _show_person(one)
    if len(told) > SHOWN:
        errors.print(f"... and {len(told) - SHOWN} persons more: --json tells of all")


def _next(told: "Sequence[Told]", before: "Counts", counts: "Counts", json_output: bool) -> None:
    """What a round changed; silent where it changed nothing."""
    same = counts._replace(log_time=before.log_time) == before
    if json_output:
        if told or not same:
            _write_lines(told, counts)
        return
    for one in told:
        _show_person(one)
    if not same:
        _show_counts(counts)


def _write_lines(told: "Sequence[Told]", counts: "Counts") -> None:
    from replay.backtest import Window
    from replay.backtest_report import breach_document, change_document, iso

    window = Window(0, counts.log_time + 1)
    for one in told:
        write_line(
            {
                "token": one.token,
                "changes": [change_document(change) for change in one.changes],
                "breaches": [breach_document(change, window) for change in one.breaches],
            }
        )
    transitions = [
        {"live": live, "candidate": candidate, "persons": persons}
        for (live, candidate), persons in counts.transitions.items()
    ]
    write_line(
        {
            "log_time": iso(counts.log_time),
            "persons": counts.persons,
            "transitions": transitions,
            "breaches_gained": counts.breaches_gained,
            "breaches_avoided": counts.breaches_avoided,
        }
    )


def _show_counts(counts: "Counts") -> None:
    from replay.backtest_report import iso

    if counts.transitions:
        rows = [(*levels, persons) for levels, persons in counts.transitions.items()]
        write_table(("live", "candidate", "persons"), rows)
    print(
        f"{iso(counts.log_time)}: {counts.persons} persons differ; {counts.breaches_gained} deadlines missed under the "
        f"candidate only, {counts.breaches_avoided} under the live policies only",
        flush=True,
    )


def _show_person(told: "Told") -> None:
    from replay.backtest_report import change_document, grounds, iso

    if not told.changes and not told.breaches:
        print(f"{told.token}: no difference any more", flush=True)
    for change in told.changes:
        found = change_document(change)
        print(
            f"{told.token}: {found['from']} to {found['until']}: live {grounds(found['baseline'])}, candidate "
            f"{grounds(found['candidate'])}",
            flush=True,
        )
    for breach in told.breaches:
        dues = [f"due {iso(clock.due_at)}" if clock else "no deadline" for clock in (breach.baseline, breach.candidate)]
        print(
            f"{told.token}: {breach.lead_id}: {'missed' if breach.gained else 'not missed'} under the candidate "
            f"({dues[1]}), {'not missed' if breach.gained else 'missed'} under the live policies ({dues[0]})",
            flush=True,
        )


def _tell(found: "Backtest", directory: "Path") -> None:
    """The backtest on a screen; long lists are cut, the files have them whole."""
    from replay.backtest_report import short_referral, workload_by_team

    document = found.as_json()
    persons, referred = document["persons"], document["referrals"]
    _table("verdicts that change", document["transitions"], "no verdict differs")
    print(f"{persons['changed']} of {persons['compared']} persons with facts")
    print()
    counts = {name.replace("_", " "): count for name, count in referred["summary"].items()}
    _table("persons referred (level HIGH), and decisions to refer", [counts], "")
    for change, title in (("gained", "would have been referred and was not"), ("lost", "was, and would not have been")):
        _table(title, [short_referral(one) for one in referred[change][:SHOWN]], "")
        if len(referred[change]) > SHOWN:
            print(f"... and {len(referred[change]) - SHOWN} more: see referrals.csv\n")
    teams = workload_by_team(found.compared)
    _table("workload: persons whose level rises, leads due", teams[:SHOWN], "no team has any work")
    if len(teams) > SHOWN:
        print(f"... and {len(teams) - SHOWN} teams more: see teams.csv, and workload.csv by the hour\n")
    _table("deadlines missed", document["deadlines"]["classes"], "no deadline falls into this time")
    print(f"{document['deadlines']['moved']} deadlines move")
    if not found.judged_anything:
        errors.print(f"{found.basis.candidate} is not valid at any time that was compared: it changes nothing")
    errors.print(f"tables, plots and summary: {directory}")


def _table(title: str, rows: "Sequence[Mapping[str, Any]]", otherwise: str) -> None:
    if rows:
        print(f"{title}:")
        write_table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
        print()
    elif otherwise:
        print(f"{otherwise}\n")


@contextmanager
def _progress(title: str) -> "Iterator[Callable[[int, int], None]]":
    with progress() as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
