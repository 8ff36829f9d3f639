"""`dead-letters list|show|retry`: records that could not be used, what is wrong with them, publishing them again."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.arguments import time_of, who_does
from infra.cli.output import JsonOption, complain, errors, progress, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from infra.dead_letters.description import Description
    from infra.dead_letters.letters import Letter
    from infra.dead_letters.positions import Position
    from infra.dead_letters.retries import Answer
    from schemas.events import Event

OWNER_ONLY = 0o600
LONGEST_VALUE = 80

app = typer.Typer(help="Records that could not be used: list them, show what is wrong, publish them again.")

TopicOption = Annotated[str | None, typer.Option("--topic", help="Only records of this topic.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only records refused for this reason.")]
PositionArgument = Annotated[str, typer.Argument(help="topic/partition/offset of the refused record.")]


@app.command("list")
def list_letters(
    topic: TopicOption = None,
    reason: ReasonOption = None,
    since: Annotated[str | None, typer.Option(help="Arrived at or after this time, ISO 8601 with an offset.")] = None,
    until: Annotated[str | None, typer.Option(help="Arrived before this time, ISO 8601 with an offset.")] = None,
    source: Annotated[str | None, typer.Option(help="Only records of this device, where it can be read.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Those that wait for somebody (the default).")] = False,
    only_settled: Annotated[bool, typer.Option("--settled", help="Those that were retried or are stored.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Both.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many, the newest first.")] = 50,
    json_output: JsonOption = False,
) -> None:
    """List refused records, the newest first, after how many there are of each topic and reason."""
    from infra.cli.reaching import home_with
    from infra.column_store import reader_address
    from infra.dead_letters.description import letter_as_json
    from infra.dead_letters.letters import OPEN, RETRIED, SETTLED, Selection, find_letters, summarise
    from sinks.clickhouse import ClickHouse

    if only_open + only_settled + every > 1:
        raise WrongSetting("--open, --settled, --all: choose one")
    states = () if every else (RETRIED, SETTLED) if only_settled else (OPEN,)
    selection = Selection(
        _topic(topic), _reason(reason), time_of("--since", since), time_of("--until", until), source, states
    )
    home = home_with("clickhouse")
    with ClickHouse(reader_address(home), "checkline-dead-letters") as client:
        groups = summarise(client, selection._replace(states=()))
        letters = find_letters(client, selection, limit)
    if json_output:
        found = [letter_as_json(letter) for letter in letters]
        write_json({"summary": [group._asdict() for group in groups], "dead_letters": found})
        return
    if groups:
        write_table(groups[0]._fields, groups)
    if letters:
        print()
        columns = ("position", "appended_at", "reason", "field", "event", "state")
        write_table(columns, [_row(letter) for letter in letters])
    meant = sum(sum(getattr(group, state) for state in states or (OPEN, RETRIED, SETTLED)) for group in groups)
    of_state = "" if every else "settled " if only_settled else "open "
    errors.print(f"{len(letters)} of {meant} {of_state}dead letters")


def _row(letter: "Letter") -> tuple[Any, ...]:
    from infra.dead_letters.event_forms import time_text

    state = f"{letter.state}, retried to {letter.retry.to} by {letter.retry.by}" if letter.retry else letter.state
    state = state.removeprefix("retried, ")
    return letter.position, time_text(letter.appended_at), letter.reason.name, letter.field, _event(letter), state


def _event(letter: "Letter") -> str:
    return f"{letter.source}#{letter.sequence}" if letter.source else ""


@app.command()
def show(
    position: PositionArgument,
    raw_file: Annotated[
        Path | None, typer.Option("--raw", help="Write the value as it came to this file; it may name persons' tokens.")
    ] = None,
    event_file: Annotated[
        Path | None, typer.Option("--event", help="Write what could be read to this file, to be corrected.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Show a refused record: why, what to do, and every field that can be read, up to the first that cannot."""
    import json

    from infra.cli.reaching import home_with
    from infra.column_store import reader_address
    from infra.dead_letters.description import NEVER_SHOWN, describe
    from infra.dead_letters.letters import find_letter
    from infra.dead_letters.positions import parse_position
    from infra.dead_letters.records import RecordReader
    from schemas.policy import default_policy
    from sinks.clickhouse import ClickHouse

    wanted = parse_position(position)
    home = home_with("kafka", "clickhouse")
    with ClickHouse(reader_address(home), "checkline-dead-letters") as client:
        letter = find_letter(client, wanted)
    if letter is None:
        _no_letter(wanted)
        raise typer.Exit(1)
    with RecordReader(home.kafka_bootstrap, home.settings.kafka.client_options()) as records:
        raw = records.raw(letter)
    found = describe(letter, raw, home.settings.partitions, default_policy().arrival.limits)
    if (raw_file or event_file) and found.restricted:
        raise WrongSetting(f"{wanted}: {NEVER_SHOWN}")
    if raw_file is not None:
        if raw is None or raw.value is None:
            raise WrongSetting(f"--raw {raw_file}: {wanted} has no bytes to write{'' if raw else ' any more'}")
        _write(raw_file, raw.value)
    if event_file is not None:
        if found.event is None:
            raise WrongSetting(f"--event {event_file}: nothing can be read of {wanted}")
        _write(event_file, (json.dumps(found.event, ensure_ascii=False) + "\n").encode())
    if json_output:
        write_json(found.as_json())
    else:
        _tell(found)


