"""Rows about persons for tests of the rules, built through the models that producers use."""

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas import events
from schemas.events import Event
from schemas.validity import Limits
from streams.clocked_fold import ClockedFold
from streams.fact_set import decode_state
from streams.facts import PersonFact, decode_fact
from streams.fold import FoldResult, Rows
from streams.person_fold import PersonFold
from streams.reference import Reference

TOKEN = "p00" + "a" * 24
NOON = events.to_milliseconds("2020-02-19T12:00:00+08:00")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Desk:
    """A source that numbers what it sends."""

    def __init__(self, source: str = "desk-1") -> None:
        self.source = source
        self.sequence = 0

    def event(self, model: type[Event], at: int = NOON, **fields: Any) -> Event:
        self.sequence += 1
        sent_at = fields.pop("sent_at", at)
        common = {"source": self.source, "sequence": self.sequence, "zone_offset_minutes": 480, "token": TOKEN}
        return model.model_validate({**common, "occurred_at": at, "sent_at": sent_at, **fields})

    def passage(self, at: int = NOON, **fields: Any) -> Event:
        place = {"site": "site-1", "site_kind": "MOTORWAY", "direction": "ENTERING", "subject_kind": "PERSON"}
        return self.event(events.Passage, at, **{**place, **fields})

    def reading(self, value_tenths: int, at: int = NOON, **fields: Any) -> Event:
        return self.event(events.Reading, at, value_tenths=value_tenths, method="NON_CONTACT", **fields)

    def lead(self, lead_id: str = "lead-1", at: int = NOON, **fields: Any) -> Event:
        stated = {"lead_source": "BIG_DATA", "push_mode": "BATCH", "home_province": True, "received_at": at}
        return self.event(events.LeadOpened, at, lead_id=lead_id, **{**stated, **fields})

    def verified(self, lead_id: str = "lead-1", at: int = NOON, **fields: Any) -> Event:
        return self.event(events.LeadVerified, at, lead_id=lead_id, method="PHONE", **fields)


def rows_of(published: Iterable[Event]) -> Rows:
    """The rows a fold is given, by topic."""
    rows: Rows = {}
    for offset, event in enumerate(published):
        topic, key, row = event.record()
        rows.setdefault(topic, []).append((key, {**row, "offset": offset, "appended_at": row["sent_at"]}))
    return rows


class Told(msgspec.Struct):
    """A derived record, decoded."""

    topic: str
    row: dict[str, Any]


class FoldBench:
    """Runs a fold over a dictionary of states and keeps what it told."""

    def __init__(self, reference: Reference | None = None, rules: type[ClockedFold] = PersonFold) -> None:
        known = reference or Reference(Limits())
        self.fold = rules(known, lambda subject, row: msgspec.json.encode(Told(subject, row)))
        self._expected = 0
        self.states: dict[bytes, bytes] = {}
        self.told: list[Told] = []

    def _take(self, result: FoldResult) -> None:
        assert not result.errors
        for key, state in result.changes.items():
            if state is None:
                del self.states[key]
            else:
                self.states[key] = state
        for records in result.outputs.values():
            self.told += [msgspec.json.decode(value, type=Told) for _, value in records]

    def publish(self, *published: Event, as_of: int = 0) -> None:
        self._take(self.fold.fold(rows_of(published), lambda keys: self._known(keys), as_of))

    def expect(self, as_of: int = 0) -> None:
        """What the reference data expects, as a worker takes it in."""
        rows, self._expected = self.fold.expectations(self._expected, 10_000)
        self._take(self.fold.fold({"reference": rows}, self._known, as_of))

    def _known(self, keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: self.states[key] for key in keys if key in self.states}

    def tick(self, as_of: int) -> None:
        while due := {key: state for key, state in self.states.items() if self._is_due(state, as_of)}:
            self._take(self.fold.tick(due, as_of))

    def _is_due(self, state: bytes, as_of: int) -> bool:
        due = self.fold.next_due(state)
        return due is not None and due <= as_of

    def notices(self) -> list[str]:
        return [told.row["kind"] for told in self.told if told.topic == "sla-events" and told.row["kind"] != "CLOCK"]

    def clocks(self) -> dict[str, dict[str, Any]]:
        """The last word on each clock, by duty and what it is about."""
        told = [one.row for one in self.told if one.topic == "sla-events" and one.row["kind"] == "CLOCK"]
        return {f"{row['duty']} {row['lead_id']}": row for row in told}

    def facts(self, token: str = TOKEN) -> list[PersonFact]:
        return [decode_fact(member) for member in decode_state(self.states[token.encode()])]
