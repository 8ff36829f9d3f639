"""The roster as the tables hold it."""

from infra.alarms.roster import ON_CALL, TEAM, Entry, place_in_order
from sinks.clickhouse import ClickHouse

_QUERY = f"""
SELECT entity_id, member, category, toUnixTimestamp64Milli(counts_from) AS begins,
    if(counts_until IS NULL, NULL, toUnixTimestamp64Milli(assumeNotNull(counts_until))) AS ends
FROM checkline.reference_versions
WHERE kind = 'ROSTER' AND schedule = '{ON_CALL}' AND parent = '{TEAM}' AND member IS NOT NULL
ORDER BY begins, entity_id
"""


def roster_entries(client: ClickHouse) -> list[Entry]:
    """Every stretch of duty that reference data names, past and future ones too. Raises StatementFailed."""
    return [
        Entry(name, member, place_in_order(category), begins, ends)
        for name, member, category, begins, ends in client.rows(_QUERY)
    ]
