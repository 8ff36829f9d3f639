"""`explain`, `audit`, `lag`: why a verdict is as it is, whether the tables are the log, how far everybody is."""

import time
from typing import Annotated

import typer

from infra.campaigning import now_of
from infra.cli.campaigns import JsonOption
from infra.cli.output import errors, write_json, write_table
from infra.column_store import reader_address, reader_client
from infra.errors import WrongSetting
from infra.home import Home
from infra.settings import read_settings
from replay.explain import explain as explain_token
from replay.explain import render
from schemas.events import to_milliseconds
from schemas.identities import is_token
from sinks.clickhouse import ClickHouse

WATCH_SECONDS = 2


def explain(
    token: Annotated[str, typer.Argument(help="Token of the person.")],
    at: Annotated[str | None, typer.Option(help="As known at this time, ISO 8601 with an offset.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Tell a person's story: what was observed, the risk and the deadlines that follow, and because of which events."""
    if not is_token(token):
        raise WrongSetting(f"{token} is no token: a token is a letter, two digits and 24 letters, never an identity")
    home = Home.existing(read_settings())
    story = explain_token(reader_client(home), token, now_of(home) if at is None else _time(at))
    if json_output:
        write_json(story.as_json())
    else:
        print(render(story))
    if not story.observed:
        errors.print(f"nothing is known of {token}")
        raise typer.Exit(1)


def _time(text: str) -> int:
    try:
        return int(to_milliseconds(text))
    except ValueError as error:
        raise WrongSetting(f"--at {text}: {error}") from error


def lag(
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Show how far each consumer group is behind, in events and in seconds; exit status 1 when one is."""
    from infra.embedded.catch_up import GROUPS
    from infra.lag.collector import LagCollector

    home = Home.existing(read_settings())
    options = home.settings.kafka.client_options()
    with LagCollector(home.kafka_bootstrap, GROUPS, options) as collector:
        while True:
            found = collector.collect(now_of(home))
            if json_output:
                write_json({"lag": [partition._asdict() for partition in found]})
            else:
                write_table(found[0]._fields if found else (), [tuple(partition) for partition in found])
            if not watch:
                break
            time.sleep(WATCH_SECONDS)
    if any(partition.lag for partition in found):
        raise typer.Exit(1)


def audit(json_output: JsonOption = False) -> None:
    """Hold the tables against the log; exit status 1 when they differ."""
    from infra.auditing import audit_home

    home = Home.existing(read_settings())
    with ClickHouse(reader_address(home), "checkline-audit") as client:
        findings = audit_home(home, client)
    if json_output:
        write_json({"findings": [finding._asdict() for finding in findings]})
    elif findings:
        write_table(findings[0]._fields, [tuple(finding) for finding in findings])
    else:
        errors.print("the tables are the log: no difference found")
    if findings:
        raise typer.Exit(1)
