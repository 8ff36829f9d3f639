"""One plain sentence for each observation of a person's story, with the Chinese term beside the English one.

Nothing that an event states is left out: what its sentence does not use follows it, by the name of the field.
"""

from collections.abc import Callable, Mapping
from typing import Any

from infra.cli.story_times import local_time
from replay.story import Observed
from schemas.codes import (
    AttemptMethod,
    Code,
    DecisionOutcome,
    Direction,
    HealthCode,
    LeadSource,
    PushMode,
    QuarantinePlace,
    RiskTier,
    Role,
    SiteKind,
    Slot,
    SubjectKind,
    Symptom,
    TestResult,
    ThermometryMethod,
    VisitOutcome,
    Zone,
)


def sentence(one: Observed) -> str:
    """What the event says, in a sentence; then what else it states."""
    said = _Said(one)
    build = _SENTENCES.get((one.topic, one.kind))
    text = build(said) if build else one.kind
    rest = said.rest()
    return f"{text} (also stated: {rest})" if rest else text


def named(code: Code) -> str:
    """A code as people read it: ``green code 绿码``."""
    return f"{code.english} {code.chinese}"


class _Said:
    """The fields of an event, each taken once."""

    def __init__(self, one: Observed) -> None:
        self._states: dict[str, Any] = dict(one.states)
        self._offset = one.zone_offset_minutes

    def take(self, name: str) -> Any:
        return self._states.pop(name, None)

    def code(self, of: type[Code], name: str, form: str = "{}") -> str:
        """A code in both languages, put into a form; nothing where it is not stated."""
        symbol = self.take(name)
        return form.format(named(of[symbol])) if symbol is not None else ""

    def text(self, name: str, form: str = "{}") -> str:
        value = self.take(name)
        return form.format(value) if value is not None else ""

    def time(self, name: str, form: str = "{}") -> str:
        value = self.take(name)
        return form.format(local_time(value, self._offset)) if value is not None else ""

    def choice(self, name: str, yes: str, no: str) -> str:
        value = self.take(name)
        return "" if value is None else yes if value else no

    def symptoms(self) -> str:
        found = self.take("symptoms")
        return f"symptoms {', '.join(_symptom(symbol) for symbol in found)}" if found else ""

    def rest(self) -> str:
        return ", ".join(f"{name} {plain(value, self._offset)}" for name, value in self._states.items())


def _symptom(symbol: str) -> str:
    return named(Symptom[symbol]) if symbol in Symptom.__members__ else symbol


def plain(value: Any, offset: int) -> str:
    """A field's value as text; large whole numbers are times."""
    if isinstance(value, list):
        return "/".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return local_time(value, offset) if isinstance(value, int) and value > 10**11 else str(value)


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _place(said: _Said) -> str:
    site, kind = said.take("site"), said.code(SiteKind, "site_kind")
    return f"{site} ({kind})" if site and kind else site or kind


def _passage(said: _Said) -> str:
    return _joined(
        f"At {_place(said)}",
        said.code(Direction, "direction"),
        _subject(said),
        said.code(Role, "role", "as {}"),
        said.code(Zone, "zone"),
        _origin(said),
        said.code(HealthCode, "health_code") + said.text("code_issuer", " issued in {}"),
        said.choice("certificate_seen", "paper certificate 健康证明 seen", "no paper certificate"),
        said.choice("mask_worn", "mask worn 戴口罩", "no mask 未戴口罩"),
        said.choice("identity_checked", "identity checked 查验身份", "identity not checked"),
        said.choice("essential", "essential 必要", "not essential 非必要"),
        said.text("pass_id", "pass 通行证 {}"),
        said.text("lane", "lane {}"),
        said.symptoms(),
        said.text("passage_id", "passage {}"),
    )


def _subject(said: _Said) -> str:
    """What passes, where it is not a person."""
    symbol = said.take("subject_kind")
    return named(SubjectKind[symbol]) if symbol not in (None, SubjectKind.PERSON.value) else ""


def _origin(said: _Said) -> str:
    area, tier = said.take("origin_area"), said.code(RiskTier, "origin_tier", "({})")
    return f"came from {area or 'an area'} {tier}".strip() if area or tier else ""


def _declaration(said: _Said) -> str:
    return _joined(
        said.time("expected_arrival_at", "Declared an arrival 提前申报 for {}"),
        _subject(said),
        _origin(said).replace("came", "coming"),
        said.code(HealthCode, "health_code"),
        said.symptoms(),
    )


def _decision(said: _Said) -> str:
    outcome = DecisionOutcome[said.take("decision")]
    place = _place(said)
    against = said.choice("against_advice", ", against the advice", "")
    text = f"{outcome.english.capitalize()} {outcome.chinese}{f' at {place}' if place else ''}"
    about = said.text("passage_id", ", passage {}") + said.text("task", ", task {}")
    return f"{text} by {said.take('decided_by_role')}{against}{about}{said.text('decision_reason', ': {}')}"


def _reading(said: _Said) -> str:
    confirms = said.take("confirms_source"), said.take("confirms_sequence")
    value = said.take("value_tenths") or 0
    return _joined(
        f"Temperature 体温 {value / 10:.1f} °C{said.code(ThermometryMethod, 'method', ' ({})')}",
        said.code(Slot, "slot"),
        _place(said),
        f"settles {confirms[0]}#{confirms[1]}" if confirms[0] else "",
        said.symptoms(),
        said.text("passage_id", "passage {}"),
        said.text("task", "task {}"),
    )


