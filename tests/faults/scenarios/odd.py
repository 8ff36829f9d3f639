"""Good records of any topic, to be spoilt."""

from collections.abc import Callable
from typing import Any

from tests.faults.scenarios.world import World


def any_row(world: World, topic: str | None = None) -> tuple[str, str, dict[str, Any]]:
    """Topic, key and a small good row of any input topic, with the next number of a source."""
    topic = topic or world.topics.draw()
    row = world.chance.choice(world.desks).row("", world.now - 1_000, world.now - 500)
    kinds: dict[str, dict[str, Any]] = {
        "check-ins": {
            "kind": "PASSAGE",
            "site": "site-1",
            "site_kind": "RAIL",
            "direction": "ENTERING",
            "subject_kind": "PERSON",
            "health_code": "RED",
        },
        "temperatures": {"kind": "READING", "value_tenths": 388, "method": "ORAL", "symptoms": ["FEVER"]},
        "follow-ups": {
            "kind": "LEAD_OPENED",
            "lead_id": f"lead-odd-{world.order}",
            "lead_source": "CASE_OR_CONTACT",
            "push_mode": "BATCH",
            "home_province": True,
            "received_at": world.now,
        },
        "enforcement": {"kind": "CASE_REGISTERED", "category": "FRAUD", "unit": "unit-1"},
        "reports": {"kind": "ZERO_REPORT", "indicator": "patrols", "period_until": world.now},
        "urgent-care": {"kind": "URGENT_NEED", "need": "oxygen"},
        "reference": {"kind": "SITE", "site_kind": "RAIL", "name_en": "station"},
    }
    return topic, world.good_key(topic), {**row, **kinds[topic]}


def good(world: World, topic: str | None = None) -> tuple[str, bytes, dict[str, Any], bytes]:
    """Topic, key, row and value of a good record."""
    topic, key, row = any_row(world, topic)
    return topic, key.encode(), row, world.writers[topic].value(row)


def spoilt(world: World, spoil: Callable[[bytes], bytes | None], topic: str | None = None) -> None:
    """A good record with other value bytes."""
    topic, key, _, value = good(world, topic)
    world.put(topic, key, spoil(value), world.now)


def spoilt_field(world: World, field: str, instead: bytes, topic: str | None = None) -> None:
    """A good record with other bytes for one field."""
    topic, key, row, _ = good(world, topic)
    world.put(topic, key, world.writers[topic].damaged(row, field, instead), world.now)


def restated(world: World, topic: str | None = None, **fields: Any) -> None:
    """A good record that states something else."""
    topic, key, row, _ = good(world, topic)
    world.put(topic, key, world.writers[topic].value({**row, **fields}), world.now)
