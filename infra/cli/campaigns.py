"""`demo`, `simulate`, `figures`: a source document published as events, and its figures out of ClickHouse again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import JsonOption, errors, progress, write_json

if TYPE_CHECKING:
    from infra.home import Home
    from replay.campaigns.campaign import Campaign
    from replay.manifest import Manifest
    from replay.simulate import Progress

DEFAULT_CAMPAIGN = "qingdao-2020-02-20"


def simulate(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    scale: Annotated[float | None, typer.Option(help="Share of the published entries, over 0 and up to 1.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Publish a campaign into a running event-clock home."""
    import json

    from infra.campaigning import check_scale, find_campaign
    from infra.cli.reaching import home_with

    chosen = find_campaign(campaign)
    check_scale(scale)
    manifest = publish_with_progress(home_with("kafka"), chosen, scale)
    if json_output:
        write_json(json.loads(manifest.to_json()))
    else:
        errors.print(f"published {campaign}: {manifest.emissions} records")


def figures(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    json_output: JsonOption = False,
    with_proof: Annotated[bool, typer.Option("--proof", help="Add the ranges of the log behind each figure.")] = False,
) -> None:
    """Print the published figures beside what ClickHouse answers; exit status 1 when one does not match, or when an
    identity between them that is asserted does not close."""
    from infra.campaigning import compute_figures, find_campaign
    from infra.cli.figure_tables import print_figures, print_identities, print_proof, prove
    from infra.cli.reaching import home_with
    from infra.column_store import reader_address
    from sinks.clickhouse import ClickHouse

    chosen = find_campaign(campaign)
    home = home_with("clickhouse")
    with ClickHouse(reader_address(home), "checkline-figures") as client:
        document = compute_figures(home, client, chosen)
        spans = prove(client, chosen.figures) if with_proof else {}
    if json_output:
        added = {"proof": {ref: [span._asdict() for span in of_figure] for ref, of_figure in spans.items()}}
        write_json(document.as_json() | (added if with_proof else {}))
    else:
        print_figures(document.figures)
        print_identities(document.identities)
        if with_proof:
            print_proof(spans)
    if not document.all_match:
        raise typer.Exit(1)


def demo(
    campaign: Annotated[str, typer.Option(help="Name of the campaign.")] = DEFAULT_CAMPAIGN,
    full: Annotated[bool, typer.Option("--full", help="Publish the whole volume of the source.")] = False,
) -> None:
    """Start everything, publish a campaign, print its figures and one person's story, stop everything."""
    from infra.cli.demonstration import demonstrate

    if not demonstrate(campaign, 1.0 if full else None):
        raise typer.Exit(1)


def publish_with_progress(
    home: "Home", campaign: "Campaign", scale: float | None, alive: Callable[[], None] = lambda: None
) -> "Manifest":
    """Publish a campaign behind a progress bar. ``alive`` is asked now and then and raises to end it."""
    from infra.campaigning import publish_campaign

    with progress() as shown:
        task = shown.add_task(f"publishing {campaign.name}", total=None)

        def tell(at: "Progress") -> None:
            alive()
            shown.update(task, completed=at.published, total=at.expected)

        return publish_campaign(home, campaign, scale, tell)
