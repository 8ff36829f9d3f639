"""Facts about a person, and how they are read off rows.

Facts hold observations, not conclusions: thresholds, durations and tiers are applied when a verdict is computed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas import topics
from schemas.codes import LeadState
from streams.announced import Announced
from streams.expected import Expected, expected_of
from streams.fact_set import Fact


class Reading(Fact, frozen=True, tag="reading"):
    """A temperature in tenths of a degree Celsius; ``confirms_*`` names the earlier reading that it settles."""

    value_tenths: int
    method: str
    site_kind: str
    confirms_source: str | None
    confirms_sequence: int | None
    task: str | None
    slot: str


class CodeShown(Fact, frozen=True, tag="code"):
    """A health code that was not green."""

    code: str


class CameFrom(Fact, frozen=True, tag="area"):
    """Came from an area, with the tier by the device's word."""

    area: str | None
    tier: str


class SymptomsStated(Fact, frozen=True, tag="symptoms"):
    symptoms: tuple[str, ...]


class LeadOpened(Fact, frozen=True, tag="lead"):
    """A lead arrived; ``zone_offset_minutes`` is the offset of ``received_at``."""

    lead_id: str
    lead_source: str
    push_mode: str
    home_province: bool
    received_at: int
    zone_offset_minutes: int


class LeadStep(Fact, frozen=True, tag="step"):
    """A lead reached a state (推送、落地、核查、反馈), or was closed."""

    lead_id: str
    state: str


class TaskStep(Fact, frozen=True, tag="task"):
    """Something about a task of a follow-up: test, transfer, quarantine, programme, absence, leave, search, attempt.
    ``due_at``: the deadline that it states."""

    kind: str
    task: str
    programme: str | None
    place: str
    outcome: str
    due_at: int | None
    zone_offset_minutes: int
    approved: bool | None


class Noted(Fact, frozen=True, tag="noted"):
    """Any other follow-up or decision: kept as observed, for the person's story and for later rules."""

    kind: str
    subject: str | None
    detail: str | None


class TakenBack(Fact, frozen=True, tag="taken_back"):
    """An event was corrected, or an appeal against it upheld: what it asserted no longer counts."""

    corrects_source: str
    corrects_sequence: int


PersonFact = (
    Reading
    | CodeShown
    | CameFrom
    | SymptomsStated
    | LeadOpened
    | LeadStep
    | TaskStep
    | Noted
    | TakenBack
    | Expected
    | Announced
)

_DECODER: msgspec.msgpack.Decoder[PersonFact] = msgspec.msgpack.Decoder(PersonFact)
decode_fact = _DECODER.decode

_STEPS = {
    "LEAD_DISPATCHED": LeadState.DISPATCHED.value,
    "LEAD_LOCATED": LeadState.LOCATED.value,
    "LEAD_VERIFIED": LeadState.VERIFIED.value,
    "LEAD_REPORTED_BACK": LeadState.REPORTED_BACK.value,
    "LEAD_CLOSED": LeadState.CLOSED.value,
}
_TASKS = frozenset(
    (
        *("FOLLOW_UP_STARTED", "FOLLOW_UP_ENDED", "QUARANTINE_STARTED", "QUARANTINE_ENDED", "ABSCONDED", "FOUND"),
        *("TEST_DUE", "TEST_TAKEN", "TRANSFER_STARTED", "TRANSFER_ACCEPTED"),
        *("ABSENCE", "LEAVE", "LEAVE_DECIDED", "LEAVE_ENDED"),
    )
)
BRIEF = 200
"""Characters of a free text that are kept of it: no rule reads it, and the whole stands in the event tables."""

_UNREMARKABLE_CODES = ("NOT_STATED", "GREEN")


def facts_of(topic: str, row: Mapping[str, Any]) -> Iterator[PersonFact]:
    """Facts that one row of a person topic asserts. Raises KeyError, TypeError or ValueError when none can be read."""
    if topic == topics.CHECK_INS.name:
        yield from _of_check_in(row)
    elif topic == topics.TEMPERATURES.name:
        yield from _of_temperature(row)
    elif topic == topics.FOLLOW_UPS.name:
        yield _of_follow_up(row)
        yield from _symptoms(row)
    elif topic == topics.REFERENCE.name:
        yield expected_of(row)
    else:
        raise ValueError(f"{topic} is not a topic about persons")


def _event(row: Mapping[str, Any]) -> tuple[str, int, int, int]:
    return row["source"], row["sequence"], row["occurred_at"], row["sent_at"]


def _of_check_in(row: Mapping[str, Any]) -> Iterator[PersonFact]:
    event = _event(row)
    if row["kind"] == "DECISION":
        yield Noted(*event, "DECISION", row["passage_id"], _brief(f"{row['decision']} by {row['decided_by_role']}"))
    if row["health_code"] not in _UNREMARKABLE_CODES:
        yield CodeShown(*event, row["health_code"])
    if row["origin_area"] is not None or row["origin_tier"] != "NOT_STATED":
        yield CameFrom(*event, row["origin_area"], row["origin_tier"])
    yield from _symptoms(row)


def _of_temperature(row: Mapping[str, Any]) -> Iterator[PersonFact]:
    event = _event(row)
    yield Reading(
        *event,
        row["value_tenths"],
        row["method"],
        row["site_kind"],
        row["confirms_source"],
        row["confirms_sequence"],
        row["task"],
        row["slot"],
    )
    yield from _symptoms(row)


def _symptoms(row: Mapping[str, Any]) -> Iterator[PersonFact]:
    if row["symptoms"]:
        yield SymptomsStated(*_event(row), tuple(sorted(row["symptoms"])))


def _of_follow_up(row: Mapping[str, Any]) -> PersonFact:
    event, kind = _event(row), row["kind"]
    if kind == "LEAD_OPENED":
        return LeadOpened(
            *event,
            row["lead_id"],
            row["lead_source"],
            row["push_mode"],
            row["home_province"],
            row["received_at"],
            row["zone_offset_minutes"],
        )
    if kind in _STEPS:
        return LeadStep(*event, row["lead_id"], _STEPS[kind])
    names_one = row["corrects_source"] is not None and row["corrects_sequence"] is not None
    if names_one and (kind == "CORRECTION" or (kind == "APPEAL_ANSWERED" and row["upheld"])):
        return TakenBack(*event, row["corrects_source"], row["corrects_sequence"])
    if kind in _TASKS or (kind == "ATTEMPT" and row["task"] is not None):
        # What names no task is one of its own.
        task = row["task"] or f"{row['source']}#{row['sequence']}"
        words = row["programme"], row["place"], row["outcome"], row["due_at"], row["zone_offset_minutes"]
        return TaskStep(*event, kind, task, *words, row["approved"])
    if kind == "ATTEMPT":
        return Noted(*event, kind, row["lead_id"] or row["task"], f"{row['method']}: {row['outcome']}")
    return Noted(*event, kind, row["lead_id"] or row["task"], _brief(row["reason"]))


def _brief(text: str | None) -> str | None:
    return text if text is None or len(text) <= BRIEF else text[: BRIEF - 1] + "…"


def standing(facts: Iterable[PersonFact]) -> list[PersonFact]:
    """Facts without those whose event was taken back."""
    facts = list(facts)
    gone = {(fact.corrects_source, fact.corrects_sequence) for fact in facts if isinstance(fact, TakenBack)}
    return [fact for fact in facts if (fact.source, fact.sequence) not in gone] if gone else facts
