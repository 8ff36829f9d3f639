"""Entries of the Qingdao campaign: passages at motorway exits, other roads, stations and communities (A000-03, -04),
with a temperature reading for about one passage in twenty.

The three totals are separate figures of different units and are never added (the published numbers happen to close:
191.6 + 192.0 = 383.6, a coincidence). Each vehicle and each person on the other roads passes once, since the source
counts vehicles and persons there (辆, 人); elsewhere it counts passages (人次), and a person may pass again.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.campaigns.disturbance import DAY_MS, MINUTE_MS, Outbox, Times, delivery
from replay.campaigns.draws import Draws, apportion, ranks
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, ENTRIES_UNTIL, TO_DATE, UNTIL, ZONE_OFFSET_MINUTES
from replay.campaigns.qingdao_places import COMMUNITY_SITES, MOTORWAY_SITES, ROAD_SITES, SITES, STATION_SITES, Site
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.templates import longs, numbered_names, stated_longs, template_of
from replay.campaigns.tokens import Tokens
from schemas import events, topics
from schemas.codes import (
    DecisionOutcome,
    Direction,
    HealthCode,
    RiskTier,
    Role,
    SiteKind,
    SubjectKind,
    Symptom,
    ThermometryMethod,
)
from sinks.figures import expected_at

MOTORWAY_VEHICLES = 1_376_000
MOTORWAY_PERSON_TIMES = 3_836_000
ROAD_PERSONS = 1_916_000
STATION_PERSON_TIMES = 1_920_000
COMMUNITY_PERSON_TIMES = 200_000
"""Synthetic: the source publishes no figure of A000-04."""

READING_SHARE = 0.05
FEVER_SHARE = 0.01
_RETURNING_SHARE = 0.28
_FOLLOWED_SHARE = 0.02
_RECENT = 20_000
_BEYOND_HORIZON = 4

_HOUR_WEIGHTS = (5, 3, 2, 2, 3, 8, 22, 45, 62, 70, 72, 66, 58, 60, 66, 70, 72, 70, 60, 48, 36, 26, 16, 9)
_DAY_WEIGHTS = (6, 6, 7, 7, 8, 9, 11, 12, 13, 12, 10, 9, 9, 8, 9, 10, 11, 10, 9, 9, 10, 11, 11, 10, 10, 11)
_FEVER_TENTHS = 373
_PASSAGE, _PASSAGE_DIGITS = "m", 9


class _Profile(NamedTuple):
    """What one passage says besides who, where and when; ``weight`` is its share among those of its group."""

    weight: int
    fields: dict[str, Any]


def _profiles(roles: Sequence[tuple[Role, int]]) -> list[_Profile]:
    health_codes = (
        (HealthCode.NOT_STATED, 5500),
        (HealthCode.GREEN, 4450),
        (HealthCode.YELLOW, 30),
        (HealthCode.RED, 5),
        (HealthCode.NONE_SHOWN, 15),
    )
    origins: tuple[tuple[str | None, RiskTier, int], ...] = (
        (None, RiskTier.NOT_STATED, 6000),
        ("370600", RiskTier.LOW, 1300),
        ("370700", RiskTier.LOW, 1400),
        ("371100", RiskTier.NOT_STATED, 1100),
        ("110000", RiskTier.NOT_STATED, 160),
        ("420100", RiskTier.HIGH, 15),
        ("420100", RiskTier.NOT_STATED, 15),
        ("421100", RiskTier.MEDIUM, 10),
    )
    symptoms: tuple[tuple[list[Symptom], int], ...] = (([], 9990), ([Symptom.DRY_COUGH], 10))
    return [
        _Profile(
            role_weight * code_weight * origin_weight * symptom_weight,
            {
                "role": role,
                "health_code": code,
                "origin_area": area,
                "origin_tier": tier,
                "identity_checked": True,
                "mask_worn": True,
                "symptoms": stated,
            },
        )
        for (role, role_weight), (code, code_weight), (area, tier, origin_weight), (stated, symptom_weight) in product(
            roles, health_codes, origins, symptoms
        )
    ]


class _Group(NamedTuple):
    """One stream of passages. ``profiles`` begins at ``first_profile`` of the table of all profiles."""

    label: str
    sites: tuple[Site, ...]
    subject: SubjectKind
    total: int
    always_new: bool
    first_profile: int
    profiles: list[_Profile]


class _Rows(NamedTuple):
    """Passages before encoding. ``site`` is a place in `SITES`, ``profile`` one in the table of all profiles,
    ``subject`` a counter in the tokens of ``token_space``, ``passage`` the number of the passage."""

    occurred: NDArray[np.int64]
    site: NDArray[np.int64]
    profile: NDArray[np.int64]
    subject: NDArray[np.int64]
    passage: NDArray[np.int64]
    token_space: NDArray[np.int64]


_PERSONS, _VEHICLES, _FOLLOWED = 0, 1, 2
_PASSAGE_FIELDS = ("sequence", "occurred_at", "sent_at", "passage_id")
_READING_FIELDS = ("sequence", "occurred_at", "sent_at", "value_tenths", "passage_id")
_SITE_NUMBER = {site.id: number for number, site in enumerate(SITES)}
_METHODS = {
    SiteKind.RAIL: ThermometryMethod.THERMAL_IMAGER,
    SiteKind.AIRPORT: ThermometryMethod.THERMAL_IMAGER,
}


class _PassageForms(dict[int, bytes]):
    """Templates of passages by site, profile and kind of subject, made when first needed."""

    def __init__(self, profiles: list[_Profile]) -> None:
        super().__init__()
        self.profiles = profiles

    def code(self, rows: _Rows) -> NDArray[np.int64]:
        codes: NDArray[np.int64] = (rows.site * len(self.profiles) + rows.profile) * 2 + (rows.token_space == _VEHICLES)
        return codes

    def __missing__(self, code: int) -> bytes:
        site_and_profile, is_vehicle = divmod(code, 2)
        site_number, profile = divmod(site_and_profile, len(self.profiles))
        site = SITES[site_number]
        model = events.Passage(
            token=("v" if is_vehicle else "p") + "00" + "a" * 24,
            source=f"{site.id}-gate",
            sequence=0,
            occurred_at=0,
            sent_at=0,
            zone_offset_minutes=ZONE_OFFSET_MINUTES,
            site=site.id,
            site_kind=site.kind,
            direction=Direction.ENTERING,
            subject_kind=SubjectKind.VEHICLE if is_vehicle else SubjectKind.PERSON,
            passage_id="m",
            **self.profiles[profile].fields,
        )
        self[code] = template_of(model, _PASSAGE_FIELDS)
        return self[code]


class _ReadingForms(dict[int, bytes]):
    """Templates of readings by site."""

    def __missing__(self, number: int) -> bytes:
        site = SITES[number]
        model = events.Reading(
            token="p00" + "a" * 24,
            source=f"{site.id}-thermometer",
            sequence=0,
            occurred_at=0,
            sent_at=0,
            zone_offset_minutes=ZONE_OFFSET_MINUTES,
            value_tenths=366,
            method=_METHODS.get(site.kind, ThermometryMethod.NON_CONTACT),
            instrument=f"{site.id}-t1",
            site=site.id,
            site_kind=site.kind,
            passage_id="m",
        )
        self[number] = template_of(model, _READING_FIELDS)
        return self[number]


class Entries:
    """Generates the entries of one span of time after another."""

    def __init__(
        self, seed: int, scale: float, outbox: Outbox, followed: NDArray[np.int64], followed_tokens: Tokens
    ) -> None:
        """``followed``: counters of persons with a lead, in ``followed_tokens``; a few of them pass checkpoints."""
        self._draws = Draws(seed, "entries")
        self._outbox = outbox
        self._spaces = {
            _PERSONS: Tokens(seed, "person"),
            _VEHICLES: Tokens(seed, "vehicle", "v"),
            _FOLLOWED: followed_tokens,
        }
        self._followed = followed
        self._profiles: list[_Profile] = []
        travellers = _profiles([(Role.TRAVELLER, 9), (Role.RESIDENT, 1)])
        residents = _profiles([(Role.RESIDENT, 8), (Role.STAFF, 2)])
        vehicles = [_Profile(1, {"identity_checked": True})]
        self._vehicles = self._group(
            "vehicles", MOTORWAY_SITES, SubjectKind.VEHICLE, MOTORWAY_VEHICLES, True, vehicles, scale
        )
        self._occupants = self._group(
            "occupants", MOTORWAY_SITES, SubjectKind.PERSON, MOTORWAY_PERSON_TIMES, False, travellers, scale
        )
        self._others = [
            self._group("roads", ROAD_SITES, SubjectKind.PERSON, ROAD_PERSONS, True, travellers, scale),
            self._group("stations", STATION_SITES, SubjectKind.PERSON, STATION_PERSON_TIMES, False, travellers, scale),
            self._group(
                "communities", COMMUNITY_SITES, SubjectKind.PERSON, COMMUNITY_PERSON_TIMES, False, residents, scale
            ),
        ]
        decisive = (HealthCode.RED, HealthCode.NONE_SHOWN)
        self._decisive = np.array([profile.fields.get("health_code") in decisive for profile in self._profiles])
        self._forms = _PassageForms(self._profiles)
        self._reading_forms = _ReadingForms()
        groups = (self._vehicles, self._occupants, *self._others)
        self._per_hour = {group.label: _per_hour(group.total) for group in groups}
        self._next_token = {_PERSONS: 0, _VEHICLES: 0}
        self._next_passage = 0
        self._gate_sequences = np.zeros(len(SITES), np.int64)
        self._reading_sequences = np.zeros(len(SITES), np.int64)
        self._desk_sequences: Counter[str] = Counter()
        self._beyond_horizon_left = _BEYOND_HORIZON

    def _group(
        self,
        label: str,
        sites: tuple[Site, ...],
        subject: SubjectKind,
        total: int,
        always_new: bool,
        profiles: list[_Profile],
        scale: float,
    ) -> _Group:
        first = len(self._profiles)
        self._profiles.extend(profiles)
        return _Group(label, sites, subject, expected_at(total, scale), always_new, first, profiles)

    def generate(self, start: int, until: int) -> None:
        """Puts all events of [start, until), whole hours in UTC milliseconds, into the outbox."""
        parts = [part for hour in range(start, until, HOUR_MS) for part in self._hour(hour)]
        if not parts:
            return
        rows = _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        order = np.argsort(rows.occurred, kind="stable")
        self._encode(_Rows(*(column[order] for column in rows)))

    def _hour(self, hour: int) -> list[_Rows]:
        index = (hour - ENTRIES_FROM) // HOUR_MS
        if not 0 <= index < len(self._per_hour["roads"]):
            return []
        vehicles = self._alone(self._vehicles, hour, self._per_hour["vehicles"][index])
        made = [vehicles, self._inside(vehicles, hour, self._per_hour["occupants"][index])]
        made += [self._alone(group, hour, self._per_hour[group.label][index]) for group in self._others]
        return [rows for rows in made if len(rows.occurred)]

    def _alone(self, group: _Group, hour: int, count: int) -> _Rows:
        draws = self._draws
        site = draws.chosen(count, [site.weight for site in group.sites])
        numbers = np.array([_SITE_NUMBER[place.id] for place in group.sites], np.int64)
        return self._rows(group, hour + draws.integers(count, 0, HOUR_MS), numbers[site], self._passages(count))

    def _inside(self, vehicles: _Rows, hour: int, count: int) -> _Rows:
        """Occupants of the hour's vehicles: they share the vehicle's site and passage, some seconds apart."""
        draws, cars = self._draws, len(vehicles.occurred)
        if not cars:
            return self._alone(self._occupants, hour, count)
        seated = np.arange(min(cars, count))
        owner = np.concatenate([seated, draws.integers(count - len(seated), 0, cars)])
        occurred = vehicles.occurred[owner] + draws.integers(count, 500, 9000)
        # The vehicle's hour is theirs: a figure as of midnight must not part them.
        occurred = np.minimum(occurred, hour + HOUR_MS - 1)
        return self._rows(self._occupants, occurred, vehicles.site[owner], vehicles.passage[owner])

    def _passages(self, count: int) -> NDArray[np.int64]:
        self._next_passage += count
        return np.arange(self._next_passage - count, self._next_passage)

    def _rows(
        self, group: _Group, occurred: NDArray[np.int64], site: NDArray[np.int64], passage: NDArray[np.int64]
    ) -> _Rows:
        draws, count = self._draws, len(occurred)
        profile = group.first_profile + draws.chosen(count, [profile.weight for profile in group.profiles])
        space = _VEHICLES if group.subject is SubjectKind.VEHICLE else _PERSONS
        spaces = np.full(count, space, np.int64)
        subject = np.arange(self._next_token[space], self._next_token[space] + count)
        self._next_token[space] += count
        if not group.always_new and count:
            kind, which = draws.fractions(count), draws.fractions(count)
            returning = kind < _RETURNING_SHARE
            # Those who pass again were seen not long ago, or somewhere before the first of this hour.
            earlier = subject - 1 - np.floor(which * np.minimum(_RECENT, subject)).astype(np.int64)
            subject = np.where(returning, np.maximum(earlier, 0), subject)
            if len(self._followed):
                followed = (kind >= _RETURNING_SHARE) & (kind < _RETURNING_SHARE + _FOLLOWED_SHARE)
                known = self._followed[np.floor(which * len(self._followed)).astype(np.int64)]
                subject, spaces = np.where(followed, known, subject), np.where(followed, _FOLLOWED, spaces)
        return _Rows(occurred, site, profile, subject, passage, spaces)

    def _keys(self, rows: _Rows) -> list[bytes]:
        keys: list[bytes] = [b""] * len(rows.subject)
        for space, tokens in self._spaces.items():
            where = np.flatnonzero(rows.token_space == space)
            for row, token in zip(where.tolist(), tokens.take(rows.subject[where]), strict=True):
                keys[row] = token
        return keys

    def _encode(self, rows: _Rows) -> None:
        times = delivery(self._draws, rows.occurred, UNTIL, self._outbox.rates)
        self._delay_beyond_horizon(times)
        keys = self._keys(rows)
        sequence = self._gate_sequences[rows.site] + ranks(rows.site)
        self._gate_sequences += np.bincount(rows.site, minlength=len(SITES))
        passages = numbered_names(_PASSAGE, rows.passage, _PASSAGE_DIGITS)
        forms = self._forms
        values = [
            forms[code] % pieces
            for code, pieces in zip(
                forms.code(rows).tolist(),
                zip(longs(sequence), longs(times.occurred), longs(times.sent), passages, strict=True),
                strict=True,
            )
        ]
        self._outbox.add(topics.CHECK_INS.name, Counter({"PASSAGE": len(values)}), keys, values, times)
        self._decide(rows, times, keys)
        measured = np.flatnonzero(
            (rows.token_space != _VEHICLES) & (self._draws.fractions(len(values)) < READING_SHARE)
        )
        self._measure(
            rows.site[measured],
            rows.occurred[measured],
            [keys[row] for row in measured.tolist()],
            [passages[row] for row in measured.tolist()],
            rows.passage[measured],
        )

    def _delay_beyond_horizon(self, times: Times) -> None:
        """The first few events of the campaign lie in a spool that is found a month later."""
        count = min(self._beyond_horizon_left, len(times.sent))
        self._beyond_horizon_left -= count
        for row in range(count):
            times.sent[row] = times.occurred[row] + 30 * DAY_MS + (row + 1) * MINUTE_MS
            times.appended[row] = times.sent[row] + 300

    def _decide(self, rows: _Rows, times: Times, keys: list[bytes]) -> None:
        """A red code is referred; who shows no code is turned back, which is a decision and never a case (A000-08)."""
        made: list[events.Event] = []
        for row in np.flatnonzero(self._decisive[rows.profile]).tolist():
            site = SITES[int(rows.site[row])]
            is_red = self._profiles[int(rows.profile[row])].fields["health_code"] is HealthCode.RED
            made.append(
                events.Decision(
                    token=keys[row].decode(),
                    **self._stamp(f"{site.id}-duty", int(times.occurred[row]) + 2 * MINUTE_MS),
                    decision=DecisionOutcome.REFERRED if is_red else DecisionOutcome.REFUSED,
                    decided_by_role="checkpoint-lead",
                    site=site.id,
                    site_kind=site.kind,
                    passage_id=_passage_id(int(rows.passage[row])),
                    decision_reason="red code" if is_red else "no code shown",
                    against_advice=False,
                )
            )
        self._outbox.add_events(made)

    def _measure(
        self,
        site: NDArray[np.int64],
        passed: NDArray[np.int64],
        keys: list[bytes],
        passages: list[bytes],
        passage: NDArray[np.int64],
    ) -> None:
        count, draws = len(site), self._draws
        if not count:
            return
        fever = draws.fractions(count) < FEVER_SHARE
        tenths = np.where(fever, draws.integers(count, _FEVER_TENTHS, 393), draws.integers(count, 361, 370))
        times = delivery(draws, passed + draws.integers(count, 1000, 20_000), UNTIL, self._outbox.rates)
        sequence = self._reading_sequences[site] + ranks(site)
        self._reading_sequences += np.bincount(site, minlength=len(SITES))
        forms = self._reading_forms
        values = [
            forms[number] % pieces
            for number, pieces in zip(
                site.tolist(),
                zip(
                    longs(sequence),
                    longs(times.occurred),
                    longs(times.sent),
                    stated_longs(tenths),
                    passages,
                    strict=True,
                ),
                strict=True,
            )
        ]
        self._outbox.add(topics.TEMPERATURES.name, Counter({"READING": count}), keys, values, times)
        for row in np.flatnonzero(fever).tolist():
            self._confirm(
                SITES[int(site[row])],
                keys[row].decode(),
                int(times.occurred[row]),
                int(sequence[row]),
                int(passage[row]),
            )

    def _confirm(self, site: Site, token: str, measured: int, sequence: int, passage: int) -> None:
        """A high thermal reading is measured again by a clinical thermometer, and a person in charge decides."""
        later, outcome = self._draws.fractions(2).tolist()
        at = measured + 6 * MINUTE_MS + int(later * 15 * MINUTE_MS)
        high = outcome < 0.4
        passage_id = _passage_id(passage)
        reading = events.Reading(
            token=token,
            **self._stamp(f"{site.id}-clinic", at),
            value_tenths=378 if high else 367,
            method=ThermometryMethod.AXILLARY,
            site=site.id,
            site_kind=site.kind,
            confirms_source=f"{site.id}-thermometer",
            confirms_sequence=sequence,
            passage_id=passage_id,
        )
        decision = events.Decision(
            token=token,
            **self._stamp(f"{site.id}-duty", at + 4 * MINUTE_MS),
            decision=DecisionOutcome.REFERRED if high else DecisionOutcome.ADMITTED,
            decided_by_role="checkpoint-lead",
            site=site.id,
            site_kind=site.kind,
            passage_id=passage_id,
        )
        made: list[events.Event] = [reading, decision]
        if high:
            task = f"transfer-{passage_id}"
            begun = self._stamp(f"{site.id}-duty", at + 5 * MINUTE_MS)
            made.append(events.TransferStarted(token=token, **begun, task=task))
            taken = self._stamp("qd-health-intake", at + 50 * MINUTE_MS)
            made.append(events.TransferAccepted(token=token, **taken, task=task, unit="qd-health"))
        self._outbox.add_events(made)

    def _stamp(self, source: str, at: int) -> dict[str, Any]:
        sequence = self._desk_sequences[source]
        self._desk_sequences[source] += 1
        return {
            "source": source,
            "sequence": sequence,
            "occurred_at": at,
            "sent_at": at + 800,
            "zone_offset_minutes": ZONE_OFFSET_MINUTES,
        }


def _passage_id(number: int) -> str:
    return f"{_PASSAGE}{number:0{_PASSAGE_DIGITS}d}"


def _per_hour(total: int) -> list[int]:
    """Passages of every hour: the total falls within the 26 days of the figure; then the morning of the conference,
    whose entries are not in it (T9)."""
    days = (ENTRIES_UNTIL - ENTRIES_FROM) // DAY_MS
    counts = apportion(total, [day * hour for day in _DAY_WEIGHTS[:days] for hour in _HOUR_WEIGHTS])
    morning = (TO_DATE - ENTRIES_UNTIL) // HOUR_MS
    return counts + apportion(total // 60, _HOUR_WEIGHTS[:morning])
