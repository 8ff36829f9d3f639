"""Reference data: which policy and which tier of an area was in effect at a time.

A version takes effect at the later of its ``valid_from`` and its arrival + allowed skew + 5 s. Readings chosen where
the design is silent:

- the same record published again changes nothing: its first arrival counts;
- of an area the notice that took effect last counts, and says nothing once it has ended: the notice before it has been
  replaced. Of policies the last one that took effect and has not ended counts: there is always one;
- of versions that take effect at the same moment the one with the larger ``version`` (policies), or the one that
  arrived last (areas), counts; of areas that arrived together the one that ends last, then the highest tier;
- a policy that cannot be read is left out;
- an area of origin is looked up by its own code, which is the entity id of the notice; areas above it do not count.
"""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.model.judgement import HOUR, MINUTE, SKEW, Event

SETTLING = 5_000
FOREVER = 2**63 - 1
TIERS = ["NOT_STATED", "LOW", "MEDIUM", "HIGH"]
POLICIES = Path(__file__).resolve().parents[3] / "schemas" / "policies"


class Policy:
    """A policy file as it stands."""

    def __init__(self, text: str) -> None:
        self.settings: dict[str, Any] = tomllib.loads(text)
        self.version: int = self.settings["version"]
        self.name = f"{self.settings['id']}@{self.version}"
        self.risk: dict[str, Any] = self.settings["risk"]
        until: datetime | None = self.settings.get("valid_until")
        self.valid_until = None if until is None else int(until.timestamp() * 1000)

    def hours(self, rule: str) -> int:
        """How long the rule's facts count, milliseconds."""
        return int(self.risk[rule]["hours"]) * HOUR

    def is_high_temperature(self, tenths: int, site_kind: str) -> bool:
        rule = self.risk["temperature"]
        threshold = rule.get("by_site_kind", {}).get(site_kind, rule["default"])
        limit: int = threshold["threshold_tenths"]
        return tenths > limit if threshold["comparator"] == "OVER" else tenths >= limit

    def deadline(
        self, push_mode: str, home_province: bool, start: int, zone_minutes: int
    ) -> tuple[str, int, bool] | None:
        """Class and time of the deadline, and whether it must be done before; None when no class applies."""
        for rule in self.settings["deadlines"]:
            if rule["push_mode"] != push_mode or rule.get("home_province", home_province) != home_province:
                continue
            due_at = self.due_at(rule, start, zone_minutes, None)
            assert due_at is not None
            return rule["deadline_class"], due_at, bool(rule.get("calendar_day"))
        return None

    def due_at(self, rule: dict[str, Any], start: int, zone_minutes: int, stated: int | None) -> int | None:
        """When a rule's work is due: at the end of its calendar day, some hours later, or when the event says."""
        if rule.get("stated"):
            return stated
        if rule.get("calendar_day"):
            local = start + zone_minutes * MINUTE
            next_midnight = (local // (24 * HOUR) + 1) * 24 * HOUR
            return next_midnight - zone_minutes * MINUTE
        hours: int = rule["hours"]
        return start + hours * HOUR

    def duties(self, opened_by: str) -> list[dict[str, Any]]:
        """The duties that a kind of event opens."""
        return [duty for duty in self.settings.get("duties", []) if duty["opened_by"] == opened_by]

    def schedule(self, name: str) -> dict[str, Any] | None:
        """The schedule of a name."""
        named = [schedule for schedule in self.settings.get("schedules", []) if schedule["name"] == name]
        return named[0] if named else None


def readable_policy(text: str) -> Policy | None:
    """The policy of a text; None where it is no policy."""
    try:
        return Policy(text)
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return None


class Version(NamedTuple):
    """One version of a policy or of an area's tier."""

    effective_from: int
    rank: tuple[int, ...]
    valid_until: int | None
    content: Any


class Written(NamedTuple):
    """One version of an entity, as it was published."""

    entity: str
    effective_from: int
    row: dict[str, Any]


class Reference:
    """All versions that the log holds."""

    def __init__(self) -> None:
        self.first_arrival: dict[tuple[bytes, bytes], Event] = {}
        self._policies: list[Version] | None = None
        self._areas: dict[str, list[Version]] = {}
        self.default = Policy((POLICIES / "joint-control-2020.toml").read_text(encoding="utf-8"))

    def add(self, event: Event) -> None:
        """Keep the first arrival of every content."""
        known = self.first_arrival.get((event.identity, event.content))
        if known is None or event.appended_at < known.appended_at:
            self.first_arrival[event.identity, event.content] = event
            self._policies = None

    def policy(self, at: int) -> Policy:
        """The policy in effect at a time; the shipped one where the log names none."""
        found = _latest(self._sorted()[0], at)
        return self.default if found is None else found.content

    def tier(self, area: str, at: int) -> str | None:
        """The tier of an area in effect at a time; None when the log says nothing of it."""
        begun = [version for version in self._sorted()[1].get(area, []) if version.effective_from <= at]
        return begun[-1].content if begun and _is_running(begun[-1], at) else None

    def versions(self, kind: str) -> dict[str, list[Written]]:
        """Every version of the entities of a kind: {entity: versions in the order in which they count}."""
        found: dict[str, list[Written]] = {}
        for event in self.first_arrival.values():
            if event.row["kind"] == kind:
                found.setdefault(event.key, []).append(Written(event.key, _effective_from(event), event.row))
        for versions in found.values():
            versions.sort(
                key=lambda one: (one.effective_from, one.row["sent_at"], one.row["source"], one.row["sequence"])
            )
        return found

    def _sorted(self) -> tuple[list[Version], dict[str, list[Version]]]:
        if self._policies is None:
            self._policies, self._areas = [], {}
            for event in self.first_arrival.values():
                row = event.row
                if row["kind"] == "POLICY_VERSION":
                    policy = readable_policy(row["document"])
                    if policy is None:
                        continue
                    self._policies.append(
                        Version(_effective_from(event), (policy.version,), policy.valid_until, policy)
                    )
                elif row["kind"] == "RISK_AREA":
                    until = FOREVER if row["valid_until"] is None else row["valid_until"]
                    rank = (event.appended_at, until, TIERS.index(row["tier"]))
                    version = Version(_effective_from(event), rank, row["valid_until"], row["tier"])
                    self._areas.setdefault(event.key, []).append(version)
            for versions in (self._policies, *self._areas.values()):
                versions.sort(key=lambda version: version[:2])
        return self._policies, self._areas


def _effective_from(event: Event) -> int:
    valid_from = event.row["valid_from"]
    known_from = event.appended_at + SKEW + SETTLING
    return known_from if valid_from is None else max(valid_from, known_from)


def _latest(versions: list[Version], at: int) -> Version | None:
    running = [version for version in versions if version.effective_from <= at and _is_running(version, at)]
    return running[-1] if running else None


def _is_running(version: Version, at: int) -> bool:
    return version.valid_until is None or at < version.valid_until
