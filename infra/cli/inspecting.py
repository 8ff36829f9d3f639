"""`audit`, `lag`: whether the tables are the log, how far everybody is."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, write_json, write_line, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from infra.auditing import Repaired
    from infra.lag.collector import PartitionLag
    from sinks.findings import Finding

WATCH_SECONDS = 2


def lag(
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Show how far each consumer group is behind on each topic, in events and in seconds; --json: on each partition."""
    from infra.cli.reaching import home_with
    from infra.embedded.catch_up import GROUPS
    from infra.lag.collector import LagCollector

    home = home_with("kafka")
    options = home.settings.kafka.client_options()
    with LagCollector(home.kafka_bootstrap, GROUPS, options) as collector:
        while True:
            # The time of an event-clock home is that of its log.
            now = collector.newest_record() if home.clock == "event" else time.time_ns() // 1_000_000
            found = collector.collect(now)
            document = {"lag": [partition._asdict() for partition in found]}
            if json_output and watch:
                write_line(document)
            elif json_output:
                write_json(document)
            else:
                _print_lag(found)
            if not watch:
                return
            time.sleep(WATCH_SECONDS)


def _print_lag(found: "Sequence[PartitionLag]") -> None:
    """One row a group and topic; the seconds are those of the partition that is furthest behind."""
    from itertools import groupby

    rows = []
    for (group, topic), partitions in groupby(found, key=lambda one: (one.group, one.topic)):
        lags = list(partitions)
        seconds = [one.lag_seconds for one in lags if one.lag_seconds is not None]
        worst = max(lags, key=lambda one: one.lag)
        where = worst.partition if worst.lag else None
        rows.append((group, topic, len(lags), sum(one.lag for one in lags), where, max(seconds, default=None)))
    columns = ("group", "topic", "partitions", "events behind", "most on", "seconds behind")
    write_table(columns, rows, right=("events behind", "most on", "seconds behind"))


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
