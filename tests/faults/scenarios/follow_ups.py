"""Follow-ups that raise no level and have no clock."""

from tests.faults.model.judgement import DAY, HOUR
from tests.faults.scenarios.world import UNITS, World, scenario


@scenario("families")
def quarantines(world: World) -> None:
    person, task = world.person(), f"quarantine-{world.order}"
    place = world.chance.choice(("INSTITUTIONAL", "HOME", "HOSPITAL"))
    world.made["quarantine"] += 1
    world.event("follow-ups", person, "QUARANTINE_STARTED", task=task, place=place, unit=world.chance.choice(UNITS))
    end = world.now + world.chance.randint(1, 14) * DAY
    world.event("follow-ups", person, "QUARANTINE_ENDED", at=end, task=task)


@scenario("families")
def other_follow_ups(world: World) -> None:
    person, task, unit = world.person(), f"task-{world.order}", world.chance.choice(UNITS)
    kind = world.chance.choice(("test", "transfer", "absence", "leave", "appeal"))
    world.made[kind] += 1
    if kind == "test":
        world.event("follow-ups", person, "TEST_DUE", task=task, due_at=world.now + DAY, unit=unit)
        world.event("follow-ups", person, "TEST_TAKEN", task=task, at=world.now + 3 * HOUR)
        world.event("follow-ups", person, "TEST_RESULT", task=task, result="NEGATIVE", at=world.now + 9 * HOUR)
    elif kind == "transfer":
        world.event("follow-ups", person, "TRANSFER_STARTED", task=task)
        world.event("follow-ups", person, "TRANSFER_ACCEPTED", task=task, unit=unit, at=world.now + HOUR)
    elif kind == "absence":
        world.event("follow-ups", person, "ABSENCE", unit=unit, reason="缺课")
    elif kind == "leave":
        world.event("follow-ups", person, "LEAVE", reason="外出请假", due_at=world.now + 2 * DAY)
    else:
        world.event("follow-ups", person, "APPEAL", task=task, reason="the code was another person's")
