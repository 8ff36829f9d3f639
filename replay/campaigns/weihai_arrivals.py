"""Arrivals of the Weihai campaign at railway station, coach station and port: 82,340 registered (A002-12), each with
the temperature that a thermal imager read, in four zones (A002-14); more than 200 handed to the health service
(A002-13); vehicles on the road, with passes (A002-17) and under alert (A002-15).

How arrivals divide by station, zone, day and reason of transfer is synthetic, and so is all traffic on the road.
"""

from typing import Any, NamedTuple

from replay.campaigns.drafts import Draft, local
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, PERIOD_FROM, PERIOD_UNTIL, daytimes, midnight
from replay.campaigns.weihai_places import ROAD, STATION_SITES, Site, alert_tokens, pass_id
from schemas import events
from schemas.codes import (
    DecisionOutcome,
    Direction,
    HealthCode,
    RiskTier,
    Role,
    SubjectKind,
    ThermometryMethod,
    Zone,
)
from sinks.figures import expected_at

REGISTERED = 82_340
TRANSFERRED = 200
"""More than 200 (200余): at a scale that has fewer than 400 arrivals, every second one."""

STATION_POLICE = "wh-psb-stations"
YELLOW, RED, HOT = "yellow code", "red code", "high temperature"
_REASONS = (YELLOW, YELLOW, HOT, YELLOW, HOT, YELLOW, RED, YELLOW, HOT, YELLOW)
"""In turn: six yellow codes, three high temperatures and a red code of ten."""

_LATE_EVERY = 16
_PERSONS_PER_ARRIVAL = 0.8
_WITHOUT_CODE_EVERY, _FROM_RISK_AREA_EVERY = 40, 20
_AT_RISK = (
    ("420100", "2020-01-24", "2020-04-08"),
    ("110106", "2020-06-17", "2020-07-20"),
    ("210200", "2020-07-24", "2020-08-27"),
    ("210200", "2020-12-21", "2021-01-01"),
)
"""Areas and the days on which somebody comes from there; their tiers are known by reference."""

_STATION_WEIGHTS = (62, 26, 12)
_VEHICLES, _WITH_PASS = 48, 12


class _Arrival(NamedTuple):
    """One arrival. ``reason``: why it is handed over, ``turn``: its number among those that are; ``area``: the risk
    area that it comes from."""

    number: int
    token: str
    at: int
    site: Site
    tenths: int
    reason: str | None
    turn: int
    area: str | None


def arrival_drafts(seed: int, scale: float) -> list[Draft]:
    """Passages, readings, decisions and transfers at the three stations, and the traffic on the road."""
    drafts = [draft for arrival in _arrivals(seed, scale) for draft in _arrival_drafts(arrival)]
    return drafts + _road(seed)


