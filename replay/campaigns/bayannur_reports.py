"""What communities and units of the Bayannur exercise report day by day, and what is enforced and supervised.

Silence is not zero: one community misses a report, another sends one late, which restates the total.
"""

from typing import NamedTuple

from replay.campaigns.bayannur_places import AFFECTED, BORDER_VILLAGE, ELSEWHERE, RENTALS, REPORTED, SISTER, VILLAGES
from replay.campaigns.bayannur_script import DAY_MS, DAYS, HOUR_MS, MINUTE_MS, Script
from replay.campaigns.drafts import local
from schemas import events
from schemas.codes import CaseCategory, CaseProcedure, Conduct, Disposition, IndicatorNature, Party, UnitOfCount

SILENT = (VILLAGES[ELSEWHERE], local("2020-10-28T00:00"))
"""Who missed which day's report."""

LATE = (VILLAGES[BORDER_VILLAGE], local("2020-11-03T00:00"), local("2020-11-05T10:00"))
"""Who sent which day's report when: after its cut-off."""

RESTATED = (VILLAGES[AFFECTED], local("2020-10-30T00:00"), local("2020-10-30T20:30"), 3)
"""Who corrected which day's number when, and to what."""

LEDGER_SILENT = (VILLAGES[SISTER], local("2020-11-02T00:00"))

CASES_FOUND = {"2020-10-20": 1, "2020-10-22": 1, "2020-10-24": 4, "2020-10-26": 2, "2020-10-30": 2, "2020-11-01": 1}
"""Suspected cases that the committee of community A reports; on all other days it reports zero."""


def report_events(script: Script) -> None:
    """Writes down daily and zero reports, ledgers of rentals, other indicators and supplies."""
    for unit in VILLAGES.values():
        for day in DAYS:
            _daily(script, unit, day)
            _ledger(script, unit, day)
    for indicator in INDICATORS:
        _indicator(script, indicator)
    _supplies(script)


def _period(day: int) -> dict[str, int]:
    """The reporting day ends at 20:00, as that of the daily report of infectious diseases does."""
    return {"period_from": day - 4 * HOUR_MS, "period_until": day + 20 * HOUR_MS}


def _daily(script: Script, unit: str, day: int) -> None:
    if (unit, day) == SILENT:
        return
    at = LATE[2] if (unit, day) == LATE[:2] else day + 20 * HOUR_MS + 10 * MINUTE_MS
    found = CASES_FOUND.get(_date(day), 0) if unit == VILLAGES[AFFECTED] else 0
    if (unit, day) == LATE[:2]:
        found = 1
    _report(script, unit, at, REPORTED, UnitOfCount.CASE, day, found)
    if (unit, day) == RESTATED[:2]:
        _report(script, unit, RESTATED[2], REPORTED, UnitOfCount.CASE, day, RESTATED[3])


def _ledger(script: Script, unit: str, day: int) -> None:
    """Changes of rented yards and houses, every day (每日更新房屋出租信息)."""
    if (unit, day) != LEDGER_SILENT:
        changed = 1 if (day - DAYS[0]) // DAY_MS % 7 == 0 else 0
        _report(script, unit, day + 20 * HOUR_MS + 15 * MINUTE_MS, RENTALS, UnitOfCount.HOUSE, day, changed)


def _report(script: Script, unit: str, at: int, indicator: str, counted: UnitOfCount, day: int, value: int) -> None:
    stated = {"unit_id": unit, "indicator": indicator, **_period(day)}
    if value:
        number = {"unit_of_count": counted, "value": value, "nature": IndicatorNature.FLOW}
        script.add(events.Indicator, f"{unit}-reports", at, **stated, **number)
    else:
        script.add(events.ZeroReport, f"{unit}-reports", at, **stated)


def _date(day: int) -> str:
    """Local date of a midnight, as in ``2020-10-20``."""
    return next(date for date in _DATES if local(f"{date}T00:00") == day)


_DATES = tuple(f"2020-10-{day:02}" for day in range(12, 32)) + tuple(f"2020-11-{day:02}" for day in range(1, 16))


class Stated(NamedTuple):
    """One figure that a unit states of one day."""

    unit: str
    indicator: str
    counted: UnitOfCount
    value: int
    day: str
    nature: IndicatorNature = IndicatorNature.FLOW


