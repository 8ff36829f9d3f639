"""Urgent care on a running installation: its own app tells every clock, to restricted readers only (A004-18)."""

import json

import pytest
from kafka import KafkaProducer

from infra.column_store import reader_client, writer_address
from infra.edge.publisher import row_codec
from schemas.events import Event, UrgentNeed, UrgentResponse
from schemas.wire.partitioner import partition_of_key
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import FedHome
from tests.unit.replay.small_campaign import small

TOKEN = "p00urgent222222222222222222"
END = max(emission.appended_at for emission in small().emissions)
MINUTE, HOUR = 60_000, 3_600_000
SECRET = "no way out"
RESTRICTED = ("urgent_care", "urgent_clocks", "urgent_notices", "urgent_needs")


def need(sequence: int, at: int) -> Event:
    common = {"token": TOKEN, "source": "care-line", "sequence": sequence, "zone_offset_minutes": 480}
    return UrgentNeed.model_validate({**common, "occurred_at": at, "sent_at": at, "need": SECRET, "unit": "ward-1"})


def response(sequence: int, at: int) -> Event:
    answered = {"token": TOKEN, "source": "care-team", "sequence": sequence, "zone_offset_minutes": 480}
    to = {"responds_source": "care-line", "responds_sequence": sequence, "unit": "ward-1"}
    return UrgentResponse.model_validate({**answered, **to, "occurred_at": at, "sent_at": at})


@pytest.fixture(scope="module")
def answered(fed_home: FedHome) -> FedHome:
    """The fed home with a need that was answered in time, one answered late, one that nobody answered, and a record
    that cannot be read."""
    at = END - 6 * HOUR
    told = [need(1, at), need(2, at), need(3, at), response(1, at + 20 * MINUTE), response(2, at + 2 * HOUR)]
    encoded = [(topic, key, row_codec(topic).encode(row)) for topic, key, row in (event.record() for event in told)]
    topic, key, whole = encoded[0]
    producer = KafkaProducer(bootstrap_servers=fed_home.home.kafka_bootstrap)
    place = partition_of_key(key, fed_home.home.settings.partitions)
    for value in (*(value for _, _, value in encoded), whole[:-4]):
        producer.send(topic, value, key, partition=place, timestamp_ms=END).get(timeout=30)
    producer.close()
    fed_home.catch_up()
    return fed_home


@pytest.mark.row("A004-18")
def test_every_need_has_its_outcome_for_restricted_readers(answered: FedHome) -> None:
    with ClickHouse(writer_address(answered.home), "test") as client:
        query = "SELECT need, said, unit, duty, outcome FROM checkline_restricted.urgent_needs WHERE token = %(token)s"
        assert client.rows(f"{query} ORDER BY need", {"token": TOKEN}) == [
            ("care-line#1", SECRET, "ward-1", "URGENT_RESPONSE", "MET"),
            ("care-line#2", SECRET, "ward-1", "URGENT_RESPONSE", "LATE"),
            ("care-line#3", SECRET, "ward-1", "URGENT_RESPONSE", "BREACHED"),
        ]
        query = "SELECT DISTINCT need, toString(kind) FROM checkline_restricted.urgent_notices WHERE token = %(token)s"
        assert ("care-line#3", "BREACHED") in client.rows(query, {"token": TOKEN})
        # Of the campaign itself every need was answered within the hour.
        outcomes = "SELECT outcome, count() FROM checkline_restricted.urgent_needs"
        assert client.rows(f"{outcomes} WHERE startsWith(need, 'qd-care-line#') GROUP BY outcome") == [("MET", 6)]


@pytest.mark.row("A004-18")
@pytest.mark.parametrize("table", RESTRICTED)
def test_analysts_are_refused(table: str, answered: FedHome) -> None:
    result = answered.call("sql", f"SELECT count() FROM checkline_restricted.{table}")
    assert result.returncode == 2
    assert "ACCESS_DENIED" in result.stderr


def test_what_cannot_be_read_is_a_dead_letter_of_this_app_without_a_word_of_it(answered: FedHome) -> None:
    with reader_client(answered.home) as analyst:
        query = "SELECT reason, owner, source, detail FROM checkline.dead_letter_states WHERE topic = 'urgent-care'"
        found = [row for row in analyst.execute(query) if row[0] == "TRUNCATED"]
    ((_, owner, source, detail),) = found
    assert (owner, source) == ("urgent-care", "")
    assert not any(word in detail for word in (SECRET, "ward-1", "care-line"))


def test_the_app_is_known_to_status_and_lag(answered: FedHome) -> None:
    status = json.loads(answered.call("status", "--json").stdout)
    assert "worker-urgent-care" in json.dumps(status)
    lag = json.loads(answered.call("lag", "--json").stdout)["lag"]
    assert {one["topic"] for one in lag if one["group"] == "checkline-urgent-care"} == {"urgent-care"}
    assert {one["lag"] for one in lag if one["topic"] == "urgent-clocks"} == {0}
