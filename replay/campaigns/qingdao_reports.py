"""Reports of the Qingdao campaign: every reported figure, daily heartbeats, zero reports, and silence (T8)."""

from typing import Any

from replay.campaigns.disturbance import DAY_MS, MINUTE_MS
from replay.campaigns.draws import Draws
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, TO_DATE, UNTIL, ZONE_OFFSET_MINUTES
from replay.campaigns.qingdao_indicators import INDICATORS, Published
from replay.campaigns.qingdao_places import UNITS
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import IndicatorNature, UnitOfCount

DAILY_INDICATOR = "disputes-found"
DAILY_REPORTERS = ("qd-chengyang", "qd-jiaozhou", "qd-court")
SILENT = ("qd-jiaozhou", 9)
"""The unit that misses its report of one day, counted from 0: neither zero nor a number."""

_Draft = tuple[int, type[events.Event], dict[str, Any]]
"""When it is reported, what it is, and what it states."""


def report_events(seed: int) -> list[events.Event]:
    """All reports in order of occurrence, and a few urgent needs with their answers."""
    draws = Draws(seed, "reports")
    drafts: list[_Draft] = []
    for published in INDICATORS:
        drafts.extend(_series(published))
    days = (UNTIL - ENTRIES_FROM) // DAY_MS
    for number, (unit, *_) in enumerate(UNITS):
        for day in range(days):
            at = ENTRIES_FROM + day * DAY_MS + 20 * HOUR_MS + number * MINUTE_MS
            drafts.append((at, events.Heartbeat, {"unit_id": unit}))
    for unit in DAILY_REPORTERS:
        found = draws.chosen(days, (6, 2, 1, 1)).tolist()
        reporting = [day for day in range(days) if (unit, day) != SILENT]
        drafts.extend(_daily(unit, ENTRIES_FROM + day * DAY_MS, found[day]) for day in reporting)
    drafts.sort(key=lambda draft: draft[0])
    sequences: dict[str, int] = {}
    return [_made(at, model, stated, sequences) for at, model, stated in drafts] + _urgent(seed)


def _made(at: int, model: type[events.Event], stated: dict[str, Any], sequences: dict[str, int]) -> events.Event:
    source = f"{stated['unit_id']}-reports"
    sequences[source] = sequences.get(source, -1) + 1
    stamp = {"source": source, "sequence": sequences[source], "occurred_at": at, "sent_at": at + 1000}
    return model.model_validate({**stated, **stamp, "zone_offset_minutes": ZONE_OFFSET_MINUTES})


def _series(published: Published) -> list[_Draft]:
    """Daily reports of a figure that end with the published one, half an hour before the conference.

    The day before the last states its value too low at first and is restated: the last word of a period counts (T9).
    """
    drafts: list[_Draft] = []
    for day in range(published.days):
        left = published.days - 1 - day
        until = TO_DATE - left * DAY_MS
        value = published.value
        if published.nature is IndicatorNature.CUMULATIVE:
            value = value * (day + 1) // published.days // published.rounded_to * published.rounded_to
        stated = {
            "unit_id": published.unit,
            "indicator": published.indicator,
            "unit_of_count": published.unit_of_count,
            "value": value,
            "nature": published.nature,
            "rounded_to": published.rounded_to,
            "lower_bound": published.lower_bound,
            "period_from": until - DAY_MS if published.nature is IndicatorNature.FLOW else ENTRIES_FROM,
            "period_until": until,
        }
        reported = until - 30 * MINUTE_MS
        if left == 0 and published.days > 1:
            too_low = {**stated, "value": value - published.rounded_to}
            drafts.append((reported - HOUR_MS, events.Indicator, too_low))
        drafts.append((reported, events.Indicator, stated))
    return drafts


def _daily(unit: str, day: int, found: int) -> _Draft:
    at = day + 19 * HOUR_MS + 30 * MINUTE_MS
    period = {"indicator": DAILY_INDICATOR, "period_from": day - 4 * HOUR_MS, "period_until": day + 20 * HOUR_MS}
    if not found:
        return at, events.ZeroReport, {"unit_id": unit, **period}
    count = {"unit_of_count": UnitOfCount.CASE, "value": found, "nature": IndicatorNature.FLOW}
    return at, events.Indicator, {"unit_id": unit, **period, **count}


def _urgent(seed: int) -> list[events.Event]:
    tokens = Tokens(seed, "urgent")
    made: list[events.Event] = []
    for number in range(6):
        at = ENTRIES_FROM + (4 * number + 1) * DAY_MS + 11 * HOUR_MS
        common = {"token": tokens.one(number), "zone_offset_minutes": ZONE_OFFSET_MINUTES}
        asked = {"source": "qd-care-line", "sequence": number, "occurred_at": at, "sent_at": at + 1000}
        answered_at = at + 40 * MINUTE_MS
        answered = {
            "source": "qd-care-team",
            "sequence": number,
            "occurred_at": answered_at,
            "sent_at": answered_at + 1000,
        }
        answer = {"responds_source": "qd-care-line", "responds_sequence": number, "unit": "qd-civil-affairs"}
        made.append(events.UrgentNeed.model_validate({**common, **asked, "need": "medicine for a chronic illness"}))
        made.append(events.UrgentResponse.model_validate({**common, **answered, **answer}))
    return made