def _arrivals(seed: int, scale: float) -> list[_Arrival]:
    draws, tokens = Draws(seed, "arrivals"), Tokens(seed, "traveller")
    count = expected_at(REGISTERED, scale)
    times = sorted(daytimes(draws, count, PERIOD_FROM, PERIOD_UNTIL, 6, 22))
    person = draws.integers(count, 0, max(round(count * _PERSONS_PER_ARRIVAL), 1)).tolist()
    station = draws.chosen(count, _STATION_WEIGHTS).tolist()
    tenths = draws.integers(count, 361, 370).tolist()
    transferred = min(TRANSFERRED, count // 2)
    every = count // transferred if transferred else 0
    found, during_risk = [], 0
    for number, at in enumerate(times):
        turn = number // every if every and not number % every and number // every < transferred else None
        reason = None if turn is None else _REASONS[turn % len(_REASONS)]
        value = 374 + number % 15 if reason == HOT else tenths[number]
        site = STATION_SITES[station[number]]
        area = None if reason else _area_at_risk(at)
        if area is not None:
            during_risk += 1
            area = area if during_risk % _FROM_RISK_AREA_EVERY == 1 else None
        found.append(_Arrival(number, tokens.one(person[number]), at, site, value, reason, turn or 0, area))
    return found


def _area_at_risk(at: int) -> str | None:
    return next((area for area, since, until in _AT_RISK if midnight(since) <= at < midnight(until)), None)


def _arrival_drafts(arrival: _Arrival) -> list[Draft]:
    site, passage_id = arrival.site, f"wh-arrival-{arrival.number:05d}"
    at_site: dict[str, Any] = {
        "token": arrival.token,
        "site": site.id,
        "site_kind": site.kind,
        "passage_id": passage_id,
    }
    passage = {
        **at_site,
        "direction": Direction.ENTERING,
        "subject_kind": SubjectKind.PERSON,
        "role": Role.TRAVELLER,
        "identity_checked": True,
        "mask_worn": True,
        **_zone_and_origin(arrival),
    }
    reading = {
        **at_site,
        "value_tenths": arrival.tenths,
        "method": ThermometryMethod.THERMAL_IMAGER,
        "instrument": f"{site.id}-imager",
    }
    drafts = [
        Draft(arrival.at - 20_000, f"{site.id}-imager", events.Reading, reading),
        Draft(arrival.at, f"{site.id}-gate", events.Passage, passage),
    ]
    if arrival.reason is not None:
        drafts += _transfer(arrival, passage_id)
    elif passage["zone"] is Zone.RISK_AREA_HANDLING:
        # Registered and reported; what follows is decided by what the traveller says (分类处置).
        decided = {"decision": DecisionOutcome.ADMITTED, "decision_reason": "registered and reported to the town"}
        drafts.append(_decision(arrival, passage_id, arrival.at + 10 * MINUTE_MS, decided))
    return drafts


def _zone_and_origin(arrival: _Arrival) -> dict[str, Any]:
    """Where the traveller was registered and why there."""
    if arrival.reason == HOT:
        return {"zone": Zone.WAITING, "health_code": HealthCode.GREEN}
    if arrival.reason is not None:
        return {
            "zone": Zone.CODE_CHECK,
            "health_code": HealthCode.YELLOW if arrival.reason == YELLOW else HealthCode.RED,
        }
    if arrival.area is not None:
        return {"zone": Zone.RISK_AREA_HANDLING, "health_code": HealthCode.GREEN, "origin_area": arrival.area}
    if arrival.number % _WITHOUT_CODE_EVERY == 3:
        return {"zone": Zone.MEASURING, "health_code": HealthCode.NONE_SHOWN, "certificate_seen": True}
    return {"zone": Zone.CODE_CHECK, "health_code": HealthCode.GREEN, "origin_tier": RiskTier.LOW}


def _decision(arrival: _Arrival, passage_id: str, at: int, decided: dict[str, Any]) -> Draft:
    place = {"token": arrival.token, "site": arrival.site.id, "site_kind": arrival.site.kind, "passage_id": passage_id}
    stated = {**place, **decided, "decided_by_role": "station-duty-officer"}
    return Draft(at, f"{arrival.site.id}-duty", events.Decision, stated)


def _transfer(arrival: _Arrival, passage_id: str) -> list[Draft]:
    """Confirmed by a second reading where it was the temperature, then handed to the health service: mostly within the
    hour, now and then far too late."""
    started = arrival.at + 25 * MINUTE_MS
    late = arrival.turn % _LATE_EVERY == _LATE_EVERY - 1
    accepted = started + (9 * HOUR_MS if late else (10 + arrival.turn % 35) * MINUTE_MS)
    task = {"token": arrival.token, "task": f"wh-transfer-{arrival.turn + 1:03d}"}
    drafts = [
        _decision(arrival, passage_id, arrival.at + 5 * MINUTE_MS, {"decision": DecisionOutcome.REFERRED}),
        Draft(
            started,
            f"{STATION_POLICE}-transfer",
            events.TransferStarted,
            {**task, "unit": STATION_POLICE, "reason": arrival.reason},
        ),
        Draft(accepted, "wh-health-intake", events.TransferAccepted, {**task, "unit": "wh-health"}),
    ]
    if arrival.reason == HOT:
        again = {
            "token": arrival.token,
            "value_tenths": arrival.tenths,
            "method": ThermometryMethod.AXILLARY,
            "site": arrival.site.id,
            "site_kind": arrival.site.kind,
            "passage_id": passage_id,
        }
        drafts.append(Draft(arrival.at + 15 * MINUTE_MS, f"{arrival.site.id}-waiting", events.Reading, again))
    return drafts


def _road(seed: int) -> list[Draft]:
    """Vehicles at the road checkpoint: a few with a pass, and each vehicle under alert twice: while the alert is valid
    it is stopped, after it has ended it passes."""
    draws, tokens = Draws(seed, "road"), Tokens(seed, "vehicle", "v")
    times = sorted(daytimes(draws, _VEHICLES, midnight("2020-02-11"), midnight("2020-04-01")))
    passages: list[tuple[int, str, dict[str, Any]]] = [
        (at, tokens.one(number), {"pass_id": pass_id(number)} if number < _WITH_PASS else {})
        for number, at in enumerate(times)
    ]
    alerted = alert_tokens(seed)
    hits = {local("2020-03-05T09:00") + number * 3 * DAY_MS: token for number, token in enumerate(alerted)}
    after = {local("2020-05-04T09:00") + number * DAY_MS: token for number, token in enumerate(alerted)}
    passages += [(at, token, {}) for at, token in (hits | after).items()]
    drafts = []
    for number, (at, token, more) in enumerate(sorted(passages, key=lambda one: one[0])):
        place = {"token": token, "site": ROAD.id, "site_kind": ROAD.kind, "passage_id": f"wh-vehicle-{number:03d}"}
        going = {"direction": Direction.ENTERING, "subject_kind": SubjectKind.VEHICLE, "lane": "lane-1"}
        drafts.append(Draft(at, f"{ROAD.id}-gate", events.Passage, {**place, **going, **more}))
        if at in hits:
            stated = {"decision": DecisionOutcome.REFERRED, "decided_by_role": "traffic-police-duty-officer"}
            stopped = {**place, **stated, "decision_reason": "vehicle under alert"}
            drafts.append(Draft(at + 2 * MINUTE_MS, f"{ROAD.id}-duty", events.Decision, stopped))
    return drafts
