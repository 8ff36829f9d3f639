"""What two policies state differently, rule by rule, and which of them asks for more, where that can be said."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from infra.policies import NAMES, Rule, rules
from schemas.codes import DecisionOutcome, LeadState, RiskLevel
from schemas.policy import Policy, Threshold


class Bearing(StrEnum):
    """Whether a policy asks more than another, where that can be said."""

    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = ""


class Difference(NamedTuple):
    """One setting that two policies state differently; None: not stated. ``bearing``: of the second on the first."""

    rule: str
    setting: str
    first: Any
    second: Any
    bearing: Bearing


def differences(first: Policy, second: Policy) -> list[Difference]:
    """What the second policy states otherwise, rule by rule. Names and sentences bind nobody and are left out."""
    one, other = ({rule.path: rule for rule in rules(policy)} for policy in (first, second))
    found = [
        Difference("validity", setting, was, becomes, Bearing.OTHER)
        for setting in ("valid_from", "valid_until")
        if (was := getattr(first, setting)) != (becomes := getattr(second, setting))
    ]
    for path in dict.fromkeys([*one, *other]):
        if path in one and path in other:
            found += _within(one[path], other[path])
        else:
            rule = one.get(path) or other[path]
            here, there = ("stated", None) if path in one else (None, "stated")
            found.append(Difference(path, "", here, there, _of_presence(rule, path in other)))
    return found


def _within(one: Rule, other: Rule) -> Iterator[Difference]:
    if one.section == "risk" and "comparator" in one.settings:
        yield from _of_thresholds(one, other)
        return
    before, after = _flat(one.settings), _flat(other.settings)
    for setting in dict.fromkeys([*before, *after]):
        was, becomes = before.get(setting), after.get(setting)
        if was != becomes:
            yield Difference(one.path, setting, was, becomes, _bearing(one.section, setting, was, becomes))


def _of_thresholds(one: Rule, other: Rule) -> Iterator[Difference]:
    """A limit and its comparator are one thing: the lowest reading that crosses it tells which is stricter."""
    if one.settings != other.settings:
        before, after = (Threshold(**rule.settings, source=rule.source) for rule in (one, other))
        was, becomes = (f"{limit.comparator} {limit.threshold_tenths / 10}" for limit in (before, after))
        bearing = _less_is_stricter(before.lowest_crossing, after.lowest_crossing)
        yield Difference(one.path, "threshold", was, becomes, bearing)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by path; slots of a schedule by their names. Names are left out: they are the path, or for people."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{below}": deep for below, deep in _flat(value).items()}
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for part in value:  # slots: the only parts without sentences
                found |= {f"{key}.{part['slot']}.{below}": deep for below, deep in _flat(part).items()}
        elif key not in NAMES:
            found[key] = value
    return found


def _less_is_stricter(was: Any, becomes: Any) -> Bearing:
    if was is None or becomes is None or was == becomes:
        return Bearing.OTHER
    return Bearing.STRICTER if becomes < was else Bearing.LOOSER


def _more_is_stricter(was: Any, becomes: Any) -> Bearing:
    return _less_is_stricter(becomes, was)


def _later_in(order: list[str]) -> Callable[[Any, Any], Bearing]:
    """Of values in an order the later one asks more; what is not stated comes before all."""

    def bearing(was: Any, becomes: Any) -> Bearing:
        return _more_is_stricter(*(-1 if one is None else order.index(one) for one in (was, becomes)))

    return bearing


def _wider_is_stricter(was: Any, becomes: Any) -> Bearing:
    before, after = set(was or ()), set(becomes or ())
    if before < after:
        return Bearing.STRICTER
    return Bearing.LOOSER if after < before else Bearing.OTHER


def _narrower_is_looser(was: Any, becomes: Any) -> Bearing:
    """Of a list of what a rule speaks of; none stated: it speaks of all."""
    if not was or not becomes:
        return Bearing.LOOSER if becomes else Bearing.STRICTER
    return _wider_is_stricter(was, becomes)


def _exceptions(was: Any, becomes: Any) -> Bearing:
    return _wider_is_stricter(becomes, was)


_LEVELS = _later_in([level.value for level in RiskLevel])

_BEARINGS: dict[tuple[str, str], Callable[[Any, Any], Bearing]] = {
    ("risk", "hours"): _more_is_stricter,
    ("risk", "level"): _LEVELS,
    ("risk", "levels"): _LEVELS,
    ("deadlines", "hours"): _less_is_stricter,
    ("duties", "hours"): _less_is_stricter,
    ("lifting", "hours"): _less_is_stricter,
    ("follow_up", "stops_at"): _later_in([state.value for state in LeadState]),
    ("schedules", "grace_minutes"): _less_is_stricter,
    ("schedules", "every_days"): _less_is_stricter,
    ("programmes", "release_hours"): _less_is_stricter,
    ("programmes", "days"): _more_is_stricter,
    ("admission", "requires"): _wider_is_stricter,
    ("admission", "except_roles"): _exceptions,
    **{
        ("admission", listed): _narrower_is_looser
        for listed in ("site_kinds", "categories", "roles", "subjects", "directions", "codes", "origin_tiers")
    },
    ("admission", "outcome"): _later_in(["NOT_STATED", DecisionOutcome.REFUSED.value, DecisionOutcome.REFERRED.value]),
    ("events", "permitted"): _less_is_stricter,
    ("populations", "classes"): _more_is_stricter,
    ("reserves", "at_least"): _more_is_stricter,
    ("supplies", "reserve_days"): _more_is_stricter,
}
"""How to tell what asks more, by section and the setting's first or last word. What is not here is
different, and that is all that can be said."""

_ADDING = ("duties", "schedules", "admission", "tiers", "populations", "reserves", "supplies", "lifting")
"""Sections of which one rule more asks for more. Standing measures are not among them: some protect people from others
(不过度执法、不粗暴执法)."""


def _bearing(section: str, setting: str, was: Any, becomes: Any) -> Bearing:
    words = setting.split(".")
    told = _BEARINGS.get((section, words[-1])) or _BEARINGS.get((section, words[0]))
    return told(was, becomes) if told else Bearing.OTHER


def _of_presence(rule: Rule, added: bool) -> Bearing:
    if rule.section not in _ADDING or rule.settings.get("binding") is False:
        return Bearing.OTHER
    return Bearing.STRICTER if added else Bearing.LOOSER
