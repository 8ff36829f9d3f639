"""What is judged from the rest: the audit's differences, the forecast, the alarms."""

from collections import Counter
from collections.abc import Sequence

from infra.alarms.alarm import Alarm
from infra.alarms.rules import RULES
from infra.lag import metrics as m
from infra.lag.scrape.bounded_rows import Section
from infra.lag.scrape.text_format import Exposition
from infra.lag.snapshot import AuditState, Forecast

_CHECKS: Section[tuple[str, int]] = Section(
    lambda row: row[:1],
    lambda rows: (rows[0][0], sum(count for _, count in rows)),
    m.CHECKS,
    rank=lambda row: row[1],
)


def put_audit(page: Exposition, audit: AuditState, at: int) -> None:
    found, cut = _CHECKS.bound(audit.differences.items())
    page.put(m.SERIES_CUT, cut, ("checks",))
    for place, (_, count) in found.items():
        page.put(m.AUDIT_DIFFERENCES, count, place)
    page.put(m.AUDIT_AGE, max(0, at - audit.finished_at) / 1000)
    page.put(m.AUDIT_ROUND, audit.seconds)


_FORECASTS: Section[Forecast] = Section(
    lambda row: (row.duty, row.district),
    lambda rows: rows[0]._replace(
        horizon=min(row.horizon for row in rows),
        due=sum(row.due for row in rows),
        pace=sum(row.pace for row in rows),
        will_miss=sum(row.will_miss for row in rows),
        # The bounds of a sum lie at most this far out; how the parts go together is not known.
        low=sum(row.low for row in rows),
        high=sum(row.high for row in rows),
        error=None,
        spare=tuple(unit for row in rows for unit in row.spare),
    ),
    m.QUEUES,
    rank=lambda row: (row.will_miss, row.due),
    fold=1,
)


def put_forecast(page: Exposition, forecasts: Sequence[Forecast], now: int) -> None:
    found, cut = _FORECASTS.bound(forecasts)
    page.put(m.SERIES_CUT, cut, ("forecast",))
    for place, one in found.items():
        page.put(m.FORECAST_DUE, one.due, place)
        page.put(m.FORECAST_HORIZON, (one.horizon - now) / 1000, place)
        page.put(m.FORECAST_PACE, one.pace, place)
        page.put(m.FORECAST_MISSES, one.will_miss, place)
        page.put(m.FORECAST_LOW, one.low, place)
        page.put(m.FORECAST_HIGH, one.high, place)
        page.put(m.FORECAST_ERROR, one.error, place)
        page.put(m.FORECAST_SPARE, sum(dict(one.spare).values()), place)


def put_alarms(page: Exposition, alarms: Sequence[Alarm]) -> None:
    """Every rule has a series: an alarm that is not open is known not to be."""
    is_open = Counter(alarm.rule for alarm in alarms if alarm.is_open)
    untaken = Counter(alarm.rule for alarm in alarms if alarm.is_open and alarm.acknowledged_at is None)
    for rule in RULES:
        page.put(m.ALARMS_OPEN, is_open[rule.name], (rule.name, rule.severity))
        page.put(m.ALARMS_UNACKNOWLEDGED, untaken[rule.name], (rule.name, rule.severity))
