"""Enforcement of the Dazhou campaign: cases, tips, education on the spot, notices and inspections (seed 001)."""

from typing import Any

from replay.campaigns.dazhou_calendar import REPORTS_UNTIL, RESUMPTION_FROM, SINCE, TO_DATE
from replay.campaigns.dazhou_places import COUNTIES, grid_unit
from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import Draws
from schemas import events
from schemas.codes import CaseCategory, Conduct
from sinks.figures import expected_at

CASES = 231
"""打击涉疫违法犯罪231件 (A001-05)."""

FIRM_CASES = 58
"""打击涉疫涉企违法犯罪活动58件 (A001-17): inside the 231 or not, the article does not say."""

TIPS = 579
"""发动群众检举涉疫不法行为579起 (A001-11)."""

DISPERSED = 28_000
"""劝离聚集人群2.8万余人次 (A001-14)."""

CORRECTED = 10_000
"""纠正不戴口罩等错误行为1万余次 (A001-14)."""

_AFTER_THE_ARTICLE = 12
_NOTICES = 14
_INSPECTIONS = 45
_TIP_REASONS = ("gathering at a feast", "prices of masks", "wild animals for sale", "a rumour in a chat group")
_INSPECTED = ("wild animals in a market", "fresh food without a quarantine certificate", "cold storage of fresh food")

CASE_SOURCE, FIRM_SOURCE, TIP_SOURCE = "dz-psb-cases", "dz-psb-firm-cases", "dz-tip-line"


def enforcement_events(seed: int, scale: float) -> list[events.Event]:
    """All of it in order of occurrence; ``scale`` is that of education, of which there is most."""
    draws = Draws(seed, "enforcement")
    drafts = [
        *_cases(draws, CASES, SINCE, CASE_SOURCE, {}),
        *_cases(draws, FIRM_CASES, RESUMPTION_FROM, FIRM_SOURCE, {"involves_firm": True}),
        *_tips(draws),
        *_education(draws, Conduct.GATHERING, expected_at(DISPERSED, scale)),
        *_education(draws, Conduct.NO_MASK, expected_at(CORRECTED, scale)),
        *_supervision(draws),
    ]
    return stamped(drafts)


def times(draws: Draws, count: int, start: int, until: int) -> list[int]:
    """``count`` times in [start, until), UTC milliseconds, by day rather than by night."""
    days, hours = draws.integers(count, 0, (until - start) // 86_400_000), draws.integers(count, 7, 22)
    found: list[int] = (start + days * 86_400_000 + hours * 3_600_000 + draws.integers(count, 0, 3_600_000)).tolist()
    return found


def _cases(draws: Draws, count: int, start: int, source: str, stated: dict[str, Any]) -> list[Draft]:
    later = times(draws, _AFTER_THE_ARTICLE, TO_DATE, REPORTS_UNTIL)
    case = {"category": CaseCategory.OTHER, "unit": "dz-psb", **stated}
    return [
        Draft(at, source, events.CaseRegistered, {"case_id": f"{source}-{number:04d}", **case})
        for number, at in enumerate([*times(draws, count, start, TO_DATE), *later])
    ]


def _tips(draws: Draws) -> list[Draft]:
    return [
        Draft(
            at,
            TIP_SOURCE,
            events.Tip,
            {"case_id": f"dz-tip-{number:04d}", "unit": "dz-grid-centre", "reason": _TIP_REASONS[number % 4]},
        )
        for number, at in enumerate(times(draws, TIPS, SINCE, TO_DATE))
    ]


def _education(draws: Draws, conduct: Conduct, count: int) -> list[Draft]:
    """Somebody spoken to on the spot is no case: only where, when and what about is said."""
    counties = draws.chosen(count, [share for *_, share in COUNTIES]).tolist()
    drafts = []
    for number, (at, county) in enumerate(zip(times(draws, count, SINCE, TO_DATE), counties, strict=True)):
        unit = grid_unit(COUNTIES[county][0])
        stated = {"case_id": f"dz-{conduct.value.lower()}-{number:05d}", "unit": unit, "conduct": conduct}
        drafts.append(Draft(at, f"{unit}-patrol", events.Education, stated))
    return drafts


def _supervision(draws: Draws) -> list[Draft]:
    """Supervision letters to units that leave a firm waiting (A001-18: 督办函), and special inspections of wildlife
    trade and of the quarantine of fresh food (A001-20)."""
    drafts = []
    letter = {"unit": "dz-justice", "reason": "一对一督办函: a firm's request is still open"}
    for number, at in enumerate(times(draws, _NOTICES, RESUMPTION_FROM, TO_DATE)):
        stated = {"case_id": f"dz-letter-{number:02d}", **letter}
        drafts.append(Draft(at, "dz-supervision", events.SupervisoryNotice, stated))
        done = {**stated, "reason": "the firm's request was met"}
        drafts.append(Draft(at + 2 * 86_400_000, "dz-supervision", events.Rectified, done))
    for number, at in enumerate(times(draws, _INSPECTIONS, SINCE, TO_DATE)):
        found = {"unit": "dz-procuratorate", "solved_on_site": True, "reason": _INSPECTED[number % 3]}
        drafts.append(Draft(at, "dz-inspections", events.Finding, {"case_id": f"dz-inspection-{number:02d}", **found}))
    return drafts
