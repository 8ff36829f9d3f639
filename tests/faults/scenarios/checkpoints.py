"""Passages, readings, declarations and decisions at checkpoints, most of them of no interest."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios.world import AREAS, HOME_AREA, SYMPTOMS, Sent, Source, World, scenario, token


def anywhere(world: World) -> Source:
    """A gate, or now and then a school."""
    return world.chance.choice(world.gates if world.chance.random() < 0.8 else world.schools)


def passage(world: World, person: str, **fields: Any) -> Sent:
    """A passage of no interest, unless the fields say otherwise."""
    gate = anywhere(world)
    stated = {
        "site": gate.site,
        "site_kind": gate.site_kind,
        "direction": "ENTERING" if world.chance.random() < 0.7 else "LEAVING",
        "subject_kind": "PERSON",
        "health_code": "GREEN" if world.chance.random() < 0.8 else "NOT_STATED",
    }
    return world.event("check-ins", person, "PASSAGE", gate, **{**stated, **world.delays(), **fields})


@scenario("families")
def passages(world: World) -> None:
    chance = world.chance.random()
    fields: dict[str, Any] = {}
    if chance < 0.3:
        fields = {"origin_area": HOME_AREA, "origin_tier": "LOW", "mask_worn": True}
    elif chance < 0.4:
        fields = {"zone": "CODE_CHECK", "role": "TRAVELLER", "identity_checked": True, "pass_id": "pass-7"}
    elif chance < 0.45:
        fields = {"health_code": "NONE_SHOWN", "certificate_seen": True}
    world.made["passage"] += 1
    passage(world, world.person(), **fields)


@scenario("families")
def vehicles(world: World) -> None:
    """A vehicle and its occupants share a passage."""
    number = int(world.chance.random() * 5_000)
    shared = f"passage-{world.order}"
    kind, subject = ("s", "VESSEL") if number % 10 == 0 else ("v", "VEHICLE")
    world.made["vehicle"] += 1
    area: dict[str, Any] = {"origin_area": world.chance.choice(AREAS)} if world.chance.random() < 0.05 else {}
    passage(world, token(kind, number), subject_kind=subject, passage_id=shared, **area)
    if world.chance.random() < 0.5:
        passage(world, world.person(), passage_id=shared, role="DRIVER")


def reading(world: World, person: str, tenths: int, gate: Source | None = None, **fields: Any) -> Sent:
    """A reading at a checkpoint."""
    gate = gate or anywhere(world)
    stated = {"site": gate.site, "site_kind": gate.site_kind, "method": "NON_CONTACT", "value_tenths": tenths}
    return world.event("temperatures", person, "READING", gate, **{**stated, **fields})


@scenario("families")
def readings(world: World) -> None:
    fields: dict[str, Any] = world.delays()
    if world.chance.random() < 0.1:
        fields |= {"slot": "MORNING", "instrument": "gun-3"}
    if world.chance.random() < 0.05:
        fields |= {"task": "task-1", "site_kind": "NOT_STATED"}
    world.made["normal reading"] += 1
    reading(world, world.person(), world.chance.randint(355, 369), **fields)


@scenario("families")
def alarms(world: World) -> None:
    world.draw("alarms")


def school(world: World) -> Source:
    return world.chance.choice(world.schools)


def station(world: World) -> Source:
    return world.chance.choice(world.gates)


def high(world: World, **fields: Any) -> Sent:
    """A reading over every threshold."""
    event = reading(world, world.person(), world.chance.randint(376, 410), **{**world.delays(), **fields})
    world.alarm(event)
    return event


def confirming(world: World, first: Sent, after: int, tenths: int, person: str | None = None) -> None:
    """A second reading that names the first, some time after it (or before, for a device with a wrong clock)."""
    at = first.row["occurred_at"] + after
    names = {"confirms_source": first.row["source"], "confirms_sequence": first.row["sequence"]}
    arrives = at if world.chance.random() < 0.7 else at + world.chance.randint(1, 8) * HOUR
    sent = max(at, world.now) if at < world.now else at
    reading(world, person or first.key, tenths, at=at, sent=sent, arrives=max(arrives, world.now), **names)


@scenario("alarms")
def over_every_threshold(world: World) -> None:
    high(world)


@scenario("alarms")
def high_without_site(world: World) -> None:
    high(world, site=None, site_kind="NOT_STATED")


@scenario("alarms")
def at_threshold_at_school(world: World) -> None:
    world.alarm(reading(world, world.person(), 373, school(world)))


@scenario("alarms")
def at_threshold_at_station(world: World) -> None:
    world.alarm(reading(world, world.person(), 373, station(world)))


@scenario("alarms")
def over_threshold_at_school(world: World) -> None:
    world.alarm(reading(world, world.person(), 374, school(world)))


@scenario("alarms")
def under_threshold_at_station(world: World) -> None:
    reading(world, world.person(), world.chance.randint(370, 372), station(world))


@scenario("alarms")
def refuted_within_a_day(world: World) -> None:
    confirming(world, high(world), world.chance.randint(5, 20 * 60) * MINUTE, 366)


@scenario("alarms")
def confirmed_within_a_day(world: World) -> None:
    confirming(world, high(world), world.chance.randint(5, 20 * 60) * MINUTE, 385)


@scenario("alarms")
def confirmed_after_a_day(world: World) -> None:
    confirming(world, high(world), 25 * HOUR, 368)


@scenario("alarms")
def confirmed_twice(world: World) -> None:
    first = high(world)
    confirming(world, first, 10 * HOUR, 371)
    confirming(world, first, 3 * HOUR, 366)


@scenario("alarms")
def confirmed_at_the_same_time(world: World) -> None:
    confirming(world, high(world), 0, 366)


@scenario("alarms")
def confirmed_before(world: World) -> None:
    confirming(world, high(world), -2 * MINUTE, 366)


@scenario("alarms")
def confirmed_for_another(world: World) -> None:
    confirming(world, high(world), HOUR, 366, person=world.person())


@scenario("alarms")
def confirmed_first(world: World) -> None:
    """The confirming reading arrives hours before the reading that it confirms."""
    at = world.now - 2 * HOUR
    first = reading(world, world.person(), 391, at=at, sent=at, arrives=world.now + 5 * HOUR)
    confirming(world, first, HOUR, 366)


@scenario("alarms")
def symptoms_with_reading(world: World) -> None:
    world.alarm(high(world, symptoms=world.chance.sample(SYMPTOMS, 2)))


@scenario("alarms")
def symptoms_at_passage(world: World) -> None:
    world.alarm(passage(world, world.person(), symptoms=[world.chance.choice(SYMPTOMS)]))


@scenario("alarms")
def yellow(world: World) -> None:
    world.alarm(passage(world, world.person(), health_code="YELLOW"))


@scenario("alarms")
def red(world: World) -> None:
    world.alarm(passage(world, world.person(), health_code="RED"))


@scenario("alarms")
def two_levels(world: World) -> None:
    person = world.person()
    passage(world, person, health_code="YELLOW", symptoms=["FEVER"])
    world.alarm(passage(world, person, health_code="RED"))


@scenario("alarms")
def area_by_device(world: World) -> None:
    tier = world.chance.choice(("MEDIUM", "HIGH"))
    world.alarm(passage(world, world.person(), origin_area=HOME_AREA, origin_tier=tier))


@scenario("alarms")
def tier_without_area(world: World) -> None:
    world.alarm(passage(world, world.person(), origin_tier="HIGH"))


@scenario("alarms")
def area_by_notice(world: World) -> None:
    for _ in range(3):
        tier = world.chance.choice(("NOT_STATED", "LOW", "MEDIUM"))
        area = world.chance.choice(AREAS)
        world.alarm(passage(world, world.person(), origin_area=area, origin_tier=tier))


@scenario("families")
def declarations(world: World) -> None:
    fields: dict[str, Any] = {"subject_kind": "PERSON", "expected_arrival_at": world.now + DAY, **world.delays()}
    chance = world.chance.random()
    if chance < 0.3:
        fields |= {"origin_area": world.chance.choice(AREAS), "vehicle": token("v", 7)}
    elif chance < 0.4:
        fields |= {"health_code": world.chance.choice(("YELLOW", "RED"))}
    elif chance < 0.5:
        fields |= {"symptoms": [world.chance.choice(SYMPTOMS)]}
    elif chance < 0.6:
        fields |= {"origin_area": HOME_AREA, "origin_tier": "HIGH"}
    world.made["declaration"] += 1
    world.event("check-ins", world.person(), "DECLARATION", **fields)


@scenario("families")
def decisions(world: World) -> None:
    outcome = world.chance.choice(("ADMITTED", "REFUSED", "REFERRED", "RELEASED"))
    fields: dict[str, Any] = {
        "decision": outcome,
        "decided_by_role": "duty-officer",
        "against_advice": outcome == "RELEASED",
    }
    world.made["decision"] += 1
    if world.chance.random() < 0.5:
        gate = anywhere(world)
        world.event("check-ins", world.person(), "DECISION", gate, site=gate.site, **fields)
    else:
        world.event("follow-ups", world.person(), "DECISION", task="task-9", **fields)


def stuck_device(world: World, facts: int, day: int) -> None:
    """A device that says the same high temperature of one person over and over, under new numbers, for a UTC day; on
    that day a lead on the person falls due."""
    received = day - 20 * HOUR
    stated: dict[str, Any] = {"lead_source": "BIG_DATA", "push_mode": "BATCH", "home_province": True}
    lead: dict[str, Any] = {"lead_id": "lead-stuck", "at": received, "sent": received, **stated}
    world.event("follow-ups", world.stuck_person, "LEAD_OPENED", received_at=received, remember=False, **lead)
    device = Source("stuck-1", "RAIL")
    for number in range(facts):
        at = day + number * (20 * HOUR) // facts
        reading(world, world.stuck_person, 381, device, at=at, arrives=at + 2 * HOUR, remember=False)
        world.made["stuck device"] += 1
