"""Reads queues and completions for the forecast, and holds earlier forecasts against what became of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infra.lag.forecast import Done, Open, Queue, Stragglers, forecast, mean_errors, stragglers_of
from infra.lag.snapshot import Forecast
from schemas.policy_duties import DAY_MS, HOUR_MS, MINUTE_MS, Schedule
from sinks.clickhouse import ClickHouse

HINDCAST_DAYS = 3
"""Forecasts for the same hour of so many days before are made again from what had happened by then."""

SEEN_DAYS = 4
"""A queue of which nothing was done in time for so long has no pace that we know."""

STEP_MINUTES = 15
"""Deadlines and completions are counted in steps of this length, so that what is read stays small."""

MOST_ROWS = 200_000

# What is expected slot by slot (reports, checks) is no queue that somebody works off: it is all made at its time.
_OF_A_SCHEDULE = "(^|/)[0-9]{4}-[0-9]{2}-[0-9]{2}/[^/]+$"

_AT = "fromUnixTimestamp64Milli(%(at)s, 'UTC')"
_RECENT = f"opened_at <= {_AT} AND due_at > {_AT} - INTERVAL {SEEN_DAYS} DAY"
_NEVER = "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"

_COUNTS = f"""
SELECT
    clock.duty AS duty,
    multiIf(clock.subject = 'UNIT', clock.token, clock.subject = 'ORDER', '', assigned.unit) AS worker,
    placed.district AS district,
    ended_at > {_AT} AS is_open,
    toInt64(intDiv(toUnixTimestamp64Milli(if(is_open, due_at, ended_at)), %(step)s)) * %(step)s AS step_at,
    count(),
    countIf(NOT in_time)
FROM
(
    SELECT
        subject,
        token,
        lead_id AS about,
        due_at,
        if(sla_clocks.duty = '', toString(deadline_class), toString(sla_clocks.duty)) AS duty,
        least(ifNull(done_at, {_NEVER}), ifNull(withdrawn_at, {_NEVER})) AS ended_at,
        ended_at < due_at OR (ended_at = due_at AND NOT before_due AND duty != 'SAME_DAY') AS in_time
    FROM checkline.sla_clocks FINAL
    WHERE {_RECENT} AND NOT match(lead_id, %(schedule)s)
        AND (in_time AND ended_at <= {_AT} OR ended_at > {_AT} AND due_at > {_AT} AND due_at <= {_AT} + INTERVAL 1 DAY)
) AS clock
LEFT JOIN
(
    SELECT token, about, unit
    FROM checkline.assigned_units
    WHERE token IN (SELECT token FROM checkline.sla_clocks WHERE {_RECENT})
) AS assigned ON clock.token = assigned.token AND clock.about = assigned.about
LEFT JOIN checkline.districts AS placed
    ON multiIf(clock.subject = 'UNIT', clock.token, clock.subject = 'ORDER', clock.about, assigned.unit) = placed.place
GROUP BY duty, worker, district, is_open, step_at
ORDER BY ALL
LIMIT {MOST_ROWS}
"""

_TEAMS = f"""
SELECT parent, toInt64(sum(assumeNotNull(quantity)))
FROM checkline.reference_versions
WHERE kind = 'RESOURCE' AND item = 'TEAM' AND parent IS NOT NULL AND quantity IS NOT NULL AND counts_from <= {_AT}
    AND (counts_until IS NULL OR counts_until > {_AT})
GROUP BY parent
"""

_ZONE = f"""
SELECT zone_offset_minutes
FROM checkline.follow_ups
WHERE hour > {_AT} - INTERVAL 1 DAY AND hour <= {_AT} AND kind != 'TIME_MARK'
GROUP BY zone_offset_minutes
ORDER BY count() DESC, zone_offset_minutes
LIMIT 1
"""


class Queues(NamedTuple):
    """What was open and what had been done as of a time, and what of it was missed in the end, as far as is known."""

    waiting: list[Open]
    done: list[Done]
    missed: list[Open]


class Earlier(NamedTuple):
    """Forecasts of an earlier time, by the pace alone and as they are told, each with what was really missed."""

    by_pace: list[tuple[Forecast, int]]
    told: list[tuple[Forecast, int]]


class Forecaster:
    """Forecasts from the tables, by event times: what was known as of a time is what had happened by then. Earlier
    forecasts are made once an hour."""

    def __init__(self, client: ClickHouse) -> None:
        self._client = client
        self._earlier: dict[int, Earlier] = {}

    def forecast(self, now_ms: int) -> tuple[Forecast, ...]:
        """See `infra.lag.forecast.forecast`; ``now_ms`` by the home's clock. Raises `StatementFailed`."""
        zone = self._zone(now_ms)
        queues = self._queues(now_ms)
        teams = dict(self._client.rows(_TEAMS, {"at": now_ms}))
        earlier = self._hindcasts(now_ms, zone)
        stragglers = stragglers_of(pair for one in earlier for pair in one.by_pace)
        errors = mean_errors(pair for one in earlier for pair in one.told)
        return forecast(queues.waiting, queues.done, now_ms, zone, teams, stragglers, errors)

    def _hindcasts(self, now_ms: int, zone: int) -> list[Earlier]:
        """Those of the same hour of the days before, the oldest first: each knows the stragglers of those before it."""
        hour = now_ms // HOUR_MS * HOUR_MS
        wanted = [hour - days * DAY_MS for days in range(HINDCAST_DAYS, 0, -1)]
        self._earlier = {at: known for at, known in self._earlier.items() if at in wanted}
        before: list[tuple[Forecast, int]] = []
        for at in wanted:
            if at not in self._earlier:
                self._earlier[at] = hindcast(self._queues(at), at, zone, stragglers_of(before))
            before += self._earlier[at].by_pace
        return [self._earlier[at] for at in wanted]

    def _queues(self, at: int) -> Queues:
        found = Queues([], [], [])
        asked = {"at": at, "step": STEP_MINUTES * MINUTE_MS, "schedule": _OF_A_SCHEDULE}
        for duty, unit, district, is_open, step_at, clocks, missed in self._client.rows(_COUNTS, asked):
            if is_open:
                one = Open(duty, district, unit, max(step_at, at + 1), clocks)
                found.waiting.append(one)
                found.missed.append(one._replace(clocks=missed))
            else:
                found.done.append(Done(duty, district, unit, step_at, clocks))
        return found

    def _zone(self, at: int) -> int:
        """That of the events of the last day; where there are none, that of schedules whose policy states none."""
        stated: int = Schedule.model_fields["zone_offset_minutes"].default
        return next((zone for (zone,) in self._client.rows(_ZONE, {"at": at})), stated)


def hindcast(
    then: Queues, at: int, zone_offset_minutes: int, stragglers: Mapping[str, Stragglers] | None = None
) -> Earlier:
    """The forecasts of an earlier time, each with what was really missed up to its horizon."""
    missed: dict[Queue, list[Open]] = defaultdict(list)
    for one in then.missed:
        missed[one.duty, one.district].append(one)

    def held(forecasts: Iterable[Forecast]) -> list[tuple[Forecast, int]]:
        return [
            (one, sum(of.clocks for of in missed[one.duty, one.district] if of.due_at <= one.horizon))
            for one in forecasts
        ]

    by_pace, told = (
        forecast(then.waiting, then.done, at, zone_offset_minutes, stragglers=known) for known in (None, stragglers)
    )
    return Earlier(held(by_pace), held(told))
