"""`alarms list|acknowledge|history`, `on-call`, `hand-over`: what is wrong, who has it, what the next shift must know.

They work on the journal's file, whether the operations part runs or not.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.arguments import time_of, who_does
from infra.cli.output import JsonOption, errors, write_json, write_table
from infra.errors import CannotRun, MissingPart, WrongSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.alarms.alarm import Alarm
    from infra.alarms.journal import Journal
    from infra.alarms.places import Places
    from infra.alarms.roster import Entry
    from infra.alarms.steps import Record, Step
    from infra.home import Home

app = typer.Typer(help="Alarms: what is wrong, who has taken it on, what was done about it.")

ByOption = Annotated[str | None, typer.Option("--by", help="Who, as a desk or a role; this machine's user by default.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this time on, ISO 8601 with an offset.")]


class CannotReadJournal(CannotRun):
    """The journal of alarms cannot be read or written."""


@app.command("list")
def list_alarms(
    json_output: JsonOption = False,
    every: Annotated[bool, typer.Option("--all", help="Those that are closed as well.")] = False,
) -> None:
    """List open alarms, the worst first; exit status 1 when there are any."""
    from infra.alarms.rules import rule_of
    from infra.alarms.steps import fold, open_alarms

    records = fold(_read(_places(_home())))
    alarms = open_alarms(records)
    closed = [record.alarm for record in records.values() if not record.alarm.is_open] if every else []
    shown = [*alarms, *closed]
    if json_output:
        write_json({"open": len(alarms), "alarms": [_document(alarm) for alarm in shown]})
    else:
        if shown:
            columns = ("since", "severity", "state", "taken on by", "what", "detail", "alarm")
            rows = [(*_row(alarm), rule_of(alarm.rule).title_en, alarm.detail_en, alarm.identity) for alarm in shown]
            write_table(columns, rows)
        errors.print(f"{len(alarms)} alarms are open")
    if alarms:
        raise typer.Exit(1)


@app.command()
def acknowledge(
    identity: Annotated[str, typer.Argument(help="The alarm, or a part of its name that no other open alarm has.")],
    by: ByOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take an alarm on: nobody else is called for it any more. It stays open until its condition has ended."""
    from infra.alarms.journal import Journal
    from infra.alarms.rules import rule_of
    from infra.alarms.steps import Kind, Step, apply, fold

    places, who = _places(_home()), who_does(by)
    with Journal(places.journal) as journal:
        records = fold(_steps(journal))
        record = _one_of(records, identity)
        if record.alarm.acknowledged_at is None:
            step = Step(_now(), Kind.ACKNOWLEDGED, record.alarm.identity, who)
            _write(journal, step)
            apply(records, [step])
    alarm = records[record.alarm.identity].alarm
    if json_output:
        write_json(_document(alarm))
        return
    rule = rule_of(alarm.rule)
    errors.print(f"{alarm.identity} is taken on by {alarm.acknowledged_by}")
    print(f"{rule.remedy_en}\n{rule.remedy_zh}\nbehind it: {rule.behind}")


@app.command()
def history(
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many steps, the newest.")] = 100,
    json_output: JsonOption = False,
) -> None:
    """Show what happened: raised, told, escalated, acknowledged, cleared, handed over."""
    from infra.dead_letters.event_forms import time_text

    begin = time_of("--since", since)
    steps = _read(_places(_home()), begin)[-limit:]
    if json_output:
        write_json({"steps": [{**step._asdict(), "at": time_text(step.at)} for step in steps]})
    elif steps:
        rows = [(time_text(step.at), step.kind.value, step.alarm, step.by, _said(step)) for step in steps]
        write_table(("at", "step", "alarm", "by", "detail"), rows)
    else:
        errors.print("nothing happened")


def on_call(json_output: JsonOption = False) -> None:
    """Say which desks are on call now and next, in the order of escalation; exit status 1 when there is none."""
    from infra.alarms import roster
    from infra.dead_letters.event_forms import time_text

    home = _home()
    entries, source = _roster(home)
    now = _home_now(home)
    present, following = roster.on_call(entries, now), roster.next_change(entries, now)
    contacts = home.settings.operations.contacts
    missing = sorted({desk for level in present for desk in level} - set(contacts))
    if json_output:
        later = None
        if following is not None:
            later = {"at": time_text(following), "on_call": roster.on_call(entries, following)}
        document = {"at": time_text(now), "on_call": present, "next": later, "source": source, "unreachable": missing}
        write_json(document)
    else:
        moments = [(now, present)]
        if following is not None:
            moments.append((following, roster.on_call(entries, following)))
        rows = [
            (time_text(at), order, ", ".join(level))
            for at, levels in moments
            for order, level in (enumerate(levels, 1) if levels else [("-", ["nobody 无人值班"])])
        ]
        write_table(("from", "order", "desks"), rows)
        errors.print(f"by {source}")
        if missing:
            errors.print(f"no address in settings.operations.contacts: {', '.join(missing)}")
    if not present:
        raise typer.Exit(1)


