"""Reports of the Qingdao campaign: every reported figure, daily heartbeats, zero reports, and silence (T8)."""

from replay.campaigns.disturbance import DAY_MS, MINUTE_MS
from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import Draws
from replay.campaigns.published import indicator_drafts, report_draft
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, TO_DATE, UNTIL, ZONE_OFFSET_MINUTES
from replay.campaigns.qingdao_indicators import INDICATORS
from replay.campaigns.qingdao_places import UNITS
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import IndicatorNature, UnitOfCount

DAILY_INDICATOR = "disputes-found"
DAILY_REPORTERS = ("qd-chengyang", "qd-jiaozhou", "qd-court")
SILENT = ("qd-jiaozhou", 9)
"""The unit that misses its report of one day, counted from 0: neither zero nor a number."""


def report_events(seed: int) -> list[events.Event]:
    """All reports in order of occurrence, and a few urgent needs with their answers."""
    draws = Draws(seed, "reports")
    drafts = indicator_drafts(INDICATORS, ENTRIES_FROM, TO_DATE)
    days = (UNTIL - ENTRIES_FROM) // DAY_MS
    for number, (unit, *_) in enumerate(UNITS):
        for day in range(days):
            at = ENTRIES_FROM + day * DAY_MS + 20 * HOUR_MS + number * MINUTE_MS
            drafts.append(report_draft(at, events.Heartbeat, unit, {}))
    for unit in DAILY_REPORTERS:
        found = draws.chosen(days, (6, 2, 1, 1)).tolist()
        reporting = [day for day in range(days) if (unit, day) != SILENT]
        drafts.extend(_daily(unit, ENTRIES_FROM + day * DAY_MS, found[day]) for day in reporting)
    return stamped(drafts) + _urgent(seed)


def _daily(unit: str, day: int, found: int) -> Draft:
    at = day + 19 * HOUR_MS + 30 * MINUTE_MS
    period = {"indicator": DAILY_INDICATOR, "period_from": day - 4 * HOUR_MS, "period_until": day + 20 * HOUR_MS}
    if not found:
        return report_draft(at, events.ZeroReport, unit, period)
    count = {"unit_of_count": UnitOfCount.CASE, "value": found, "nature": IndicatorNature.FLOW}
    return report_draft(at, events.Indicator, unit, {**period, **count})


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
