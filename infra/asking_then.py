"""What was known then, asked of a home: a person's story from the tables or the log, the state as known at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Literal, NamedTuple

from infra.asking import Answer, ask
from infra.column_store import reader_address, reader_client
from infra.errors import WrongSetting
from infra.home import Home
from replay import as_of
from replay.campaigns.campaign import Campaign
from replay.explain import known_from_tables, reference_as_of
from replay.known_then import NotKnownThen, Then, as_known, then
from replay.story import Known
from schemas.policy import default_policy
from schemas.topics import INPUT_TOPICS
from sinks.clickhouse import ClickHouse
from sinks.figures import ComputedFigure, compute
from streams.reference import Reference

STATEMENT_SECONDS = 600.0
"""What was known is counted from all event rows, which may be many."""

Source = Literal["tables", "log"]


def known_of(home: Home, token: str, at: int, source: Source = "tables") -> Known:
    """What was known of a person at a time (UTC milliseconds). Raises what the clients of the source raise."""
    if source == "log":
        from replay.from_log import known_from_log
        from replay.log import Log

        with Log(home.kafka_bootstrap, options=home.settings.kafka.aiokafka_options()) as log:
            return known_from_log(log, home.settings.partitions, token, at)
    client = reader_client(home)
    try:
        return known_from_tables(client, token, at)
    finally:
        client.disconnect()


class Extent(NamedTuple):
    """The first and the latest arrival that the tables hold, UTC milliseconds; None: they are empty."""

    first: int | None
    last: int | None

    def holds(self, at: int) -> bool:
        """Whether anything had arrived by a time."""
        return self.first is not None and self.first <= at


@contextmanager
def _asking(home: Home) -> Iterator[ClickHouse]:
    with ClickHouse(reader_address(home), "checkline-as-of", STATEMENT_SECONDS) as client:
        yield client


def extent_of(home: Home) -> Extent:
    """When the first and the latest record of the input topics arrived. Raises `StatementFailed`."""
    names = ", ".join(f"'{topic.name}'" for topic in INPUT_TOPICS)
    arrived = "toUnixTimestamp64Milli(appended_at)"
    # Reference data may be published ahead of its time, and says nothing of what was observed.
    query = f"""
        SELECT count(), min({arrived}), max({arrived})
        FROM checkline.arrivals
        WHERE topic IN ({names}) AND topic != 'reference'
    """
    with _asking(home) as client:
        number, first, last = client.rows(query)[0]
    return Extent(first, last) if number else Extent(None, None)


def overview_of(home: Home, at: int, known_until: int) -> as_of.Overview:
    """The state as known at a time. Raises `StatementFailed`."""
    reference, limits = _reference(home, at), default_policy().arrival.limits
    with _asking(home) as client:
        return as_of.overview(client, then(client, at), reference, limits, home.settings.partitions, known_until)


def queue_of(home: Home, at: int) -> list[as_of.Waiting]:
    """The open clocks as known at a time. Raises `StatementFailed`."""
    reference, limits = _reference(home, at), default_policy().arrival.limits
    with _asking(home) as client:
        known = then(client, at)
        persons = as_of.persons(client, known, reference, limits, home.settings.partitions)
        return as_of.queue(chain(persons, as_of.units(client, known, reference)), at)


def figures_of(home: Home, campaign: Campaign, at: int) -> list[ComputedFigure]:
    """The published figures of a campaign from what was known at a time.

    Raises MissingPart when it was not published here, StatementFailed.
    """
    from infra.campaigning import account_of

    scale = account_of(home, campaign.name)["scale"]
    with _asking(home) as client:
        known = then(client, at)
        return compute(client, [one._replace(query=as_known(one.query, known)) for one in campaign.figures], scale)


def answer_of(home: Home, query: str, at: int) -> Answer:
    """The answer of a query from what was known at a time. Raises WrongSetting where it reads what has no time of
    arrival, QueryRefused, MissingPart."""
    with _asking(home) as client:
        known = then(client, at)
    # Names without a database must not find the tables as they are now.
    address = home.clickhouse._replace(database="default")
    return ask(address, _written(query, known))


def _written(query: str, known: Then) -> str:
    try:
        return as_known(query.strip().rstrip(";"), known)
    except NotKnownThen as error:
        raise WrongSetting(f"--query: {error}") from error


def _reference(home: Home, at: int) -> Reference:
    client = reader_client(home)
    try:
        return reference_as_of(client, at)
    finally:
        client.disconnect()
