"""What is wrong with the text of a policy: which setting, why, and what to do."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from schemas.codes import HealthCode, RiskTier
from schemas.events import MODELS
from schemas.policy_parts import Part

if TYPE_CHECKING:
    from schemas.policy import Policy


SYMPTOMS = "SYMPTOMS"
"""What opens a duty when symptoms are stated, by whatever kind of event (A004-02: 第一时间依据流程及时报告)."""


class Fault(NamedTuple):
    """One setting that cannot be used. ``setting`` is its path; a rule in a list is named, not numbered."""

    setting: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.why}; {self.remedy}"


def of_shape(error: ValidationError, document: Mapping[str, Any]) -> list[Fault]:
    """Faults of a document that has not the shape of a policy."""
    return [_of_error(found, document) for found in error.errors()]


def contradictions(policy: "Policy") -> list[Fault]:
    """Faults of a policy whose settings each have their shape, but do not agree."""
    return [
        *_of_validity(policy),
        *_of_silence(policy),
        *_of_deadlines(policy),
        *_of_names(policy),
        *_of_references(policy),
        *_of_openings(policy),
    ]


def _of_error(error: Any, document: Mapping[str, Any]) -> Fault:
    setting, given, context = _path(error["loc"], document), error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return Fault(setting, "is missing", "add it")
        case "extra_forbidden":
            remedy = _suggested(str(error["loc"][-1]), _all_settings(), "remove it")
            return Fault(setting, "there is no such setting", remedy)
        case "enum" | "literal_error":
            return Fault(setting, f"{given!r} is not one of its values", f"write {context['expected']}")
        case "value_error":
            return Fault(setting or "policy", str(context["error"]), "correct the rule")
    told = error["msg"].replace("Input should be", "write").replace("String should", "the text should")
    shown = given if isinstance(given, str | int | float | bool) else type(given).__name__
    return Fault(setting, f"{shown!r} cannot be used", told[:1].lower() + told[1:])


def _path(location: tuple[str | int, ...], document: Any) -> str:
    """A path as a person would say it: ``deadlines.SAME_DAY.hours``."""
    words: list[str] = []
    for step in location:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            document = None
        words.append((_name(document) if isinstance(step, int) else None) or str(step))
    return ".".join(words)


def _name(rule: Any) -> str | None:
    if not isinstance(rule, Mapping):
        return None
    return next((str(rule[key]) for key in ("name", "deadline_class", "tier", "slot", "zone") if key in rule), None)


def _suggested(name: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about a name that is none: write the one that was meant, if that can be guessed."""
    close = difflib.get_close_matches(name, sorted(known), 1)
    return f"write {close[0]}" if close else otherwise


def _all_settings() -> set[str]:
    def below(model: type[Part]) -> Iterator[str]:
        yield from model.model_fields
        for child in model.__subclasses__():
            yield from below(child)

    return set(below(Part))


def _of_validity(policy: "Policy") -> Iterator[Fault]:
    if policy.valid_until is not None and policy.valid_until <= policy.valid_from:
        yield Fault("valid_until", "does not lie after valid_from", "correct one of them")


def _of_silence(policy: "Policy") -> Iterator[Fault]:
    """What is no observation leaves no fact, so that nothing can follow from it."""
    silent_of = (
        ("risk.health_code", policy.risk.health_code.levels, (HealthCode.NOT_STATED, HealthCode.GREEN)),
        ("risk.origin_area", policy.risk.origin_area.levels, (RiskTier.NOT_STATED,)),
    )
    for rule, levels, silent in silent_of:
        for code in silent:
            if code in levels:
                yield Fault(
                    f"{rule}.levels.{code.value}", "nothing follows from it, no fact is kept of it", "remove it"
                )


def _of_deadlines(policy: "Policy") -> Iterator[Fault]:
    for rule in policy.deadlines:
        if (rule.hours is None) is not rule.calendar_day:
            why = "has two ends" if rule.calendar_day else "has no end"
            yield Fault(f"deadlines.{rule.deadline_class}", why, "state either hours or calendar_day = true")


def _of_names(policy: "Policy") -> Iterator[Fault]:
    sections = {
        "deadlines": [rule.deadline_class for rule in policy.deadlines],
        "duties": [rule.name for rule in policy.duties],
        "schedules": [rule.name for rule in policy.schedules],
        "programmes": [rule.name for rule in policy.programmes],
        "admission": [rule.name for rule in policy.admission],
        "flows": [rule.name for rule in policy.flows],
        "populations": [rule.name for rule in policy.populations],
        "reserves": [rule.name for rule in policy.reserves],
        "measures": [measure.name for measure in policy.all_measures],
        "tiers": [rule.tier.value for rule in policy.tiers],
        "events": [rule.tier.value for rule in policy.events],
    }
    for section, names in sections.items():
        for name, times in Counter(names).items():
            if times > 1:
                yield Fault(f"{section}.{name}", f"is there {times} times", "give each its own name")


def _of_references(policy: "Policy") -> Iterator[Fault]:
    schedules = {rule.name for rule in policy.schedules}
    programmes = {rule.name for rule in policy.programmes}
    measures = {measure.name for measure in policy.all_measures}
    wanted = [
        *((f"programmes.{rule.name}.contacts", rule.contacts, schedules, "schedule") for rule in policy.programmes),
        *((f"populations.{rule.name}.schedule", rule.schedule, schedules, "schedule") for rule in policy.populations),
        *((f"duties.{rule.name}.programme", rule.programme, programmes, "programme") for rule in policy.duties),
        *((f"admission.{rule.name}.measure", rule.measure, measures, "measure") for rule in policy.admission),
    ]
    for setting, name, known, what in wanted:
        if name is not None and name not in known:
            yield Fault(
                setting, f"the policy has no {what} {name}", _suggested(name, known, f"name a {what} of the policy")
            )


def _of_openings(policy: "Policy") -> Iterator[Fault]:
    kinds = {kind for _, kind in MODELS} | {SYMPTOMS}
    for rule in policy.duties:
        if rule.opened_by not in kinds:
            remedy = _suggested(rule.opened_by, kinds, "write the kind of an event")
            yield Fault(f"duties.{rule.name}.opened_by", f"there is no event {rule.opened_by}", remedy)
    for tier in policy.tiers:
        if tier.tier is RiskTier.NOT_STATED:
            yield Fault("tiers.NOT_STATED", "is no tier", "move its measures to [[measures]], they hold at any tier")
