"""Rosters of who must take or send what, and what is taken and sent by them."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios import checkpoints
from tests.faults.scenarios.world import INDICATORS, UNITS, Sent, World, scenario

CHECKED, REPORTING = 12, 8
"""Persons and units that rosters may name, so that several name the same."""


@scenario("families")
def rosters(world: World) -> None:
    world.draw("rosters")


@scenario("families")
def expected_reports(world: World) -> None:
    world.draw("expected reports")


def roster(world: World, member: str, schedule: str | None, entity: str | None = None, **fields: Any) -> Sent:
    """A version of a roster, in effect as soon as it can be."""
    stated = {"parent": "unit-1", "valid_from": world.now, "member": member, "schedule": schedule, **fields}
    at = stated.pop("at", None)
    name = entity or f"roster-{world.order}"
    version = world.event("reference", name, "ROSTER", world.registry, at=at, remember=False, **stated)
    world.versions.append(version)
    return version


def of_person(world: World, schedule: str = "THREE_CHECKS", **fields: Any) -> Sent:
    """A person whose temperature is taken, now and then, in and beside the slots."""
    person = world.chance.choice(world.people[:CHECKED])
    for _ in range(6):
        slot, opens, closes = world.chance.choice((("MORNING", 6, 10), ("NOON", 11, 15), ("EVENING", 16, 22)))
        midnight = (world.now + 8 * HOUR) // DAY * DAY - 8 * HOUR + world.chance.randint(0, 4) * DAY
        at = midnight + world.chance.randint(opens * 60, closes * 60) * MINUTE
        if at > world.now:
            late = world.chance.choice((0, 0, 0, 9 * HOUR))
            checkpoints.reading(world, person, 366, at=at, sent=at, arrives=at + late, slot=slot)
    return roster(world, person, schedule, **fields)


def of_unit(world: World, schedule: str = "DAILY_REPORT", **fields: Any) -> Sent:
    """A unit that reports an indicator."""
    unit, indicator = world.chance.choice(UNITS[:REPORTING]), world.chance.choice(INDICATORS)
    world.reporting.append((unit, indicator))
    return roster(world, unit, schedule, indicator=indicator, **fields)


def again(world: World, version: Sent, after: int, **fields: Any) -> Sent:
    """A later version of a roster, published some time from now."""
    at = world.now + after
    names = ("member", "schedule", "indicator")
    kept = {name: version.row[name] for name in names if name in version.row}
    return roster(world, **{**kept, "entity": version.key, "at": at, "valid_from": at, **fields})


@scenario("rosters")
def person_until_the_end(world: World) -> None:
    of_person(world)


@scenario("rosters")
def person_until_a_time(world: World) -> None:
    of_person(world, "DAILY_TRADER_CHECK", valid_until=world.now + 3 * DAY)


@scenario("rosters")
def person_who_leaves(world: World) -> None:
    version = of_person(world)
    again(world, version, 30 * HOUR, valid_until=world.now + 40 * HOUR)


@scenario("rosters")
def person_replaced(world: World) -> None:
    again(world, of_person(world), 2 * DAY, member=world.people[0])


@scenario("rosters")
def person_who_is_tested(world: World) -> None:
    """By a schedule that some policies have."""
    version = of_person(world, "TEST_EVERY_OTHER_DAY")
    for hours in (20, 50, 90):
        world.event(
            "follow-ups", version.row["member"], "TEST_TAKEN", task=f"round-{hours}", at=world.now + hours * HOUR
        )


@scenario("rosters")
def unit_daily(world: World) -> None:
    of_unit(world)


@scenario("rosters")
def unit_twice_a_day(world: World) -> None:
    of_unit(world, "TWO_REPORTS")


@scenario("rosters")
def unit_from_tomorrow(world: World) -> None:
    of_unit(world, "TWO_INSPECTIONS", valid_from=world.now + DAY)


@scenario("rosters")
def unit_for_two_days(world: World) -> None:
    of_unit(world, "DAILY_LEDGER", valid_until=world.now + 2 * DAY)


@scenario("rosters")
def unit_with_another_schedule(world: World) -> None:
    again(world, of_unit(world), 2 * DAY, schedule="TWO_REPORTS")


@scenario("rosters")
def unit_that_makes_way_for_a_person(world: World) -> None:
    again(world, of_unit(world), DAY, member=world.people[1], schedule="THREE_CHECKS")


@scenario("rosters")
def nothing_expected(world: World) -> None:
    """What a person cannot send or a unit cannot take, by no schedule that is known, or by none at all."""
    roster(world, world.people[2], "DAILY_REPORT", indicator="patrols")
    roster(world, UNITS[0], "THREE_CHECKS", indicator="patrols")
    roster(world, UNITS[0], "UNHEARD-OF", indicator="patrols")
    roster(world, world.people[2], None, programme="ONE_TO_ONE")


def report(world: World, about: int, at: int | None = None, arrives: int | None = None) -> None:
    """A unit that is expected to report does, about a time."""
    unit, indicator = world.chance.choice(world.reporting or [(UNITS[0], INDICATORS[0])])
    fields: dict[str, Any] = {"indicator": indicator, "period_until": about}
    if world.chance.random() < 0.5:
        counted: dict[str, Any] = {"unit_of_count": "PERSON_TIME", "value": 7, "nature": "FLOW"}
        world.event("reports", unit, "INDICATOR", at=at, arrives=arrives, **fields, **counted)
    else:
        world.event("reports", unit, "ZERO_REPORT", at=at, arrives=arrives, **fields)


@scenario("expected reports")
def about_today(world: World) -> None:
    report(world, world.now - world.chance.randint(0, 9) * HOUR)


@scenario("expected reports")
def about_days_ago(world: World) -> None:
    report(world, world.now - world.chance.randint(10, 70) * HOUR)


@scenario("expected reports")
def about_tomorrow(world: World) -> None:
    report(world, world.now + world.chance.randint(1, 20) * HOUR)


@scenario("expected reports")
def about_a_time_too_far_ahead(world: World) -> None:
    at = world.now - world.chance.randint(1, 50) * MINUTE
    report(world, at + 2 * DAY + world.chance.choice((0, 1, DAY)), at=at)


@scenario("expected reports")
def hours_on_its_way(world: World) -> None:
    """A report is told to be missing, then retracted."""
    at = world.now - 30 * HOUR
    report(world, at - world.chance.randint(0, 9) * HOUR, at=at, arrives=world.now)


@scenario("expected reports")
def at_the_limits_of_a_slot(world: World) -> None:
    """The close of a slot belongs to it, its opening does not."""
    midnight = (world.now + 8 * HOUR) // DAY * DAY - 8 * HOUR
    report(world, midnight + world.chance.choice((6, 10, 12, 16, 20)) * HOUR - world.chance.choice((0, DAY)))
