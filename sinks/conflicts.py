"""Two contents under one identity: found after every block, written to `checkline.conflicts` with the winner named.

The winner is the smaller (sent_at, content), so the order of arrival does not matter; and whoever looks last sees all
contents, so neither does the number of processes. A loser's hour is counted again by the owner of its partition.

Why it stays cheap: `checkline.identities` holds each content once, ordered by (source, sequence) in granules of 256
rows. The identities of a block are, source by source, neighbours there, so one statement reads about one or two
granules per source and the rows of the block, not the table (10 million identities of 1,000 sources: 0.16 s for a
block of 100,000, 0.8 million rows read). Only a stream whose every record has a source of its own would make it read
everything.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.ledger import Place
from sinks.tables import EVENT_TABLES

SLACK_SECONDS = 60
"""Servers of a cluster may disagree about the time by this much; a conflict told twice is only counted again."""

WINNER_AND_LOSERS = """
        arraySort(groupUniqArray((sent_at, content, topic, partition, hour))) AS contents,
        contents[1] AS winner,
        arrayJoin(arraySlice(contents, 2)) AS loser
"""
"""Of the contents of one identity, each a row: a row for each that lost, with the one that won, as tuples of when it
was sent, content, topic, partition and hour."""

_FIND = f"""
INSERT INTO checkline.conflicts
(
    identity, winner_content, winner_sent_at, winner_topic, winner_partition, winner_hour,
    loser_content, loser_sent_at, loser_topic, loser_partition, loser_hour
)
SELECT
    identity, winner.2, winner.1, winner.3, winner.4, winner.5, loser.2, loser.1, loser.3, loser.4, loser.5
FROM
(
    SELECT
        identity,
        {WINNER_AND_LOSERS}
    FROM checkline.identities
    WHERE (source_hash, sequence) IN
    (
        SELECT source_hash, sequence FROM checkline.arrivals WHERE ({{spans}}) AND outcome = 'STORED'
    )
    GROUP BY identity
)
WHERE (identity, loser.2, winner.2) NOT IN
(
    SELECT identity, loser_content, winner_content FROM checkline.conflicts
)
"""

_SINCE = f"""
SELECT loser_topic, loser_partition, identity, loser_content, toInt64(toUnixTimestamp(loser_hour)) * 1000
FROM checkline.conflicts
WHERE detected_at > now64(3) - INTERVAL {2 * SLACK_SECONDS} SECOND
"""

_NOT_COUNTED = f"""
SELECT loser_topic, loser_partition, toInt64(toUnixTimestamp(loser_hour)) * 1000
FROM
(
    SELECT loser_topic, loser_partition, loser_hour, max(detected_at) AS detected
    FROM checkline.conflicts
    GROUP BY loser_topic, loser_partition, loser_hour
) AS conflict
LEFT JOIN
(
    SELECT topic, partition, hour, max(counted_at) AS counted FROM checkline.cells GROUP BY topic, partition, hour
) AS cell
ON loser_topic = topic AND loser_partition = partition AND loser_hour = hour
WHERE counted < detected + INTERVAL {SLACK_SECONDS} SECOND
"""


class Loser(NamedTuple):
    """A content that lost, and the hour (UTC, ms) whose cells must do without it."""

    place: Place
    identity: bytes
    content: bytes
    hour: int


def find(client: ClickHouse, spans: Iterable[Span]) -> None:
    """Write down the conflicts that the arrivals of some spans take part in. Raises `StatementFailed`."""
    terms = [
        f"(topic = '{span.topic}' AND partition = {span.partition} AND offset >= {span.begin} AND offset < {span.end})"
        for span in spans
        if span.topic in EVENT_TABLES
    ]
    if terms:
        client.execute(_FIND.format(spans=" OR ".join(terms)))


def recent(client: ClickHouse) -> list[Loser]:
    """Losers found within the last two minutes, by any process."""
    rows = client.bytes_rows(_SINCE)
    return [
        Loser((topic.decode(), partition), identity, content, hour)
        for topic, partition, identity, content, hour in rows
    ]


def not_counted(client: ClickHouse) -> Sequence[tuple[Place, int]]:
    """Places and hours (UTC, ms) that may not have been counted again since they lost a content."""
    return [((topic, partition), hour) for topic, partition, hour in client.rows(_NOT_COUNTED)]
