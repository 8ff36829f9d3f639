"""`demo`, `simulate`, `figures`: a source document published as events, and its figures out of ClickHouse again."""

import json
import signal
import threading
import time
from typing import Annotated, Any

import typer

from infra.campaigning import (
    DEFAULT_CAMPAIGN,
    account_of,
    expected_dead_letters,
    find_campaign,
    found_dead_letters,
    now_of,
    publish_campaign,
)
from infra.cli.output import configure_logging, errors, progress, write_json, write_table
from infra.column_store import reader_address, reader_client
from infra.home import Home, write_whole
from infra.settings import read_settings
from replay.campaigns.campaign import Campaign
from replay.explain import explain, render
from replay.simulate import Progress as SimulationProgress
from sinks.clickhouse import ClickHouse
from sinks.figures import ComputedFigure, compute, proof

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

# Somebody whose story has all there is: a deadline, several observations, a risk level that changed.
_EXAMPLE = """
    SELECT token FROM checkline.risk_timelines FINAL
    WHERE token IN (SELECT token FROM checkline.sla_clocks FINAL)
    ORDER BY length(levels) DESC, token LIMIT 1
"""


def simulate(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    scale: Annotated[float | None, typer.Option(help="Share of the published entries, up to 1.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Publish a campaign into a running event-clock home."""
    chosen = find_campaign(campaign)
    home = Home.existing(read_settings())
    manifest = _publish(home, chosen, scale)
    if json_output:
        write_json(json.loads(manifest))
    else:
        errors.print(f"published {campaign}: {json.loads(manifest)['emissions']} records")


def figures(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    json_output: JsonOption = False,
    with_proof: Annotated[bool, typer.Option("--proof", help="Add the ranges of the log behind each figure.")] = False,
) -> None:
    """Print the published figures beside what ClickHouse answers; exit status 1 when one does not match."""
    chosen = find_campaign(campaign)
    home = Home.existing(read_settings())
    with ClickHouse(reader_address(home), "checkline-figures") as client:
        computed = _compute(home, client, chosen)
        document: dict[str, Any] = {"figures": [one._asdict() for one in computed]}
        if with_proof:
            document["proof"] = {
                figure.ref: [span._asdict() for span in proof(client, figure)] for figure in chosen.figures
            }
    if json_output:
        write_json(document)
    else:
        _print_figures(computed)
        if with_proof:
            write_json(document["proof"])
    if not all(one.matches for one in computed):
        raise typer.Exit(1)


def demo(
    campaign: Annotated[str, typer.Option(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    full: Annotated[bool, typer.Option("--full", help="Publish the whole volume of the source.")] = False,
) -> None:
    """Start everything, publish a campaign, print its figures and one person's story, stop everything."""
    from infra.embedded.catch_up import wait_until_caught_up
    from infra.embedded.parts import parts
    from infra.embedded.supervisor import Supervisor

    began = time.monotonic()
    chosen = find_campaign(campaign)
    settings = read_settings(clock="event")
    home = Home.open(settings)
    configure_logging(settings)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with home.locked():
        supervisor = Supervisor(parts(home), home.logs, status_file=home.parts_file, progress=errors.print)
        with supervisor:
            account = json.loads(_publish(home, chosen, 1.0 if full else None, supervisor.check))
            with ClickHouse(reader_address(home), "checkline-demo") as client, progress() as shown:
                task = shown.add_task("folding, writing, counting", total=account["emissions"])

                def tell(waiting: int) -> None:
                    shown.update(task, completed=max(0, account["emissions"] - waiting))

                wait_until_caught_up(home, client, supervisor.check, tell)
            with ClickHouse(reader_address(home), "checkline-demo") as client:
                computed = _compute(home, client, chosen)
                refused, expected = found_dead_letters(home), expected_dead_letters(account)
                example = client.rows(_EXAMPLE)
            _print_figures(computed)
            _print_account(account)
            print(f"Dead letters: {refused.total()} different records, {expected.total()} planned as poison or too old")
            if example:
                print(f"\nAn example of checkline explain {example[0][0]}:\n")
                print(render(explain(reader_client(home), example[0][0], now_of(home))))
            well = all(one.matches for one in computed) and refused == expected
            seconds = time.monotonic() - began
            verdict = (
                "every figure matches" if well else "NOT every figure matches, or the dead letters are not the poison"
            )
            print(f"\n{verdict}; {seconds:.0f} s; the same as JSON: {_figures_file(home, chosen)}", flush=True)
            threading.Thread(target=errors.print, args=("stopping all parts",)).start()
    if not well:
        raise typer.Exit(1)


def _publish(home: Home, campaign: Campaign, scale: float | None, alive: Any = lambda: None) -> str:
    with progress() as shown:
        task = shown.add_task(f"publishing {campaign.name}", total=None)

        def tell(at: SimulationProgress) -> None:
            alive()
            shown.update(task, completed=at.published, total=at.expected)

        return publish_campaign(home, campaign, scale, tell).to_json()


def _compute(home: Home, client: ClickHouse, campaign: Campaign) -> list[ComputedFigure]:
    """The figures, which are also written to the home."""
    computed = compute(client, campaign.figures, account_of(home, campaign.name)["scale"])
    document = {"figures": [one._asdict() for one in computed]}
    write_whole(_figures_file(home, campaign), json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    return computed


def _figures_file(home: Home, campaign: Campaign) -> Any:
    return home.figures / f"{campaign.name}.json"


def _print_figures(computed: list[ComputedFigure]) -> None:
    rows = [
        (
            one.ref,
            one.name,
            one.unit,
            f"{'>= ' if one.lower_bound else ''}{one.published}",
            f"{one.scale:g}",
            one.expected,
            one.computed,
            "yes" if one.matches else "NO",
            {True: "holds", False: "DOES NOT HOLD", None: "scaled"}[one.holds],
        )
        for one in computed
    ]
    write_table(("row", "figure", "unit", "published", "scale", "expected", "computed", "matches", "claim"), rows)


def _print_account(account: dict[str, Any]) -> None:
    def total(name: str) -> int:
        return sum(account[name].values())

    print(
        f"\nThe log held {account['emissions']} records: {total('duplicates')} sent twice, {total('disordered')} out "
        f"of order, {total('late')} late, {total('conflicts')} identity conflicts, {total('poison')} poison."
    )
