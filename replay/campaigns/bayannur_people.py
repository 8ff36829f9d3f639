"""Who is followed up in the Bayannur exercise: leads with obligatory feedback, quarantine, a search, symptoms, care."""

from typing import NamedTuple

from replay.campaigns.bayannur_places import MARKET
from replay.campaigns.bayannur_script import DAY_MS, HOUR_MS, MINUTE_MS, Script
from replay.campaigns.drafts import local
from schemas import events
from schemas.codes import (
    AttemptMethod,
    DecisionOutcome,
    LeadSource,
    PushMode,
    QuarantinePlace,
    SiteKind,
    Symptom,
    TestResult,
    ThermometryMethod,
    VisitOutcome,
)

POLICE, HEALTH, COMMUNITY = "by-psb", "by-health", "by-community-a"


class Lead(NamedTuple):
    """A lead that was pushed down, and when each step was reached (local times; None: never)."""

    id: str
    who: str
    source: LeadSource
    push: PushMode
    received: str
    verified: str | None
    reported_back: str | None
    closed: str | None = None


LEADS = (
    Lead(
        "by-lead-contact",
        "contact",
        LeadSource.CASE_OR_CONTACT,
        PushMode.ROUTINE,
        "2020-10-20T11:00",
        "2020-10-20T14:00",
        "2020-10-20T16:00",
    ),
    Lead(
        "by-lead-overseas",
        "from-abroad",
        LeadSource.SUPERIOR_NOTICE,
        PushMode.BATCH,
        "2020-10-21T09:00",
        "2020-10-21T15:00",
        "2020-10-21T20:00",
    ),
    Lead(
        "by-lead-late-feedback",
        "traveller",
        LeadSource.BIG_DATA,
        PushMode.ROUTINE,
        "2020-10-22T10:00",
        "2020-10-22T15:00",
        "2020-10-27T09:00",
    ),
    Lead(
        "by-lead-no-feedback",
        "guest",
        LeadSource.INTERREGIONAL_REQUEST,
        PushMode.BATCH,
        "2020-10-23T10:00",
        "2020-10-23T18:00",
        None,
    ),
    Lead(
        "by-lead-wrong-person",
        "namesake",
        LeadSource.PUBLIC_REPORT,
        PushMode.ROUTINE,
        "2020-10-24T09:00",
        None,
        None,
        "2020-10-24T11:00",
    ),
)


class Quarantine(NamedTuple):
    """Somebody isolated: where, from when to when, and the day (from 0) on which nobody asked after them."""

    task: str
    who: str
    place: QuarantinePlace
    programme: str
    started: str
    ended: str
    not_seen_on: int | None = None


QUARANTINES = (
    Quarantine(
        "by-q-contact", "contact", QuarantinePlace.HOME, "HOME_QUARANTINE", "2020-10-20T18:00", "2020-11-03T20:00", 6
    ),
    Quarantine(
        "by-q-returner", "returner", QuarantinePlace.HOME, "HOME_QUARANTINE", "2020-10-15T18:00", "2020-11-03T09:00"
    ),
    Quarantine(
        "by-q-central",
        "from-abroad",
        QuarantinePlace.INSTITUTIONAL,
        "CENTRAL_QUARANTINE",
        "2020-10-21T21:00",
        "2020-11-05T08:00",
    ),
)
"""The returner is held five days too long."""


FOLLOWED_DAYS = 15
"""Somebody asks on the day on which it begins and on each of the fourteen after it."""


class Search(NamedTuple):
    """Somebody left isolation without leave, and was found."""

    task: str
    who: str
    place: QuarantinePlace
    isolated: str
    left: str
    found: str | None


HOSPITAL = QuarantinePlace.HOSPITAL
SEARCHES = (
    Search("by-q-patient", "patient", HOSPITAL, "2020-10-22T10:00", "2020-10-25T22:00", "2020-10-26T03:00"),
    Search("by-q-runaway", "runaway", HOSPITAL, "2020-10-24T10:00", "2020-10-28T20:00", "2020-10-31T20:00"),
)


def people_events(script: Script, refused_in_error: events.Event) -> None:
    """Writes down all follow-ups. ``refused_in_error``: the decision that an appeal takes back."""
    for lead in LEADS:
        _lead(script, lead)
    for quarantine in QUARANTINES:
        _quarantine(script, quarantine)
    for search in SEARCHES:
        _search(script, search)
    _symptoms(script)
    _appeal(script, refused_in_error)
    _care(script)


def _lead(script: Script, lead: Lead) -> None:
    desk, token, received = "by-lead-desk", script.person(lead.who), local(lead.received)
    named = {"token": token, "lead_id": lead.id}
    script.add(
        events.LeadOpened,
        desk,
        received,
        **named,
        lead_source=lead.source,
        push_mode=lead.push,
        home_province=False,
        received_at=received,
    )
    script.add(events.LeadDispatched, desk, received + 10 * MINUTE_MS, **named, unit=COMMUNITY)
    if lead.closed is not None:
        script.add(events.LeadClosed, desk, lead.closed, **named, unit=COMMUNITY, reason="not the person: 信息有误")
    if lead.verified is not None:
        verified = local(lead.verified)
        script.add(events.LeadLocated, desk, verified - 2 * HOUR_MS, **named, unit=COMMUNITY)
        called = {"method": AttemptMethod.PHONE, "outcome": VisitOutcome.SEEN_OK, "unit": COMMUNITY}
        script.add(events.Attempt, desk, verified - 20 * MINUTE_MS, **named, **called)
        script.add(events.LeadVerified, desk, verified, **named, unit=COMMUNITY, method=AttemptMethod.PHONE)
    if lead.reported_back is not None:
        script.add(events.LeadReportedBack, desk, lead.reported_back, **named, unit=COMMUNITY)


