"""The demo: everything started, a campaign published, its figures shown, everything stopped."""

import json
import logging
import signal
import time
from typing import Any

from infra.campaigning import (
    compute_figures,
    expected_dead_letters,
    figures_file,
    find_campaign,
    found_dead_letters,
    now_of,
)
from infra.cli.campaigns import publish_with_progress
from infra.cli.figure_tables import print_figures, print_identities
from infra.cli.output import configure_logging, errors, progress
from infra.cli.story import story_of, tell
from infra.column_store import reader_address
from infra.embedded.catch_up import wait_until_caught_up
from infra.embedded.parts import parts
from infra.embedded.supervisor import Supervisor
from infra.home import Home
from infra.settings import read_settings
from replay.campaigns.campaign import Campaign
from sinks.clickhouse import ClickHouse

# Somebody whose story has all there is: a deadline, several observations, a risk level that changed.
_EXAMPLE = """
    SELECT token FROM checkline.risk_timelines FINAL
    WHERE token IN (SELECT token FROM checkline.sla_clocks FINAL)
    ORDER BY length(levels) DESC, token LIMIT 1
"""


class Stages:
    """A line on standard error when a stage begins, with the seconds since the first one."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the first stage began."""
        return time.monotonic() - self._began

    def begin(self, stage: str) -> None:
        """Say that a stage begins."""
        errors.print(f"{self.seconds:6.1f} s  {stage}")

    def begin_part(self, part: str) -> None:
        """What the supervisor says: the name of a part it starts, or that it stops one."""
        self.begin(part if part.startswith("stopping") else f"starting {part}")


def demonstrate(name: str, scale: float | None) -> bool:
    """Run the demo with a campaign; whether every figure matches and the dead letters are the expected ones.

    Raises CannotRun, and KeyboardInterrupt on SIGINT and SIGTERM; no part runs any more in any case.
    """
    # Importing polars puts a handler of its own before Python's, under which a wait for another thread goes on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stages = Stages()
    campaign = find_campaign(name)
    settings = read_settings(clock="event")
    home = Home.open(settings)
    configure_logging(settings)
    logging.getLogger("checkline.supervisor").setLevel(logging.WARNING)  # the stages say the same
    plan = parts(home)
    with (
        home.locked(),
        Supervisor(plan, home.logs, status_file=home.parts_file, progress=stages.begin_part) as supervisor,
    ):
        stages.begin(f"publishing {campaign.name}")
        account = json.loads(publish_with_progress(home, campaign, scale, supervisor.check).to_json())
        stages.begin("folding, writing, counting")
        _catch_up(home, supervisor, account["emissions"])
        stages.begin("figures")
        well = _show(home, campaign, account, stages)
    stages.begin("all parts have stopped")
    return well


def _catch_up(home: Home, supervisor: Supervisor, emissions: int) -> None:
    with ClickHouse(reader_address(home), "checkline-demo") as client, progress() as shown:
        # A record is read by the sink and, if it is not reference data, by one worker.
        task = shown.add_task("folding, writing, counting", total=None)
        most = emissions

        def tell_waiting(waiting: int) -> None:
            nonlocal most
            most = max(most, waiting)
            shown.update(task, completed=most - waiting, total=most)

        wait_until_caught_up(home, client, supervisor.check, tell_waiting)


def _show(home: Home, campaign: Campaign, account: dict[str, Any], stages: Stages) -> bool:
    with ClickHouse(reader_address(home), "checkline-demo") as client:
        document = compute_figures(home, client, campaign)
        example = client.rows(_EXAMPLE)
    refused, expected = found_dead_letters(home), expected_dead_letters(account)
    print_figures(document.figures)
    print_identities(document.identities)
    _print_account(account)
    print(f"Dead letters: {refused.total()} different records, {expected.total()} planned as poison or too old")
    if example:
        print(f"\nAn example of checkline explain {example[0][0]}:\n")
        print(tell(story_of(home, example[0][0], now_of(home))))
    well = document.all_match and refused == expected
    verdict = "every figure matches" if well else "NOT every figure matches, or the dead letters are not the poison"
    print(f"\n{verdict}; {stages.seconds:.0f} s; the same as JSON: {figures_file(home, campaign.name)}", flush=True)
    return well


def _print_account(account: dict[str, Any]) -> None:
    def total(name: str) -> int:
        return sum(account[name].values())

    print(
        f"\nThe log held {account['emissions']} records: {total('duplicates')} sent twice, {total('disordered')} out "
        f"of order, {total('late')} late, {total('conflicts')} identity conflicts, {total('poison')} poison."
    )
