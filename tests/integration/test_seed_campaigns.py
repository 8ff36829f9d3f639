"""Every figure of every small campaign out of a real column store: records written and counted as a sink does, and
asked for by each figure's own query. There is no broker: what Kafka does to records is tested elsewhere.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import pytest

from replay.campaigns import CAMPAIGNS
from replay.emission import Emission
from replay.manifest import Manifest
from replay.simulate import simulate
from schemas.registry import default_registry
from schemas.topics import INPUT_TOPICS
from sinks.clickhouse import Address, ClickHouse
from sinks.counts import Recounter
from sinks.figure_identities import CheckedIdentity, Status, check
from sinks.figures import ComputedFigure, compute, proof
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.unit.sinks.log import Log

PARTITIONS = 2
PATIENCE_SECONDS = 120
"""A campaign of a year is a part of a table for each of its days."""

SCALES = {"dazhou-2020": 0.1, "quanzhou-2020-03-17": 0.1, "weihai-2020": 0.02}
"""What is many is published in part; what is few, and every reported figure, is whole at any scale."""

FROM_THE_PIPELINE = "qingdao-2020-02-20"
"""Goes through the whole pipeline in tests of its own."""

NAMES = [name for name, campaign in CAMPAIGNS.items() if campaign.figures and name != FROM_THE_PIPELINE]
FIGURES = [
    pytest.param(name, figure.ref, id=f"{name}-{figure.ref}", marks=pytest.mark.row(figure.ref.partition("/")[0]))
    for name in NAMES
    for figure in CAMPAIGNS[name].figures
]


class Outcome(NamedTuple):
    """What a campaign left in the column store."""

    manifest: Manifest
    figures: dict[str, ComputedFigure]
    identities: list[CheckedIdentity]
    stored: dict[str, int]
    without_proof: list[str]
    names: dict[str, str]


@pytest.fixture(scope="module")
def outcome(migrated: ClickHouse, address: Address) -> Iterator[Callable[[str], Outcome]]:
    """The outcome of a campaign by its name; each is loaded once, into tables that hold nothing else."""

    @cache
    def load(name: str) -> Outcome:
        campaign = CAMPAIGNS[name]
        empty(client)
        log, manifest = published(name)
        ours = [(topic.name, partition) for topic in INPUT_TOPICS for partition in range(PARTITIONS)]
        writer, recounter = Writer(client, default_registry(), PARTITIONS, "test"), Recounter(client, "test")
        recounter.own(dict.fromkeys(ours, 0))
        blocks = writer.write(log.spans())
        recounter.add(blocks)
        recounter.run()
        figures = compute(client, campaign.figures, manifest.scale)
        stored: dict[str, int] = defaultdict(int)
        for block in blocks:
            stored[block.span.topic] += block.stored
        unproven = [figure.ref for figure in campaign.figures if not proof(client, figure)]
        by_ref = {figure.ref: figure for figure in figures}
        named = "SELECT entity_id, name_zh FROM checkline.valid_reference WHERE name_zh IS NOT NULL"
        names = dict(client.rows(named))
        return Outcome(manifest, by_ref, check(campaign.identities, figures), stored, unproven, names)

    with ClickHouse(address, seconds=PATIENCE_SECONDS) as client:
        yield load


def published(name: str) -> tuple[Log, Manifest]:
    """The log that a campaign makes."""
    records: dict[tuple[str, int], list[Sent]] = defaultdict(list)

    def publish(emission: Emission) -> None:
        assert emission.partition is not None
        sent = Sent(emission.key, emission.value, emission.appended_at)
        records[emission.topic, emission.partition].append(sent)

    manifest = simulate(CAMPAIGNS[name], publish, SCALES.get(name, 1.0), partitions=PARTITIONS)
    log = Log(PARTITIONS)
    for place, sent in records.items():
        log.append(place, sent)
    return log, manifest


def empty(client: ClickHouse) -> None:
    query = (
        "SELECT database || '.' || name FROM system.tables WHERE database IN ('checkline', 'checkline_restricted')"
        " AND engine LIKE '%MergeTree' AND name != 'migrations' AND total_rows > 0"
    )
    for (table,) in client.rows(query):
        client.execute(f"TRUNCATE TABLE {table}")


@pytest.mark.parametrize(("name", "ref"), FIGURES)
def test_the_column_store_gives_the_figure(outcome: Callable[[str], Outcome], name: str, ref: str) -> None:
    figure = outcome(name).figures[ref]
    assert figure.computed == figure.expected
    # At a smaller scale a figure claims nothing about the published number.
    assert figure.holds is (True if figure.scale == 1 else None)


@pytest.mark.parametrize("name", NAMES)
def test_asserted_identities_close_and_the_others_are_flagged(outcome: Callable[[str], Outcome], name: str) -> None:
    for one in outcome(name).identities:
        assert not one.fails
        assert one.status == Status.HOLDS or one.reason


@pytest.mark.parametrize("name", NAMES)
def test_every_record_of_the_campaign_is_stored_and_stands_behind_a_figure(
    outcome: Callable[[str], Outcome], name: str
) -> None:
    found = outcome(name)
    manifest = found.manifest
    assert not manifest.dead_letters
    assert found.without_proof == []
    assert found.stored == {
        topic.name: sum(manifest.events.get(topic.name, {}).values())
        + manifest.duplicates.get(topic.name, 0)
        + manifest.conflicts.get(topic.name, 0)
        for topic in INPUT_TOPICS
    }


def test_t11_the_column_store_keeps_names_in_the_characters_of_the_source(outcome: Callable[[str], Outcome]) -> None:
    names = outcome("quanzhou-2020-03-17").names
    assert (names["350500-TIZ"], names["350521104"]) == ("泉州臺商投資區", "洛陽鎮")
