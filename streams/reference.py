"""Reference data in effect: policies and risk areas, every version kept with the time from which it counts; and what
it expects of whom, to be made facts of those.

A version takes effect at the later of its ``valid_from`` and its arrival plus the allowed skew and five seconds, so a
record judged by its own ``sent_at`` is judged alike in any order of processing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.codes import RiskTier
from schemas.identities import is_token
from schemas.policy import FOREVER, Policy, PolicyBook, parse_policy
from schemas.validity import Limits
from streams.order_notices import OrdersAndNotices

SETTLING_MS = 5000
PERSONS, UNITS = "persons", "units"
"""Whose state an expectation belongs to: that of a person, or that of a unit or an order."""

_ORDER = {tier.value: rank for rank, tier in enumerate(RiskTier)}


def higher_tier(one: str, other: str) -> str:
    """The higher of two risk tiers."""
    return one if _ORDER[one] >= _ORDER[other] else other


_Content = tuple[str, int, int, int | str, str]
"""What makes two published versions the same one: the event's identity, and what it says."""


class Reference:
    """All versions seen so far. Adding is a union: order and repetition do not matter. A version that was published
    again, the same content under the same identity, counts from its first arrival.

    ``overlay``: policies that a replay judges by, see `schemas.policy.PolicyBook`; the worker has none.
    """

    def __init__(self, limits: Limits, overlay: Sequence[Policy] = ()) -> None:
        self._delay = limits.allowed_skew_ms + SETTLING_MS
        self._areas: dict[str, dict[_Content, tuple[int, int, int, str]]] = {}
        self._policies: dict[_Content, tuple[int, Policy]] = {}
        self.policies = PolicyBook(overlay=overlay)
        self._expected: dict[str, list[tuple[bytes, dict[str, Any]]]] = {PERSONS: [], UNITS: []}
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._members: dict[str, set[str]] = defaultdict(set)
        self._orders = OrdersAndNotices()

    def expected(self, of: str) -> int:
        """How many rows there are for `expectations`."""
        return len(self._expected[of])

    def expectations(self, of: str, begin: int, limit: int) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
        """Rows that are facts of the states of persons or of units, at most ``limit`` from the ``begin``-th on: (key of
        the state, row with ``effective_from``), and where to go on. Which came first does not matter."""
        rows = self._expected[of][begin : begin + limit]
        return rows, begin + len(rows)

    def _expect(self, entity_id: str, row: Mapping[str, Any], effective_from: int) -> None:
        said = {**row, "entity_id": entity_id, "effective_from": effective_from}
        if row["kind"] == "ROSTER":
            # A member must hear of every version of the entry: one that names another expects it no longer.
            versions = self._entries.setdefault(entity_id, [])
            versions.append(said)
            members = {version["member"] for version in versions if version["member"] is not None}
            for version in versions:
                for member in members:
                    if version is said or (member == row["member"] and member not in self._members[entity_id]):
                        self._expect_of(member, version)
            self._members[entity_id] |= members
        else:
            self._expected[UNITS] += self._orders.add(entity_id, said)

    def _expect_of(self, member: str, version: dict[str, Any]) -> None:
        of = PERSONS if is_token(member) else UNITS
        if version["member"] != member:
            version = {**version, "schedule": None, "programme": None}
        self._expected[of].append((member.encode(), version))

    def add(self, entity_id: str, row: Mapping[str, Any], appended_at: int) -> None:
        """Takes in one reference row. Raises `schemas.policy.BadPolicy` when a policy version cannot be read."""
        valid_from = row["valid_from"]
        if row["kind"] == "DIVISION":
            self._expect(entity_id, row, appended_at)
        if valid_from is None:
            return
        effective_from = max(valid_from, appended_at + self._delay)
        if row["kind"] in ("ROSTER", "CLOSURE_ORDER", "RISK_AREA"):
            self._expect(entity_id, row, effective_from)
        if row["kind"] == "RISK_AREA":
            until = FOREVER if row["valid_until"] is None else row["valid_until"]
            version = effective_from, appended_at, until, row["tier"]
            versions = self._areas.setdefault(entity_id, {})
            content = row["source"], row["sequence"], valid_from, until, row["tier"]
            versions[content] = min(version, versions.get(content, version))
        elif row["kind"] == "POLICY_VERSION":
            policy = parse_policy(row["document"], f"policy version {entity_id}")
            content = row["source"], row["sequence"], valid_from, entity_id, row["document"]
            first, _ = self._policies.get(content, (effective_from, policy))
            self._policies[content] = min(first, effective_from), policy
            self.policies = PolicyBook(self._policies.values(), self.policies.overlay)

    def tier_of(self, area: str | None, at: int) -> str:
        """Tier of an area at a time, UTC milliseconds: the newest version that had begun, if it has not ended; of
        versions that begin, arrive and end together the highest."""
        versions = self._areas.get(area or "", {})
        begun = [version for version in versions.values() if version[0] <= at]
        if not begun:
            return RiskTier.NOT_STATED.value
        _, _, until, tier = max(begun, key=lambda version: (*version[:3], _ORDER[version[3]]))
        return tier if at < until else RiskTier.NOT_STATED.value

    @property
    def risky_areas(self) -> list[str]:
        """Areas that are or ever were of a tier that any policy takes for a risk."""
        tiers = self.policies.risky_tiers
        return sorted(
            area for area, versions in self._areas.items() if any(tier in tiers for *_, tier in versions.values())
        )
