"""Public places of the Weihai campaign: traders of the night market checked every day, customers of department stores
(A002-21), and the guarded gates of estates while they are closed (A002-19). All of it is synthetic.
"""

from typing import Any, NamedTuple

from replay.campaigns.drafts import Draft, local
from replay.campaigns.draws import Draws
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, midnight
from replay.campaigns.weihai_expected import windows
from replay.campaigns.weihai_places import NIGHT_MARKET, REGISTRY, estate_site
from schemas import events
from schemas.codes import (
    DecisionOutcome,
    Direction,
    HealthCode,
    Role,
    SiteKind,
    SubjectKind,
    ThermometryMethod,
)

DAILY_TRADER_CHECK = "DAILY_TRADER_CHECK"
TRADERS = 10
TRADERS_FROM, TRADERS_UNTIL = midnight("2020-05-11"), midnight("2020-05-15")
NOT_CHECKED = ((2, 1), (6, 3))
"""Trader and day of checks that are missing."""


class _Caller(NamedTuple):
    """Somebody at a gate. ``tenths``: temperature, None: not taken."""

    tenths: int | None
    decision: DecisionOutcome
    stated: dict[str, Any]
    reason: str | None = None


_ADMITTED, _REFUSED, _REFERRED = DecisionOutcome.ADMITTED, DecisionOutcome.REFUSED, DecisionOutcome.REFERRED
_MASKED = {"mask_worn": True, "health_code": HealthCode.GREEN}
_CUSTOMERS = (
    _Caller(364, _ADMITTED, _MASKED),
    _Caller(366, _ADMITTED, _MASKED),
    _Caller(365, _REFUSED, {**_MASKED, "mask_worn": False}, "no mask"),
    _Caller(365, _REFUSED, {**_MASKED, "health_code": HealthCode.NONE_SHOWN}, "no green code shown"),
    _Caller(None, _REFUSED, _MASKED, "temperature not taken"),
    _Caller(378, _REFERRED, _MASKED, "high temperature"),
)
_AT_ESTATES = (
    _Caller(365, _ADMITTED, {"role": Role.RESIDENT}),
    _Caller(364, _ADMITTED, {"role": Role.RESIDENT}),
    _Caller(366, _REFUSED, {"role": Role.OUTSIDER, "essential": False}, "the estate is closed"),
    _Caller(381, _REFERRED, {"role": Role.RESIDENT}, "high temperature"),
)


def _traders(seed: int) -> list[str]:
    tokens = Tokens(seed, "trader")
    return [tokens.one(number) for number in range(TRADERS)]


def trader_rosters(seed: int) -> list[Draft]:
    """Every trader must be checked every day."""
    stretch = {"valid_from": TRADERS_FROM, "valid_until": TRADERS_UNTIL}
    asked = {"parent": NIGHT_MARKET.id, "schedule": DAILY_TRADER_CHECK, **stretch}
    return [
        Draft(
            TRADERS_FROM - 3 * DAY_MS,
            REGISTRY,
            events.Roster,
            {"entity_id": f"wh-trader-{number:02d}", "member": token, **asked},
        )
        for number, token in enumerate(_traders(seed))
    ]


def venue_drafts(seed: int) -> list[Draft]:
    """Passages, readings and decisions."""
    customers = _callers(seed, "customer", "wh-department-store-1", SiteKind.VENUE, "2020-05-11T10:00", _CUSTOMERS)
    at_estates = [
        draft
        for number, start in enumerate(("2020-02-03T09:00", "2020-02-10T09:00", "2020-02-17T09:00"))
        for draft in _callers(seed, f"estate-{number + 1}", estate_site(number), SiteKind.COMMUNITY, start, _AT_ESTATES)
    ]
    return [*_trader_checks(seed), *customers, *at_estates]


def _trader_checks(seed: int) -> list[Draft]:
    draws, drafts = Draws(seed, "trader checks"), []
    for number, token in enumerate(_traders(seed)):
        asked = list(windows(DAILY_TRADER_CHECK, TRADERS_FROM, TRADERS_UNTIL))
        tenths = draws.integers(len(asked), 361, 370).tolist()
        for window, value in zip(asked, tenths, strict=True):
            if (number, window.day) in NOT_CHECKED:
                continue
            at, passage_id = window.middle + number * MINUTE_MS, f"wh-trader-{number:02d}-{window.day}"
            place = {"token": token, "site": NIGHT_MARKET.id, "site_kind": NIGHT_MARKET.kind, "passage_id": passage_id}
            drafts.append(_reading(at, place, value, {"slot": window.slot}))
            drafts.append(_passage(at + 5000, place, {"role": Role.TRADER, "mask_worn": True}))
    return drafts


def _callers(seed: int, label: str, site: str, kind: SiteKind, start: str, callers: tuple[_Caller, ...]) -> list[Draft]:
    tokens, drafts = Tokens(seed, label), []
    for number, caller in enumerate(callers):
        at, passage_id = local(start) + number * 7 * MINUTE_MS, f"wh-{label}-{number + 1:02d}"
        place = {"token": tokens.one(number), "site": site, "site_kind": kind, "passage_id": passage_id}
        if caller.tenths is not None:
            drafts.append(_reading(at - 15_000, place, caller.tenths, {}))
        drafts.append(_passage(at, place, caller.stated))
        decided = {"decision": caller.decision, "decided_by_role": "gate-duty", "decision_reason": caller.reason}
        drafts.append(Draft(at + 30_000, f"{site}-duty", events.Decision, {**place, **decided}))
    return drafts


def _reading(at: int, place: dict[str, Any], value: int, more: dict[str, Any]) -> Draft:
    stated = {**place, "value_tenths": value, "method": ThermometryMethod.NON_CONTACT, **more}
    return Draft(at, f"{place['site']}-thermometer", events.Reading, stated)


def _passage(at: int, place: dict[str, Any], more: dict[str, Any]) -> Draft:
    going = {"direction": Direction.ENTERING, "subject_kind": SubjectKind.PERSON}
    return Draft(at, f"{place['site']}-gate", events.Passage, {**place, **going, **more})