def _no_letter(position: "Position") -> None:
    errors.print(f"no record was refused at {position}; see checkline dead-letters list --all")


def _tell(found: "Description") -> None:
    from infra.dead_letters.description import HEAD_BYTES, NEVER_SHOWN
    from infra.dead_letters.event_forms import key_text, time_text

    letter, raw, value = found.letter, found.raw, found.value
    version = value.version if value else None
    retry = letter.retry
    lines = [
        ("position", letter.position),
        ("state", letter.state),
        ("arrived", time_text(letter.appended_at)),
        ("reason", f"{letter.reason.name}: {letter.reason.english}"),
        ("field", letter.field),
        ("what is wrong", letter.detail),
        ("what to do", found.what_to_do),
        ("owner", letter.owner or "nobody writes dead letters of this topic; the sinks refused it"),
        ("event", _event(letter)),
        ("schema id", letter.schema_id),
        ("read with", version and f"{version.subject} version {version.version}" + " (a guess)" * _is_guess(found)),
    ]
    if retry is not None:
        how = "as corrected" if retry.corrected else "as it was"
        lines.append(("retried", f"{time_text(retry.at)} by {retry.by} to {retry.to}, {how}"))
    if found.restricted:
        lines.append(("contents", NEVER_SHOWN))
    elif raw is None:
        lines.append(("contents", "retention has eaten its bytes"))
    else:
        key = "none" if raw.key is None else key_text(raw.key) or raw.key.hex(" ")
        lines += [("key", key), ("size", "no value" if raw.value is None else f"{len(raw.value)} bytes")]
        lines += [("bytes", (raw.value or b"")[:HEAD_BYTES].hex(" ")), ("found in", raw.found_in)]
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        if text not in (None, ""):
            print(f"{name:<{width}}  {text}")
    if value is not None:
        _tell_fields(found)


def _is_guess(found: "Description") -> bool:
    """Whether the record does not name the schema that it was read with."""
    return found.value is not None and found.value.guessed


def _tell_fields(found: "Description") -> None:
    value = found.value
    assert value is not None
    datum, written = value.datum, found.event or {}
    rows = [
        (unread.begin, unread.name, f"{unread.begin}-", f"CANNOT BE READ: {unread.detail}") for unread in datum.unread
    ]
    for field in datum.fields:
        text = str(written.get(field.name, "" if field.value is None else field.value))
        shown = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"
        rows.append((field.begin, field.name, f"{field.begin}-{field.end - 1}", shown))
    if rows:
        print()
        write_table(("field", "bytes", "value"), [row[1:] for row in sorted(rows)], right=("bytes",))
    if datum.not_reached:
        print(f"\nnot reached: {', '.join(datum.not_reached)}")
    if datum.trailing is not None:
        print(f"\nbytes from {datum.trailing} on belong to no field")


