"""Policies by name, a shipped one or a file, and their rules one by one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.errors import WrongSetting
from schemas.policy import Policy, parse_policy, policy_text, shipped_policies


def text_of(name: str) -> tuple[str, str]:
    """Text of a policy file, or of a shipped policy by its name, and what to call it.

    Raises WrongSetting where there is none of that name, or it cannot be read.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.exists():
        if name not in shipped_policies():
            shipped = ", ".join(shipped_policies())
            raise WrongSetting(f"{name}: no policy of that name is shipped; name a file, or one of {shipped}")
        return policy_text(name), name
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise WrongSetting(f"{name}: cannot be read as a policy file: {reason}") from error


def read_policy(name: str) -> Policy:
    """A shipped policy by its name, or that of a file. Raises WrongSetting, and `schemas.policy.BadPolicy` for a text
    that is no policy."""
    return parse_policy(*text_of(name))


NAMES = ("name", "name_en", "name_zh", "source", "deadline_class", "tier", "slot", "zone")
"""Settings that name a rule or a part of it, or are for people."""


class Rule(NamedTuple):
    """One rule as it stands: its section and name, its settings without the sentence, and the sentence."""

    section: str
    name: str
    settings: Mapping[str, Any]
    source: str

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}" if self.name else self.section

    @property
    def called(self) -> str:
        """Its names for people, English and Chinese."""
        return " ".join(self.settings[key] for key in ("name_en", "name_zh") if key in self.settings)

    @property
    def from_elsewhere(self) -> bool:
        """Whether the rule is taken over from the joint policy, because the document states none."""
        return self.source.startswith("as joint-control-2020")


_LISTS = {
    "deadlines": "deadline_class",
    "duties": "name",
    "schedules": "name",
    "programmes": "name",
    "admission": "name",
    "flows": "name",
    "measures": "name",
    "tiers": "tier",
    "events": "tier",
    "populations": "name",
    "reserves": "name",
}
_PARTS = {"tiers": ("measures", "name"), "flows": ("zones", "zone")}
_ORDERED = ("flows",)
_SINGLE = ("arrival", "follow_up", "lifting", "supplies")


def rules(policy: Policy) -> list[Rule]:
    """Every rule of a policy, in the order of its sections. What a rule leaves out is left out."""
    document = policy.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    found = [*_of_risk(document["risk"])]
    found += [_rule(section, "", document[section]) for section in _SINGLE if section in document]
    for section, key in _LISTS.items():
        for rule in document.get(section, ()):
            found += _with_parts(section, rule[key], rule)
    return found


def _with_parts(section: str, name: str, stated: Mapping[str, Any]) -> Iterator[Rule]:
    """A rule, and those of its parts that have sentences of their own; where their order counts, the rule tells it."""
    within, key = _PARTS.get(section, ("", ""))
    parts = stated.get(within, ())
    whole = {setting: value for setting, value in stated.items() if setting != within}
    if section in _ORDERED:
        whole[within] = [part[key] for part in parts]
    yield _rule(section, name, whole)
    for part in parts:
        yield _rule(section, f"{name}.{part[key]}", part)


def _of_risk(risk: Mapping[str, Any]) -> Iterator[Rule]:
    temperature = risk["temperature"]
    yield _rule("risk", "temperature", {k: v for k, v in temperature.items() if k not in ("default", "by_site_kind")})
    yield _rule("risk", "temperature.default", temperature["default"])
    for kind, threshold in temperature.get("by_site_kind", {}).items():
        yield _rule("risk", f"temperature.{kind}", threshold)
    for name in ("health_code", "origin_area", "lead", "symptoms"):
        yield _rule("risk", name, risk[name])


def _rule(section: str, name: str, stated: Mapping[str, Any]) -> Rule:
    settings = {key: value for key, value in stated.items() if key != "source"}
    return Rule(section, name, settings, stated.get("source", ""))
