"""People in the Dazhou campaign: followed one to one while in isolation (A001-12), and passing checkpoints (A001-10).

All are synthetic: the article gives no number of either.
"""

from replay.campaigns.dazhou_calendar import SINCE
from replay.campaigns.dazhou_places import checkpoints, grid_unit
from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import (
    AttemptMethod,
    DecisionOutcome,
    Direction,
    HealthCode,
    QuarantinePlace,
    Role,
    SubjectKind,
    ThermometryMethod,
    VisitOutcome,
)

PROGRAMME = "ONE_TO_ONE"
FOLLOWED = 36
ISOLATION_DAYS = 14
HELD_TOO_LONG = (5, 23)
"""Persons who are released two days after the fortnight: an overdue release."""

NOT_SEEN = ((3, 6), (17, 9))
"""(person, day) of a day on which nobody came or called."""

PASSAGES_PER_CHECKPOINT = 6
_DAY_MS = 24 * HOUR_MS
_NEEDS = ("rice and vegetables", "medicine for high blood pressure", "somebody to talk to", "help with an errand")
_CODES = (HealthCode.GREEN, HealthCode.NONE_SHOWN, HealthCode.YELLOW)


def follow_up_events(seed: int) -> list[events.Event]:
    """One grid worker looks after one household, every day, by telephone and at the door (一对一结对)."""
    draws, tokens = Draws(seed, "one to one"), Tokens(seed, "isolated person")
    drafts: list[Draft] = []
    counties = [site.county for site in checkpoints()]
    for person in range(FOLLOWED):
        unit = grid_unit(counties[person * 2])
        who = {"token": tokens.one(person), "task": f"dz-isolation-{person:03d}", "unit": unit}
        start = SINCE + (person // 4) * _DAY_MS + 9 * HOUR_MS + int(draws.integers(1, 0, 8 * HOUR_MS)[0])
        source = f"{unit}-visits"
        begun = {**who, "place": QuarantinePlace.HOME, "programme": PROGRAMME}
        drafts.append(Draft(start, source, events.QuarantineStarted, begun))
        days = ISOLATION_DAYS + (2 if person in HELD_TOO_LONG else 0)
        hours, chances = draws.integers(days + 1, 8, 18).tolist(), draws.fractions(days + 1).tolist()
        hours[-1] = 8  # before the release
        midnight = start - (start + 8 * HOUR_MS) % _DAY_MS
        for day in range(1, days + 1):
            if (person, day) in NOT_SEEN:
                continue
            seen = {
                "method": AttemptMethod.VISIT if day % 3 == 0 else AttemptMethod.PHONE,
                "outcome": VisitOutcome.SEEN_NOT_OK if chances[day] < 0.01 else VisitOutcome.SEEN_OK,
                "needs": _NEEDS[person % 4] if chances[day] > 0.8 else None,
            }
            drafts.append(
                Draft(midnight + day * _DAY_MS + hours[day] * HOUR_MS, source, events.Attempt, {**who, **seen})
            )
        released = {"token": who["token"], "task": who["task"], "reason": "a fortnight without symptoms"}
        drafts.append(Draft(start + days * _DAY_MS + HOUR_MS, source, events.QuarantineEnded, released))
    return stamped(drafts)


def checkpoint_events(seed: int) -> list[events.Event]:
    """A few passages at each of the 93 checkpoints, with a reading, and what was decided where a code was not green."""
    draws, tokens = Draws(seed, "passages"), Tokens(seed, "passer-by")
    drafts: list[Draft] = []
    for number, site in enumerate(checkpoints()):
        count = PASSAGES_PER_CHECKPOINT
        ats = SINCE + draws.integers(count, 0, 30 * _DAY_MS)
        codes, values = draws.chosen(count, (90, 7, 3)).tolist(), draws.integers(count, 361, 372).tolist()
        for place, at in enumerate(ats.tolist()):
            token, passage = tokens.one(number * count + place), f"{site.id}-passage-{place}"
            common = {"token": token, "site": site.id, "site_kind": site.kind}
            passed = {
                **common,
                "direction": Direction.ENTERING,
                "subject_kind": SubjectKind.PERSON,
                "passage_id": passage,
                "role": Role.RESIDENT,
                "identity_checked": True,
                "health_code": _CODES[codes[place]],
            }
            reading = {"value_tenths": values[place], "method": ThermometryMethod.NON_CONTACT, "passage_id": passage}
            drafts.append(Draft(at, f"{site.id}-gate", events.Passage, passed))
            drafts.append(Draft(at + 5000, f"{site.id}-thermometer", events.Reading, {**common, **reading}))
            if codes[place] == 2:
                decided = {"decision": DecisionOutcome.REFUSED, "decided_by_role": "checkpoint-leader"}
                decided |= {**common, "passage_id": passage, "decision_reason": "yellow code"}
                drafts.append(Draft(at + 60_000, f"{site.id}-gate", events.Decision, decided))
    return stamped(drafts)
