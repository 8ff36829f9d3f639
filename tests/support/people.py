"""Rows about persons for tests of the rules, built through the models that producers use."""

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas import events
from schemas.events import Event
from schemas.validity import Limits
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

    def __init__(self, reference: Reference | None = None) -> None:
        known = reference or Reference(Limits())
        self.fold = PersonFold(known, lambda subject, row: msgspec.json.encode(Told(subject, row)))
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

    def _known(self, keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: self.states[key] for key in keys if key in self.states}

    def tick(self, as_of: int) -> None:
        due = {key: state for key, state in self.states.items() if (self.fold.next_due(state) or 2**63) <= as_of}
        self._take(self.fold.tick(due, as_of))

    def notices(self) -> list[str]:
        return [told.row["kind"] for told in self.told if told.topic == "sla-events" and told.row["kind"] != "CLOCK"]

    def facts(self, token: str = TOKEN) -> list[PersonFact]:
        return [decode_fact(member) for member in decode_state(self.states[token.encode()])]
