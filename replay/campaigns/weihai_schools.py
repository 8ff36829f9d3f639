"""Two schools of the Weihai campaign in the first days of September 2020: three checks and two reports a day (A002-22),
absences asked after (A002-23), who may enter (A002-24), a ledger of every pupil (A002-25), leave from the home-school
line (A002-36), and the survey of late January (A002-25).

The schools, their pupils, what was measured and who was absent are synthetic; the source publishes no such number.
"""

from typing import Any, NamedTuple

from replay.campaigns.drafts import Draft, local
from replay.campaigns.draws import Draws
from replay.campaigns.published import report_draft
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, daytimes, midnight
from replay.campaigns.weihai_expected import Window, windows
from replay.campaigns.weihai_places import REGISTRY, SCHOOLS
from schemas import events
from schemas.codes import (
    AttemptMethod,
    DecisionOutcome,
    Direction,
    HealthCode,
    IndicatorNature,
    Role,
    SiteKind,
    SubjectKind,
    ThermometryMethod,
    UnitOfCount,
    VisitOutcome,
)

PUPILS = 24
"""Of each school."""

FROM, UNTIL = midnight("2020-09-01"), midnight("2020-09-05")
"""Tuesday to Friday: what the rosters ask for."""

THREE_CHECKS, TWO_REPORTS = "THREE_CHECKS", "TWO_REPORTS"
ABSENT_TODAY = "pupils-absent"
SURVEYED = 100
"""More than 100 person-times (累计摸排100余人次)."""

NOT_MEASURED = ((0, 1, "NOON"), (7, 1, "EVENING"), (30, 2, "MORNING"), (41, 3, "NOON"))
"""Pupil, day and slot of readings that are missing though the pupil was there (T14)."""

SILENT, LATE = (1, 2, 1), (0, 3, 0)
"""School, day and number in that day of a report that never comes, and of one that comes too late."""


class Absence(NamedTuple):
    """``asked_after``: hours from the absence to the call."""

    pupil: int
    day: int
    asked_after: int
    outcome: VisitOutcome


ABSENCES = (
    Absence(3, 0, 1, VisitOutcome.SEEN_OK),
    Absence(11, 1, 2, VisitOutcome.SEEN_NOT_OK),
    Absence(28, 1, 1, VisitOutcome.SEEN_OK),
    Absence(35, 2, 26, VisitOutcome.SEEN_OK),
)
"""The last of them is asked after on the next day only."""

_EDUCATION = "wh-education"


def pupils(seed: int) -> list[str]:
    """Tokens of all pupils, those of the first school first."""
    tokens = Tokens(seed, "pupil")
    return [tokens.one(number) for number in range(PUPILS * len(SCHOOLS))]


