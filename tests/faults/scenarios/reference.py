"""Notices of risk areas, policy versions, and the rest of the reference data."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR
from tests.faults.policies import changed_policy
from tests.faults.scenarios.world import AREAS, HOME_AREA, Sent, World, scenario


@scenario("families")
def reference(world: World) -> None:
    world.draw("reference")


def notice(world: World, tier: str, valid_from: int, **fields: Any) -> None:
    """A change of an area's tier."""
    area = world.chance.choice(AREAS)
    stated = {"tier": tier, "valid_from": valid_from, "name_zh": "武汉市某区", **fields}
    remember(world, world.event("reference", area, "RISK_AREA", world.registry, remember=False, **stated))


@scenario("reference")
def area_at_once(world: World) -> None:
    for _ in range(3):
        notice(world, world.chance.choice(("MEDIUM", "HIGH")), world.now)


@scenario("reference")
def area_from_the_past(world: World) -> None:
    notice(world, "HIGH", world.now - 3 * DAY)


@scenario("reference")
def area_from_tomorrow(world: World) -> None:
    notice(world, "MEDIUM", world.now + DAY)


@scenario("reference")
def area_for_two_days(world: World) -> None:
    notice(world, "HIGH", world.now, valid_until=world.now + 2 * DAY)


@scenario("reference")
def area_lowered(world: World) -> None:
    notice(world, "LOW", world.now)


@scenario("reference")
def policy(world: World) -> None:
    """A policy version with other thresholds and durations, at most every second draw for a while."""
    world.policy_version += 1
    text = changed_policy(
        world.policy_version,
        threshold_tenths=world.chance.choice((370, 372, 373, 375)),
        health_code_hours=world.chance.choice((12, 24, 36)),
        symptom_level=world.chance.choice(("MEDIUM", "HIGH")),
        hours_24=world.chance.choice((20, 24)),
        duty_hours=world.chance.choice((2, 3)),
        release_hours=world.chance.choice((24, 30)),
        grace_minutes=world.chance.choice((60, 120)),
        valid_until=world.now + 3 * DAY if world.chance.random() < 0.5 else None,
    )
    valid_from = world.now + world.chance.choice((-DAY, 0, 12 * HOUR))
    fields: dict[str, Any] = {"document": text, "valid_from": valid_from, "remember": False}
    remember(world, world.event("reference", "joint-control-2020", "POLICY_VERSION", world.registry, **fields))


@scenario("reference")
def other_kinds(world: World) -> None:
    number, now = world.order, world.now
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("SITE", {"site_kind": "SCHOOL", "name_en": "school"}),
        ("UNIT", {"name_en": "station", "division": HOME_AREA}),
        ("DEVICE", {"parent": "site-1"}),
        ("ROSTER", {"parent": "unit-1", "valid_from": now}),
        ("PASS", {"valid_from": now}),
        ("DIVISION", {"name_en": "district", "name_zh": "区"}),
        ("CLOSURE_ORDER", {"valid_from": now, "division": HOME_AREA}),
        ("VEHICLE_ALERT", {"valid_from": now, "valid_until": now + DAY, "approver_role": "chief"}),
    ]
    kind, fields = world.chance.choice(kinds)
    world.event("reference", f"entity-{number}", kind, world.registry, remember=False, **fields)


def remember(world: World, version: Sent) -> None:
    """For `published_again`."""
    world.versions.append(version)


@scenario("reference")
def published_again(world: World) -> None:
    """A notice or policy of some days ago once more, the same bytes: it changes nothing, whatever came after it."""
    if world.versions:
        world.send(world.chance.choice(world.versions), world.now)


@scenario("reference")
def policy_that_cannot_be_read(world: World) -> None:
    text = world.chance.choice(("version = ", "threshold = 37.3", changed_policy(99)[:-3], "[risk]\nhours = -1"))
    fields: dict[str, Any] = {"document": text, "valid_from": world.now, "remember": False}
    world.event("reference", "joint-control-2020", "POLICY_VERSION", world.registry, **fields)
