"""`replay ...`: the log again into tables of its own, compared with the live ones, and put in their place."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, progress, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from replay.plan import Plan
    from replay.target import Target

app = typer.Typer(help="Replay the log beside the live tables, compare, and put it in their place.")

NameArgument = Annotated[str, typer.Argument(help="Name of the replay: small letters, digits and _.")]
MOST_TOLD = 50


@app.command()
def plan(
    name: NameArgument,
    since: Annotated[str | None, typer.Option("--from", help="What was appended from this time on.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="... and before this time, ISO 8601 with an offset.")
    ] = None,
    offsets: Annotated[
        list[str] | None, typer.Option("--offsets", help="TOPIC/PARTITION=BEGIN:END (may be repeated).")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what a replay will read, write and need; exit status 1 when it cannot be right."""
    from infra import replaying
    from infra.cli.reaching import home_with
    from replay.plan import Refused

    target = _target(name)
    begins, ends = _positions(offsets or [])
    wanted = replaying.Range(begins or None, ends or None, time_of("--from", since), time_of("--to", until))
    try:
        made = replaying.plan(home_with("kafka", "clickhouse"), target, wanted)
    except Refused as refused:
        if json_output:
            write_json({"refused": refused.reasons})
        for reason in refused.reasons:
            errors.print(f"refused: {reason}")
        raise typer.Exit(1) from None
    if json_output:
        write_json(made.as_json())
    else:
        _tell_plan(made)


@app.command()
def run(
    name: NameArgument,
    processes: Annotated[int | None, typer.Option(help="Processes; default: one a processor.", min=1)] = None,
    rate: Annotated[float | None, typer.Option(help="Read at most so many events a second.", min=1)] = None,
    json_output: JsonOption = False,
) -> None:
    """Run a replay that was planned, or go on with one that was interrupted. Nothing live is touched."""
    import os

    from infra import replaying
    from infra.cli.reaching import home_with

    home = home_with("kafka", "clickhouse")
    with progress() as bar:
        task = bar.add_task("starting", total=None)

        def told(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)

        document = replaying.run(home, _target(name), processes or os.cpu_count() or 1, rate, told)
    if json_output:
        write_json(document)
        return
    errors.print(
        f"{document['records']} records in {document['seconds']:.0f} s: {document['persons']} persons with facts, "
        f"{document['derived']} derived records, {document['dead_letters']} dead letters"
    )
    write_table(("digest of", "rows:sum"), [*document["digests"].items(), ("cells", document["cells"])])


@app.command()
def pause(name: NameArgument) -> None:
    """Have a running replay stand still."""
    _pause(name, resume=False)


@app.command()
def resume(name: NameArgument) -> None:
    """Have a paused replay go on."""
    _pause(name, resume=True)


def _pause(name: str, resume: bool) -> None:
    from infra import replaying
    from infra.cli.reaching import home_with

    replaying.pause(home_with("clickhouse"), _target(name), resume)


@app.command()
def diff(name: NameArgument, json_output: JsonOption = False) -> None:
    """Compare with the live tables, row by row and figure by figure; exit status 1 when something differs."""
    from infra import replaying
    from infra.cli.reaching import home_with

    compared = replaying.diff(home_with("kafka", "clickhouse"), _target(name))
    if json_output:
        write_json(compared.as_json())
    elif compared.clean:
        errors.print("no difference: the replay says what the live tables say")
    else:
        rows = [
            (one.name, one.live or "", one.replayed or "", " ".join(one.events))
            for one in compared.differences[:MOST_TOLD]
        ]
        write_table(("difference", "live", "replayed", "events behind it"), rows)
        total = sum(compared.counts.values())
        if total > len(rows):
            errors.print(f"{total} differences, {len(rows)} shown; --json names up to 1000 of each table")
    if not compared.clean:
        raise typer.Exit(1)


