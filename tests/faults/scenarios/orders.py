"""Closure orders, and the tiers of the areas that they hang on: up, down and up again."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR
from tests.faults.scenarios.world import Sent, World, scenario

CITIES = tuple(f"33{city:02d}00" for city in range(1, 11))
DISTRICTS = tuple(f"33{city:02d}{number:02d}" for number in range(1, 5) for city in range(1, 11))
PROVINCE = "330000"


@scenario("families")
def orders(world: World) -> None:
    world.draw("orders")


def district(world: World) -> str:
    """The next district, whose place in the tree is known from the first one on."""
    if not world.districts:
        world.districts = list(DISTRICTS)
        for code in (*DISTRICTS, *CITIES, PROVINCE):
            names: dict[str, Any] = {"name_en": f"division {code}", "name_zh": "区", "valid_from": world.now - DAY}
            world.event("reference", code, "DIVISION", world.registry, remember=False, parent=above(code), **names)
    world.districts.append(world.districts.pop(0))
    return world.districts[-1]


def above(code: str) -> str | None:
    """The division above another."""
    if code in CITIES:
        return PROVINCE
    return None if code == PROVINCE else f"{code[:4]}00"


def tier(world: World, area: str, name: str, after: float, **fields: Any) -> Sent:
    """A notice of an area, published so many hours from now."""
    at = world.now + int(after * HOUR)
    stated = {"tier": name, "valid_from": at, "parent": above(area), **fields}
    notice = world.event("reference", area, "RISK_AREA", world.registry, at=at, remember=False, **stated)
    world.versions.append(notice)
    return notice


def order(world: World, area: str, after: float = 2, entity: str | None = None, **fields: Any) -> Sent:
    """A closure order of an area, published so many hours from now."""
    at = world.now + int(after * HOUR)
    stated = {"valid_from": at, "division": area, **fields}
    name = entity or f"order-{world.order}"
    return world.event("reference", name, "CLOSURE_ORDER", world.registry, at=at, remember=False, **stated)


def lifted(world: World, version: Sent, after: float) -> None:
    """A version that says that the order is lifted, so many hours from now."""
    until = world.now + int(after * HOUR)
    fields = {name: version.row[name] for name in ("tier", "valid_from") if name in version.row}
    order(world, version.row["division"], after, version.key, **fields, valid_until=until)


@scenario("orders")
def lifted_in_time(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0)
    version = order(world, area)
    tier(world, area, "MEDIUM", 20)
    lifted(world, version, 30)


@scenario("orders")
def lifted_late(world: World) -> None:
    area = district(world)
    tier(world, area, "MEDIUM", 0)
    version = order(world, area)
    tier(world, area, "LOW", 10)
    lifted(world, version, 50)


@scenario("orders")
def never_lifted(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0)
    order(world, area)
    tier(world, area, "LOW", 10)


@scenario("orders")
def down_and_up_again(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0)
    order(world, area)
    tier(world, area, "LOW", 10)
    tier(world, area, "HIGH", 15)
    if world.chance.random() < 0.5:
        tier(world, area, "LOW", 40)


@scenario("orders")
def up_again_after_it_was_lifted(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0)
    version = order(world, area)
    tier(world, area, "MEDIUM", 10)
    lifted(world, version, 14)
    tier(world, area, "HIGH", 20)


@scenario("orders")
def lifted_before_the_downgrade(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0)
    lifted(world, order(world, area), 8)
    tier(world, area, "LOW", 20)


@scenario("orders")
def notice_that_ends(world: World) -> None:
    area = district(world)
    tier(world, area, "HIGH", 0, valid_until=world.now + 30 * HOUR)
    order(world, area)


@scenario("orders")
def tier_of_the_order_itself(world: World) -> None:
    """It holds while the area is at least of this tier."""
    area = district(world)
    tier(world, area, "HIGH", 0)
    order(world, area, tier="MEDIUM")
    tier(world, area, "MEDIUM", 10)
    tier(world, area, "LOW", 30)


@scenario("orders")
def of_a_low_area(world: World) -> None:
    area = district(world)
    tier(world, area, "LOW", 0)
    order(world, area)
    order(world, area, tier="LOW")


@scenario("orders")
def held_by_the_city(world: World) -> None:
    """The tier of the city keeps the order up when the district is lowered."""
    area = district(world)
    city = above(area)
    assert city is not None
    tier(world, area, "HIGH", 0)
    tier(world, city, "HIGH", 1)
    order(world, area)
    tier(world, area, "LOW", 10)
    tier(world, city, world.chance.choice(("LOW", "MEDIUM")), world.chance.choice((20, 60)))


@scenario("orders")
def old_notice_published_again(world: World) -> None:
    """It does not bring the tier back."""
    area = district(world)
    high = tier(world, area, "HIGH", 0)
    order(world, area)
    tier(world, area, "LOW", 10)
    world.send(high, world.now + 20 * HOUR)
