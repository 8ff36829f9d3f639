"""`explain`, `audit`, `lag`: why a verdict is as it is, whether the tables are the log, how far everybody is."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import JsonOption, errors, write_json, write_line, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.lag.collector import PartitionLag

WATCH_SECONDS = 2


def explain(
    token: Annotated[str, typer.Argument(help="Token of the person.")],
    at: Annotated[str | None, typer.Option(help="As known at this time, ISO 8601 with an offset.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Tell a person's story: what was observed, the risk and the deadlines that follow, and because of which events."""
    from infra.campaigning import now_of
    from infra.cli.reaching import home_with
    from infra.cli.story import story_of, tell
    from schemas.identities import is_token

    if not is_token(token):
        raise WrongSetting(f"{token} is no token: a token is a letter, two digits and 24 letters, never an identity")
    as_of = None if at is None else _time(at)
    home = home_with("clickhouse")
    story = story_of(home, token, now_of(home) if as_of is None else as_of)
    if json_output:
        write_json(story.as_json())
    elif story.observed:
        print(tell(story))
    if not story.observed:
        errors.print(f"nothing is known of {token}{f' at {at}' if at else ''}")
        raise typer.Exit(1)


def _time(text: str) -> int:
    from schemas.events import to_milliseconds

    try:
        return int(to_milliseconds(text))
    except ValueError as error:
        raise WrongSetting(f"--at {text}: {error}") from error


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


def audit(json_output: JsonOption = False) -> None:
    """Hold the tables against the log; exit status 1 when they differ."""
    from infra.auditing import audit_home
    from infra.cli.reaching import home_with

    findings = audit_home(home_with("kafka", "clickhouse"))
    if json_output:
        write_json({"findings": [finding._asdict() for finding in findings]})
    elif findings:
        write_table(findings[0]._fields, findings)
    else:
        errors.print("the tables are the log: no difference found")
    if findings:
        raise typer.Exit(1)
