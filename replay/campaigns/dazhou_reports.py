"""Reports of the Dazhou campaign: the figures as units report them, daily and zero reports (A001-01), and cases that
involve firms, which a court assigns, serves and reports on the day it takes them in (A001-15)."""

from replay.campaigns.dazhou_calendar import REPORTS_UNTIL, RESUMPTION_FROM, SINCE, TO_DATE
from replay.campaigns.dazhou_enforcement import times
from replay.campaigns.dazhou_indicators import INDICATORS
from replay.campaigns.dazhou_places import DAILY_INDICATOR, PERMIT_INDICATOR, POLITICAL_LEGAL
from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import Draws
from replay.campaigns.published import indicator_drafts, report_draft
from replay.campaigns.schedule import HOUR_MS
from schemas import events
from schemas.codes import IndicatorNature, UnitOfCount

SILENT = ("dz-justice", 11)
"""Unit and day without a report: neither zero nor a number."""

LATE = ("dz-court", 18)
"""Unit and day whose report comes a day after its cut-off."""

RESTATED = ("dz-psb", 7)
"""Unit and day that is reported as zero and restated as 2 the next day."""

COURT = "dz-court"
MATTER_KIND = "FIRM_CASE"
FIRM_MATTERS = 40
OTHER_MATTERS = 25
SERVED_NEXT_DAY = (7, 21)
NEVER_REPORTED = (33,)
_DAY_MS = 24 * HOUR_MS
_STEPS = ("ASSIGNED", "SERVED", "REPORTED")
"""当日分案、当日送达、当日报告."""


def report_events(seed: int) -> list[events.Event]:
    """All reports in order of occurrence."""
    draws = Draws(seed, "reports")
    drafts = [
        *indicator_drafts(INDICATORS, SINCE, TO_DATE),
        *_after_the_article(),
        *_daily(draws),
        *_no_extra_permits(),
        *_matters(draws),
        *_hotline(),
    ]
    return stamped(drafts)


def _after_the_article() -> list[Draft]:
    """What had grown by the end of the campaign: reports of a later period, which change no published figure."""
    until = REPORTS_UNTIL - HOUR_MS
    return [
        report_draft(
            until,
            events.Indicator,
            published.unit,
            {
                "indicator": published.indicator,
                "unit_of_count": published.unit_of_count,
                "value": published.value + published.rounded_to,
                "nature": published.nature,
                "rounded_to": published.rounded_to,
                "lower_bound": published.lower_bound,
                "period_from": SINCE,
                "period_until": until,
            },
        )
        for published in INDICATORS
        if published.days > 1
    ]


def _daily(draws: Draws) -> list[Draft]:
    """Every organ, every day: a number or zero, of the 24 hours up to 20:00, by nine in the evening."""
    drafts = []
    days = (REPORTS_UNTIL - SINCE) // _DAY_MS
    for unit, *_ in POLITICAL_LEGAL:
        found = draws.chosen(days, (7, 2, 1)).tolist()
        for day in range(days):
            if (unit, day) == SILENT:
                continue
            number = 0 if (unit, day) == RESTATED else found[day]
            late = _DAY_MS if (unit, day) == LATE else 0
            drafts.append(_report(unit, day, number, late))
            if (unit, day) == RESTATED:
                drafts.append(_report(unit, day, 2, _DAY_MS))
    return drafts


def _report(unit: str, day: int, found: int, late: int) -> Draft:
    close = SINCE + day * _DAY_MS + 20 * HOUR_MS
    period = {"indicator": DAILY_INDICATOR, "period_from": close - _DAY_MS, "period_until": close}
    at = close + HOUR_MS // 2 + late
    if not found:
        return report_draft(at, events.ZeroReport, unit, period)
    count = {"unit_of_count": UnitOfCount.CASE, "value": found, "nature": IndicatorNature.FLOW}
    return report_draft(at, events.Indicator, unit, {**period, **count})


def _no_extra_permits() -> list[Draft]:
    """Each week of the return to work the procuratorate reports that no permit was asked for beyond the law."""
    weeks = range(RESUMPTION_FROM + 7 * _DAY_MS, TO_DATE, 7 * _DAY_MS)
    return [
        report_draft(
            until + 9 * HOUR_MS,
            events.ZeroReport,
            "dz-procuratorate",
            {"indicator": PERMIT_INDICATOR, "period_from": until - 7 * _DAY_MS, "period_until": until},
        )
        for until in weeks
    ]


def _matters(draws: Draws) -> list[Draft]:
    """Cases that involve firms have three steps on one day; other cases of the court have no such day."""
    drafts = []
    for number, day in enumerate(times(draws, FIRM_MATTERS, RESUMPTION_FROM, TO_DATE)):
        at = day - (day + 8 * HOUR_MS) % _DAY_MS + 9 * HOUR_MS + number * 60_000
        drafts += _matter(f"dz-firm-matter-{number:03d}", at, True)
        for step, name in enumerate(_STEPS):
            reached = at + (step + 1) * 2 * HOUR_MS
            if name == "REPORTED" and number in NEVER_REPORTED:
                continue
            if name != "ASSIGNED" and number in SERVED_NEXT_DAY:
                reached += _DAY_MS
            stated = {"matter": f"dz-firm-matter-{number:03d}", "step": name}
            drafts.append(report_draft(reached, events.MatterStep, COURT, stated))
    for number, at in enumerate(times(draws, OTHER_MATTERS, RESUMPTION_FROM, TO_DATE)):
        drafts += _matter(f"dz-other-matter-{number:03d}", at, False)
        stated = {"matter": f"dz-other-matter-{number:03d}", "step": "ASSIGNED"}
        drafts.append(report_draft(at + 3 * _DAY_MS, events.MatterStep, COURT, stated))
    return drafts


def _matter(matter: str, at: int, involves_firm: bool) -> list[Draft]:
    kind = MATTER_KIND if involves_firm else "CIVIL_CASE"
    stated = {"matter": matter, "matter_kind": kind, "involves_firm": involves_firm}
    return [report_draft(at, events.MatterOpened, COURT, stated)]


def _hotline() -> list[Draft]:
    """The vehicle office answers round the clock (A001-16): a sign of life every four hours."""
    times_of_signs = range(RESUMPTION_FROM, TO_DATE, 4 * HOUR_MS)
    return [report_draft(at + 60_000, events.Heartbeat, "dz-vehicle-office", {}) for at in times_of_signs]
