"""Sinks on the real engine: what was published is counted once, whatever is repeated, disordered or interrupted."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl
import pytest

from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.clickhouse import Address, ClickHouse, StatementFailed
from sinks.counts import Recounter
from sinks.migrations import migrate
from sinks.writer import Writer
from tests.support.batches import Sent
from tests.support.cluster import ClickHouseServer
from tests.unit.sinks.log import DAY, HOUR, MINUTE, NOON, PARTITIONS, PERSONS, Gate, Log


@pytest.fixture
def address(clickhouse_server: ClickHouseServer) -> Address:
    return Address(clickhouse_server.host, clickhouse_server.port, "writer", clickhouse_server.writer_password)


@pytest.fixture
def client(address: Address) -> Iterator[ClickHouse]:
    """A connection to a column store with empty tables."""
    with ClickHouse(address) as connection:
        for database in ("checkline", "checkline_restricted"):
            connection.execute(f"DROP DATABASE IF EXISTS {database}")
        migrate(connection)
        yield connection


class Sink:
    """A sink without a broker: writes what a log holds, from where the ledger ends, and counts."""

    def __init__(self, client: ClickHouse, log: Log) -> None:
        self.client = client
        self.log = log
        self.writer = Writer(client, default_registry(), PARTITIONS, "test")
        self.recounter = Recounter(client, "test")
        places = {(topic, partition) for topic, partition in log.ends}
        ends = self.writer.ledger.positions()
        self.recounter.own({place: ends.get(place, 0) for place in places})

    def write(self) -> None:
        self.recounter.own({place: 0 for place in self.log.ends if place not in self.recounter._ends})
        self.recounter.add(self.writer.write(self.log.spans(self.writer.ledger.positions())))

    def run(self) -> None:
        self.write()
        self.recounter.run()


def counts(client: ClickHouse) -> Counter[tuple[str, int, str, str, str]]:
    rows = client.rows("SELECT topic, toInt64(toUnixTimestamp(hour)) * 1000, site, kind, measure, value FROM checkline.counts")
    return Counter({row[:5]: row[5] for row in rows})


def expected(published: Sequence[events.Event]) -> Counter[tuple[str, int, str, str, str]]:
    """Plain count of check-ins: the smaller (sent_at, content) of an identity, once."""
    winners = {}
    for event in published:
        known = winners.setdefault(event.identity, event)
        if event.sent_at < known.sent_at:
            winners[event.identity] = event
    return Counter(
        ("check-ins", event.occurred_at // HOUR * HOUR, event.site, "PASSAGE", f"{event.subject_kind}/{event.site_kind}")
        for event in winners.values()
    )