def _write(file: Path, data: bytes) -> None:
    """What was refused may hold what should not be there: it is for whoever asked for it."""
    import os

    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise WrongSetting(f"{file} cannot be written: {error.strerror}; name another file") from error


@app.command()
def retry(
    positions: Annotated[list[str] | None, typer.Argument(help="topic/partition/offset of refused records.")] = None,
    with_file: Annotated[
        Path | None, typer.Option("--with", help="Publish the event in this file instead of the original bytes.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All open ones (of --topic and --reason).")] = False,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if it will be refused again, or be a conflict.")] = False,
    by: Annotated[str | None, typer.Option(help="Who does this; otherwise the user of this machine.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Publish refused records again, as they came or corrected; exit status 1 when one would only be refused again."""
    from infra.cli.reaching import home_with
    from infra.column_store import reader_address
    from infra.dead_letters.letters import OPEN, Selection, find_letter, find_letters
    from infra.dead_letters.positions import parse_position
    from infra.dead_letters.retries import Answer, retries
    from sinks.clickhouse import ClickHouse

    check_call(positions, with_file, every, topic, reason, force)
    who = who_does(by)
    wanted = [parse_position(position) for position in dict.fromkeys(positions or ())]
    selection = Selection(_topic(topic), _reason(reason), states=(OPEN,))
    corrected = _event_of(with_file) if with_file is not None else None
    home = home_with("kafka", "clickhouse")
    answers: list[Answer] = []
    with ExitStack() as stack:
        client = stack.enter_context(ClickHouse(reader_address(home), "checkline-dead-letters"))
        letters = find_letters(client, selection) if every else [find_letter(client, place) for place in wanted]
        doing = stack.enter_context(retries(home, client, dry_run=dry_run))
        bar = stack.enter_context(progress())
        task = bar.add_task("retrying", total=len(letters))
        for number, letter in enumerate(letters):
            if letter is None:
                answers.append(Answer(str(wanted[number]), "refused", None, "no record was refused there"))
            else:
                answers.append(doing.retry(letter, who, corrected, force=force))
            bar.advance(task)
    if json_output:
        write_json({"retries": [answer._asdict() for answer in answers]})
    else:
        _print_answers(answers)
    if any(answer.outcome == "refused" for answer in answers):
        raise typer.Exit(1)


def check_call(
    positions: Sequence[str] | None,
    with_file: Path | None,
    every: bool,
    topic: str | None,
    reason: str | None,
    force: bool,
) -> None:
    if bool(positions) == every:
        raise WrongSetting("name the positions to retry, or give --all")
    if (topic or reason) and not every:
        raise WrongSetting("--topic and --reason choose among --all")
    if force and every:
        raise WrongSetting("--force overrules a refusal, which is to be read first: name the positions")
    if with_file is not None and (every or len(positions or ()) != 1):
        raise WrongSetting("--with gives one event for one position")


def _event_of(file: Path) -> "Event":
    """The one event of a file; every bad line is named. Raises typer.Exit with 1 then."""
    from infra.edge.event_files import BadLine, read_events

    results = [result for read in read_events(file) for result in read.results]
    bad = [result for result in results if isinstance(result, BadLine)]
    for problem in bad:
        complain(f"{file}: {problem}")
    if bad:
        raise typer.Exit(1)
    events = [result.event for result in results if not isinstance(result, BadLine)]
    if len(events) != 1:
        raise WrongSetting(f"{file} holds {len(events)} events: write the one that is meant, on a line")
    return events[0]


def _print_answers(answers: "Sequence[Answer]") -> None:
    from collections import Counter

    if answers:
        write_table(answers[0]._fields, answers)
    counts = Counter(answer.outcome for answer in answers)
    errors.print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no open dead letters")


def _topic(name: str | None) -> str | None:
    from schemas import topics

    names = [topic.name for topic in topics.INPUT_TOPICS]
    if name is not None and name not in names:
        raise WrongSetting(f"--topic {name}: write one of: {', '.join(names)}")
    return name


def _reason(name: str | None) -> Any:
    from schemas.codes import Refusal

    if name is not None and name not in Refusal.__members__:
        raise WrongSetting(f"--reason {name}: write one of: {', '.join(Refusal.__members__)}")
    return None if name is None else Refusal[name]
