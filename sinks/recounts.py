"""Asking the owner of a partition to count hours again: only it writes cells, so whoever mended rows asks.

What is asked stands in `checkline.repairs`. The owner looks there before every recount, and when a partition becomes
its own for what was asked meanwhile. A cell's version is the owner's, so nothing that is asked can win over what the
owner counts later, and hours that are counted twice are only counted twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sinks.clickhouse import ClickHouse
from sinks.conflicts import SLACK_SECONDS
from sinks.ledger import Place

_ASKED = f"""
SELECT repair, topic, partition, toUnixTimestamp64Milli(noted_at),
       arrayMap(hour -> toInt64(toUnixTimestamp(hour)) * 1000, hours)
FROM checkline.repairs
WHERE step = 'DONE' AND notEmpty(hours) AND noted_at > now64(3) - INTERVAL {2 * SLACK_SECONDS} SECOND
"""

_NOT_COUNTED = f"""
SELECT topic, partition, toInt64(toUnixTimestamp(hour)) * 1000
FROM
(
    SELECT topic, partition, arrayJoin(hours) AS hour, max(noted_at) AS asked
    FROM checkline.repairs
    WHERE step = 'DONE'
    GROUP BY topic, partition, hour
) AS wanted
LEFT JOIN
(
    SELECT topic, partition, hour, max(counted_at) AS counted FROM checkline.cells GROUP BY topic, partition, hour
) AS cell
ON wanted.topic = cell.topic AND wanted.partition = cell.partition AND wanted.hour = cell.hour
WHERE counted < asked + INTERVAL {SLACK_SECONDS} SECOND
"""


class Asked(NamedTuple):
    """Hours (UTC, ms) of a partition that were mended, by which repair and when (UTC, ms)."""

    repair: str
    place: Place
    noted_at: int
    hours: tuple[int, ...]


def recent(client: ClickHouse) -> Sequence[Asked]:
    """What was asked within the last two minutes. Raises `StatementFailed`."""
    rows = client.rows(_ASKED)
    return [
        Asked(repair, (topic, partition), noted_at, tuple(hours)) for repair, topic, partition, noted_at, hours in rows
    ]


def not_counted(client: ClickHouse) -> Sequence[tuple[Place, int]]:
    """Places and hours (UTC, ms) that may not have been counted since it was asked. Raises `StatementFailed`."""
    return [((topic, partition), hour) for topic, partition, hour in client.rows(_NOT_COUNTED)]
