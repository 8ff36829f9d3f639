"""`explain`, `as-of`: what was known then, of a person and of everything, and why a verdict was not another."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.cli.arguments import time_of
from infra.cli.output import JsonOption, errors, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from infra.asking_then import Extent
    from infra.home import Home
    from replay.campaigns.campaign import Campaign
    from schemas.codes import RiskLevel

AtOption = Annotated[str | None, typer.Option(help="As known at this time, ISO 8601 with an offset.")]


def explain(
    token: Annotated[str, typer.Argument(help="Token of the person.")],
    at: AtOption = None,
    level: Annotated[
        str | None, typer.Option("--why-not", metavar="LEVEL", help="Why the verdict is not this level.")
    ] = None,
    source: Annotated[
        Literal["tables", "log"], typer.Option("--from", help="What is asked: the event tables, or the log itself.")
    ] = "tables",
    json_output: JsonOption = False,
) -> None:
    """Tell a person's story: what was observed, the risk and the deadlines that follow, and because of which events."""
    asked = None if level is None else _level(level)
    as_of = time_of("--at", at)
    _check_token(token)
    from infra.asking_then import known_of
    from infra.cli.reaching import home_with
    from infra.cli.story import tell, tell_why_not
    from replay.story import story
    from replay.why_not import why_not

    home = home_with("clickhouse" if source == "tables" else "kafka")
    known = known_of(home, token, _now(home, source) if as_of is None else as_of, source)
    if asked is not None:
        found = why_not(known, asked)
        if json_output:
            write_json(found.as_json())
        else:
            print(tell_why_not(found))
        return
    told = story(known)
    if json_output:
        write_json(told.as_json())
    elif told.observed:
        print(tell(told))
    if not told.observed:
        errors.print(f"nothing is known of {token}{f' at {at}' if at else ''}")
        raise typer.Exit(1)


def as_of(
    time: Annotated[str, typer.Argument(help="As known at this time, ISO 8601 with an offset.")],
    person: Annotated[str | None, typer.Option(metavar="TOKEN", help="The story of a person.")] = None,
    queue: Annotated[bool, typer.Option("--queue", help="The open follow-up clocks, overdue first.")] = False,
    figures: Annotated[str | None, typer.Option(metavar="CAMPAIGN", help="The published figures.")] = None,
    query: Annotated[str | None, typer.Option(metavar="SQL", help="Ask the tables as they were known.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Tell what was known at a time: from the records that had arrived by then, and no others."""
    at = time_of("TIME", time)
    given = {"--person": person, "--queue": queue or None, "--figures": figures, "--query": query}
    if len(several := [name for name, value in given.items() if value is not None]) > 1:
        raise WrongSetting(f"{' and '.join(several)}: ask for one of them at a time")
    if person is not None:
        _check_token(person)
    campaign = None if figures is None else _campaign(figures)
    from infra import asking_then
    from infra.cli import state_then
    from infra.cli.reaching import home_with

    home = home_with("clickhouse")
    extent = asking_then.extent_of(home)
    if not extent.holds(at):
        first = "" if extent.first is None else f": the first record arrived at {state_then.moment(extent.first)}"
        errors.print(f"nothing was known at {time}{first}")
        raise typer.Exit(1)
    _tell_until(extent, at)
    if person is not None:
        explain(person, time, json_output=json_output)
    elif queue:
        waiting = asking_then.queue_of(home, at)
        if json_output:
            clocks = [one.as_json(at) for one in waiting]
            write_json({"as_of": at, "known_until": extent.last, "queue": clocks})
        else:
            state_then.print_queue(waiting, at)
    elif campaign is not None:
        computed = asking_then.figures_of(home, campaign, at)
        if json_output:
            rows = [one.as_json() for one in computed]
            write_json({"as_of": at, "known_until": extent.last, "figures": rows})
        else:
            state_then.print_figures_then(computed)
    elif query is not None:
        answer = asking_then.answer_of(home, query, at)
        if json_output:
            columns = [{"name": name, "type": kind} for name, kind in answer.columns]
            write_json({"as_of": at, "known_until": extent.last, "columns": columns, "rows": answer.rows})
        elif answer.columns:
            write_table([name for name, _ in answer.columns], answer.rows)
    else:
        found = asking_then.overview_of(home, at, extent.last or at)
        if json_output:
            write_json(found.as_json())
        else:
            state_then.print_overview(found)


def _tell_until(extent: "Extent", at: int) -> None:
    from infra.cli.state_then import moment

    if extent.last is not None and extent.last < at:
        errors.print(f"known until {moment(extent.last)}: nothing that arrived later is in the tables")


def _campaign(name: str) -> "Campaign":
    from infra.campaigning import find_campaign

    return find_campaign(name)


def _now(home: "Home", source: str) -> int:
    if source == "tables":
        from infra.campaigning import now_of

        return now_of(home)
    import time

    from infra.embedded.catch_up import GROUPS
    from infra.lag.collector import LagCollector

    if home.clock == "wall":
        return time.time_ns() // 1_000_000
    with LagCollector(home.kafka_bootstrap, GROUPS, home.settings.kafka.client_options()) as collector:
        return collector.newest_record()


def _check_token(token: str) -> None:
    from schemas.identities import is_token

    if not is_token(token):
        raise WrongSetting(f"{token} is no token: a token is a letter, two digits and 24 letters, never an identity")


def _level(name: str) -> "RiskLevel":
    from schemas.codes import RiskLevel

    try:
        return RiskLevel[name.upper()]
    except KeyError:
        levels = ", ".join(f"{level.value} ({level.english})" for level in RiskLevel)
        raise WrongSetting(f"--why-not {name}: there is no such level; one of {levels}") from None