@app.command()
def promote(
    name: NameArgument,
    accept: Annotated[
        list[str] | None, typer.Option(help="Name of a difference, or a pattern as of a shell (may be repeated).")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Put a replay's tables in place of the live ones; exit status 1 when a difference is not accepted."""
    from infra import replaying
    from infra.cli.reaching import home_with
    from replay.promote import NotPromoted

    try:
        document = replaying.promote(home_with("kafka", "clickhouse"), _target(name), accept or [])
    except NotPromoted as refused:
        errors.print(f"not promoted: {refused}")
        raise typer.Exit(1) from None
    _tell_done(
        f"{name} is promoted: its tables are the live ones; checkline replay rollback {name}", document, json_output
    )


@app.command()
def rollback(name: NameArgument, json_output: JsonOption = False) -> None:
    """Put back the tables that were live before a promotion."""
    from infra import replaying
    from infra.cli.reaching import home_with
    from replay.promote import NotPromoted

    try:
        document = replaying.roll_back(home_with("kafka", "clickhouse"), _target(name))
    except NotPromoted as refused:
        errors.print(f"not rolled back: {refused}")
        raise typer.Exit(1) from None
    _tell_done(f"{name} is rolled back", document, json_output)


@app.command()
def drop(name: NameArgument) -> None:
    """Remove tables and topics of a replay; its record stays."""
    from infra import replaying
    from infra.cli.reaching import home_with

    replaying.drop(home_with("kafka", "clickhouse"), _target(name))


@app.command("list")
def list_replays(json_output: JsonOption = False) -> None:
    """Show every step of every replay: who, when, and what came of it."""
    from infra import replaying
    from infra.cli.reaching import home_with

    noted = replaying.replays(home_with("clickhouse"))
    if json_output:
        document = [{**one._asdict(), "step": one.step.value, "noted_at": _iso(one.noted_at)} for one in noted]
        write_json({"steps": document})
    else:
        rows = [(one.name, one.step.value, _iso(one.noted_at), one.noted_by, _brief(one.document)) for one in noted]
        write_table(("replay", "step", "when", "who", "what"), rows)


def _target(name: str) -> "Target":
    from replay.target import BadName, Target

    try:
        return Target.named(name)
    except BadName as error:
        raise WrongSetting(str(error)) from error


def _positions(stated: list[str]) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    """{place: begin}, {place: end} of `TOPIC/PARTITION=BEGIN:END`; partitions that are not named are left out."""
    import re

    from schemas.topics import BY_NAME

    begins, ends = {}, {}
    for text in stated:
        found = re.fullmatch(r"([a-z-]+)/(\d+)=(\d+):(\d+)", text)
        if found is None or found[1] not in BY_NAME:
            raise WrongSetting(f"--offsets {text}: give TOPIC/PARTITION=BEGIN:END, as check-ins/3=0:1000")
        place = found[1], int(found[2])
        begins[place], ends[place] = int(found[3]), int(found[4])
    return begins, ends


def _tell_plan(made: "Plan") -> None:
    write_table(
        ("topic", "partition", "begin", "end", "events"),
        [(*span, span.end - span.begin) for span in made.spans if span.end > span.begin],
    )
    target = made.target
    errors.print(
        f"{made.name}: {made.what}, at most {made.events} events; into {target.database} and topics "
        f"{target.topic_prefix}*; about {made.disk_bytes / 1e6:.0f} MB of disk and {made.seconds:.0f} s"
    )
    if not made.whole:
        errors.print("verdicts will know of this range alone, and it cannot be promoted")


def _tell_done(text: str, document: Any, json_output: bool) -> None:
    if json_output:
        write_json(document)
    else:
        errors.print(text)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _brief(document: dict[str, Any]) -> str:
    told = ("range", "records", "seconds", "reason", "clean", "accepted")
    return ", ".join(f"{name} {document[name]}" for name in told if document.get(name) not in (None, []))