def school_of(pupil: int) -> str:
    """The school of a pupil."""
    return SCHOOLS[pupil // PUPILS]


def school_rosters(seed: int) -> list[Draft]:
    """One entry for each pupil (一人一档) and one for the reports of each school."""
    known = FROM - 5 * DAY_MS
    stretch = {"valid_from": FROM, "valid_until": UNTIL}
    made = [
        Draft(
            known,
            REGISTRY,
            events.Roster,
            {
                "entity_id": f"wh-pupil-{number:02d}",
                "parent": school_of(number),
                "member": token,
                "schedule": THREE_CHECKS,
                **stretch,
            },
        )
        for number, token in enumerate(pupils(seed))
    ]
    for school in SCHOOLS:
        asked = {"parent": _EDUCATION, "member": school, "schedule": TWO_REPORTS, "indicator": ABSENT_TODAY}
        made.append(Draft(known, REGISTRY, events.Roster, {"entity_id": f"{school}-reports", **asked, **stretch}))
    return made


def school_drafts(seed: int) -> list[Draft]:
    """All that happens at the two schools, and the survey."""
    return [*_checks(seed), *_reports(), *_absences(seed), *_leaves(seed), *_visitors(seed), *_survey(seed)]


def _checks(seed: int) -> list[Draft]:
    """Every pupil is measured three times a day, first at the gate, where everyone is (入校一律进行体温检测)."""
    draws, drafts = Draws(seed, "school checks"), []
    away = {(absence.pupil, absence.day) for absence in ABSENCES}
    slots = list(windows(THREE_CHECKS, FROM, UNTIL))
    for number, token in enumerate(pupils(seed)):
        tenths = draws.integers(len(slots), 361, 371).tolist()
        for window, value in zip(slots, tenths, strict=True):
            if (number, window.day) in away or (number, window.day, window.slot) in NOT_MEASURED:
                continue
            drafts += _check(number, token, window, value)
    return drafts


def _check(pupil: int, token: str, window: Window, value: int) -> list[Draft]:
    gate, at = f"{school_of(pupil)}-gate", window.opens + (window.closes - window.opens) // 3 + pupil * 10_000
    reading: dict[str, Any] = {
        "token": token,
        "value_tenths": value,
        "method": ThermometryMethod.NON_CONTACT,
        "site": gate,
        "site_kind": SiteKind.SCHOOL,
        "slot": window.slot,
    }
    if window.slot != "MORNING":
        return [Draft(at, f"{school_of(pupil)}-class", events.Reading, reading)]
    passage_id = f"wh-pupil-{pupil:02d}-{window.day}"
    return [
        Draft(at, f"{gate}-thermometer", events.Reading, {**reading, "passage_id": passage_id}),
        _passage(at + 5000, token, gate, passage_id, Role.PUPIL, {}),
    ]


def _passage(at: int, token: str, gate: str, passage_id: str, role: Role, more: dict[str, Any]) -> Draft:
    stated = {
        "token": token,
        "site": gate,
        "site_kind": SiteKind.SCHOOL,
        "direction": Direction.ENTERING,
        "subject_kind": SubjectKind.PERSON,
        "role": role,
        "passage_id": passage_id,
    }
    return Draft(at, gate, events.Passage, {**stated, **more})


def _reports() -> list[Draft]:
    """Two reports a day from each school: a number, a zero, one too late, and one that never comes (T8)."""
    drafts = []
    for school_number, school in enumerate(SCHOOLS):
        turns = dict.fromkeys((window.day for window in windows(TWO_REPORTS, FROM, UNTIL)), 0)
        for window in windows(TWO_REPORTS, FROM, UNTIL):
            turn, turns[window.day] = turns[window.day], turns[window.day] + 1
            place = school_number, window.day, turn
            if place == SILENT:
                continue
            at = window.cut_off + HOUR_MS if place == LATE else window.middle
            absent = sum(absence.day == window.day and school_of(absence.pupil) == school for absence in ABSENCES)
            drafts.append(_report(at, school, window, absent))
    return drafts


def _report(at: int, school: str, window: Window, absent: int) -> Draft:
    period = {"indicator": ABSENT_TODAY, "period_from": window.opens, "period_until": window.closes}
    if not absent:
        return report_draft(at, events.ZeroReport, school, period)
    number = {"unit_of_count": UnitOfCount.PERSON, "value": absent, "nature": IndicatorNature.SNAPSHOT}
    return report_draft(at, events.Indicator, school, {**period, **number})


def _absences(seed: int) -> list[Draft]:
    """The class teacher calls (缺课追踪)."""
    tokens, drafts = pupils(seed), []
    for number, absence in enumerate(ABSENCES):
        school, at = school_of(absence.pupil), FROM + absence.day * DAY_MS + 9 * HOUR_MS
        about = {"token": tokens[absence.pupil], "task": f"wh-absence-{number + 1}", "unit": school}
        called = {**about, "method": AttemptMethod.PHONE, "outcome": absence.outcome}
        drafts.append(Draft(at, f"{school}-class-book", events.Absence, {**about, "reason": "not in class"}))
        drafts.append(Draft(at + absence.asked_after * HOUR_MS, f"{school}-class-book", events.Attempt, called))
    return drafts


def _leaves(seed: int) -> list[Draft]:
    """Leave from the home-school line (两点一线): approved and back in time, approved and back late, refused."""
    tokens, drafts = pupils(seed), []
    for number, (pupil, approved, hours_over) in enumerate(((5, True, -2), (17, True, 30), (29, False, 0))):
        school, asked = school_of(pupil), FROM + 2 * DAY_MS + 10 * HOUR_MS + number * HOUR_MS
        due = asked + 2 * DAY_MS
        about = {"token": tokens[pupil], "task": f"wh-leave-{number + 1}", "unit": school}
        decided = {"approved": approved, "decided_by_role": "head-teacher"}
        source = f"{school}-leave"
        drafts.append(Draft(asked, source, events.Leave, {**about, "reason": "family matter", "due_at": due}))
        drafts.append(Draft(asked + HOUR_MS, source, events.LeaveDecided, {**about, **decided}))
        if approved:
            drafts.append(Draft(due + hours_over * HOUR_MS, source, events.LeaveEnded, about))
    return drafts


class _Visitor(NamedTuple):
    """Somebody at the gate; ``tenths``: temperature, None: not taken."""

    role: Role
    tenths: int | None
    decision: DecisionOutcome
    stated: dict[str, Any]
    reason: str | None = None


_SHOWN = {"identity_checked": True, "essential": True, "health_code": HealthCode.GREEN}
_VISITORS = (
    _Visitor(Role.STAFF, 365, DecisionOutcome.ADMITTED, {}),
    _Visitor(Role.STAFF, 373, DecisionOutcome.ADMITTED, {}),
    _Visitor(Role.STAFF, 374, DecisionOutcome.REFUSED, {}, "temperature over 37.3"),
    _Visitor(Role.PUPIL, 381, DecisionOutcome.REFUSED, {}, "temperature over 37.3"),
    _Visitor(Role.STAFF, 366, DecisionOutcome.REFUSED, {"health_code": HealthCode.YELLOW}, "yellow code"),
    _Visitor(Role.STAFF, 366, DecisionOutcome.REFUSED, {"health_code": HealthCode.RED}, "red code"),
    _Visitor(Role.OUTSIDER, 364, DecisionOutcome.ADMITTED, _SHOWN),
    _Visitor(Role.OUTSIDER, 367, DecisionOutcome.ADMITTED, _SHOWN),
    _Visitor(Role.OUTSIDER, 366, DecisionOutcome.REFUSED, {**_SHOWN, "essential": False}, "unrelated outsider"),
    _Visitor(
        Role.OUTSIDER,
        366,
        DecisionOutcome.REFUSED,
        {**_SHOWN, "health_code": HealthCode.NONE_SHOWN},
        "no green code shown",
    ),
    _Visitor(
        Role.OUTSIDER, 366, DecisionOutcome.REFUSED, {**_SHOWN, "identity_checked": False}, "identity not checked"
    ),
    _Visitor(Role.OUTSIDER, None, DecisionOutcome.REFUSED, _SHOWN, "temperature not taken"),
)
"""At 37.3 a teacher enters, at 37.4 none does: the text says over (超过, T1)."""


def _visitors(seed: int) -> list[Draft]:
    tokens, drafts = Tokens(seed, "school visitor"), []
    for number, visitor in enumerate(_VISITORS):
        gate, token = f"{SCHOOLS[number % len(SCHOOLS)]}-gate", tokens.one(number)
        at, passage_id = local("2020-09-01T10:00") + number * 5 * MINUTE_MS, f"wh-visitor-{number + 1:02d}"
        place = {"token": token, "site": gate, "site_kind": SiteKind.SCHOOL, "passage_id": passage_id}
        if visitor.tenths is not None:
            reading = {**place, "value_tenths": visitor.tenths, "method": ThermometryMethod.NON_CONTACT}
            drafts.append(Draft(at - 15_000, f"{gate}-thermometer", events.Reading, reading))
        drafts.append(_passage(at, token, gate, passage_id, visitor.role, visitor.stated))
        decided = {"decision": visitor.decision, "decided_by_role": "gate-duty", "decision_reason": visitor.reason}
        drafts.append(Draft(at + 30_000, f"{gate}-duty", events.Decision, {**place, **decided}))
    return drafts


def _survey(seed: int) -> list[Draft]:
    """Pupils and teachers who had been to Wuhan or had left Weihai, asked by telephone from 24 January."""
    draws, tokens = Draws(seed, "school survey"), Tokens(seed, "surveyed person")
    times = sorted(daytimes(draws, SURVEYED, midnight("2020-01-24"), midnight("2020-02-10"), 9, 18))
    asked = {"method": AttemptMethod.PHONE, "outcome": VisitOutcome.SEEN_OK, "unit": _EDUCATION}
    # Some are asked twice: the source counts person-times.
    return [
        Draft(at, f"{_EDUCATION}-survey", events.Attempt, {**asked, "token": tokens.one(number * 9 // 10)})
        for number, at in enumerate(times)
    ]