SNAPSHOT = IndicatorNature.SNAPSHOT
INDICATORS = (
    # A004-06: nine systems of a community, each laid down and in use.
    Stated("by-community-a", "community-systems", UnitOfCount.MEASURE, 9, "2020-10-13", SNAPSHOT),
    Stated("by-community-a", "disinfections", UnitOfCount.TIME, 6, "2020-10-21"),
    Stated("by-community-a", "errands-for-residents", UnitOfCount.TIME, 41, "2020-10-26"),
    # A004-11: guards at the hospital and the quarantine site, day and night.
    Stated("by-hospital", "guards-on-duty", UnitOfCount.PERSON, 12, "2020-10-22", SNAPSHOT),
    Stated("by-quarantine", "guards-on-duty", UnitOfCount.PERSON, 8, "2020-10-22", SNAPSHOT),
    # A004-12: patrols of streets, stations and markets.
    Stated("by-psb", "street-patrols", UnitOfCount.PERSON_TIME, 160, "2020-10-25"),
    # A004-13: minutes that the last car of the longest queue waited are not counted, cars turned to a second lane are.
    Stated("by-psb", "vehicles-sent-to-second-lane", UnitOfCount.VEHICLE, 35, "2020-10-25"),
    # A004-15: petitions and disputes as counts only, and the drill of the reserve.
    Stated("by-petitions", "petitions", UnitOfCount.ITEM, 4, "2020-10-29"),
    Stated("by-petitions", "disputes-found", UnitOfCount.CASE, 3, "2020-10-29"),
    Stated("by-psb", "emergency-drills", UnitOfCount.SESSION, 1, "2020-10-19"),
    # A004-16: the border, at all hours.
    Stated("by-border", "border-patrols", UnitOfCount.TIME, 24, "2020-10-25"),
    # A004-18: vulnerable people visited, calls to the psychological hotline.
    Stated("by-civil-affairs", "vulnerable-persons-visited", UnitOfCount.PERSON, 57, "2020-10-28", SNAPSHOT),
    Stated("by-health", "psychological-calls", UnitOfCount.PERSON_TIME, 19, "2020-10-28"),
    # A004-20: who was held to account.
    Stated("by-supervision", "persons-held-to-account", UnitOfCount.PERSON, 1, "2020-11-12"),
    # A004-21: measures that were merged or dropped.
    Stated("by-hq", "measures-streamlined", UnitOfCount.MEASURE, 3, "2020-11-10"),
)


def _indicator(script: Script, one: Stated) -> None:
    day = local(f"{one.day}T00:00")
    stated = {"unit_id": one.unit, "indicator": one.indicator, "unit_of_count": one.counted, "value": one.value}
    at = day + 20 * HOUR_MS + 30 * MINUTE_MS
    script.add(events.Indicator, f"{one.unit}-figures", at, **stated, nature=one.nature, **_period(day))


def _supplies(script: Script) -> None:
    """Protective equipment of front-line staff (一线工作人员防护装备, A004-23)."""
    stock = 0
    for date, received, issued in (("2020-10-13", 600, 40), ("2020-10-21", 0, 180), ("2020-10-27", 200, 310)):
        stock += received - issued
        counted = {"received": received, "issued": issued, "in_stock": stock, "unit_of_count": UnitOfCount.SET}
        named = {"unit_id": "by-community-a", "item": "protective-sets"}
        script.add(events.Supplies, "by-community-a-stores", f"{date}T21:00", **named, **counted)


CASES = (
    (
        "by-case-hospital",
        CaseCategory.MEDICAL_ORDER,
        CaseProcedure.ADMINISTRATIVE,
        Disposition.ADMINISTRATIVE_DETENTION,
    ),
    ("by-case-gate", CaseCategory.DISTURBING_ORDER, CaseProcedure.ADMINISTRATIVE, Disposition.FINE),
    ("by-case-prices", CaseCategory.MARKET_ORDER, CaseProcedure.ADMINISTRATIVE, Disposition.FINE),
    ("by-case-brawl", CaseCategory.SOCIAL_ORDER, CaseProcedure.ADMINISTRATIVE, Disposition.WARNING),
    ("by-case-game", CaseCategory.WILDLIFE, CaseProcedure.CRIMINAL, Disposition.BAIL),
    ("by-case-masks", CaseCategory.COUNTERFEIT, CaseProcedure.CRIMINAL, Disposition.CRIMINAL_DETENTION),
    ("by-case-border", CaseCategory.SMUGGLING, CaseProcedure.CRIMINAL, Disposition.CRIMINAL_DETENTION),
    ("by-case-fraud", CaseCategory.FRAUD, CaseProcedure.CRIMINAL, Disposition.RESIDENTIAL_SURVEILLANCE),
)
"""One case of each kind that the plan names (三-6 强化打击惩处). None of them is a refusal at a checkpoint."""

NOTICES = (("by-find-exits", "2020-11-11T16:00"), ("by-find-records", None))
"""Supervisory notices of 10 November, and when what they asked for was done."""


def enforcement_events(script: Script) -> None:
    """Writes down cases, education on the spot, and what supervision found."""
    for number, (case, category, procedure, disposition) in enumerate(CASES):
        at = local("2020-10-21T10:00") + number * DAY_MS
        unit = "by-border" if category is CaseCategory.SMUGGLING else "by-psb"
        named = {"case_id": case, "unit": unit}
        script.add(events.CaseRegistered, "by-cases", at, **named, category=category, procedure=procedure)
        party = {"party": Party.PERSON, "party_token": script.person(f"offender-{case}")}
        script.add(events.PersonDisposed, "by-cases", at + DAY_MS, **named, disposition=disposition, **party)
    script.add(
        events.Education, "by-cases", "2020-10-21T08:26", case_id="by-edu-mask", unit="by-psb", conduct=Conduct.NO_MASK
    )
    found = local("2020-11-10T10:00")
    for case, solved in (("by-find-thermometer", True), ("by-find-exits", False), ("by-find-records", False)):
        named = {"case_id": case, "unit": "by-community-b"}
        script.add(events.Finding, "by-supervision-desk", found, **named, solved_on_site=solved)
    for case, rectified in NOTICES:
        named = {"case_id": case, "unit": "by-community-b"}
        reason = "限期整改"
        script.add(events.SupervisoryNotice, "by-supervision-desk", found + HOUR_MS, **named, reason=reason)
        if rectified is not None:
            script.add(events.Rectified, "by-supervision-desk", rectified, **named)
