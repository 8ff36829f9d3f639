"""Dispatched orders of the Quanzhou campaign: 7351 data items verified, none left out (A003-03: 快速核查)."""

from collections.abc import Iterator

from replay.campaigns.drafts import Draft
from replay.campaigns.draws import Draws
from replay.campaigns.quanzhou_calendar import REPORTS_UNTIL, SINCE, TO_DATE
from replay.campaigns.quanzhou_places import TOWNSHIPS, town_unit
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import AttemptMethod, LeadSource, PushMode
from sinks.figures import expected_at

VERIFIED = 7351
"""共核查研判各類信息數據7351條."""

AFTER_THE_ARTICLE = 60
PREFIX = "tiz-order"
_DAY_MS = 24 * HOUR_MS
_MINUTE_MS = 60_000
_SOURCES = (LeadSource.SUPERIOR_NOTICE, LeadSource.BIG_DATA, LeadSource.INTERREGIONAL_REQUEST, LeadSource.PUBLIC_REPORT)
_METHODS = (AttemptMethod.SYSTEM, AttemptMethod.PHONE, AttemptMethod.VISIT)


def lead_drafts(seed: int, scale: float) -> Iterator[Draft]:
    """Every order is pushed as a routine, and located, verified and reported back the same day but for a few; some more
    come after the article."""
    draws, tokens = Draws(seed, "orders"), Tokens(seed, "person asked for")
    verified = expected_at(VERIFIED, scale)
    count = verified + AFTER_THE_ARTICLE
    spread = (TO_DATE - SINCE - 2 * _DAY_MS) // _DAY_MS
    days, after = draws.integers(count, 0, spread), draws.integers(count, 0, (REPORTS_UNTIL - TO_DATE) // _DAY_MS)
    minutes = draws.integers(count, 7 * 60, 18 * 60)
    waits = draws.integers(3 * count, 10, 90).reshape(3, count).tolist()
    next_day, towns = (draws.fractions(count) < 0.004).tolist(), draws.chosen(count, (4, 3, 4, 1)).tolist()
    sources, methods = draws.chosen(count, (5, 3, 1, 1)).tolist(), draws.chosen(count, (5, 4, 2)).tolist()
    at_home = (draws.fractions(count) < 0.6).tolist()
    for number in range(count):
        day = SINCE + int(days[number]) * _DAY_MS if number < verified else TO_DATE + int(after[number]) * _DAY_MS
        received = day + int(minutes[number]) * _MINUTE_MS
        unit = town_unit(TOWNSHIPS[towns[number]][1])
        lead = {"token": tokens.one(number), "lead_id": f"{PREFIX}-{number:05d}"}
        opened = {
            "lead_source": _SOURCES[sources[number]],
            "push_mode": PushMode.ROUTINE,
            "home_province": at_home[number],
            "received_at": received,
        }
        located, verification, report = (int(wait[number]) * _MINUTE_MS for wait in waits)
        at = received + located
        yield Draft(received, "tiz-orders", events.LeadOpened, {**lead, **opened})
        yield Draft(received + _MINUTE_MS, "tiz-orders", events.LeadDispatched, {**lead, "unit": unit})
        yield Draft(at, f"{unit}-leads", events.LeadLocated, {**lead, "unit": unit})
        at += verification + (_DAY_MS if next_day[number] else 0)
        done = {**lead, "unit": unit, "method": _METHODS[methods[number]]}
        yield Draft(at, f"{unit}-leads", events.LeadVerified, done)
        yield Draft(at + report, f"{unit}-leads", events.LeadReportedBack, {**lead, "unit": unit})