def _lead_opened(said: _Said) -> str:
    return _joined(
        f"Lead 线索 {said.take('lead_id')} received {said.time('received_at')}",
        said.code(LeadSource, "lead_source", "from {}"),
        said.code(PushMode, "push_mode"),
        said.choice("home_province", "registered in the province 本省籍", "registered elsewhere 外省籍"),
    )


def _lead_step(verb: str, preposition: str = "by") -> Callable[[_Said], str]:
    def build(said: _Said) -> str:
        method = said.code(AttemptMethod, "method", " through {}")
        unit = said.text("unit", f" {preposition} {{}}")
        return f"Lead 线索 {said.take('lead_id')} {verb}{method}{unit}{said.text('reason', ': {}')}"

    return build


def _attempt(said: _Said) -> str:
    return _joined(
        f"Asked after 随访{said.code(AttemptMethod, 'method', ' by {}')}: {said.code(VisitOutcome, 'outcome')}",
        said.text("needs", "needs {}"),
        said.symptoms(),
        said.text("unit", "unit {}"),
        said.text("lead_id", "lead {}"),
        said.text("task", "task {}"),
    )


def _task(verb: str) -> Callable[[_Said], str]:
    def build(said: _Said) -> str:
        return _joined(
            verb,
            said.text("programme", "programme {}"),
            said.text("unit", "unit {}"),
            said.text("task", "task {}"),
        ) + said.text("reason", ": {}")

    return build


def _quarantine(said: _Said) -> str:
    place = said.take("place")
    what = named(QuarantinePlace[place]) if place is not None else "quarantine 隔离"
    return _task(f"{what[0].upper()}{what[1:]} began")(said)


def _test_due(said: _Said) -> str:
    return _joined(
        _task(f"Test due 应检{said.time('due_at', ' by {}')}")(said), said.text("population", "population {}")
    )


def _test_taken(said: _Said) -> str:
    return _joined(_task("Sample taken 采样")(said), said.text("population", "population {}"))


def _test_result(said: _Said) -> str:
    return _task(f"Test result 检测结果: {said.code(TestResult, 'result')}")(said)


def _leave(said: _Said) -> str:
    return _task(f"Leave asked for 请假{said.time('due_at', ' until {}')}")(said)


def _leave_decided(said: _Said) -> str:
    decided = said.choice("approved", "approved 批准", "not approved 未批准")
    return _task(f"Leave {decided} by {said.take('decided_by_role')}")(said)


def _appeal_answered(said: _Said) -> str:
    upheld = said.choice("upheld", "upheld 申诉成立", "not upheld 申诉不成立")
    return _task(f"Appeal answered 申诉答复: {upheld}{_back(said)}")(said)


def _correction(said: _Said) -> str:
    return f"Correction 更正{_back(said)}{said.text('reason', ': {}')}"


def _back(said: _Said) -> str:
    source, sequence = said.take("corrects_source"), said.take("corrects_sequence")
    return f", takes back {source}#{sequence}" if source is not None else ""


_SENTENCES: Mapping[tuple[str, str], Callable[[_Said], str]] = {
    ("check-ins", "PASSAGE"): _passage,
    ("check-ins", "DECLARATION"): _declaration,
    ("check-ins", "DECISION"): _decision,
    ("temperatures", "READING"): _reading,
    ("follow-ups", "LEAD_OPENED"): _lead_opened,
    ("follow-ups", "LEAD_DISPATCHED"): _lead_step("dispatched 推送", "to"),
    ("follow-ups", "LEAD_LOCATED"): _lead_step("located 落地"),
    ("follow-ups", "LEAD_VERIFIED"): _lead_step("verified 核查"),
    ("follow-ups", "LEAD_REPORTED_BACK"): _lead_step("reported back 反馈"),
    ("follow-ups", "LEAD_REROUTED"): _lead_step("rerouted 改派", "to"),
    ("follow-ups", "LEAD_RETURNED"): _lead_step("returned 退回"),
    ("follow-ups", "LEAD_CLOSED"): _lead_step("closed 办结"),
    ("follow-ups", "ATTEMPT"): _attempt,
    ("follow-ups", "FOLLOW_UP_STARTED"): _task("Follow-up began 纳入随访"),
    ("follow-ups", "FOLLOW_UP_ENDED"): _task("Follow-up ended 终止随访"),
    ("follow-ups", "QUARANTINE_STARTED"): _quarantine,
    ("follow-ups", "QUARANTINE_ENDED"): _task("Quarantine ended 解除隔离"),
    ("follow-ups", "ABSCONDED"): _task("Left isolation without leave 擅自脱离"),
    ("follow-ups", "FOUND"): _task("Found again 已找到"),
    ("follow-ups", "TEST_DUE"): _test_due,
    ("follow-ups", "TEST_TAKEN"): _test_taken,
    ("follow-ups", "TEST_RESULT"): _test_result,
    ("follow-ups", "TRANSFER_STARTED"): _task("Handed over to the health service 转送"),
    ("follow-ups", "TRANSFER_ACCEPTED"): _task("Accepted by the health service 接收"),
    ("follow-ups", "ABSENCE"): _task("Absent 缺课、缺勤"),
    ("follow-ups", "LEAVE"): _leave,
    ("follow-ups", "LEAVE_DECIDED"): _leave_decided,
    ("follow-ups", "LEAVE_ENDED"): _task("Back from leave 销假"),
    ("follow-ups", "DECISION"): _decision,
    ("follow-ups", "APPEAL"): _task("Appealed 申诉"),
    ("follow-ups", "APPEAL_ANSWERED"): _appeal_answered,
    ("follow-ups", "CORRECTION"): _correction,
}
"""A kind without a sentence of its own is told by its name and its fields."""
