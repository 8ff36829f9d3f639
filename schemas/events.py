"""One model per kind of event, with exactly the fields that kind has: what producers build, what the edge validates.

A model holds times as UTC milliseconds; it takes them as aware datetimes, ISO 8601 text with an offset, or integers.
``record()`` gives the Kafka key and the flat row of the topic's Avro schema.
"""

from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from schemas import codes, topics
from schemas.identities import NAME_PATTERN, TOKEN_PATTERN, EventId

RANGES = MappingProxyType(
    {
        "sequence": (0, 2**63 - 1),
        "zone_offset_minutes": (-14 * 60, 14 * 60),
        "value_tenths": (250, 450),
        "rounded_to": (1, 10**9),
    }
)
"""Inclusive bounds of integer fields, for the edge and for the check of the log alike."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_milliseconds(value: Any) -> Any:
    """UTC milliseconds of an aware datetime or ISO 8601 text with an offset; integers pass. Raises ValueError."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("not an ISO 8601 time such as 2020-02-19T08:30:00+08:00") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("time without an offset: say which, as in 2020-02-19T08:30:00+08:00")
        elapsed = value - _EPOCH
        return (elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000
    return value


def _bounded(field: str) -> Any:
    low, high = RANGES[field]
    return Field(ge=low, le=high)


Token = Annotated[str, StringConstraints(pattern=TOKEN_PATTERN)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Milliseconds = Annotated[int, BeforeValidator(to_milliseconds), Field(ge=0)]


class Record(NamedTuple):
    """What goes to Kafka, before encoding."""

    topic: str
    key: bytes
    row: dict[str, Any]


class Event(BaseModel):
    """What every input event has. Identity: (source, sequence); resending the same event keeps both and ``sent_at``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=True, validate_default=True)

    topic: ClassVar[topics.Topic]
    kind: ClassVar[str]
    key_field: ClassVar[str]

    source: Name
    sequence: Annotated[int, _bounded("sequence")]
    occurred_at: Milliseconds
    sent_at: Milliseconds
    zone_offset_minutes: Annotated[int, _bounded("zone_offset_minutes")]

    @model_validator(mode="before")
    @classmethod
    def _offset_from_time(cls, data: Any) -> Any:
        """An offset that is not given is that of ``occurred_at``, where it has one."""
        if isinstance(data, dict) and "zone_offset_minutes" not in data:
            when = data.get("occurred_at")
            if isinstance(when, str):
                try:
                    when = datetime.fromisoformat(when)
                except ValueError:
                    return data
            if isinstance(when, datetime) and (offset := when.utcoffset()) is not None:
                return {**data, "zone_offset_minutes": int(offset.total_seconds() // 60)}
        return data

    @property
    def identity(self) -> EventId:
        return EventId(self.source, self.sequence)

    def record(self) -> Record:
        """Topic, key bytes, and the topic's flat row with this kind's fields filled in."""
        row = {**absent_row(self.topic.name), **self.__dict__}
        key = row.pop(self.key_field)
        row["kind"] = self.kind
        return Record(self.topic.name, key.encode(), row)


class TimeMark(BaseModel):
    """Moves the event clock of one partition of one topic to ``at``: all that was appended before is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Name
    sequence: Annotated[int, _bounded("sequence")]
    at: Milliseconds

    def row(self, topic: str) -> dict[str, Any]:
        """The flat row of a mark on a topic."""
        times = {"occurred_at": self.at, "sent_at": self.at, "zone_offset_minutes": 0}
        return {**absent_row(topic), "kind": "TIME_MARK", "source": self.source, "sequence": self.sequence, **times}


class CheckIn(Event):
    topic = topics.CHECK_INS
    key_field = "token"
    token: Token


class Passage(CheckIn):
    """One subject passes a checkpoint (A000-03, A000-04)."""

    kind = "PASSAGE"
    site: Name
    site_kind: codes.SiteKind
    direction: codes.Direction
    subject_kind: codes.SubjectKind
    zone: codes.Zone = codes.Zone.NOT_STATED
    passage_id: Name | None = None
    role: codes.Role = codes.Role.NOT_STATED
    health_code: codes.HealthCode = codes.HealthCode.NOT_STATED
    certificate_seen: bool | None = None
    pass_id: Name | None = None
    identity_checked: bool | None = None
    origin_area: Name | None = None
    origin_tier: codes.RiskTier = codes.RiskTier.NOT_STATED
    mask_worn: bool | None = None
    symptoms: list[codes.Symptom] = []
    code_issuer: Name | None = None
    lane: Name | None = None
    essential: bool | None = None


class Declaration(CheckIn):
    """Declared before arrival (A004-03)."""

    kind = "DECLARATION"
    subject_kind: codes.SubjectKind
    expected_arrival_at: Milliseconds
    origin_area: Name | None = None
    origin_tier: codes.RiskTier = codes.RiskTier.NOT_STATED
    health_code: codes.HealthCode = codes.HealthCode.NOT_STATED
    symptoms: list[codes.Symptom] = []
    vehicle: Token | None = None


class Decision(CheckIn):
    """What the person in charge of the checkpoint did; verdicts are advice."""

    kind = "DECISION"
    decision: codes.DecisionOutcome
    decided_by_role: Name
    site: Name | None = None
    site_kind: codes.SiteKind = codes.SiteKind.NOT_STATED
    passage_id: Name | None = None
    decision_reason: Text | None = None
    against_advice: bool | None = None


class Reading(Event):
    """One temperature reading."""

    topic = topics.TEMPERATURES
    kind = "READING"
    key_field = "token"
    token: Token
    value_tenths: Annotated[int, _bounded("value_tenths")]
    method: codes.ThermometryMethod
    instrument: Name | None = None
    site: Name | None = None
    site_kind: codes.SiteKind = codes.SiteKind.NOT_STATED
    slot: codes.Slot = codes.Slot.NOT_STATED
    symptoms: list[codes.Symptom] = []
    confirms_source: Name | None = None
    confirms_sequence: int | None = None
    task: Name | None = None
    passage_id: Name | None = None


class FollowUp(Event):
    topic = topics.FOLLOW_UPS
    key_field = "token"
    token: Token


class LeadOpened(FollowUp):
    """A lead arrives from one of the five sources (A000-02); its clock starts at ``received_at`` (A002-06)."""

    kind = "LEAD_OPENED"
    lead_id: Name
    lead_source: codes.LeadSource
    push_mode: codes.PushMode
    home_province: bool
    received_at: Milliseconds
    programme: Name | None = None


class LeadStep(FollowUp):
    lead_id: Name
    unit: Name | None = None


class LeadDispatched(LeadStep):
    kind = "LEAD_DISPATCHED"
    unit: Name


class LeadLocated(LeadStep):
    kind = "LEAD_LOCATED"


class LeadVerified(LeadStep):
    kind = "LEAD_VERIFIED"
    method: codes.AttemptMethod


class LeadReportedBack(LeadStep):
    kind = "LEAD_REPORTED_BACK"


class LeadRerouted(LeadStep):
    kind = "LEAD_REROUTED"
    unit: Name


class LeadReturned(LeadStep):
    kind = "LEAD_RETURNED"
    reason: Text


class LeadClosed(LeadStep):
    kind = "LEAD_CLOSED"
    reason: Text


class Attempt(FollowUp):
    """One attempt to reach a person, by any of the three ways (A002-37)."""

    kind = "ATTEMPT"
    method: codes.AttemptMethod
    outcome: codes.VisitOutcome
    lead_id: Name | None = None
    task: Name | None = None
    unit: Name | None = None
    needs: Text | None = None
    symptoms: list[codes.Symptom] = []


class FollowUpStarted(FollowUp):
    """A person comes under a programme of follow-up (A002-34: 随访范围和启动、终止标准)."""

    kind = "FOLLOW_UP_STARTED"
    task: Name
    programme: Name
    unit: Name | None = None
    reason: Text | None = None


class FollowUpEnded(FollowUp):
    """The stop criterion holds and the person is released from the programme."""

    kind = "FOLLOW_UP_ENDED"
    task: Name
    reason: Text | None = None
    unit: Name | None = None


class QuarantineStarted(FollowUp):
    kind = "QUARANTINE_STARTED"
    task: Name
    place: codes.QuarantinePlace
    unit: Name | None = None
    programme: Name | None = None


class Absconded(FollowUp):
    """Somebody left isolation without leave; the search is on instruction of the headquarters (A004-10)."""

    kind = "ABSCONDED"
    task: Name
    unit: Name | None = None
    reason: Text | None = None


class Found(FollowUp):
    kind = "FOUND"
    task: Name
    unit: Name | None = None


class QuarantineEnded(FollowUp):
    kind = "QUARANTINE_ENDED"
    task: Name
    reason: Text | None = None


class TestDue(FollowUp):
    __test__ = False
    kind = "TEST_DUE"
    task: Name
    due_at: Milliseconds
    unit: Name | None = None
    population: Name | None = None


class TestTaken(FollowUp):
    __test__ = False
    kind = "TEST_TAKEN"
    task: Name
    unit: Name | None = None
    population: Name | None = None


class TestReturned(FollowUp):
    __test__ = False
    kind = "TEST_RESULT"
    task: Name
    result: codes.TestResult
    unit: Name | None = None


class TransferStarted(FollowUp):
    """A yellow or red code, or a high temperature, is handed to the health service (A002-13)."""

    kind = "TRANSFER_STARTED"
    task: Name
    unit: Name | None = None
    reason: Text | None = None


class TransferAccepted(FollowUp):
    kind = "TRANSFER_ACCEPTED"
    task: Name
    unit: Name


class Absence(FollowUp):
    """A pupil or worker is absent and must be asked after (A002-23)."""

    kind = "ABSENCE"
    unit: Name
    reason: Text | None = None
    task: Name | None = None


class Leave(FollowUp):
    """Leave from the home-school line is asked for, until ``due_at`` (A002-36)."""

    kind = "LEAVE"
    reason: Text
    due_at: Milliseconds
    unit: Name | None = None
    task: Name | None = None


class LeaveDecided(FollowUp):
    """Leave is approved or not (外出请假审批)."""

    kind = "LEAVE_DECIDED"
    task: Name
    approved: bool
    decided_by_role: Name
    unit: Name | None = None


class LeaveEnded(FollowUp):
    """Back from leave."""

    kind = "LEAVE_ENDED"
    task: Name
    unit: Name | None = None


class FollowUpDecision(FollowUp):
    kind = "DECISION"
    decision: codes.DecisionOutcome
    decided_by_role: Name
    decision_reason: Text | None = None
    against_advice: bool | None = None
    task: Name | None = None


class Appeal(FollowUp):
    kind = "APPEAL"
    reason: Text
    task: Name


class AppealAnswered(FollowUp):
    kind = "APPEAL_ANSWERED"
    task: Name
    upheld: bool
    reason: Text | None = None
    corrects_source: Name | None = None
    corrects_sequence: int | None = None


class Correction(FollowUp):
    """Takes one event back: what it asserted no longer counts."""

    kind = "CORRECTION"
    corrects_source: Name
    corrects_sequence: int
    reason: Text


class Enforcement(Event):
    topic = topics.ENFORCEMENT
    key_field = "case_id"
    case_id: Name


class CaseRegistered(Enforcement):
    """A case of one of the six categories (A000-06). A bare refusal at a checkpoint is no category (A000-08)."""

    kind = "CASE_REGISTERED"
    category: codes.CaseCategory
    unit: Name
    legal_basis: Text | None = None
    involves_firm: bool | None = None
    procedure: codes.CaseProcedure = codes.CaseProcedure.NOT_STATED


class PersonDisposed(Enforcement):
    """What was imposed on a person or a firm (A000-07)."""

    kind = "DISPOSITION"
    disposition: codes.Disposition
    party: codes.Party
    party_token: Token | None = None
    unit: Name | None = None
    legal_basis: Text | None = None
    amount_yuan: int | None = None


class Tip(Enforcement):
    kind = "TIP"
    unit: Name
    reason: Text | None = None


class SupervisoryNotice(Enforcement):
    kind = "SUPERVISORY_NOTICE"
    unit: Name
    reason: Text


class Finding(Enforcement):
    """A problem found by supervision: solved on the spot, or followed by a supervisory notice (A002-32)."""

    kind = "FINDING"
    unit: Name
    solved_on_site: bool
    reason: Text | None = None


class Rectified(Enforcement):
    """What a supervisory notice asked for is done (整改)."""

    kind = "RECTIFIED"
    unit: Name
    reason: Text | None = None


class Education(Enforcement):
    """Somebody was persuaded or corrected on the spot: no case, no penalty, no name (A001-14, A003-12)."""

    kind = "EDUCATION"
    unit: Name
    conduct: codes.Conduct


class Withdrawal(Enforcement):
    """Takes back one event of the case, or the whole case when none is named."""

    kind = "WITHDRAWAL"
    reason: Text
    withdraws_source: Name | None = None
    withdraws_sequence: int | None = None


class Report(Event):
    topic = topics.REPORTS
    key_field = "unit_id"
    unit_id: Name


class Indicator(Report):
    """One reported figure with its unit, rounding and period."""

    kind = "INDICATOR"
    indicator: Name
    unit_of_count: codes.UnitOfCount
    value: int
    nature: codes.IndicatorNature
    rounded_to: Annotated[int, _bounded("rounded_to")] = 1
    lower_bound: bool = False
    period_from: Milliseconds | None = None
    period_until: Milliseconds | None = None
    partial: bool = False
    exclusions: Text | None = None


class ZeroReport(Report):
    """Nothing to report is a report of its own (A001-01)."""

    kind = "ZERO_REPORT"
    indicator: Name
    period_until: Milliseconds
    period_from: Milliseconds | None = None


class Heartbeat(Report):
    kind = "HEARTBEAT"


class Supplies(Report):
    kind = "SUPPLIES"
    item: Name
    unit_of_count: codes.UnitOfCount
    received: int | None = None
    issued: int | None = None
    in_stock: int | None = None


class MatterOpened(Report):
    """A unit takes on a matter, such as a court case or a request of a firm (A001-15). Never a person's."""

    kind = "MATTER_OPENED"
    matter: Name
    matter_kind: Name
    involves_firm: bool | None = None


class MatterStep(Report):
    """A matter reached a step that the policy names, such as ASSIGNED, SERVED or REPORTED (分案、送达、报告)."""

    kind = "MATTER_STEP"
    matter: Name
    step: Name


class UrgentCare(Event):
    topic = topics.URGENT_CARE
    key_field = "token"
    token: Token


class UrgentNeed(UrgentCare):
    kind = "URGENT_NEED"
    need: Text
    unit: Name | None = None


class UrgentResponse(UrgentCare):
    kind = "RESPONSE"
    responds_source: Name
    responds_sequence: int
    unit: Name | None = None


class Reference(Event):
    topic = topics.REFERENCE
    key_field = "entity_id"
    entity_id: Name
    valid_from: Milliseconds | None = None
    valid_until: Milliseconds | None = None
    name_en: Text | None = None
    name_zh: Text | None = None


class Site(Reference):
    kind = "SITE"
    site_kind: codes.SiteKind
    name_en: Text
    division: Name | None = None
    parent: Name | None = None
    category: Name | None = None


class Unit(Reference):
    kind = "UNIT"
    name_en: Text
    division: Name | None = None
    parent: Name | None = None
    category: Name | None = None


class Device(Reference):
    kind = "DEVICE"
    parent: Name
    category: Name | None = None


class Roster(Reference):
    """One entry of a roster: ``member`` (a token or a unit) is expected to keep a schedule of the policy, to report an
    indicator, or stands under a programme, from ``valid_from``. What is expected is known from here (T8, T14).

    With the schedule ON_CALL, which no policy has, the duty desk ``member`` of the team ``parent`` answers its alarms
    from ``valid_from`` until ``valid_until``; ``category`` is its place in the order of escalation: 1, 2, ...
    """

    kind = "ROSTER"
    parent: Name
    valid_from: Milliseconds
    member: Name | None = None
    schedule: Name | None = None
    indicator: Name | None = None
    programme: Name | None = None
    category: Name | None = None


class Pass(Reference):
    kind = "PASS"
    valid_from: Milliseconds
    approver_role: Name | None = None
    parent: Name | None = None
    category: Name | None = None


class Division(Reference):
    """A division by its code: GB/T 2260 down to the county, GB/T 10114 below it; functional zones have codes of our own
    (T12)."""

    kind = "DIVISION"
    name_en: Text
    name_zh: Text
    parent: Name | None = None
    level: codes.DivisionLevel = codes.DivisionLevel.NOT_STATED


class RiskArea(Reference):
    """A tier of a division, from the time of the notice (A004-05)."""

    kind = "RISK_AREA"
    tier: codes.RiskTier
    valid_from: Milliseconds
    parent: Name | None = None


class ClosureOrder(Reference):
    """Closes a division, or one site of it, until it is lifted: by a later version with ``valid_until`` (A004-22)."""

    kind = "CLOSURE_ORDER"
    valid_from: Milliseconds
    division: Name
    parent: Name | None = None
    tier: codes.RiskTier = codes.RiskTier.NOT_STATED
    document: Text | None = None
    approver_role: Name | None = None
    category: Name | None = None
    announced_at: Milliseconds | None = None


class EventPermit(Reference):
    """A large event that was permitted or not, by the tier of its place (A003-04, A004-12)."""

    kind = "EVENT_PERMIT"
    valid_from: Milliseconds
    division: Name
    tier: codes.RiskTier
    approver_role: Name
    category: Name


class Resource(Reference):
    """What is held ready: staff, rooms, equipment, capacity per day (A002-04, A004-08)."""

    kind = "RESOURCE"
    valid_from: Milliseconds
    item: Name
    quantity: int
    unit_of_count: codes.UnitOfCount
    parent: Name | None = None
    division: Name | None = None
    category: Name | None = None


class VehicleAlert(Reference):
    """A vehicle to be stopped; ``entity_id`` is its token (A002-15: 缉查布控)."""

    kind = "VEHICLE_ALERT"
    valid_from: Milliseconds
    valid_until: Milliseconds
    approver_role: Name


class PolicyVersion(Reference):
    """The whole text of a policy file, in effect from the later of ``valid_from`` and its arrival."""

    kind = "POLICY_VERSION"
    valid_from: Milliseconds
    document: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


def _concrete(base: type[Event]) -> list[type[Event]]:
    found = [base] if "kind" in base.__dict__ else []
    return found + [model for child in base.__subclasses__() for model in _concrete(child)]


MODELS: MappingProxyType[tuple[str, str], type[Event]] = MappingProxyType(
    {(model.topic.name, model.kind): model for model in _concrete(Event)}
)
"""Model of every (topic, kind) that producers may publish."""


def required_fields(topic: str) -> dict[str, list[str]]:
    """Fields that each kind of a topic must state, beyond what every event has: {kind: [field]}."""
    common = set(Event.model_fields)
    return {
        kind: [
            name
            for name, field in model.model_fields.items()
            if field.is_required() and name not in common and name != model.key_field
        ]
        for (of_topic, kind), model in MODELS.items()
        if of_topic == topic
    }


@cache
def absent_row(topic: str) -> dict[str, Any]:
    """A row of the topic that states nothing: the defaults of its newest schema. Not to be changed by callers."""
    from schemas.registry import default_registry  # the registry checks its schemas against nothing of ours

    return {field["name"]: field.get("default") for field in default_registry().latest(topic).fields}
