"""`audit`, `lag`: whether the tables are the log, how far everybody is."""

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, write_json, write_line, write_table
from infra.errors import MissingPart, WrongSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from rich.console import RenderableType

    from infra.auditing import Repaired
    from infra.lag.snapshot import KafkaState
    from sinks.findings import Finding

WATCH_SECONDS = 2.0


def lag(
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="Every partition in a row of its own.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Show how far each consumer group is behind on each topic, in events and in seconds; --json: on each partition."""
    from infra.cli.reaching import home_with
    from infra.embedded.catch_up import GROUPS
    from infra.lag.kafka_state import KafkaCollector

    home = home_with("kafka")
    options = home.settings.kafka.client_options()
    with KafkaCollector(home.kafka_bootstrap, GROUPS, options, home.kafka_replication) as collector:

        def look() -> "KafkaState":
            # The time of an event-clock home is that of its log.
            return collector.collect(collector.newest_record() if home.clock == "event" else _machine_ms())

        if not watch:
            state = look()
            if json_output:
                write_json(_lag_document(state))
            else:
                _print_lag(state, partitions)
        elif not json_output and sys.stdout.isatty():
            _redraw_lag(look, partitions, home.settings.operations.stuck_seconds)
        else:
            for state in _looks(look, errors.print):
                if json_output:
                    write_line(_lag_document(state))
                else:
                    _print_lag(state, partitions)


def _machine_ms() -> int:
    return time.time_ns() // 1_000_000


def _looks(look: "Callable[[], KafkaState]", tell: "Callable[[str], None]") -> "Iterator[KafkaState]":
    """A look every two seconds, for ever; where Kafka does not answer, that is told, and it is asked again."""
    while True:
        begun = time.monotonic()
        try:
            yield look()
        except MissingPart as error:
            tell(str(error))
        time.sleep(max(0.0, WATCH_SECONDS - (time.monotonic() - begun)))


def _lag_document(state: "KafkaState") -> dict[str, object]:
    return {
        "lag": [partition._asdict() for partition in state.partitions],
        "groups": [group._asdict() for group in state.groups],
        "brokers": state.brokers,
        "brokers_expected": state.brokers_expected,
        "under_replicated": state.under_replicated,
    }


def _print_lag(state: "KafkaState", by_partition: bool) -> None:
    """One row a group and topic, with the ages of the partition that is worst; then the groups."""
    from infra.cli import lag_view

    rows = [lag_view.cells(row) for row in lag_view.rows(state, by_partition)]
    write_table(lag_view.columns(by_partition), rows, right=lag_view.ROW_COLUMNS)
    sys.stdout.write("\n")
    write_table(("group", "state", "members", "rebalances"), state.groups)
    if state.brokers < state.brokers_expected or state.under_replicated:
        errors.print(lag_view.brokers(state))


def _redraw_lag(look: "Callable[[], KafkaState]", by_partition: bool, stuck_seconds: float) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from infra.cli.lag_view import page

    console = Console(highlight=False, markup=False)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def tell(failure: str) -> None:
            """The last page stays, and says that it is old."""
            live.update(Group(Text(f"NO ANSWER  {failure}", style="bold red"), *shown), refresh=True)

        shown: list[RenderableType] = []
        for state in _looks(look, tell):
            heading = f"checkline lag  {datetime.now(UTC):%H:%M:%S} UTC"
            shown[:] = [page(state, heading, by_partition, console.height, stuck_seconds)]
            live.update(shown[0], refresh=True)


def audit(
    everything: Annotated[
        bool, typer.Option("--all", help="Read the whole log again, not only its next part.")
    ] = False,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic (may be repeated).")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Read again what was appended from this time on.")] = None,
    until: Annotated[str | None, typer.Option(help="... and before this time, ISO 8601 with an offset.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what differs by reading the log again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --repair: only say what would be done.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Hold the tables against the log; exit status 1 when they differ, or still do after a repair."""
    from infra import auditing
    from infra.cli.reaching import home_with

    if dry_run and not repair:
        raise WrongSetting("--dry-run says what --repair would do; give both, or audit without it")
    if unknown := set(topic or ()) - auditing.EVERY_TOPIC:
        raise WrongSetting(f"--topic {min(unknown)}: there is none of that name; one of {_names(auditing.EVERY_TOPIC)}")
    scope = auditing.Scope(
        frozenset(topic) if topic else auditing.EVERY_TOPIC,
        everything,
        time_of("--from", since),
        time_of("--until", until),
    )
    home = home_with("kafka", "clickhouse")
    if not repair:
        findings = auditing.audit_home(home, scope, errors.print)
        _tell_findings(findings, json_output)
    else:
        done = auditing.repair_home(home, scope, dry_run, errors.print)
        findings = done.left
        _tell_repair(done, dry_run, json_output)
    if findings:
        raise typer.Exit(1)


def _names(topics: "Collection[str]") -> str:
    return ", ".join(sorted(topics))


def _tell_findings(findings: "Sequence[Finding]", json_output: bool) -> None:
    if json_output:
        write_json({"findings": [finding._asdict() for finding in findings]})
    elif findings:
        write_table(findings[0]._fields, findings)
        errors.print(f"{len(findings)} differences; checkline audit --repair mends them by reading the log again")
    else:
        errors.print("the tables are the log: no difference found")


def _tell_repair(repaired: "Repaired", dry_run: bool, json_output: bool) -> None:
    """The plan of what was found, what was done of it, and what is left."""
    plan = repaired.plan
    if json_output:
        document: dict[str, object] = {
            "findings": [finding._asdict() for finding in repaired.found],
            "ranges": [span._asdict() for span in plan.ranges],
            "lost": [span._asdict() for span in plan.lost],
        }
        if not dry_run:
            document["repaired"] = [{**one._asdict(), **one.span._asdict()} for one in repaired.done]
            document["left"] = [finding._asdict() for finding in repaired.left]
        write_json(document)
        return
    steps = [
        *((*span, len(found), "read again, written where it differs") for span, found in plan.ranges.items()),
        *((*span, len(found), "LOST: the log begins later") for span, found in plan.lost.items()),
        *((one.topic, one.partition, one.begin, one.end, 1, f"{one.table}: {one.action}") for one in plan.others),
    ]
    if steps:
        write_table(("topic", "partition", "begin", "end", "differences", "what is done"), steps)
    for span in plan.lost:
        errors.print(
            f"offsets {span.begin} to {span.end} of {span.topic}/{span.partition}: the log holds them no more: "
            "what was lost of them in the tables is lost, and what is wrong there cannot be told from what is right"
        )
    if dry_run:
        errors.print(f"{len(repaired.found)} differences; nothing was done")
    elif not repaired.left:
        rows = sum(one.deleted + one.written for one in repaired.done)
        what = f"{len(repaired.found)} differences mended, {rows} rows deleted or written; " if repaired.found else ""
        errors.print(f"{what}the tables are the log: no difference found")
    else:
        write_table(repaired.left[0]._fields, repaired.left)
        errors.print(f"{len(repaired.left)} differences are left")
