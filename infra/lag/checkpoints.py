"""Queues at checkpoints: who arrived at each lane lately, who still waits for a decision, how long the others waited.

The sources demand 提高效率、杜绝拥堵 (A004-13). What a wait is stands at `checkline.checkpoint_waits`; the same is
asked here of the last hours alone, so that it costs the same whatever the tables hold.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from infra.lag.snapshot import CheckpointFlow, Distribution
from sinks.clickhouse import ClickHouse

LOOK_BACK_SECONDS = 2 * 3600
"""Who arrived longer ago than this and has no decision is taken to have passed without one, not to wait still."""

EARLIER_SECONDS = 3600
"""So much more is read, so that an arrival is not mistaken for the second zone that somebody passes."""

WAIT_BOUNDS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0, 7200.0)
MOST_LANES = 300

FEWEST_DECISIONS = 5
EVERYBODY = 0.5
"""Many lanes write down refusals only: there, silence says nothing about waiting. A lane decides on everybody if, of
those who arrived up to the last one decided on, at least this share has a decision, and there are a few."""

_ARRIVALS = """
SELECT
    place AS site,
    arrival.2 AS lane,
    toString(arrival.3) AS subject_kind,
    arrival.1 AS arrived_at,
    decided[1].1 AS decided_at,
    notEmpty(decided) AS is_decided
FROM
(
    SELECT
        groupArrayIf((occurred_at, ifNull(lane, ''), subject_kind, assumeNotNull(site)), kind = 'PASSAGE') AS passages,
        arraySort(groupArrayIf((occurred_at, site), kind = 'DECISION')) AS decisions,
        arrayJoin(arrayDistinct(passages.4)) AS place,
        arrayMin(arrayFilter(passage -> passage.4 = place, passages)) AS arrival,
        arrayFilter(decision -> ifNull(decision.2 = place, true), decisions) AS decided
    FROM checkline.valid_check_ins
    WHERE hour >= toStartOfHour(fromUnixTimestamp64Milli(%(read_from)s, 'UTC'))
        AND hour <= fromUnixTimestamp64Milli(%(now)s, 'UTC')
        AND occurred_at <= fromUnixTimestamp64Milli(%(now)s, 'UTC')
        AND ((kind = 'PASSAGE' AND site IS NOT NULL) OR (kind = 'DECISION' AND passage_id IS NOT NULL))
        AND (token, source, sequence) NOT IN
        (
            SELECT token, assumeNotNull(corrects_source), assumeNotNull(corrects_sequence)
            FROM checkline.valid_follow_ups
            WHERE hour >= toStartOfHour(fromUnixTimestamp64Milli(%(read_from)s, 'UTC'))
                AND corrects_source IS NOT NULL AND corrects_sequence IS NOT NULL
                AND (kind = 'CORRECTION' OR (kind = 'APPEAL_ANSWERED' AND upheld))
        )
    GROUP BY token, passage_id, if(passage_id IS NULL, identity, toFixedString('', 16))
)
WHERE arrived_at > fromUnixTimestamp64Milli(%(since)s, 'UTC')
"""

_LANES = f"""
SELECT
    site,
    lane,
    countIf(arrived_at > fromUnixTimestamp64Milli(%(lately)s, 'UTC')) AS arrived_lately,
    countIf(is_decided) AS decided,
    count() - decided AS undecided,
    maxIf(arrived_at, is_decided) AS last_served,
    arrayCount(at -> at <= last_served, groupArray(arrived_at)) AS up_to_the_last_served,
    groupArrayIf(
        dateDiff('millisecond', arrived_at, decided_at) / 1000,
        is_decided AND decided_at >= arrived_at AND decided_at > fromUnixTimestamp64Milli(%(lately)s, 'UTC')
    ) AS waits,
    arrayMap(bound -> arrayCount(wait -> wait <= bound, waits), {[*WAIT_BOUNDS]}) AS within,
    length(waits),
    arraySum(waits)
FROM ({_ARRIVALS})
GROUP BY site, lane, subject_kind
ORDER BY count() DESC, site, lane, subject_kind
LIMIT {MOST_LANES}
"""

_DIVISIONS = """
SELECT entity_id, toString(division)
FROM checkline.reference_versions
WHERE kind = 'SITE' AND division IS NOT NULL AND entity_id IN %(sites)s
    AND counts_from <= fromUnixTimestamp64Milli(%(now)s, 'UTC')
    AND (counts_until IS NULL OR counts_until > fromUnixTimestamp64Milli(%(now)s, 'UTC'))
"""


class _Subjects(NamedTuple):
    """What one kind of subject (persons, vehicles, vessels) did at a lane: ``within``: of ``waits`` that ended lately,
    how many lasted up to each bound, in seconds."""

    arrived_lately: int
    decided: int
    undecided: int
    up_to_the_last_served: int
    within: Sequence[int]
    waits: int
    waited: float

    @property
    def all_are_decided_on(self) -> bool:
        return self.decided >= max(FEWEST_DECISIONS, EVERYBODY * self.up_to_the_last_served)


def flows(client: ClickHouse, now_ms: int, lately_seconds: int) -> tuple[CheckpointFlow, ...]:
    """The busiest lanes of the last two hours; ``now_ms`` by the home's clock. Raises `StatementFailed`."""
    look_back = max(LOOK_BACK_SECONDS, lately_seconds)
    times = {
        "now": now_ms,
        "lately": now_ms - lately_seconds * 1000,
        "since": now_ms - look_back * 1000,
        "read_from": now_ms - (look_back + EARLIER_SECONDS) * 1000,
    }
    lanes: dict[tuple[str, str], list[_Subjects]] = defaultdict(list)
    for site, lane, arrived, decided, undecided, _, served, _, *waits in client.rows(_LANES, times):
        lanes[site, lane].append(_Subjects(arrived, decided, undecided, served, *waits))
    districts = _districts(client, {site for site, _ in lanes}, now_ms)
    return tuple(
        CheckpointFlow(
            site,
            districts.get(site),
            lane,
            sum(one.arrived_lately for one in subjects) / (lately_seconds / 60),
            _waiting(subjects),
            _waits(subjects),
        )
        for (site, lane), subjects in lanes.items()
    )


def _waiting(subjects: Sequence[_Subjects]) -> int | None:
    """Of kinds of which everybody is decided on: where vehicles are and their passengers not, only vehicles wait."""
    known = [one.undecided for one in subjects if one.all_are_decided_on]
    return sum(known) if known else None


def _waits(subjects: Sequence[_Subjects]) -> Distribution | None:
    deciding = [one for one in subjects if one.decided]
    if not deciding:
        return None
    within = [sum(counts) for counts in zip(*(one.within for one in deciding), strict=True)]
    up_to = [0, *within, sum(one.waits for one in deciding)]
    counts = tuple(more - fewer for fewer, more in pairwise(up_to))
    return Distribution(WAIT_BOUNDS, counts, sum(one.waited for one in deciding))


def _districts(client: ClickHouse, sites: set[str], now_ms: int) -> dict[str, str]:
    found: list[tuple[Any, ...]] = []
    if sites:
        found = client.rows(_DIVISIONS, {"sites": sorted(sites), "now": now_ms})
    return dict(found)