def hand_over(
    since: SinceOption = None,
    by: Annotated[str | None, typer.Option("--by", help="Who hands over: puts it on record.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Write the hand-over log: what is open, who has it, what happened since the last one."""
    from infra.alarms import handover
    from infra.alarms.journal import Journal
    from infra.alarms.places import shift_of
    from infra.alarms.roster import read_last_known
    from infra.alarms.steps import Kind, Step, fold

    places = _places(_home(), needed=False)
    who = who_does(by) if by is not None else None
    with Journal(places.journal) as journal:
        records = fold(_steps(journal))
        entries = read_last_known(places.roster)
        shift = shift_of(places, journal, records, entries, _now(), time_of("--since", since), who)
        text = handover.as_markdown(shift)
        if who is not None:
            _write(journal, Step(shift.at, Kind.HANDED_OVER, by=who, detail={"text": text}))
    if json_output:
        write_json(handover.as_document(shift))
    else:
        print(text, end="")


def _home() -> "Home":
    from infra.cli.reaching import home_with

    return home_with()


def _places(home: "Home", *, needed: bool = True) -> "Places":
    from infra.alarms.places import Places

    places = Places.of_home(home)
    if needed and not places.journal.exists():
        raise MissingPart(
            f"nothing ever looked for alarms in {home.directory}; start the part operations: checkline up"
        )
    return places


def _read(places: "Places", since: int | None = None) -> "list[Step]":
    from infra.alarms.journal import Journal

    with Journal(places.journal) as journal:
        return _steps(journal, since)


def _steps(journal: "Journal", since: int | None = None) -> "list[Step]":
    from infra.alarms.journal import JournalFailed

    try:
        return journal.read(since=since)
    except JournalFailed as error:
        raise CannotReadJournal(str(error)) from error


def _write(journal: "Journal", step: "Step") -> None:
    journal.append([step])
    if journal.failure is not None:
        raise CannotReadJournal(f"{journal.file} cannot be written: {journal.failure}; acknowledge on the page")


def _one_of(records: "dict[str, Record]", identity: str) -> "Record":
    found = [record for record in records.values() if record.alarm.is_open]
    if identity not in {record.alarm.identity for record in found}:
        found = [record for record in found if identity in record.alarm.identity]
    else:
        found = [records[identity]]
    if not found:
        raise WrongSetting(f"no open alarm is named {identity}; checkline alarms list names them")
    if len(found) > 1:
        names = ", ".join(record.alarm.identity for record in found[:5])
        raise WrongSetting(f"{identity} names {len(found)} open alarms: {names}; say which")
    return found[0]


def _roster(home: "Home") -> "tuple[Sequence[Entry], str]":
    """The entries, and where they are from: the column store, or what was kept of it."""
    from infra.alarms.roster import read_last_known
    from infra.alarms.roster_table import roster_entries
    from infra.column_store import reader_address
    from sinks.clickhouse import ClickHouse, StatementFailed

    try:
        with ClickHouse(reader_address(home), "checkline-roster", seconds=5) as client:
            return roster_entries(client), "the column store"
    except StatementFailed:
        return read_last_known(_places(home, needed=False).roster), "the last known roster: clickhouse does not answer"


def _home_now(home: "Home") -> int:
    """The time of the home's clock: that of its log as the operations part last saw it."""
    if home.clock == "wall":
        return _now()
    stood, _ = _places(home, needed=False).last_standing()
    if stood is None:
        raise MissingPart(f"the time of {home.directory} is that of its log, and nothing watched it; checkline up")
    return stood.now


def _now() -> int:
    return time.time_ns() // 1_000_000


def _row(alarm: "Alarm") -> tuple[Any, ...]:
    from infra.dead_letters.event_forms import time_text

    held = "ended" if alarm.cleared_at else "holds"
    return time_text(alarm.raised_at), alarm.severity, held, alarm.acknowledged_by or "nobody"


def _document(alarm: "Alarm") -> dict[str, Any]:
    from infra.alarms.rules import rule_of

    return {**alarm._asdict(), "open": alarm.is_open, "remedy_en": rule_of(alarm.rule).remedy_en}


def _said(step: "Step") -> str:
    detail = step.detail
    words = [str(detail[name]) for name in ("en", "what", "key", "why") if name in detail]
    if "contacts" in detail:
        words.append("told: " + (", ".join(detail["contacts"]) or "nobody"))
    return "; ".join(words)
