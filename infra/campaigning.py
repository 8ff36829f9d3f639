"""What the campaign commands share: publishing a campaign, its account, its figures, and what went to dead letters."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from xxhash import xxh3_128_hexdigest

from infra.column_store import reader_address, writer_address
from infra.edge.publisher import Publisher
from infra.errors import CannotRun, MissingPart, WrongSetting
from infra.home import Home, write_whole
from replay.campaigns import UnknownCampaign, campaign_named
from replay.campaigns.campaign import Campaign
from replay.emission import Emission
from replay.manifest import Manifest
from replay.simulate import Progress, simulate
from sinks.clickhouse import ClickHouse
from sinks.figure_identities import CheckedIdentity, check
from sinks.figures import ComputedFigure, compute

UNFINISHED = "unfinished"
"""Stands in the account of a campaign until all of it is acknowledged."""

DeadLetters = Counter[tuple[str, str, str]]
"""(topic, reason, xxh3-128 of the raw value), counted."""


class NoSuchCampaign(CannotRun):
    """There is no campaign of that name."""


def find_campaign(name: str) -> Campaign:
    """The campaign of a name. Raises NoSuchCampaign."""
    try:
        return campaign_named(name)
    except UnknownCampaign as error:
        raise NoSuchCampaign(str(error)) from error


def check_scale(scale: float | None) -> None:
    """Raises WrongSetting for a share of the entries that cannot be published."""
    if scale is not None and not 0 < scale <= 1:
        raise WrongSetting(f"--scale {scale:g}: give a share of the published entries over 0 and up to 1")


def now_of(home: Home) -> int:
    """What now means in a home, UTC milliseconds: the machine's clock, or the latest arrival of an event-clock home."""
    if home.clock == "wall":
        return time.time_ns() // 1_000_000
    query = "SELECT toUnixTimestamp64Milli(max(appended_at)) FROM checkline.arrivals"
    with ClickHouse(reader_address(home), "checkline-now") as client:
        return int(client.rows(query)[0][0])


def publish_campaign(
    home: Home, campaign: Campaign, scale: float | None, progress: Callable[[Progress], object]
) -> Manifest:
    """Publish a campaign through the public producer, all acknowledged, and keep its account in the home.

    Raises WrongSetting on a wall-clock home, whose time moves by itself, and on one that holds another campaign.
    """
    account = account_file(home, campaign.name)
    if others := sorted(file.stem for file in account.parent.glob("*.json") if file != account):
        raise WrongSetting(
            f"campaign: {home.directory} holds {', '.join(others)}, whose time and policies are not those of "
            f"{campaign.name}; set CHECKLINE_HOME to a new directory"
        )
    wanted = campaign.default_scale if scale is None else scale
    if account.exists() and (found := json.loads(account.read_text(encoding="utf-8"))["scale"]) != wanted:
        raise WrongSetting(
            f"scale: {campaign.name} was published in {home.directory} at scale {found:g}, and at {wanted:g} the same "
            "events would say something else; set CHECKLINE_HOME to a new directory"
        )
    if home.clock != "event":
        raise WrongSetting(
            f"clock: {home.directory} runs on the wall clock, a campaign brings its own time; set CHECKLINE_HOME to a "
            "new directory and start it with --clock event"
        )
    account.parent.mkdir(parents=True, exist_ok=True)
    write_whole(account, json.dumps({"campaign": campaign.name, "scale": wanted, UNFINISHED: True}) + "\n")
    with Publisher(home.kafka_bootstrap, client_options=home.settings.kafka.client_options()) as publisher:

        def publish(emission: Emission) -> None:
            publisher.publish_encoded(
                emission.topic,
                emission.key,
                emission.value,
                partition=emission.partition,
                appended_at=emission.appended_at,
            )

        manifest = simulate(campaign, publish, scale, progress, partitions=home.settings.partitions)
    write_whole(account, manifest.to_json())
    return manifest


def account_file(home: Home, campaign: str) -> Path:
    """Where the account of a campaign stands."""
    return home.directory / "campaigns" / f"{campaign}.json"


def account_of(home: Home, campaign: str) -> dict[str, Any]:
    """The account of what was published. Raises MissingPart when nothing was."""
    file = account_file(home, campaign)
    if not file.exists():
        raise MissingPart(f"{campaign} was not published in {home.directory}; run checkline simulate {campaign}")
    account: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if UNFINISHED in account:
        raise MissingPart(
            f"{campaign} was published in {home.directory} in part only; run checkline simulate {campaign}"
        )
    return account


class FiguresDocument(NamedTuple):
    """The figures of a campaign as last computed, and the identities between them."""

    figures: list[ComputedFigure]
    identities: list[CheckedIdentity]

    @property
    def all_match(self) -> bool:
        """Whether every figure is what the run must give, and every asserted identity closes."""
        return all(one.matches for one in self.figures) and not any(one.fails for one in self.identities)

    def as_json(self) -> dict[str, Any]:
        """The document as it is printed and kept."""
        return {
            "figures": [one.as_json() for one in self.figures],
            "identities": [one.as_json() for one in self.identities],
        }


def figures_file(home: Home, campaign: str) -> Path:
    """Where the figures of a campaign stand as last computed."""
    return home.figures / f"{campaign}.json"


def compute_figures(home: Home, client: ClickHouse, campaign: Campaign) -> FiguresDocument:
    """The figures of a campaign that was published here, which are kept in the home as well.

    Raises MissingPart when it was not published, StatementFailed, UnlikeUnits.
    """
    computed = compute(client, campaign.figures, account_of(home, campaign.name)["scale"])
    document = FiguresDocument(computed, check(campaign.identities, computed))
    text = json.dumps(document.as_json(), ensure_ascii=False, indent=2) + "\n"
    write_whole(figures_file(home, campaign.name), text)
    return document


def expected_dead_letters(account: dict[str, Any]) -> DeadLetters:
    """What the account says must stand in the dead letters, once for each content."""
    return Counter({(one["topic"], one["reason"], one["value"]) for one in account["dead_letters"]})


def found_dead_letters(home: Home) -> DeadLetters:
    """What stands in the dead letters, once for each content: a campaign published twice refuses the same twice.

    Asked as the writer: the bytes of refused records are not for analysts.
    """
    query = """
        SELECT topic, toString(reason), record_value
        FROM checkline.dead_letters AS letter FINAL
        JOIN checkline_restricted.dead_letter_bytes AS stored FINAL
            ON letter.topic = stored.topic AND letter.partition = stored.partition AND letter.offset = stored.offset
    """
    with ClickHouse(writer_address(home), "checkline-dead-letters") as client:
        rows = client.bytes_rows(query)
    letters = {(topic.decode(), reason.decode(), xxh3_128_hexdigest(value or b"")) for topic, reason, value in rows}
    return Counter(letters)
