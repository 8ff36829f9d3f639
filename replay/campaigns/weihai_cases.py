"""Enforcement of the Weihai campaign: 26 administrative cases of vessels with their fines (A002-11), 3 administrative
and 18 criminal cases tied to the epidemic (A002-31), 286 findings of supervision (A002-32).

The text lists offences without numbers, so all 21 cases stand as "other". Whether the 9 cases of driving a vessel
without a licence are among the 26 it leaves open: they are reported as a number and are no cases here. Who was fined
how much, and which measure befell whom, is synthetic.
"""

from typing import Any

from replay.campaigns.drafts import Draft
from replay.campaigns.draws import Draws, apportion
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, PERIOD_FROM, daytimes, midnight
from schemas import events
from schemas.codes import CaseCategory, CaseProcedure, Disposition, Party

VESSEL_CASES = 26
FINES_YUAN = 35_500
CASES = {CaseProcedure.ADMINISTRATIVE: 3, CaseProcedure.CRIMINAL: 18}
PERSONS = {CaseProcedure.ADMINISTRATIVE: 2, CaseProcedure.CRIMINAL: 3}
FOUND, SOLVED_ON_SITE = 286, 232
NOTICES = FOUND - SOLVED_ON_SITE
"""54, as published."""

COAST, POLICE, SUPERVISION = "wh-psb-coast", "wh-psb", "wh-discipline"

_FINED = 20
_NOT_RECTIFIED = 4
_LAST_DAY = midnight("2020-12-10")


def enforcement_drafts(seed: int) -> list[Draft]:
    """All cases, dispositions and findings; always whole."""
    return [*_vessels(seed), *_cases(seed), *_findings(seed)]


def _registered(at: int, unit: str, case_id: str, category: CaseCategory, procedure: CaseProcedure) -> Draft:
    stated = {"case_id": case_id, "category": category, "unit": unit, "procedure": procedure}
    return Draft(at, f"{unit}-cases", events.CaseRegistered, stated)


def _disposed(at: int, unit: str, case_id: str, disposition: Disposition, token: str, **more: Any) -> Draft:
    party = {"party": Party.PERSON, "party_token": token}
    stated = {"case_id": case_id, "disposition": disposition, "unit": unit, **party, **more}
    return Draft(at, f"{unit}-cases", events.PersonDisposed, stated)


def _vessels(seed: int) -> list[Draft]:
    draws, tokens = Draws(seed, "vessel cases"), Tokens(seed, "fined person")
    times = sorted(daytimes(draws, VESSEL_CASES, midnight("2020-02-10"), _LAST_DAY))
    # Whole hundreds of yuan.
    weights = (1 + draws.integers(_FINED, 0, 4)).tolist()
    amounts = [100 * part for part in apportion(FINES_YUAN // 100, weights)]
    drafts = []
    for number, at in enumerate(times):
        case = f"wh-vessel-{number + 1:02d}"
        drafts.append(_registered(at, COAST, case, CaseCategory.VESSEL, CaseProcedure.ADMINISTRATIVE))
        if number < _FINED:
            token, fine = tokens.one(number), {"amount_yuan": amounts[number]}
            drafts.append(_disposed(at + 3 * DAY_MS, COAST, case, Disposition.FINE, token, **fine))
    return drafts


def _cases(seed: int) -> list[Draft]:
    draws, tokens = Draws(seed, "cases"), Tokens(seed, "offender")
    drafts, persons = [], 0
    for procedure, count in CASES.items():
        for number, at in enumerate(sorted(daytimes(draws, count, PERIOD_FROM, _LAST_DAY))):
            case = f"wh-{procedure.value.lower()}-{number + 1:02d}"
            drafts.append(_registered(at, POLICE, case, CaseCategory.OTHER, procedure))
            if number < PERSONS[procedure]:
                token, imposed = tokens.one(persons), Disposition.PENALTY_OR_MEASURE
                drafts.append(_disposed(at + DAY_MS, POLICE, case, imposed, token))
                persons += 1
    return drafts


def _findings(seed: int) -> list[Draft]:
    """Problems found: solved on the spot, or followed by a notice on which the unit must act."""
    draws = Draws(seed, "findings")
    times = sorted(daytimes(draws, FOUND, PERIOD_FROM, _LAST_DAY, 9, 18))
    noticed = set(draws.fractions(FOUND).argsort(kind="stable")[:NOTICES].tolist())
    wait = draws.integers(FOUND, DAY_MS, 15 * DAY_MS).tolist()
    drafts, notices, source = [], 0, f"{SUPERVISION}-findings"
    for number, at in enumerate(times):
        case = {"case_id": f"wh-finding-{number + 1:03d}", "unit": SUPERVISION}
        solved = number not in noticed
        drafts.append(Draft(at, source, events.Finding, {**case, "solved_on_site": solved}))
        if solved:
            continue
        notices += 1
        reason = "duty of epidemic control not fulfilled"
        drafts.append(Draft(at + 4 * HOUR_MS, source, events.SupervisoryNotice, {**case, "reason": reason}))
        if notices > _NOT_RECTIFIED:
            drafts.append(Draft(at + 4 * HOUR_MS + wait[number], source, events.Rectified, case))
    return drafts