def _quarantine(script: Script, one: Quarantine) -> None:
    desk, started, ended = f"{one.task}-desk", local(one.started), local(one.ended)
    named = {"token": script.person(one.who), "task": one.task}
    script.add(
        events.QuarantineStarted, desk, started, **named, place=one.place, programme=one.programme, unit=COMMUNITY
    )
    for day in range(FOLLOWED_DAYS):
        if day == one.not_seen_on:
            continue
        # On the first day it begins; afterwards somebody asks every morning.
        at = started + HOUR_MS if day == 0 else local(one.started[:10] + "T09:30") + day * DAY_MS
        method = AttemptMethod.PHONE if day % 3 else AttemptMethod.VISIT
        script.add(events.Attempt, desk, at, **named, method=method, outcome=VisitOutcome.SEEN_OK, unit=COMMUNITY)
        reading = {"value_tenths": 364 + day % 4, "method": ThermometryMethod.AXILLARY}
        script.add(events.Reading, desk, at, **named, **reading, site_kind=SiteKind.COMMUNITY)
    tested = {"token": named["token"], "task": f"{one.task}-test", "unit": HEALTH}
    due = started + 13 * DAY_MS
    script.add(events.TestDue, desk, due - 2 * DAY_MS, **tested, due_at=due)
    script.add(events.TestTaken, desk, due - DAY_MS, **tested)
    script.add(events.TestReturned, desk, due - 8 * HOUR_MS, **tested, result=TestResult.NEGATIVE)
    script.add(events.QuarantineEnded, desk, ended, **named, reason="14 days without symptoms, test negative")


def _search(script: Script, one: Search) -> None:
    """Persuaded first, isolated on instruction of the headquarters, gone, searched for (A004-10)."""
    desk, isolated = f"{one.task}-desk", local(one.isolated)
    named = {"token": script.person(one.who), "task": one.task}
    script.add(
        events.FollowUpDecision,
        desk,
        isolated - HOUR_MS,
        **named,
        decision=DecisionOutcome.REFERRED,
        decided_by_role="headquarters",
        decision_reason="拒绝隔离治疗,经说服教育后同意;按指挥部指令协助转送",
    )
    script.add(events.QuarantineStarted, desk, isolated, **named, place=one.place, unit="by-hospital")
    script.add(events.Absconded, desk, one.left, **named, unit="by-hospital", reason="隔离治疗期内擅自脱离")
    if one.found is not None:
        script.add(events.Found, desk, one.found, **named, unit=POLICE)
    script.add(events.QuarantineEnded, desk, "2020-11-06T10:00", **named, reason="recovered: 治愈出院")


def _symptoms(script: Script) -> None:
    """Fever, dry cough or diarrhoea where people gather is reported at once, and examined (A004-02, A004-13)."""
    for who, at, tenths, symptoms in SYMPTOMS_AT_THE_MARKET:
        seen = {"token": script.person(who), "site": MARKET, "site_kind": SiteKind.VENUE, "symptoms": symptoms}
        measured = {"value_tenths": tenths, "method": ThermometryMethod.NON_CONTACT}
        script.add(events.Reading, "by-gate-market", at, **seen, **measured)
    for who, task, started, accepted in TRANSFERS:
        named = {"token": script.person(who), "task": task}
        reason = "发热病人送诊"
        script.add(events.TransferStarted, "by-transfers", started, **named, unit=COMMUNITY, reason=reason)
        script.add(events.TransferAccepted, "by-transfers", accepted, **named, unit=HEALTH)


SYMPTOMS_AT_THE_MARKET = (
    ("shopper", "2020-10-19T10:00", 379, [Symptom.FEVER, Symptom.DIARRHOEA]),
    ("cougher", "2020-10-23T16:00", 368, [Symptom.DRY_COUGH]),
)
"""Who showed symptoms among people; nobody reported the second."""

TRANSFERS = (
    ("shopper", "by-t-shopper", "2020-10-19T10:15", "2020-10-19T10:45"),
    ("feverish", "by-t-feverish", "2020-10-16T10:10", "2020-10-18T12:00"),
    ("patient", "by-t-patient", "2020-10-22T08:00", "2020-10-22T08:40"),
)
"""Who was handed over to the health service, started and accepted: the traveller's was left lying for two days."""


def _appeal(script: Script, refused: events.Event) -> None:
    """Somebody refused with a paper certificate appeals, and is right (A004-21: 有温度的值守)."""
    named = {"token": script.person("without-phone"), "task": "by-appeal-paper"}
    script.add(events.Appeal, "by-appeals", "2020-10-22T18:30", **named, reason="健康证明有效,仍被拒绝")
    answer = {"upheld": True, "reason": "中风险地区扫码或健康证明均可通行"}
    back = {"corrects_source": refused.source, "corrects_sequence": refused.sequence}
    script.add(events.AppealAnswered, "by-appeals", "2020-10-22T21:00", **named, **answer, **back)


URGENT = (
    ("lonely", "2020-10-27T21:00", "2020-10-27T21:20"),
    ("desperate", "2020-10-30T02:00", "2020-11-01T09:00"),
)
"""Who was at risk of self-harm: when it was reported, and when somebody came."""


def _care(script: Script) -> None:
    for who, reported, answered in URGENT:
        token = {"token": script.person(who)}
        need = script.add(events.UrgentNeed, "by-care-line", reported, **token, need="自伤风险", unit=COMMUNITY)
        response = {"responds_source": need.source, "responds_sequence": need.sequence, "unit": POLICE}
        script.add(events.UrgentResponse, "by-care-team", answered, **token, **response)
