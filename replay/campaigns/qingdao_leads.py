"""Leads of the Qingdao campaign: 46,616 dispatched and 45,865 reported back by the time of the conference (A000-02).

Published are these two totals, the five sources and the four steps (推送、落地、核查、反馈). How leads divide by
source, push mode, home province, district, step and day is synthetic.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.campaigns.disturbance import DAY_MS, MINUTE_MS, Outbox, Times, delivery
from replay.campaigns.draws import Draws, ranks
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, TO_DATE, UNTIL, ZONE_OFFSET_MINUTES
from replay.campaigns.qingdao_places import TEAMS, team_unit
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.templates import NULL, longs, numbered_names, stated_longs, template_of
from replay.campaigns.tokens import Tokens
from schemas import events, topics
from schemas.codes import AttemptMethod, LeadSource, PushMode, Symptom, VisitOutcome
from schemas.policy import default_policy

DISPATCHED = 46_616
REPORTED_BACK = 45_865
OPEN = DISPATCHED - REPORTED_BACK
"""751: derived, not published."""

PERSONS_PER_LEAD = 0.94
_LATE_SHARE = 0.03
_RETRACTED_SHARE = 0.008
_ATTEMPTED_SHARE = 0.15
_BEYOND_HORIZON = 5
_OPEN_STATES = (30, 33, 37)
"""Of a hundred open leads: only dispatched, located, verified."""

_SOURCES = (
    (LeadSource.SUPERIOR_NOTICE, 22),
    (LeadSource.BIG_DATA, 46),
    (LeadSource.INTERREGIONAL_REQUEST, 14),
    (LeadSource.PUBLIC_REPORT, 12),
    (LeadSource.CASE_OR_CONTACT, 6),
)
_DAY_WEIGHTS = (2, 3, 4, 5, 6, 7, 7, 8, 8, 8, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 3)
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 1, 2, 5, 9, 12, 11, 9, 6, 7, 9, 10, 9, 8, 7, 6, 5, 4, 3, 2)

_KINDS = ("LEAD_OPENED", "LEAD_DISPATCHED", "LEAD_LOCATED", "LEAD_VERIFIED", "LEAD_REPORTED_BACK", "ATTEMPT")
_OPENED, _DISPATCHED, _LOCATED, _VERIFIED, _REPORTED, _ATTEMPT = range(6)
_FIELDS = ("sequence", "occurred_at", "sent_at", "lead_id", "received_at")
_METHODS = (AttemptMethod.SYSTEM, AttemptMethod.PHONE, AttemptMethod.VISIT)
_OUTCOMES: tuple[tuple[VisitOutcome, list[Symptom]], ...] = (
    (VisitOutcome.MISSED, []),
    (VisitOutcome.UNREACHABLE, []),
    (VisitOutcome.SEEN_OK, []),
    (VisitOutcome.SEEN_NOT_OK, [Symptom.FEVER]),
)
_NEVER = np.int64(2**62)
_Array = NDArray[np.int64]


class _Leads(NamedTuple):
    """One element a lead. Times are UTC milliseconds, `_NEVER` for a step that does not happen."""

    received: _Array
    source: _Array
    batch: _Array
    home: _Array
    team: _Array
    method: _Array
    outcome: _Array
    steps: dict[int, _Array]
    proof_sent: _Array
    """When the verification was sent, where that is told apart from when it occurred; else 0."""


class _Steps(NamedTuple):
    """One element a step, in order of occurrence."""

    kind: _Array
    lead: _Array
    occurred: _Array
    desk: _Array
    sequence: _Array


def _received(draws: Draws, count: int) -> _Array:
    days = draws.chosen(count, _DAY_WEIGHTS)
    hours = draws.chosen(count, _HOUR_WEIGHTS)
    within = draws.integers(count, 0, HOUR_MS)
    # The morning of the conference takes the place of the latest hours: nothing is received in its last two.
    received: _Array = np.minimum(ENTRIES_FROM + days * DAY_MS + hours * HOUR_MS + within, TO_DATE - 2 * HOUR_MS)
    return received


def _due(received: _Array, batch: _Array, home: _Array) -> _Array:
    policy, due = default_policy(), np.empty_like(received)
    for in_batch in (0, 1):
        for at_home in (0, 1):
            rule = policy.deadline(PushMode.BATCH if in_batch else PushMode.ROUTINE, bool(at_home))
            assert rule is not None
            for row in np.flatnonzero((batch == in_batch) & (home == at_home)).tolist():
                due[row] = rule.due_at(int(received[row]), ZONE_OFFSET_MINUTES)
    return due


def _between(start: _Array, end: _Array, share: NDArray[np.float64]) -> _Array:
    """A time at a share of the way, at least a second after the start if the end is not after it."""
    between: _Array = start + np.maximum((np.maximum(end - start, 0) * share).astype(np.int64), 1000)
    return between


def _plan(draws: Draws, reported: int, still_open: int) -> _Leads:
    count = reported + still_open
    received = np.sort(_received(draws, count))
    source = draws.chosen(count, [weight for _, weight in _SOURCES])
    batch = (draws.fractions(count) < 0.6).astype(np.int64)
    home = (draws.fractions(count) < 0.55).astype(np.int64)
    due = _due(received, batch, home)
    opened = received + draws.integers(count, 10_000, 10 * MINUTE_MS)
    dispatched = opened + draws.integers(count, MINUTE_MS, 80 * MINUTE_MS)
    verified = _between(dispatched, due, 0.05 + 0.9 * draws.fractions(count))
    tardy = draws.fractions(count) < _LATE_SHARE
    late = np.maximum(due, dispatched) + draws.integers(count, 10 * MINUTE_MS, 20 * HOUR_MS)
    verified = np.where(tardy, late, verified)
    # What the conference counts as fed back was verified 20 minutes before it at the latest.
    squeezed = _between(dispatched, np.full(count, TO_DATE - 20 * MINUTE_MS), 0.1 + 0.8 * draws.fractions(count))
    verified = np.where(verified > TO_DATE - 20 * MINUTE_MS, squeezed, verified)
    retracted = (draws.fractions(count) < _RETRACTED_SHARE) & (verified < due) & (due < TO_DATE - DAY_MS)
    proof_sent = np.where(retracted, due + draws.integers(count, 10 * MINUTE_MS, 12 * HOUR_MS), 0)
    known = np.maximum(verified, proof_sent)
    back = (
        known
        + MINUTE_MS
        + (draws.fractions(count) * np.clip(TO_DATE - known - 2 * MINUTE_MS, 0, 6 * HOUR_MS)).astype(np.int64)
    )
    located = _between(dispatched, verified, 0.1 + 0.8 * draws.fractions(count))
    attempted = _between(located, verified, 0.1 + 0.8 * draws.fractions(count))
    attempt = np.where(draws.fractions(count) < _ATTEMPTED_SHARE, attempted, _NEVER)
    steps = {
        _OPENED: opened,
        _DISPATCHED: dispatched,
        _LOCATED: located,
        _VERIFIED: verified,
        _REPORTED: back,
        _ATTEMPT: attempt,
    }
    _keep_open(draws, steps, proof_sent, count, still_open)
    team = draws.integers(count, 0, len(TEAMS))
    method = draws.integers(count, 0, len(_METHODS))
    outcome = draws.chosen(count, (50, 20, 28, 2))
    return _Leads(received, source, batch, home, team, method, outcome, steps, proof_sent)


def _keep_open(draws: Draws, steps: dict[int, _Array], proof_sent: _Array, count: int, still_open: int) -> None:
    """Takes back the later steps of the leads that are open at the conference; two in three are finished after it."""
    if not still_open:
        return
    recent = count - min(count, 6 * still_open)
    pool = recent + np.argsort(draws.fractions(count - recent), kind="stable")
    old = np.arange(0, max(recent, 1), max(recent // max(still_open // 15, 1), 1))[: still_open // 15]
    chosen = np.concatenate([old, pool[: still_open - len(old)]])
    state = draws.chosen(len(chosen), _OPEN_STATES)
    after = TO_DATE + draws.integers(len(chosen), MINUTE_MS, 30 * HOUR_MS)
    finished = draws.fractions(len(chosen)) < 2 / 3
    located = np.where(finished, after, _NEVER)
    steps[_LOCATED][chosen] = np.where(state >= 1, steps[_LOCATED][chosen], located)
    steps[_VERIFIED][chosen] = np.where(
        state >= 2, steps[_VERIFIED][chosen], np.where(finished, after + HOUR_MS, _NEVER)
    )
    steps[_REPORTED][chosen] = np.where(finished, after + 2 * HOUR_MS, _NEVER)
    steps[_ATTEMPT][chosen] = _NEVER
    proof_sent[chosen] = 0


def _in_order(leads: _Leads) -> _Steps:
    kinds, numbers, times = [], [], []
    for step, happened in leads.steps.items():
        rows = np.flatnonzero(happened != _NEVER)
        kinds.append(np.full(len(rows), step, np.int64))
        numbers.append(rows.astype(np.int64))
        times.append(happened[rows])
    kind, lead, occurred = np.concatenate(kinds), np.concatenate(numbers), np.concatenate(times)
    order = np.argsort(occurred, kind="stable")
    kind, lead, occurred = kind[order], lead[order], occurred[order]
    # Desks: one for each source of leads, the dispatching desk, then one for each team.
    by_team = len(_SOURCES) + 1 + leads.team[lead]
    desk = np.where(kind == _OPENED, leads.source[lead], np.where(kind == _DISPATCHED, len(_SOURCES), by_team))
    return _Steps(kind, lead, occurred, desk, ranks(desk))


class _Forms(dict[tuple[int, int, int], bytes]):
    """Templates by kind, desk and a variant that depends on the kind."""

    def __missing__(self, key: tuple[int, int, int]) -> bytes:
        self[key] = template_of(_sample(*key), _FIELDS)
        return self[key]


def _sample(kind: int, desk: int, variant: int) -> events.Event:
    base = {
        "token": "p00" + "a" * 24,
        "sequence": 0,
        "occurred_at": 0,
        "sent_at": 0,
        "zone_offset_minutes": ZONE_OFFSET_MINUTES,
        "lead_id": "qd-lead",
    }
    if kind == _OPENED:
        source = _SOURCES[desk][0]
        batch, home = divmod(variant, 2)
        mode = PushMode.BATCH if batch else PushMode.ROUTINE
        stated = {"lead_source": source, "push_mode": mode, "home_province": bool(home), "received_at": 0}
        return events.LeadOpened.model_validate({**base, **stated, "source": f"qd-desk-{source.value.lower()}"})
    if kind == _DISPATCHED:
        stated = {"source": "qd-psb-dispatch", "unit": team_unit(TEAMS[variant])}
        return events.LeadDispatched.model_validate({**base, **stated})
    division = TEAMS[desk - len(_SOURCES) - 1]
    by_team = {**base, "source": f"qd-team-{division}-desk", "unit": team_unit(division)}
    if kind == _LOCATED:
        return events.LeadLocated.model_validate(by_team)
    if kind == _REPORTED:
        return events.LeadReportedBack.model_validate(by_team)
    method = _METHODS[variant % len(_METHODS)]
    if kind == _VERIFIED:
        return events.LeadVerified.model_validate({**by_team, "method": method})
    outcome, symptoms = _OUTCOMES[variant // len(_METHODS)]
    return events.Attempt.model_validate({**by_team, "method": method, "outcome": outcome, "symptoms": symptoms})


class LeadEvents:
    """Generates the steps of all leads, one span of time after another."""

    def __init__(self, seed: int, scale: float, outbox: Outbox, tokens: Tokens) -> None:
        """``scale`` is 1 but in tests: leads are always published whole."""
        draws = Draws(seed, "leads")
        reported, still_open = round(REPORTED_BACK * scale), round(OPEN * scale)
        self._draws = draws
        self._outbox = outbox
        self._leads = _plan(draws, reported, still_open)
        self._steps = _in_order(self._leads)
        count = reported + still_open
        self.persons = np.arange(max(round(count * PERSONS_PER_LEAD), 1)) if count else np.empty(0, np.int64)
        # A person may have several leads: the totals are person-times.
        self._person = np.concatenate(
            [self.persons, draws.integers(count - len(self.persons), 0, len(self.persons) or 1)]
        )
        self._keys = tokens.take(self._person[draws.fractions(count).argsort(kind="stable")])
        self._forms = _Forms()
        self._beyond_horizon_left = _BEYOND_HORIZON

    def generate(self, start: int, until: int) -> None:
        """Puts all steps of [start, until), UTC milliseconds, into the outbox."""
        first, last = np.searchsorted(self._steps.occurred, (start, until)).tolist()
        if first == last:
            return
        steps, leads = _Steps(*(column[first:last] for column in self._steps)), self._leads
        kind, lead = steps.kind, steps.lead
        times = delivery(self._draws, steps.occurred, UNTIL, self._outbox.rates)
        held_back = np.flatnonzero((kind == _VERIFIED) & (leads.proof_sent[lead] > 0))
        times.sent[held_back] = leads.proof_sent[lead[held_back]]
        times.appended[held_back] = times.sent[held_back] + 400
        self._delay_beyond_horizon(kind, times)
        variant = np.select(
            [kind == _OPENED, kind == _DISPATCHED, kind == _VERIFIED, kind == _ATTEMPT],
            [
                leads.batch[lead] * 2 + leads.home[lead],
                leads.team[lead],
                leads.method[lead],
                leads.method[lead] + len(_METHODS) * leads.outcome[lead],
            ],
            0,
        )
        received = stated_longs(leads.received[lead])
        for row in np.flatnonzero(kind != _OPENED).tolist():
            received[row] = NULL
        forms = self._forms
        values = [
            forms[form] % pieces
            for form, pieces in zip(
                zip(kind.tolist(), steps.desk.tolist(), variant.tolist(), strict=True),
                zip(
                    longs(steps.sequence),
                    longs(times.occurred),
                    longs(times.sent),
                    numbered_names("qd-lead-", lead, 6),
                    received,
                    strict=True,
                ),
                strict=True,
            )
        ]
        keys = [self._keys[number] for number in lead.tolist()]
        counts = np.bincount(kind, minlength=len(_KINDS)).tolist()
        kinds = Counter({name: number for name, number in zip(_KINDS, counts, strict=True) if number})
        self._outbox.add(topics.FOLLOW_UPS.name, kinds, keys, values, times)

    def _delay_beyond_horizon(self, kind: _Array, times: Times) -> None:
        """A few verifications of the first day are found on an offline device a month later."""
        rows = np.flatnonzero((kind == _VERIFIED) & (times.occurred < ENTRIES_FROM + DAY_MS))[
            : self._beyond_horizon_left
        ]
        self._beyond_horizon_left -= len(rows)
        times.sent[rows] = times.occurred[rows] + 30 * DAY_MS + 20 * MINUTE_MS
        times.appended[rows] = times.sent[rows] + 400
