"""Leads of the Weihai campaign: 38,340 follow-ups of people from overseas and risk areas (A002-06), 393 point-to-point
pushes (A002-10), 2,386 queries of the data desk (A002-09), and the hand-over when a lead proves true (A002-08).

The three totals are of different populations and are never added; 24,449 persons of the stability section (A002-29) are
another count still. How leads divide by source, push mode, registered residence, team and day is synthetic.
"""

from typing import Any, NamedTuple

from replay.campaigns.drafts import ZONE_OFFSET_MINUTES, Draft
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, PERIOD_FROM, PERIOD_UNTIL, daytimes, midnight
from replay.campaigns.weihai_episodes import Episode, episode_drafts
from replay.campaigns.weihai_expected import policy
from replay.campaigns.weihai_places import TOWNS, team_unit, town_unit
from schemas import events
from schemas.codes import AttemptMethod, LeadSource, PushMode, VisitOutcome
from sinks.figures import expected_at

FOLLOWED_UP = 38_340
POINT_TO_POINT = 393
DESK_QUERIES = 2386
STILL_OPEN = 7
"""Leads received on the last afternoon and verified in the new year: no published number, none of the 38,340."""

RISK_AREA, OVERSEAS = "RISK_AREA_ARRIVAL", "OVERSEAS_POINT_TO_POINT"
DATA_DESK, TASK_FORCE = "wh-psb-data-desk", "wh-psb-task-force"

_PERSONS_PER_LEAD = 0.92
_LATE_SHARE = 0.03
_ATTEMPTED_SHARE = 0.3
_HIT_EVERY = 100
_LATE_HAND_OVER_EVERY = 4
_RECEIVED_UNTIL = midnight("2020-12-27")
_HITS_UNTIL = midnight("2020-12-10")
_SOURCES = (
    (LeadSource.SUPERIOR_NOTICE, 30),
    (LeadSource.BIG_DATA, 50),
    (LeadSource.INTERREGIONAL_REQUEST, 15),
    (LeadSource.PUBLIC_REPORT, 5),
)
_METHODS = tuple(method for method in AttemptMethod if method is not AttemptMethod.NOT_STATED)
_OUTCOMES = (VisitOutcome.MISSED, VisitOutcome.UNREACHABLE, VisitOutcome.SEEN_OK)


class Lead(NamedTuple):
    """One lead and the times of its steps, UTC milliseconds."""

    lead_id: str
    token: str
    programme: str
    source: LeadSource
    batch: bool
    home: bool
    town: str
    method: AttemptMethod
    received: int
    opened: int
    dispatched: int
    located: int
    verified: int
    reported: int


def risk_area_leads(seed: int, scale: float) -> list[Lead]:
    """The leads behind the 38,340, in order of receipt."""
    draws = Draws(seed, "leads")
    count = expected_at(FOLLOWED_UP, scale)
    received = sorted(daytimes(draws, count, PERIOD_FROM, _RECEIVED_UNTIL, 0, 24))
    persons = draws.integers(count, 0, max(round(count * _PERSONS_PER_LEAD), 1)).tolist()
    return _leads(draws, seed, "wh-lead", RISK_AREA, received, persons)


def overseas_leads(seed: int) -> list[Lead]:
    """The 393 pushes of people from overseas, point to point; always whole."""
    draws = Draws(seed, "overseas leads")
    received = sorted(daytimes(draws, POINT_TO_POINT, midnight("2020-03-01"), _RECEIVED_UNTIL))
    return _leads(draws, seed, "wh-overseas", OVERSEAS, received, list(range(POINT_TO_POINT)))


def _open_leads(seed: int) -> list[Lead]:
    draws = Draws(seed, "open leads")
    received = sorted(daytimes(draws, STILL_OPEN, PERIOD_UNTIL - DAY_MS, PERIOD_UNTIL, 20, 23))
    leads = _leads(draws, seed, "wh-last", RISK_AREA, received, list(range(STILL_OPEN)))
    finished = [PERIOD_UNTIL + (9 + number) * HOUR_MS for number in range(STILL_OPEN)]
    return [
        lead._replace(batch=True, located=at - HOUR_MS, verified=at, reported=at + HOUR_MS)
        for lead, at in zip(leads, finished, strict=True)
    ]


