"""Matters that units must take on, step by step."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios.world import UNITS, Sent, World, scenario


@scenario("families")
def matters(world: World) -> None:
    world.draw("matters")


def opened(world: World, **fields: Any) -> Sent:
    """A case of a firm, unless said otherwise."""
    stated = {"matter": f"matter-{world.order}", "matter_kind": "FIRM_CASE", "involves_firm": True, **fields}
    return world.event("reports", world.chance.choice(UNITS), "MATTER_OPENED", **stated)


def step(world: World, matter: Sent, name: str, at: int, arrives: int | None = None, unit: str | None = None) -> None:
    """A step is taken."""
    times: dict[str, Any] = {"at": at, "sent": max(at, world.now) if arrives is None else at, "arrives": arrives}
    world.event("reports", unit or matter.key, "MATTER_STEP", **times, matter=matter.row["matter"], step=name)


def midnight_of(matter: Sent) -> int:
    """The midnight that ends the day of its opening, where that was."""
    zone = matter.row["zone_offset_minutes"] * MINUTE
    return int(((matter.row["occurred_at"] + zone) // DAY + 1) * DAY - zone)


@scenario("matters")
def matter_in_time(world: World) -> None:
    matter = opened(world)
    for name in ("ASSIGNED", "SERVED", "REPORTED"):
        step(world, matter, name, world.chance.randint(matter.row["occurred_at"], midnight_of(matter) - 1))


@scenario("matters")
def matter_at_midnight(world: World) -> None:
    matter = opened(world)
    step(world, matter, "ASSIGNED", midnight_of(matter) - 1)
    step(world, matter, "SERVED", midnight_of(matter))


@scenario("matters")
def matter_hours_on_its_way(world: World) -> None:
    """Breaches are announced, then retracted."""
    matter = opened(world)
    at = matter.row["occurred_at"] + 1
    for name in ("ASSIGNED", "SERVED", "REPORTED"):
        step(world, matter, name, at, arrives=midnight_of(matter) + world.chance.randint(1, 20) * HOUR)


@scenario("matters")
def matter_late(world: World) -> None:
    matter = opened(world)
    step(world, matter, "REPORTED", midnight_of(matter) + 5 * HOUR)
    step(world, matter, "REPORTED", midnight_of(matter) + 4 * HOUR)


@scenario("matters")
def matter_left_alone(world: World) -> None:
    opened(world)


@scenario("matters")
def matter_of_another_kind(world: World) -> None:
    opened(world, involves_firm=False)
    opened(world, involves_firm=None)
    opened(world, matter_kind="TEAM_CALL")


@scenario("matters")
def matter_opened_twice(world: World) -> None:
    """Sent earlier but learnt later, or sent later: what was sent first counts."""
    matter = opened(world)
    at = matter.row["occurred_at"] + world.chance.choice((-30, 30)) * HOUR
    times: dict[str, Any] = {"at": at, "sent": at, "arrives": max(at, world.now)}
    fields = {name: matter.row[name] for name in ("matter", "matter_kind", "involves_firm")}
    world.event("reports", matter.key, "MATTER_OPENED", **times, **fields)
    step(world, matter, "SERVED", matter.row["occurred_at"] + HOUR)


@scenario("matters")
def step_before_the_matter(world: World) -> None:
    matter = opened(world, at=world.now - 2 * HOUR, arrives=world.now + 5 * HOUR)
    step(world, matter, "ASSIGNED", world.now - HOUR, arrives=world.now)


@scenario("matters")
def step_of_another_unit(world: World) -> None:
    matter = opened(world)
    step(world, matter, "ASSIGNED", matter.row["occurred_at"] + 1, unit="unit-elsewhere")
