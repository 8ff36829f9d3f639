"""Events of the Quanzhou campaign: orders, reports, legal aid, education in traffic, tips online (seed 003)."""

from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import Draws
from replay.campaigns.published import indicator_drafts, report_draft
from replay.campaigns.quanzhou_calendar import FIRST_DAY_ENDS, REPORTS_UNTIL, RESUMPTION_FROM, SINCE, TO_DATE
from replay.campaigns.quanzhou_indicators import INDICATORS, OF_THE_FIRST_DAY
from replay.campaigns.quanzhou_leads import lead_drafts
from replay.campaigns.quanzhou_places import (
    DISPUTES,
    LANE_SITE,
    LORRIES,
    SAFETY_INDICATORS,
    TOWNSHIPS,
    lorry_pass,
    town_unit,
)
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import CaseCategory, Conduct, Direction, IndicatorNature, SiteKind, SubjectKind, UnitOfCount

CONSULTATIONS = 134
"""累計接受各類法律援助咨詢134次 (A003-10)."""

APPLICATIONS = 10
"""受理法律援助申請10件 (A003-10)."""

DISPUTES_FOUND = 39
CONSULTATION, APPLICATION = "LEGAL_AID_CONSULTATION", "LEGAL_AID_APPLICATION"
LEGAL_AID = "tiz-governance"
TRAFFIC_STOPS = 240
TIPS = 26
RUMOUR_CASES = 4
CHECKED_FIRMS = 60
SILENT_DAY = 16
"""A day on which nothing is said about major cases: silence is not zero (T8)."""

_DAY_MS = 24 * HOUR_MS
_MINUTE_MS = 60_000


def all_events(seed: int, scale: float) -> list[events.Event]:
    """Everything but the reference; ``scale`` is that of the orders."""
    draws = Draws(seed, "events")
    drafts = [
        *lead_drafts(seed, scale),
        *indicator_drafts(OF_THE_FIRST_DAY, SINCE, FIRST_DAY_ENDS),
        *indicator_drafts(INDICATORS, SINCE, TO_DATE),
        *_first_day_changes(),
        *_zeros(),
        *_disputes(draws),
        *_legal_aid(draws),
        *_on_the_road(draws),
        *_online(draws),
        *_firms(draws),
        *_green_lane(seed, draws),
    ]
    return stamped(drafts)


def _first_day_changes() -> list[Draft]:
    """The teams grow after 2 February: what was so on that day stays as it was (T9)."""
    until = local_midnight(20)
    return [
        report_draft(
            until - HOUR_MS,
            events.Indicator,
            published.unit,
            {
                "indicator": published.indicator,
                "unit_of_count": published.unit_of_count,
                "value": published.value + 20,
                "nature": IndicatorNature.SNAPSHOT,
                "period_from": SINCE,
                "period_until": until,
            },
        )
        for published in OF_THE_FIRST_DAY
    ]


def local_midnight(day: int) -> int:
    """UTC milliseconds of the midnight after so many days of the campaign."""
    return SINCE + day * _DAY_MS