def _leads(draws: Draws, seed: int, prefix: str, programme: str, received: list[int], persons: list[int]) -> list[Lead]:
    count, tokens = len(received), Tokens(seed, f"person of {prefix}")
    source = draws.chosen(count, [weight for _, weight in _SOURCES]).tolist()
    town = draws.integers(count, 0, len(TOWNS)).tolist()
    method = draws.integers(count, 0, len(_METHODS)).tolist()
    batch, home, tardy = (draws.fractions(count).tolist() for _ in range(3))
    share, lateness = draws.fractions(count).tolist(), draws.fractions(count).tolist()
    found = []
    for row, at in enumerate(received):
        in_batch, at_home = batch[row] < 0.6, home[row] < 0.55
        due = _due(at, in_batch, at_home)
        opened = at + min(5 * MINUTE_MS, (due - at) // 4)
        dispatched = opened + min(30 * MINUTE_MS, (due - opened) // 4)
        verified = dispatched + int((due - dispatched) * (0.05 + 0.9 * share[row]))
        if tardy[row] < _LATE_SHARE:
            verified = due + MINUTE_MS + int(lateness[row] * 10 * HOUR_MS)
        found.append(
            Lead(
                lead_id=f"{prefix}-{row:05d}",
                token=tokens.one(persons[row]),
                programme=programme,
                source=LeadSource.BIG_DATA if programme == OVERSEAS else _SOURCES[source[row]][0],
                batch=in_batch,
                home=at_home,
                town=TOWNS[town[row]],
                method=_METHODS[method[row]],
                received=at,
                opened=opened,
                dispatched=dispatched,
                located=(dispatched + verified) // 2,
                verified=verified,
                reported=verified + 5 * MINUTE_MS + int(lateness[row] * HOUR_MS),
            )
        )
    return found


def _due(received: int, batch: bool, home: bool) -> int:
    rule = policy().deadline(PushMode.BATCH if batch else PushMode.ROUTINE, home)
    assert rule is not None
    return rule.due_at(received, ZONE_OFFSET_MINUTES)


def lead_drafts(seed: int, scale: float) -> list[Draft]:
    """Steps of all leads, attempts to reach people, queries of the data desk, hand-overs."""
    risk_area = risk_area_leads(seed, scale)
    drafts = [draft for lead in (*risk_area, *overseas_leads(seed), *_open_leads(seed)) for draft in _step_drafts(lead)]
    drafts += _attempts(seed, risk_area)
    hits = [lead for lead in risk_area[::_HIT_EVERY] if lead.received < _HITS_UNTIL]
    drafts += [draft for number, lead in enumerate(hits) for draft in _hit(number, lead)]
    return drafts + _desk_queries(seed)


def _step_drafts(lead: Lead) -> list[Draft]:
    about = {"token": lead.token, "lead_id": lead.lead_id}
    unit = "wh-hq" if lead.programme == OVERSEAS else team_unit(lead.town)
    team, by_team = f"{team_unit(lead.town)}-desk", {**about, "unit": team_unit(lead.town)}
    opening: dict[str, Any] = {
        **about,
        "lead_source": lead.source,
        "push_mode": PushMode.BATCH if lead.batch else PushMode.ROUTINE,
        "home_province": lead.home,
        "received_at": lead.received,
        "programme": lead.programme,
    }
    return [
        Draft(lead.opened, "wh-lead-intake", events.LeadOpened, opening),
        Draft(lead.dispatched, "wh-lead-dispatch", events.LeadDispatched, {**about, "unit": unit}),
        Draft(lead.located, team, events.LeadLocated, by_team),
        Draft(lead.verified, team, events.LeadVerified, {**by_team, "method": lead.method}),
        Draft(lead.reported, team, events.LeadReportedBack, by_team),
    ]


def _attempts(seed: int, leads: list[Lead]) -> list[Draft]:
    """Attempts of the teams before they verify, by all three ways (A002-37)."""
    draws = Draws(seed, "attempts")
    wanted = draws.fractions(len(leads)).tolist()
    method = draws.integers(len(leads), 0, len(_METHODS)).tolist()
    outcome = draws.integers(len(leads), 0, len(_OUTCOMES)).tolist()
    return [
        Draft(
            (lead.located + lead.verified) // 2,
            f"{team_unit(lead.town)}-desk",
            events.Attempt,
            {
                "token": lead.token,
                "lead_id": lead.lead_id,
                "unit": team_unit(lead.town),
                "method": _METHODS[method[row]],
                "outcome": _OUTCOMES[outcome[row]],
            },
        )
        for row, lead in enumerate(leads)
        if wanted[row] < _ATTEMPTED_SHARE
    ]


def _hit(number: int, lead: Lead) -> list[Draft]:
    """Somebody who was in a risk area: handed over to the town at once, entered there, and followed for 14 days."""
    handed_over, unit = lead.verified + 5 * MINUTE_MS, town_unit(lead.town)
    late = number % _LATE_HAND_OVER_EVERY == _LATE_HAND_OVER_EVERY - 1
    accepted = handed_over + (26 * HOUR_MS if late else 20 * MINUTE_MS)
    task = {"token": lead.token, "task": f"wh-hit-{number:04d}"}
    reason = "stayed in a risk area"
    episode = Episode(lead.token, f"wh-track-{number:04d}", RISK_AREA, accepted + 10 * MINUTE_MS, unit, unit)
    return [
        Draft(handed_over, "wh-hand-over", events.TransferStarted, {**task, "unit": TASK_FORCE, "reason": reason}),
        Draft(accepted, f"{unit}-desk", events.TransferAccepted, {**task, "unit": unit}),
        *episode_drafts(episode),
    ]


def _desk_queries(seed: int) -> list[Draft]:
    """What the desk looked up in its platforms by itself, round the clock."""
    draws, tokens = Draws(seed, "desk queries"), Tokens(seed, "person of a desk query")
    times = sorted(daytimes(draws, DESK_QUERIES, PERIOD_FROM, PERIOD_UNTIL, 0, 24))
    stated = {"method": AttemptMethod.SYSTEM, "outcome": VisitOutcome.SEEN_OK, "unit": DATA_DESK}
    return [
        Draft(at, f"{DATA_DESK}-query", events.Attempt, {**stated, "token": tokens.one(number)})
        for number, at in enumerate(times)
    ]
