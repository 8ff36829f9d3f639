"""What rosters expect, as facts of whom they name: what is expected is known from reference data, so that someone who
was never heard of is missing, and not invisible."""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.fact_set import Fact


class Expected(Fact, frozen=True, tag="expected"):
    """One version of one entry of a roster. ``effective_from``: when it takes effect, ``until``: when it ends by its
    own word; UTC milliseconds."""

    entity_id: str
    effective_from: int
    until: int | None
    schedule: str | None
    indicator: str | None
    programme: str | None


def expected_of(row: Mapping[str, Any]) -> Expected:
    """The fact that a row of kind ROSTER asserts; ``effective_from`` is what `streams.reference` adds to it."""
    event = row["source"], row["sequence"], row["valid_from"], row["sent_at"]
    until, words = row["valid_until"], (row["schedule"], row["indicator"], row["programme"])
    return Expected(*event, row["entity_id"], row["effective_from"], until, *words)


def in_effect(facts: Iterable[Expected]) -> list[tuple[Expected, int, int | None]]:
    """Every version with the stretch in which it counts, [from, until): a later version of the same entry replaces it
    from when that one takes effect, and never before."""
    first: dict[tuple[str, int, str], Expected] = {}
    for fact in facts:
        name = fact.source, fact.sequence, fact.entity_id
        if name not in first or _order(fact) < _order(first[name]):  # published again, it counts from its first arrival
            first[name] = fact
    entries: dict[str, list[Expected]] = {}
    for fact in first.values():
        entries.setdefault(fact.entity_id, []).append(fact)
    found: list[tuple[Expected, int, int | None]] = []
    for versions in entries.values():
        versions.sort(key=_order)
        for version, following in zip(versions, [*versions[1:], None], strict=True):
            ends = [version.until] if version.until is not None else []
            ends += [following.effective_from] if following is not None else []
            until = min(ends, default=None)
            if until is None or until > version.effective_from:
                found.append((version, version.effective_from, until))
    return found


def _order(fact: Expected) -> tuple[int, int, str, int]:
    return fact.effective_from, fact.sent_at, fact.source, fact.sequence