def _zeros() -> list[Draft]:
    """No accident, no major case, no order left lying: said every day, since silence would not say it (A003-11)."""
    drafts = []
    for day in range((REPORTS_UNTIL - SINCE) // _DAY_MS):
        close = local_midnight(day) + 20 * HOUR_MS
        for number, indicator in enumerate(SAFETY_INDICATORS):
            if (day, indicator) == (SILENT_DAY, "major-cases"):
                continue
            period = {"indicator": indicator, "period_from": close - _DAY_MS, "period_until": close}
            at = close + (30 + number) * _MINUTE_MS
            drafts.append(report_draft(at, events.ZeroReport, "tiz-psb", period))
    return drafts


def _disputes(draws: Draws) -> list[Draft]:
    """Grid teams report weekly what they found and settled (A003-07: 定期報告). Counts only, never a person."""
    towns = draws.chosen(DISPUTES_FOUND, (3, 2, 3, 1)).tolist()
    weeks = draws.integers(DISPUTES_FOUND, 0, (TO_DATE - SINCE) // (7 * _DAY_MS)).tolist()
    found = list(zip(towns, weeks, strict=True))
    drafts = []
    for town, (_, name, *_) in enumerate(TOWNSHIPS):
        for week in range((TO_DATE - SINCE) // (7 * _DAY_MS)):
            until = local_midnight(7 * (week + 1))
            period = {"indicator": DISPUTES, "period_from": until - 7 * _DAY_MS, "period_until": until}
            at, unit, count = until + (9 + town) * HOUR_MS, town_unit(name), found.count((town, week))
            if count:
                stated = {"unit_of_count": UnitOfCount.CASE, "value": count, "nature": IndicatorNature.FLOW}
                drafts.append(report_draft(at, events.Indicator, unit, {**period, **stated}))
            else:
                drafts.append(report_draft(at, events.ZeroReport, unit, period))
    return drafts


def _legal_aid(draws: Draws) -> list[Draft]:
    """Each consultation of line 12348 is answered, each application decided on; a few more come after the article."""
    drafts = []
    for kind, count, step in ((CONSULTATION, CONSULTATIONS, "ANSWERED"), (APPLICATION, APPLICATIONS, "ACCEPTED")):
        days = draws.integers(count, 0, (TO_DATE - RESUMPTION_FROM) // _DAY_MS).tolist()
        minutes = draws.integers(count, 9 * 60, 17 * 60).tolist()
        openings = [RESUMPTION_FROM + days[one] * _DAY_MS + minutes[one] * _MINUTE_MS for one in range(count)]
        for number, at in enumerate([*openings, TO_DATE + 10 * HOUR_MS, TO_DATE + 34 * HOUR_MS]):
            matter = {"matter": f"tiz-{kind.lower().replace('_', '-')}-{number:03d}"}
            opened = {**matter, "matter_kind": kind, "involves_firm": False}
            drafts.append(report_draft(at, events.MatterOpened, LEGAL_AID, opened))
            reached = at + (20 * _MINUTE_MS if kind == CONSULTATION else 5 * HOUR_MS)
            drafts.append(report_draft(reached, events.MatterStep, LEGAL_AID, {**matter, "step": step}))
    return drafts


def _on_the_road(draws: Draws) -> list[Draft]:
    """Drivers of the return to work who break a minor rule of the road are spoken to and drive on (A003-12)."""
    offsets = draws.integers(TRAFFIC_STOPS, 0, TO_DATE - RESUMPTION_FROM).tolist()
    stated = {"unit": "tiz-traffic", "conduct": Conduct.MINOR_TRAFFIC}
    return [
        Draft(
            RESUMPTION_FROM + offset,
            "tiz-traffic",
            events.Education,
            {"case_id": f"tiz-traffic-{number:04d}", **stated},
        )
        for number, offset in enumerate(offsets)
    ]


def _online(draws: Draws) -> list[Draft]:
    """What the patrol finds online day and night: tips, and rumours that become a case (A003-08)."""
    offsets = draws.integers(TIPS, 0, TO_DATE - SINCE).tolist()
    drafts = []
    for number, offset in enumerate(offsets):
        at, unit = SINCE + offset, "tiz-net-patrol"
        tip = {"case_id": f"tiz-rumour-{number:02d}", "unit": unit, "reason": "傳播虛假疫情信息、造謠傳謠"}
        drafts.append(Draft(at, unit, events.Tip, tip))
        if number < RUMOUR_CASES:
            case = {"case_id": tip["case_id"], "category": CaseCategory.RUMOUR, "unit": "tiz-psb"}
            drafts.append(Draft(at + 3 * HOUR_MS, "tiz-psb-cases", events.CaseRegistered, case))
    # The patrol never sleeps: a sign of life every four hours.
    signs = range(SINCE + _MINUTE_MS, TO_DATE, 4 * HOUR_MS)
    return drafts + [report_draft(at, events.Heartbeat, "tiz-net-patrol", {}) for at in signs]


def _firms(draws: Draws) -> list[Draft]:
    """Firms that want to work again are inspected and put to a test (A003-09: 實地檢查、壓力測試)."""
    offsets = draws.integers(CHECKED_FIRMS, 0, TO_DATE - RESUMPTION_FROM).tolist()
    drafts = []
    for number, offset in enumerate(offsets):
        at, solved = RESUMPTION_FROM + offset, number % 6 != 0
        found = {"case_id": f"tiz-firm-check-{number:02d}", "unit": "tiz-psb"}
        problem = {**found, "solved_on_site": solved, "reason": "企業復工檢查"}
        drafts.append(Draft(at, "tiz-firm-checks", events.Finding, problem))
        if not solved:
            notice = {**found, "reason": "未落實疫情防控主體責任"}
            drafts.append(Draft(at + HOUR_MS, "tiz-firm-checks", events.SupervisoryNotice, notice))
    return drafts


def _green_lane(seed: int, draws: Draws) -> list[Draft]:
    """Lorries with supplies pass by their own lane, every day (A003-09: 確保快速通行)."""
    tokens = Tokens(seed, "lorry", "v")
    days = (TO_DATE - RESUMPTION_FROM) // _DAY_MS - 1
    minutes = draws.integers(days * LORRIES, 5 * 60, 20 * 60).tolist()
    passed = {
        "site": LANE_SITE,
        "site_kind": SiteKind.ROAD,
        "direction": Direction.ENTERING,
        "subject_kind": SubjectKind.VEHICLE,
        "lane": "GREEN",
        "essential": True,
    }
    return [
        Draft(
            RESUMPTION_FROM + (1 + number // LORRIES) * _DAY_MS + minute * _MINUTE_MS,
            f"{LANE_SITE}-lane",
            events.Passage,
            {"token": tokens.one(number % LORRIES), "pass_id": lorry_pass(number % LORRIES), **passed},
        )
        for number, minute in enumerate(minutes)
    ]
