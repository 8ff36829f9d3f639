"""The same event again, and another content under the same identity."""

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios import checkpoints
from tests.faults.scenarios.world import Sent, World, scenario


@scenario("families")
def repeats(world: World) -> None:
    """The same bytes once more: within minutes, or days later."""
    event = victim(world)
    soon = world.chance.random() < 0.6
    world.made["repeat soon" if soon else "repeat days later"] += 1
    wait = world.chance.randint(0, 2 * MINUTE) if soon else world.chance.randint(HOUR, 5 * DAY)
    after = max(world.now, event.row["sent_at"]) + wait
    world.send(event, after)


@scenario("families")
def conflicts(world: World) -> None:
    world.draw("conflicts")


def victim(world: World) -> Sent:
    """An event to be repeated or contradicted."""
    while not world.recent:
        checkpoints.passages(world)
    return world.chance.choice(world.recent)


def contradict(world: World, event: Sent, sent_after: int, topic: str | None = None, key: str | None = None) -> Sent:
    """Publish another content under the event's identity."""
    row = {**event.row, "sent_at": event.row["sent_at"] + sent_after}
    if topic is None or topic == event.topic:
        row["zone_offset_minutes"] = world.chance.choice((60, 120, 180, 300, 330))
        if event.topic == "temperatures":
            row["value_tenths"] = world.chance.randint(355, 400)
        other = world.written(event.topic, key or event.key, row)
    else:
        common = ("source", "sequence", "occurred_at", "sent_at", "zone_offset_minutes")
        row = {name: row[name] for name in common}
        if topic == "temperatures":
            row |= {"kind": "READING", "value_tenths": world.chance.randint(355, 400), "method": "ORAL"}
        else:
            row |= {"kind": "ABSENCE", "unit": "unit-2"}
        other = world.written(topic, key or world.person(), row)
    wait = world.chance.choice((0, 0, MINUTE, 10 * HOUR))
    world.send(other, max(world.now, row["sent_at"]) + wait)
    return other


@scenario("conflicts")
def sent_later(world: World) -> None:
    contradict(world, victim(world), 40_000)


@scenario("conflicts")
def sent_earlier(world: World) -> None:
    contradict(world, victim(world), -40_000)


@scenario("conflicts")
def sent_at_the_same_time(world: World) -> None:
    contradict(world, victim(world), 0)


@scenario("conflicts")
def of_many(world: World) -> None:
    event = victim(world)
    for _ in range(4):
        contradict(world, event, world.chance.randint(-60_000, 60_000))


@scenario("conflicts")
def in_another_partition(world: World) -> None:
    event = victim(world)
    contradict(world, event, world.chance.choice((-1_000, 1_000)), key=world.good_key(event.topic))


@scenario("conflicts")
def in_another_topic(world: World) -> None:
    event = victim(world)
    topic = "follow-ups" if event.topic == "temperatures" else "temperatures"
    contradict(world, event, world.chance.choice((-1_000, 1_000)), topic=topic)


@scenario("conflicts")
def about_a_verdict(world: World) -> None:
    """A high temperature and a normal one under the same identity: risk keeps both."""
    event = checkpoints.high(world)
    normal = world.written(event.topic, event.key, {**event.row, "value_tenths": 365})
    world.send(normal, max(world.now, event.row["sent_at"]) + MINUTE)
